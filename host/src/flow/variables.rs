//! `${NAME}` in the values of a flow.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::problem::Problem;

/// Where the values of variables come from.
#[derive(Clone, Debug)]
pub enum Variables {
    /// The environment of this process.
    Environment,
    /// These, and no others.
    Fixed(BTreeMap<String, String>),
}

impl Variables {
    /// These variables, and no others.
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Variables {
        Variables::Fixed(pairs.into_iter().collect())
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<String> {
        match self {
            Variables::Environment => std::env::var(name).ok(),
            Variables::Fixed(map) => map.get(name).cloned(),
        }
    }
}

/// Replaces `${NAME}` and `${NAME:-default}` in every text of the table; `$$` stands for one `$`.
pub(super) fn expand(table: &mut Table, variables: &Variables, problems: &mut Vec<Problem>) {
    for (name, value) in table {
        expand_value(name, value, variables, problems);
    }
}

fn expand_value(
    field: &str,
    value: &mut Value,
    variables: &Variables,
    problems: &mut Vec<Problem>,
) {
    match value {
        Value::String(text) => match expand_text(text, variables) {
            Ok(expanded) => *text = expanded,
            Err(message) => problems.push(Problem::new(field, message)),
        },
        Value::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                expand_value(&format!("{field}[{index}]"), value, variables, problems);
            }
        }
        Value::Table(table) => {
            for (name, value) in table {
                expand_value(&format!("{field}.{name}"), value, variables, problems);
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

fn expand_text(text: &str, variables: &Variables) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some(braced) = rest.strip_prefix('{') {
            let Some((inside, after)) = braced.split_once('}') else {
                return Err("has `${` without `}`; `$$` stands for one `$`".to_owned());
            };
            expanded.push_str(&value_of(inside, variables)?);
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn value_of(inside: &str, variables: &Variables) -> Result<String, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(legal) {
        return Err(format!("has `${{{inside}}}`, but `{name}` is no name of a variable"));
    }
    match (variables.get(name).filter(|value| !value.is_empty()), default) {
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(format!(
            "the environment variable {name} is not set; set it, or write `${{{name}:-default}}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_defaults_and_dollars() {
        let variables = Variables::of([("A".to_owned(), "1".to_owned())]);
        let cases = [
            ("${A}", "1"),
            ("x${A}y${A}", "x1y1"),
            ("${B:-two}", "two"),
            ("${A:-two}", "1"),
            ("$$A $A $", "$A $A $"),
            ("", ""),
        ];
        for (text, expanded) in cases {
            assert_eq!(expand_text(text, &variables).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let variables = Variables::of([("EMPTY".to_owned(), String::new())]);
        for (text, named) in [
            ("${B}", "variable B "),
            ("${EMPTY}", "variable EMPTY "),
            ("${", "`}`"),
            ("${a b}", "a b"),
        ] {
            let error = expand_text(text, &variables).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
