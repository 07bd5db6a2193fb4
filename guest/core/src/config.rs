//! The configuration as written: one table of fields, from which it is read, checked and described.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::Problem;

/// One field of the configuration.
#[derive(Debug)]
pub struct Field {
    /// Its name.
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
    /// Something that follows from other fields, described here.
    Derived(&'static str),
}

/// Every field there is.
pub const FIELDS: &[Field] = &[
    Field {
        name: "bucket",
        aliases: &[],
        kind: Kind::Text,
        absent: Absent::Required,
        doc: "The bucket that objects are written to. It must exist.",
    },
    Field {
        name: "region",
        aliases: &["aws_region"],
        kind: Kind::Text,
        absent: Absent::Text("us-east-1"),
        doc: "The region that requests are signed for.",
    },
    Field {
        name: "endpoint",
        aliases: &[],
        kind: Kind::Url,
        absent: Absent::Derived("AWS in `region`"),
        doc: "The URL of a store that speaks S3, as `http://127.0.0.1:9000`.",
    },
    Field {
        name: "addressing",
        aliases: &[],
        kind: Kind::Choice(&["path", "virtual-host"]),
        absent: Absent::Derived(
            "`path` where `endpoint` is set or the bucket's name has a dot, else `virtual-host`",
        ),
        doc: "Whether the bucket stands in the path of a URL or in its host name.",
    },
    Field {
        name: "part_bytes",
        aliases: &["min_part_size"],
        kind: Kind::Integer { min: PART_BYTES_MIN, max: PART_BYTES_MAX },
        absent: Absent::Number(8 * MIB),
        doc: "The size of a part, in bytes. An object that never fills one is put in one request.",
    },
    Field {
        name: "framing",
        aliases: &[],
        kind: Kind::Choice(&["newline", "none"]),
        absent: Absent::Text("newline"),
        doc: "What follows each event in an object: a line feed, or nothing.",
    },
    Field {
        name: "requests_in_flight_max",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 256 },
        absent: Absent::Number(4),
        doc: "How many requests are under way at once, at most.",
    },
    Field {
        name: "memory_bytes_max",
        aliases: &[],
        kind: Kind::Integer { min: PART_BYTES_MIN, max: 3 * GIB },
        absent: Absent::Derived(
            "`part_bytes` times (`requests_in_flight_max` + 1), at most 3221225472",
        ),
        doc: "How many bytes of events are held, at most, beside the batch being written.",
    },
    Field {
        name: "payload_signing",
        aliases: &[],
        kind: Kind::Choice(&["signed", "unsigned"]),
        absent: Absent::Derived("`unsigned` over https, `signed` over http"),
        doc: "Whether a hash of the payload is part of the signature.",
    },
    Field {
        name: "checksum",
        aliases: &[],
        kind: Kind::Choice(&["crc64nvme", "crc32c", "crc32", "none"]),
        absent: Absent::Text("crc64nvme"),
        doc: "The checksum sent with each part and each object, for the store to verify and to keep.",
    },
    Field {
        name: "content_md5",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::False,
        doc: "Whether `Content-MD5` is sent as well, for stores and bucket rules that want it.",
    },
    Field {
        name: "attempts_max",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 1_000 },
        absent: Absent::Number(5),
        doc: "How often one request is tried, at most, before its object fails.",
    },
    Field {
        name: "retry_time_max_ms",
        aliases: &[],
        kind: Kind::Integer { min: 0, max: 86_400_000 },
        absent: Absent::Number(1_800_000),
        doc: "How long after its first attempt a request may be tried again, in milliseconds.",
    },
    Field {
        name: "retry_budget",
        aliases: &[],
        kind: Kind::Integer { min: 0, max: 1_000_000 },
        absent: Absent::Number(500),
        doc: "What the retries of all requests together may cost: each takes 10, each request that \
              succeeds gives back 1, up to this. 0 is no limit.",
    },
    Field {
        name: "backoff_base_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 60_000 },
        absent: Absent::Number(100),
        doc: "The longest wait before the first retry, in milliseconds. It doubles with each retry.",
    },
    Field {
        name: "backoff_max_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(20_000),
        doc: "The longest wait before any retry, in milliseconds.",
    },
    Field {
        name: "connect_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(5_000),
        doc: "How long a connection may take to be made, in milliseconds.",
    },
    Field {
        name: "first_byte_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(30_000),
        doc: "How long an answer may take to begin once the request is sent, in milliseconds.",
    },
    Field {
        name: "between_bytes_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(30_000),
        doc: "How long either side may stall in the middle of a body, in milliseconds.",
    },
    Field {
        name: "complete_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(600_000),
        doc: "How long CompleteMultipartUpload may take to begin its answer, and to go on with it, in \
              milliseconds: S3 may need minutes.",
    },
];

/// A table with every name that was written: of two that are the same, a map would keep the last.
#[derive(Default)]
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Table;
        impl<'de> Visitor<'de> for Table {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Table)
    }
}

/// The written values, each of its field's kind, under its field's name.
#[derive(Debug)]
pub struct Written(Map<String, Value>);

