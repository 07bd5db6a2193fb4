//! The configuration as written: one table of fields, from which it is read, checked and described.

mod fields;
mod written;

use serde_json::Value;

pub use fields::{GROUPS, Group, fields};
pub(crate) use fields::{GZIP_LEVEL_MAX, PART_BYTES_MAX, ZSTD_LEVEL_MAX};
pub use written::{Written, nearest};

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
            Kind::Text => "a text that is not empty".to_owned(),
            Kind::Url => "a URL".to_owned(),
            Kind::Integer { min, max } => match whole(value) {
                Some(n) if (*min..=*max).contains(&n) => return None,
                _ => format!("a whole number from {min} to {max}"),
            },
            Kind::Flag if value.is_boolean() => return None,
            Kind::Flag => "`true` or `false`".to_owned(),
            Kind::Choice(words) => match value.as_str() {
                Some(s) if words.contains(&s) => return None,
                _ => format!("one of `{}`", words.join("`, `")),
            },
        };
        Some(format!("{}, but {allowed} is wanted", seen(value)))
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
        Value::String(s) if s.chars().count() <= 40 => format!("the text `{s}`"),
        Value::String(s) => format!("a text of {} characters", s.chars().count()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
    }
}

/// Up to here a float is the number that was written.
const EXACT_MAX: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
