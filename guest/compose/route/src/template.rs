//! The key that a rule gives: text, the key before, and fields of the event.

use spillway_fields::shown;

use crate::rules::is_pointer;

/// A key with placeholders: `{key}` is the key before, `{/service}` the field at that JSON pointer.
/// `{{` and `}}` stand for one brace.
pub(crate) struct Template(Vec<Part>);

enum Part {
    Text(String),
    Key,
    Field(String),
}

impl Template {
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            parts.push(Part::Text(before.to_owned()));
            if let Some(brace) = ["{{", "}}"].into_iter().find(|brace| from.starts_with(brace)) {
                parts.push(Part::Text(brace[1..].to_owned()));
                rest = &from[2..];
                continue;
            }
            let placeholder = from.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let (name, after) =
                placeholder.ok_or("has a brace without its other one; write {{ or }} for one")?;
            parts.push(match name {
                "key" => Part::Key,
                pointer if is_pointer(pointer) && !pointer.is_empty() => Part::Field(pointer.to_owned()),
                other => {
                    let other = shown(other);
                    return Err(format!(
                        "has the placeholder {{{other}}}; there are {{key}}, and JSON pointers such \
                         as {{/service}}"
                    ));
                }
            });
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Template(parts))
    }

    /// The key for an event whose key was `key`. `field` says the text at a JSON pointer.
    ///
    /// # Errors
    ///
    /// Those of `field`.
    pub(crate) fn expand(
        &self,
        key: &str,
        mut field: impl FnMut(&str) -> Result<String, String>,
    ) -> Result<String, String> {
        let mut expanded = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => expanded.push_str(text),
                Part::Key => expanded.push_str(key),
                Part::Field(pointer) => expanded.push_str(&field(pointer)?),
            }
        }
        Ok(expanded)
    }
}
