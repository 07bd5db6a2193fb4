//! The configuration as written: one table of fields, from which it is read, checked and described.

mod fields;
mod providers;
mod written;

use serde_json::Value;

pub use fields::{GROUPS, Group, fields};
pub(crate) use fields::{GZIP_LEVEL_MAX, PART_BYTES_MAX, ZSTD_LEVEL_MAX};
pub use providers::{PROVIDERS, Provider, Region};
pub use written::Written;

/// One field of the configuration.
#[derive(Debug)]
pub struct Field {
    /// Its name. A dot stands between the name of a table and that of a field in it.
    pub name: &'static str,
    /// Other names it is accepted under, as the origin of this sink published them.
    pub aliases: &'static [&'static str],
    /// What values it takes.
    pub kind: Kind,
    /// What holds where it is not written.
    pub absent: Absent,
    /// What it means, as one sentence.
    pub doc: &'static str,
}

/// What values a field takes.
#[derive(Debug)]
pub enum Kind {
    /// Any text but the empty one.
    Text,
    /// An `http` or `https` URL.
    Url,
    /// A whole number, both limits included.
    Integer {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A text that a header can hold: printable ASCII, without blanks at its ends, and no longer
    /// than [`HEADER_BYTES_MAX`].
    Header,
    /// A text that is not empty and that nothing may show: no error, no log, no `Debug`.
    Secret,
    /// A table of texts under names that the configuration chooses.
    Texts {
        /// How many there may be.
        max: usize,
    },
}

/// What holds where a field is not written.
#[derive(Debug)]
pub enum Absent {
    /// It must be written.
    Required,
    /// This text.
    Text(&'static str),
    /// This number.
    Number(u64),
    /// `false`.
    False,
    /// `true`.
    True,
    /// Something that follows from other fields, described here.
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

/// Why a header cannot hold the text, if it cannot. Blanks at its ends would be lost on the way,
/// and the signature with them.
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

/// The number, where it is whole: JSON Schema takes `1e9` and `5.0` for integers, and so does this.
/// <https://json-schema.org/draft/2020-12/json-schema-validation#section-6.1.1>
fn whole(value: &Value) -> Option<u64> {
    let whole = |n: &f64| n.fract() == 0.0 && (0.0..EXACT_MAX).contains(n);
    value.as_u64().or_else(|| value.as_f64().filter(whole).map(|n| n as u64))
}

/// What a person would call the value: short, and never more of a text than tells it apart.
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

/// The longest text for one header, in bytes. S3 takes 8 KB for all headers of a request together:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
pub const HEADER_BYTES_MAX: usize = 1_024;
/// Up to here a float is the number that was written.
const EXACT_MAX: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