impl Written {
    /// Reads JSON: what is in order, and everything that is not. There is a problem for each field
    /// that is unknown, doubled, missing, of a wrong type or out of its limits.
    pub fn read(json: &str) -> (Written, Vec<Problem>) {
        let Pairs(given) = match serde_json::from_str(json) {
            Ok(Value::Object(_)) => serde_json::from_str(json).unwrap_or_default(),
            Ok(other) => {
                let message = format!("{}, but a JSON object is wanted", seen(&other));
                return (Written(Map::new()), vec![Problem::new("", message)]);
            }
            Err(error) => {
                let problem = Problem::new("", format!("not JSON: {error}"));
                return (Written(Map::new()), vec![problem]);
            }
        };
        let (mut values, mut problems, mut seen) = (Map::new(), Vec::new(), Vec::new());
        for (name, value) in given {
            let field = match known(&name) {
                Ok(field) => field,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            if seen.contains(&field.name) {
                let message = format!("given twice: `{name}` is the same field");
                problems.push(Problem::new(field.name, message));
            }
            seen.push(field.name);
            match field.kind.refuses(&value) {
                Some(message) => problems.push(Problem::new(name, message)),
                None => _ = values.insert(field.name.to_owned(), value),
            }
        }
        for field in FIELDS.iter().filter(|f| matches!(f.absent, Absent::Required)) {
            let wrong = problems.iter().any(|p| p.field == field.name);
            if !values.contains_key(field.name) && !wrong {
                problems.push(Problem::new(field.name, "missing, and there is no default"));
            }
        }
        (Written(values), problems)
    }

    /// The text of a field, or its default.
    pub fn text(&self, name: &str) -> Option<&str> {
        match (self.0.get(name), &field(name).absent) {
            (Some(value), _) => value.as_str(),
            (None, Absent::Text(default)) => Some(default),
            (None, _) => None,
        }
    }

    /// The number of a field, or its default.
    pub fn number(&self, name: &str) -> Option<u64> {
        match (self.0.get(name), &field(name).absent) {
            (Some(value), _) => whole(value),
            (None, Absent::Number(default)) => Some(*default),
            (None, _) => None,
        }
    }

    /// Whether a flag is set.
    pub fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// The name in `names` that `name` was probably meant to be.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.map(|n| (strsim::damerau_levenshtein(name, n), n));
    let near = scored.filter(|(distance, n)| *distance <= 1 + n.len() / 4);
    near.min_by_key(|(distance, _)| *distance).map(|(_, n)| n)
}

fn field(name: &str) -> &'static Field {
    let found = FIELDS.iter().find(|f| f.name == name);
    found.expect("only names that stand in FIELDS are asked for; a test asks for all of them")
}

fn known(name: &str) -> Result<&'static Field, Problem> {
    let found = FIELDS.iter().find(|f| f.name == name || f.aliases.contains(&name));
    found.ok_or_else(|| {
        let names = FIELDS.iter().flat_map(|f| f.aliases.iter().copied().chain([f.name]));
        let message = match nearest(name, names) {
            Some(near) => format!("unknown field; did you mean `{near}`?"),
            None => {
                let all: Vec<_> = FIELDS.iter().map(|f| f.name).collect();
                format!("unknown field; the fields are {}", all.join(", "))
            }
        };
        Problem::new(name, message)
    })
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
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// The least size of a part that is not the last:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_BYTES_MIN: u64 = 5 * MIB;
/// The greatest size of a part, from the same page.
pub(crate) const PART_BYTES_MAX: u64 = 5 * GIB;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_fraction_is_whole_however_it_is_written() {
        for (json, part_bytes) in [
            (r#"{"bucket": "b", "part_bytes": 8388608}"#, Some(8_388_608)),
            (r#"{"bucket": "b", "part_bytes": 8388608.0}"#, Some(8_388_608)),
            (r#"{"bucket": "b", "part_bytes": 1e9}"#, Some(1_000_000_000)),
            (r#"{"bucket": "b", "part_bytes": 8388608.5}"#, None),
            (r#"{"bucket": "b", "part_bytes": 1e300}"#, None),
            (r#"{"bucket": "b", "part_bytes": -1.0}"#, None),
        ] {
            let (written, problems) = Written::read(json);
            let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
            match part_bytes {
                Some(_) => assert_eq!(fields, [""; 0], "{json}"),
                None => assert_eq!(fields, ["part_bytes"], "{json}"),
            }
            assert_eq!(written.number("part_bytes"), part_bytes.or(Some(8 << 20)), "{json}");
        }
    }

    #[test]
    fn a_field_that_is_given_twice_is_refused_under_whatever_names() {
        for json in [
            r#"{"bucket": "a", "bucket": "b"}"#,
            r#"{"bucket": 1, "bucket": "b"}"#,
            r#"{"bucket": "b", "region": "r", "aws_region": "r"}"#,
        ] {
            let (_, problems) = Written::read(json);
            let twice = |p: &Problem| p.message.starts_with("given twice");
            assert_eq!(problems.iter().filter(|p| twice(p)).count(), 1, "{json}: {problems:?}");
        }
    }
}
