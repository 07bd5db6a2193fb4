//! `${NAME}` in the values of a flow.

use std::collections::BTreeMap;

use toml::{Table, Value};

use spillway::problem::Problem;

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
/// A default may hold both, too.
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
    let mut cursor = Cursor { text, at: 0, variables };
    let mut expanded = String::with_capacity(text.len());
    cursor.expand(Place::Text, true, &mut expanded)?;
    Ok(expanded)
}

/// A place in a text that is being expanded.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    variables: &'a Variables,
}

/// What is being expanded, and so where it ends.
#[derive(Clone, Copy)]
enum Place {
    /// The whole text, to its end.
    Text,
    /// A default, to the brace that closes it. So many others are around it, itself included.
    Default { depth: usize },
}

impl Cursor<'_> {
    /// Appends what the rest of `place` stands for. Where its value is not `wanted`, it is only
    /// read: a variable need not be set then.
    fn expand(&mut self, place: Place, wanted: bool, out: &mut String) -> Result<(), String> {
        // A pair of braces in a default, as of a template, does not end it.
        let mut braces = 0_usize;
        while let Some(next) = self.text[self.at..].chars().next() {
            let start = self.at;
            self.at += next.len_utf8();
            match (next, place) {
                ('$', _) if self.take("$") => out.push('$'),
                ('$', _) if self.take("{") => self.variable(start, place, wanted, out)?,
                ('}', Place::Default { .. }) if braces == 0 => return Ok(()),
                _ => {
                    braces += usize::from(next == '{');
                    braces = braces.saturating_sub(usize::from(next == '}'));
                    out.push(next);
                }
            }
        }
        match place {
            Place::Text => Ok(()),
            Place::Default { .. } => Err(String::new()),
        }
    }

    /// Appends the value of the variable whose `${` begins at `start` and is passed.
    fn variable(
        &mut self,
        start: usize,
        around: Place,
        wanted: bool,
        out: &mut String,
    ) -> Result<(), String> {
        let column = self.text[..start].chars().count() + 1;
        let not_closed =
            || format!("has `${{` at column {column} without its `}}`; `$$` stands for one `$`");
        let rest = &self.text[self.at..];
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = &rest[..rest.find(|c| !legal(c)).unwrap_or(rest.len())];
        self.at += name.len();
        let has_default = self.take(":-");
        if name.is_empty() || !(has_default || self.take("}")) {
            let Some(end) = rest.find('}') else { return Err(not_closed()) };
            return Err(format!(
                "has `${{{}}}` at column {column}; there are `${{NAME}}` and `${{NAME:-default}}`, \
                 where NAME has letters, digits and `_`",
                &rest[..end]
            ));
        }
        let value = self.variables.get(name).filter(|value| !value.is_empty());
        if let Some(value) = value.as_ref().filter(|_| wanted) {
            out.push_str(value);
        }
        if has_default {
            let depth = 1 + match around {
                Place::Text => 0,
                Place::Default { depth } => depth,
            };
            if depth > DEPTH_MAX {
                return Err(format!("has more than {DEPTH_MAX} nested defaults"));
            }
            let (is_needed, mut unneeded) = (wanted && value.is_none(), String::new());
            let default = if is_needed { out } else { &mut unneeded };
            let expanded = self.expand(Place::Default { depth }, is_needed, default);
            // The innermost that is not closed is told: those around it cannot be, either.
            return expanded.map_err(|e| if e.is_empty() { not_closed() } else { e });
        }
        if value.is_none() && wanted {
            return Err(format!(
                "the environment variable {name} is not set; set it, or write \
                 `${{{name}:-default}}`"
            ));
        }
        Ok(())
    }

    fn take(&mut self, text: &str) -> bool {
        let there = self.text[self.at..].starts_with(text);
        self.at += if there { text.len() } else { 0 };
        there
    }
}

/// How many defaults may lie within each other: more than anybody writes, and no danger to a stack.
const DEPTH_MAX: usize = 32;

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
            ("${B:-}", ""),
            // A default may be a variable with another.
            ("<${B:-${A}}>", "<1>"),
            ("<${B:-${C:-in}}/${A:-no}>", "<in/1>"),
            ("${B:-x${C:-y${D:-z}}}", "xyz"),
            ("${A:-${B:-${C}}}/${B:-${A:-${C}}}", "1/1"),
            // The first brace ends it, as in a shell, but for one that closes another.
            ("${B:-a}b}", "ab}"),
            ("${A:-a}b}", "1b}"),
            ("${B:-{key}/{first}}.é", "{key}/{first}.é"),
            ("${A:-{key}/{first}}.é", "1.é"),
            ("${B:-$$}{$$}", "${$}"),
            ("${B:-$${C}}", "${C}"),
            ("${B:-a:-b}", "a:-b"),
        ];
        for (text, expanded) in cases {
            assert_eq!(expand_text(text, &variables).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn a_default_that_is_not_needed_is_read_all_the_same() {
        let variables = Variables::of([("A".to_owned(), "1".to_owned())]);
        assert_eq!(expand_text("${A:-${B}}", &variables).as_deref(), Ok("1"));
        assert!(expand_text("${A:-${B-}}", &variables).is_err());
        let nested = |depth: usize| "${B:-".repeat(depth) + "x" + &"}".repeat(depth);
        assert_eq!(expand_text(&nested(DEPTH_MAX), &variables).as_deref(), Ok("x"));
        let error = expand_text(&nested(100_000), &variables).unwrap_err();
        assert_eq!(error, "has more than 32 nested defaults");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let variables = Variables::of([("EMPTY".to_owned(), String::new())]);
        for (text, named) in [
            ("${B}", "variable B "),
            ("${EMPTY}", "variable EMPTY "),
            ("${", "column 1 without its `}`"),
            ("é${A:-${EMPTY:-x}", "column 2 without its `}`"),
            ("é${A:-${EMPTY:-x", "column 7 without its `}`"),
            ("${A:-{key}", "column 1 without its `}`"),
            ("${a b}", "`${a b}` at column 1"),
            ("x${}", "`${}` at column 2"),
            ("${B-x}", "`${B-x}`"),
            ("${B:?is missing}", "`${NAME:-default}`"),
            ("${B:+x}", "`${B:+x}`"),
            ("${B:-${C}}", "variable C "),
            ("${B:-${C-x}}", "`${C-x}` at column 6"),
        ] {
            let error = expand_text(text, &variables).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
