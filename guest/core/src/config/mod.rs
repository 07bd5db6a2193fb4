//! The raw configuration: one table of fields. The parser, the schema and the documentation use it.

mod fields;
mod providers;
mod raw;

use serde_json::Value;

pub use fields::{GROUPS, Group, fields};
pub(crate) use fields::{GZIP_LEVEL_MAX, PART_BYTES_MAX, ZSTD_LEVEL_MAX};
pub use providers::{PROVIDERS, Provider, Region};
pub use raw::RawConfig;

/// One field of the configuration.
#[derive(Debug)]
pub struct Field {
    /// The name. A dot separates the name of a table from that of a field in it.
    pub name: &'static str,
    /// Further names that are accepted, which earlier S3 sinks have published.
    pub aliases: &'static [&'static str],
    /// The values it accepts.
    pub kind: Kind,
    /// Its value if it is not set.
    pub absent: Absent,
    /// What it does, as one sentence.
    pub doc: &'static str,
}

/// The values that a field accepts.
#[derive(Debug)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// An `http` or `https` URL.
    Url,
    /// A whole number within these limits.
    Integer {
        /// The smallest value.
        min: u64,
        /// The largest value.
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A text that a header can contain: printable ASCII, without spaces at its ends, and of at
    /// most [`HEADER_BYTES_MAX`] bytes.
    Header,
    /// A text that is not empty. It must not appear in an error, a log or a `Debug` text.
    Secret,
    /// A table of texts, with names that the user chooses.
    Texts {
        /// The most entries.
        max: usize,
    },
}

/// The value of a field that is not set.
#[derive(Debug)]
pub enum Absent {
    /// None: the field is required.
    Required,
    /// This text.
    Text(&'static str),
    /// This number.
    Number(u64),
    /// `false`.
    False,
    /// `true`.
    True,
    /// A value that follows from other fields, described by this text.
    Derived(&'static str),
}

impl Kind {
    fn refuses(&self, value: &Value) -> Option<String> {
        let allowed = match self {
            Kind::Text | Kind::Url if value.as_str().is_some_and(|s| !s.is_empty()) => return None,
            Kind::Text => "a string that is not empty".to_owned(),
            Kind::Url => "a URL".to_owned(),
            Kind::Integer { min, max } => match whole(value) {
                Some(n) if (*min..=*max).contains(&n) => return None,
                _ => format!("a whole number from {min} to {max}"),
            },
            Kind::Flag if value.is_boolean() => return None,
            Kind::Flag => "`true` or `false`".to_owned(),
            Kind::Header => match value.as_str().map(unprintable) {
                Some(None) => return None,
                Some(Some(fault)) => return Some(fault),
                None => "a string".to_owned(),
            },
            Kind::Secret if value.as_str().is_some_and(|s| !s.is_empty()) => return None,
            Kind::Secret => {
                return Some("no string, or an empty one".to_owned());
            }
            Kind::Texts { max } => match value.as_object() {
                Some(texts) if texts.len() > *max => {
                    let count = texts.len();
                    return Some(format!("a table of {count}; the limit is {max}"));
                }
                Some(texts) => match texts.iter().find(|(_, value)| !value.is_string()) {
                    None => return None,
                    Some((name, value)) => {
                        return Some(format!("{} as `{name}`; expected a string", seen(value)));
                    }
                },
                None => "a table of strings".to_owned(),
            },
            Kind::Choice(words) => match value.as_str() {
                Some(s) if words.contains(&s) => return None,
                _ => format!("one of `{}`", words.join("`, `")),
            },
        };
        Some(format!("{}; expected {allowed}", seen(value)))
    }
}

/// The reason why a header cannot contain the text, if there is one. Spaces at its ends would be
/// removed in transit, and the signature would be wrong.
fn unprintable(text: &str) -> Option<String> {
    let wanted = "expected printable ASCII without blanks at the beginning or end";
    if let Some(at) = text.chars().position(|c| c != ' ' && !c.is_ascii_graphic()) {
        let code = text.chars().nth(at).map(u32::from).unwrap_or_default();
        return Some(format!("character {} is U+{code:04X}; {wanted}", at + 1));
    }
    match text.len() {
        0 => Some(format!("an empty string; {wanted}")),
        len if len > HEADER_BYTES_MAX => {
            Some(format!("a string of {len} characters; the limit is {HEADER_BYTES_MAX}"))
        }
        _ if text.starts_with(' ') || text.ends_with(' ') => {
            Some(format!("a string with a blank at its beginning or end; {wanted}"))
        }
        _ => None,
    }
}

/// The number, if it is whole. JSON Schema accepts `1e9` and `5.0` as integers, and so does this.
/// <https://json-schema.org/draft/2020-12/json-schema-validation#section-6.1.1>
fn whole(value: &Value) -> Option<u64> {
    let whole = |n: &f64| n.fract() == 0.0 && (0.0..EXACT_MAX).contains(n);
    value.as_u64().or_else(|| value.as_f64().filter(whole).map(|n| n as u64))
}

/// A short description of the value for messages. It contains only the start of a text.
fn seen(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => format!("the truth value {b}"),
        Value::Number(n) => format!("the number {n}"),
        Value::String(s) if s.is_empty() => "an empty text".to_owned(),
        Value::String(s) if s.chars().count() <= 40 => format!("the string `{s}`"),
        Value::String(s) => format!("a string of {} characters", s.chars().count()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
    }
}

/// The longest text for one header, in bytes. S3 allows 8 KB for all headers of a request:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
pub const HEADER_BYTES_MAX: usize = 1_024;
/// Up to this number, a float represents every whole number exactly.
const EXACT_MAX: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
