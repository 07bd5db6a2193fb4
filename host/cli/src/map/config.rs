//! `[map]` of a flow: as written, and as meant.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::Deserializer;

use super::at::At;
use super::jq::Jq;
use super::path::Path;
use super::template::Template;
use super::{Key, Lines, Map, Selector};
use crate::dead_letters::Written;
use crate::source::Codec;
use crate::time::Unit;
use spillway::problem::Problem;

/// `[map]` as written.
///
/// `key`, `payload` and `events` are paths (`.key`, `.meta.user.name`, `.items[0]`, `."odd key"`,
/// `.` for the whole) or, if they are anything more, jq expressions. A path means what it means to
/// jq, with one difference: what it does not find is missing, and the event rejected, where jq
/// would go on with null.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapConfig {
    /// The path of the key. The key must be a string that is not empty.
    pub key: Option<String>,
    /// The key of all events, in place of `key`. `{file}` in it stands for the path of their file
    /// without its leading slash, `{host}` for the name of the machine.
    pub fixed_key: Option<String>,
    /// Where the payload lies; `.`, the whole line, by default. It is written as compact JSON. Each
    /// output of an expression is an event, and one without an output filters the line out.
    pub payload: Option<String>,
    /// Where the events of a line lie. `key`, `payload` and `at` are then looked for in each output
    /// of this instead of in the line.
    pub events: Option<String>,
    /// Where the time lies at which the event happened: a text after RFC 3339, or a number.
    pub at: Option<String>,
    /// What a number there counts since 1970: `"s"` (the default), `"ms"`, `"us"` or `"ns"`.
    pub at_unit: Option<String>,
    /// What happens to a rejected event: `"stop"` (the default), `"skip"`, `{ file =
    /// "rejected.ndjson" }`, or, of records, `{ topic = "rejected" }`.
    pub on_rejected: Option<OnRejectedConfig>,
}

/// `on_rejected` as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnRejectedConfig {
    /// A word.
    Word(String),
    /// `{ file = "..." }`.
    File(PathBuf),
    /// `{ topic = "..." }`.
    Topic(String),
}

/// `[map]` as meant.
pub struct MapSettings {
    /// How a line becomes an event.
    pub map: Map,
    /// What happens to a rejected event.
    pub on_rejected: OnRejected,
}

/// What happens to a rejected event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OnRejected {
    /// The flow ends with it.
    #[default]
    Stop,
    /// It is counted and dropped.
    Skip,
    /// Its line is written to this file.
    File(PathBuf),
    /// Its line is produced to this topic of the cluster that is read.
    Topic(String),
}

impl MapConfig {
    /// What was meant, for lines that hold `codec`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, not just the first.
    pub fn settings(&self, codec: Codec) -> Result<MapSettings, Vec<Problem>> {
        let mut problems = Vec::new();
        let key = self.key(codec).map_err(|problem| problems.push(problem));
        let lines = self.lines(codec).map_err(|problem| problems.push(problem));
        let at = self.at(codec).map_err(|problem| problems.push(problem));
        let on_rejected = self.on_rejected().map_err(|problem| problems.push(problem));
        match (key, lines, at, on_rejected) {
            (Ok(key), Ok(lines), Ok(at), Ok(on_rejected)) => {
                Ok(MapSettings { map: Map { codec, lines, key, at }, on_rejected })
            }
            _ => Err(problems),
        }
    }

    fn key(&self, codec: Codec) -> Result<Key, Problem> {
        let wrong = |field, message| Err(Problem::new(field, message));
        match (&self.key, &self.fixed_key) {
            (Some(_), Some(_)) => {
                wrong("map.fixed_key", "cannot be used together with `key`; remove one of them")
            }
            // Events bring their keys; what else there is has been seen by a map before.
            (None, None) if codec == Codec::DeadLetters => Ok(Key::Missing),
            (None, None) => wrong(
                "map.key",
                "is missing; give the path to it, such as \".key\", \
                 or a `fixed_key` for all events",
            ),
            (None, Some(key)) if key.is_empty() => {
                wrong("map.fixed_key", "is empty, expected the key of all events")
            }
            (None, Some(key)) => Template::parse(key)
                .map(Key::Fixed)
                .map_err(|message| Problem::new("map.fixed_key", message)),
            (Some(text), None) => Ok(Key::Selected(self.selector("map.key", text, codec)?)),
        }
    }

