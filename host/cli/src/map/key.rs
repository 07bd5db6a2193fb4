//! Which object an event belongs to.

use std::borrow::Cow;

use super::jq::{self, Jq, Output};
use super::kind;
use super::path::Path;
use super::scan::Span;
use super::share::Allowance;

/// The key that lies at `path`.
pub(super) fn key_at<'a>(
    path: &Path,
    line: &'a [u8],
    found: Option<Span>,
) -> Result<Cow<'a, str>, String> {
    let Some(span) = found else {
        let is_array = line.trim_ascii_start().starts_with(b"[");
        let hint = if is_array { ARRAY } else { "" };
        return Err(format!("no key: `{path}` is missing{hint}"));
    };
    let json = &line[span.range()];
    let key = match json {
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => {
            str::from_utf8(text).ok().map(Cow::Borrowed)
        }
        [b'"', ..] => serde_json::from_slice::<String>(json).ok().map(Cow::Owned),
        b"null" => return Err(format!("no key: `{path}` is null")),
        _ => {
            return Err(no_string(path, kind(json)));
        }
    };
    match key {
        Some(key) if key.is_empty() => Err(format!("the key `{path}` is an empty string")),
        Some(key) => Ok(key),
        None => {
            Err(format!("the key `{path}` has half of a surrogate pair, which is no character"))
        }
    }
}

/// The key that an expression makes.
pub(super) fn made_key<'a>(
    jq: &Jq,
    document: &jq::Value,
    allowance: &Allowance<'_>,
) -> Result<Cow<'a, str>, String> {
    let one = match jq.output(document, allowance.around(&allowance.key)) {
        Output::One(value) => value,
        Output::None => return Err(format!("no key: `{jq}` has no output")),
        Output::Many => {
            return Err(format!("the key `{jq}` has more than one output, expected one"));
        }
        Output::Failed(message) => return Err(format!("the key `{jq}` failed: {message}")),
    };
    match jq::text(&one) {
        Ok(key) if key.is_empty() => Err(format!("the key `{jq}` is an empty string")),
        Ok(key) => Ok(Cow::Owned(key)),
        Err("null") => Err(format!("no key: `{jq}` is null")),
        Err(kind) => Err(no_string(jq, kind)),
    }
}

/// That a key is no string, and how to make one of it.
fn no_string(place: &dyn std::fmt::Display, kind: &str) -> String {
    let remedy = match kind {
        "a number" | "a boolean" => {
            format!("; key = '{place} | tostring' converts it")
        }
        _ => String::new(),
    };
    format!("the key `{place}` is {kind}, expected a string{remedy}")
}

const ARRAY: &str = ", since there is an array; `[]` behind the path in `events`, as in \
                     events = '.[]', makes an event of each of its elements";
