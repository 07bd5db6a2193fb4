//! Simple paths into a JSON document: the part of the jq language that needs no jq.

use std::fmt;

/// A path such as `.key`, `.meta.user.name`, `.items[0]`, `."odd key"`, `.["odd key"]`, or `.` for
/// the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    text: String,
    steps: Vec<Step>,
}

/// One step down into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// To the member of an object with this name.
    Member(String),
    /// To the element of an array at this index, counted from 0.
    Element(usize),
}

impl Path {
    /// The path that `text` is; nothing if it is more than a path, and so an expression for jq.
    pub(super) fn parse(text: &str) -> Option<Path> {
        let text = text.trim();
        let mut rest = text.strip_prefix('.')?;
        let mut steps = Vec::new();
        // The first step follows the dot of the whole: `.a`, `.[0]`. The others bring a dot of
        // their own, or a bracket.
        let mut after_dot = true;
        while !rest.is_empty() {
            let (step, after) = match rest.strip_prefix('[') {
                Some(inside) => bracketed(inside)?,
                None if after_dot => named(rest)?,
                None => named(rest.strip_prefix('.')?)?,
            };
            steps.push(step);
            rest = after;
            after_dot = false;
        }
        Some(Path { text: text.to_owned(), steps })
    }

    /// The steps from the whole document down to the value.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// `name` or `"odd name"`, and what follows.
fn named(text: &str) -> Option<(Step, &str)> {
    if text.starts_with('"') {
        let (name, rest) = quoted(text)?;
        return Some((Step::Member(name), rest));
    }
    let word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let end = text.find(|character| !word(character)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let letter_first = !name.starts_with(|first: char| first.is_ascii_digit());
    (!name.is_empty() && letter_first).then(|| (Step::Member(name.to_owned()), rest))
}

/// `0]` or `"odd name"]`, and what follows.
fn bracketed(text: &str) -> Option<(Step, &str)> {
    if text.starts_with('"') {
        let (name, rest) = quoted(text)?;
        return Some((Step::Member(name), rest.strip_prefix(']')?));
    }
    let (digits, rest) = text.split_once(']')?;
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    Some((Step::Element(plain.then(|| digits.parse().ok()).flatten()?), rest))
}

/// A string in quotes, with the escapes of JSON, and what follows. One with jq's `\(...)` is more
/// than a name.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let name = strings.next()?.ok()?;
    Some((name, &text[strings.byte_offset()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(steps("."), Some(vec![]));
        assert_eq!(steps(" .key "), Some(vec![member("key")]));
        assert_eq!(steps(".a._b2.C"), Some(vec![member("a"), member("_b2"), member("C")]));
        assert_eq!(steps(".[0][12]"), Some(vec![Step::Element(0), Step::Element(12)]));
        assert_eq!(
            steps(".items[0].x"),
            Some(vec![member("items"), Step::Element(0), member("x")])
        );
        assert_eq!(steps(r#"."odd key""#), Some(vec![member("odd key")]));
        assert_eq!(steps(r#".["a]b"].c"#), Some(vec![member("a]b"), member("c")]));
        assert_eq!(steps(r#".a."b\"\u00e9""#), Some(vec![member("a"), member("b\"é")]));
        assert_eq!(steps(r#".a["b"]"#), Some(vec![member("a"), member("b")]));
        assert_eq!(steps(r#"."""#), Some(vec![member("")]));
    }

    #[test]
    fn expressions() {
        for text in [
            "",
            "key",
            "..",
            ".a.",
            ".a..b",
            ".a b",
            ".1",
            ".a-b",
            ".a[-1]",
            ".a[]",
            ".a[0",
            ".a[1:2]",
            ".a?",
            ".a | .b",
            r#"."x\(1)""#,
            r#"."x"#,
            ".a[+1]",
            ".é",
            ".a[99999999999999999999999]",
        ] {
            assert_eq!(steps(text), None, "{text}");
        }
    }

    fn steps(text: &str) -> Option<Vec<Step>> {
        Path::parse(text).map(|path| path.steps)
    }

    fn member(name: &str) -> Step {
        Step::Member(name.to_owned())
    }
}