    fn lines(&self, codec: Codec) -> Result<Lines, Problem> {
        let text = self.payload.as_deref().unwrap_or(".");
        match codec {
            Codec::Json | Codec::DeadLetters => {
                let events = self.events.as_deref();
                let events = events.map(|text| selector("map.events", text)).transpose()?;
                Ok(Lines::Documents { events, payload: selector("map.payload", text)? })
            }
            Codec::Raw => match &self.events {
                // Their outputs are documents.
                Some(events) => Ok(Lines::Documents {
                    events: Some(expression("map.events", events)?),
                    payload: selector("map.payload", text)?,
                }),
                None if text.trim() == "." => Ok(Lines::Raw(None)),
                None => Ok(Lines::Raw(Some(expression("map.payload", text)?))),
            },
        }
    }

    /// What finds a value in a document, or makes one of a raw line.
    fn selector(&self, field: &str, text: &str, codec: Codec) -> Result<Selector, Problem> {
        match codec {
            Codec::Raw if self.events.is_none() => expression(field, text),
            _ => selector(field, text),
        }
    }

    fn at(&self, codec: Codec) -> Result<Option<At>, Problem> {
        let wrong = |field, message| Err(Problem::new(field, message));
        let unit = match &self.at_unit {
            None => Unit::default(),
            Some(_) if self.at.is_none() => {
                return wrong("map.at_unit", "has no meaning without `at`; remove it".to_owned());
            }
            Some(word) => match Unit::WORDS.iter().find(|(name, _)| name == word) {
                Some((_, unit)) => *unit,
                None => {
                    let allowed = "expected \"s\", \"ms\", \"us\" or \"ns\"";
                    return wrong("map.at_unit", format!("is \"{word}\", {allowed}"));
                }
            },
        };
        match &self.at {
            None => Ok(None),
            Some(text) => Ok(Some(At { selector: self.selector("map.at", text, codec)?, unit })),
        }
    }

    fn on_rejected(&self) -> Result<OnRejected, Problem> {
        let wrong = |seen: String| {
            Err(Problem::new("map.on_rejected", format!("is {seen}, expected {ALLOWED}")))
        };
        match &self.on_rejected {
            None => Ok(OnRejected::default()),
            Some(OnRejectedConfig::Word(word)) => match word.as_str() {
                "stop" => Ok(OnRejected::Stop),
                "skip" => Ok(OnRejected::Skip),
                other => wrong(format!("\"{other}\"")),
            },
            Some(OnRejectedConfig::File(path)) if path.as_os_str().is_empty() => {
                wrong("a file without a name".to_owned())
            }
            Some(OnRejectedConfig::File(path)) => Ok(OnRejected::File(path.clone())),
            Some(OnRejectedConfig::Topic(topic)) if !is_topic(topic) => {
                let what = format!("is \"{topic}\", expected the name of a topic: {TOPIC}");
                Err(Problem::new("map.on_rejected.topic", what))
            }
            Some(OnRejectedConfig::Topic(topic)) => Ok(OnRejected::Topic(topic.clone())),
        }
    }
}

/// An expression, of what a raw line is to it.
fn expression(field: &str, text: &str) -> Result<Selector, Problem> {
    match selector(field, text)? {
        Selector::Path(_) => Err(Problem::new(
            field,
            format!(
                "is `{text}`, a path, but a raw line is no document; write a jq expression, to \
                 which `.` is the line as a string, or set source.codec = \"json\""
            ),
        )),
        jq => Ok(jq),
    }
}

fn selector(field: &str, text: &str) -> Result<Selector, Problem> {
    if let Some(path) = Path::parse(text) {
        return Ok(Selector::Path(path));
    }
    Jq::compile(text).map(Selector::Jq).map_err(|message| {
        let dotless = Path::parse(&format!(".{text}")).is_some_and(|path| !path.steps().is_empty());
        let hint = if dotless { format!("; did you mean `.{text}`?") } else { String::new() };
        let message = format!("`{text}` is neither a path nor a jq expression: {message}{hint}");
        Problem::new(field, message)
    })
}

impl<'de> Deserialize<'de> for OnRejectedConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer, ALLOWED)? {
            Written::Word(word) => OnRejectedConfig::Word(word),
            Written::File(path) => OnRejectedConfig::File(path),
            Written::Topic(topic) => OnRejectedConfig::Topic(topic),
        })
    }
}

/// Whether Kafka takes this as the name of a topic.
fn is_topic(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=249).contains(&name.len()) && name.bytes().all(is_allowed) && name != "." && name != ".."
}

const ALLOWED: &str = "\"stop\", \"skip\", { file = \"rejected.ndjson\" } or, with type = \
                       \"kafka\", { topic = \"rejected\" }";
const TOPIC: &str = "1 to 249 ASCII letters, digits, `.`, `_` and `-`";

#[cfg(test)]
mod tests;
