//! How a line becomes an event: which object it belongs to, and which bytes it brings.

mod budget;
mod cause;
mod compact;
mod config;
mod jq;
mod nesting;
mod path;
mod plain;
mod scan;
mod syntax;

use std::borrow::Cow;

pub use config::{MapConfig, MapSettings, OnRejected, OnRejectedConfig};

use self::jq::{Jq, Outputs};
use self::path::Path;
use self::scan::{Span, scan};
use crate::source::Codec;
use crate::time::{self, Unit};

/// Maps lines to events.
pub struct Map {
    codec: Codec,
    lines: Lines,
    key: Key,
    at: Option<At>,
}

/// What a line became.
#[derive(Debug, PartialEq, Eq)]
pub enum Mapped<'a> {
    /// An event.
    Event {
        /// What it belongs to. Never empty.
        key: Cow<'a, str>,
        /// The bytes that it brings.
        payload: Payload<'a>,
        /// When it happened, in nanoseconds since 1970 (UTC), if the map says where that stands.
        at: Option<u64>,
    },
    /// Nothing, on purpose: the expression for the payload has no output for it.
    Filtered,
    /// Nothing, for this reason.
    Rejected(String),
}

/// The bytes that an event brings.
#[derive(Debug, PartialEq, Eq)]
pub struct Payload<'a>(Bytes<'a>);

/// What lines hold, and so how a payload is found.
enum Lines {
    Raw,
    Json { payload: Selector },
}

/// Where the key of an event comes from.
enum Key {
    Fixed(String),
    Selected(Selector),
    /// Nowhere: lines are dead letters, and only those that are events have one.
    Missing,
}

/// Where the time of an event lies, and what it counts in if it is a number.
struct At {
    selector: Selector,
    unit: Unit,
}

/// Finds a value in a document.
enum Selector {
    Path(Path),
    Jq(Jq),
}

#[derive(Debug, PartialEq, Eq)]
enum Bytes<'a> {
    /// As they lie in the line.
    AsIs(&'a [u8]),
    /// JSON in the line that has blanks to leave out.
    Spaced(&'a [u8]),
    /// Made by an expression.
    Made(Vec<u8>),
}

impl Map {
    /// What `line`, which comes without its line end, becomes.
    ///
    /// An expression that goes on for ever fails, but what it makes may need a large stack to be
    /// dropped. [`Events`](crate::events::Events) has a thread for that.
    pub fn apply<'a>(&'a self, line: &'a [u8]) -> Mapped<'a> {
        match &self.lines {
            // There is no selector for a key without JSON: the settings refuse it.
            Lines::Raw => self.event(line, [None; 2], None, || Ok(Some(Bytes::AsIs(line)))),
            Lines::Json { payload } => self.apply_json(payload, line),
        }
    }

    /// What the lines hold.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The key of all events, if lines are their events and need no look into: a block of them is a
    /// run as it is.
    pub fn verbatim(&self) -> Option<&str> {
        match (&self.lines, &self.key) {
            (Lines::Raw, Key::Fixed(key)) => Some(key),
            _ => None,
        }
    }

    /// Whether an expression is evaluated for each line.
    pub(crate) fn computes(&self) -> bool {
        let of_key = matches!(&self.key, Key::Selected(selector) if selector.is_jq());
        let of_payload = matches!(&self.lines, Lines::Json { payload } if payload.is_jq());
        of_key || of_payload || self.at.as_ref().is_some_and(|at| at.selector.is_jq())
    }

    /// Sets how much stack an evaluation may use; without it, what any thread has to spare.
    pub(crate) fn set_stack_bytes_max(&mut self, bytes: usize) {
        let key = match &mut self.key {
            Key::Selected(selector) => Some(selector),
            Key::Fixed(_) | Key::Missing => None,
        };
        let payload = match &mut self.lines {
            Lines::Json { payload } => Some(payload),
            Lines::Raw => None,
        };
        let at = self.at.as_mut().map(|at| &mut at.selector);
        for selector in [key, payload, at].into_iter().flatten() {
            if let Selector::Jq(jq) = selector {
                jq.stack_bytes_max = bytes;
            }
        }
    }

    fn apply_json<'a>(&'a self, payload: &Selector, line: &'a [u8]) -> Mapped<'a> {
        let key_path = match &self.key {
            Key::Selected(selector) => selector.steps(),
            Key::Fixed(_) | Key::Missing => None,
        };
        let at_path = self.at.as_ref().and_then(|at| at.selector.steps());
        let scanned = match at_path {
            // Most flows ask for no time, and need not look for it at each value.
            None => scan(line, [key_path, payload.steps()]).map(|[key, found]| [key, found, None]),
            Some(_) => scan(line, [key_path, payload.steps(), at_path]),
        };
        let [key, found, at] = match scanned {
            Ok(found) => found,
            Err(fault) => return Mapped::Rejected(cause::not_json(&fault, line)),
        };
        let document = match self.document(payload, line) {
            Ok(document) => document,
            Err(reason) => return Mapped::Rejected(reason),
        };
        self.event(line, [key, at], document.as_ref(), || match payload {
            Selector::Path(path) => match found {
                Some(span) if span.compact => Ok(Some(Bytes::AsIs(&line[span.range()]))),
                Some(span) => Ok(Some(Bytes::Spaced(&line[span.range()]))),
                None => Err(format!("no payload: `{path}` is missing")),
            },
            Selector::Jq(jq) => made_payload(jq, document.as_ref()),
        })
    }

    /// The document as a tree, if an expression asks for it.
    fn document(&self, payload: &Selector, line: &[u8]) -> Result<Option<jq::Document>, String> {
        let key = match &self.key {
            Key::Selected(selector) => Some(selector),
            Key::Fixed(_) | Key::Missing => None,
        };
        let at = self.at.as_ref().map(|at| &at.selector);
        if ![key, at, Some(payload)].into_iter().flatten().any(Selector::is_jq) {
            return Ok(None);
        }
        let parsed = jq::parse(line).map(Some);
        parsed.map_err(|reason| format!("jq cannot take the document: {reason}"))
    }

    /// Puts key, payload and time together. A filtered event needs none of the others.
    fn event<'a>(
        &'a self,
        line: &'a [u8],
        [key, at]: [Option<Span>; 2],
        document: Option<&jq::Document>,
        payload: impl FnOnce() -> Result<Option<Bytes<'a>>, String>,
    ) -> Mapped<'a> {
        let payload = match payload() {
            Ok(None) => return Mapped::Filtered,
            Ok(Some(bytes)) => Ok(Payload(bytes)),
            Err(reason) => Err(reason),
        };
        let key = match &self.key {
            Key::Fixed(key) => Ok(Cow::Borrowed(key.as_str())),
            Key::Selected(Selector::Path(path)) => key_at(path, line, key),
            Key::Selected(Selector::Jq(jq)) => made_key(jq, document),
            Key::Missing => Err("no key: the flow has no `key` in [map] to look for it".to_owned()),
        };
        let at = self.at.as_ref().map(|wanted| wanted.time(line, at, document)).transpose();
        match (key, payload, at) {
            (Ok(key), Ok(payload), Ok(at)) => Mapped::Event { key, payload, at },
            (Err(reason), _, _) | (_, Err(reason), _) | (_, _, Err(reason)) => {
                Mapped::Rejected(reason)
            }
        }
    }
}

impl Selector {
    /// The steps to the value, if no expression is asked for it.
    fn steps(&self) -> Option<&[path::Step]> {
        match self {
            Selector::Path(path) => Some(path.steps()),
            Selector::Jq(_) => None,
        }
    }

    fn is_jq(&self) -> bool {
        matches!(self, Selector::Jq(_))
    }
}

impl At {
    /// The time of an event, in nanoseconds since 1970.
    fn time(
        &self,
        line: &[u8],
        found: Option<Span>,
        document: Option<&jq::Document>,
    ) -> Result<u64, String> {
        match &self.selector {
            Selector::Path(path) => {
                let span = found.ok_or_else(|| format!("no time: `{path}` is missing"))?;
                self.read(path, &line[span.range()])
            }
            Selector::Jq(jq) => match jq.outputs(document) {
                Outputs::One(value) => match jq::json(&value) {
                    Ok(json) => self.read(jq, &json),
                    Err(what) => Err(format!("the time `{jq}` {what}")),
                },
                Outputs::None => Err(format!("no time: `{jq}` has no output")),
                Outputs::Many => {
                    Err(format!("the time `{jq}` has more than one output, expected one"))
                }
                Outputs::Failed(message) => Err(format!("the time `{jq}` failed: {message}")),
            },
        }
    }

    /// The time that `json` says, which was found at `place`.
    fn read(&self, place: &dyn std::fmt::Display, json: &[u8]) -> Result<u64, String> {
        let read = match json {
            [b'"', ..] => serde_json::from_slice::<String>(json)
                .map_err(|_| "is no text that could be a time".to_owned())
                .and_then(|text| time::of_rfc_3339(&text)),
            [b'-' | b'0'..=b'9', ..] => {
                time::of_number(str::from_utf8(json).unwrap_or_default(), self.unit)
            }
            b"null" => return Err(format!("no time: `{place}` is null")),
            _ => Err(format!("is {}, expected a text or a number", kind(json))),
        };
        read.map_err(|reason| format!("the time `{place}` {reason}"))
    }
}

impl Payload<'_> {
    /// Appends the bytes to `arena`.
    pub fn append_to(&self, arena: &mut Vec<u8>) {
        match &self.0 {
            Bytes::AsIs(bytes) => arena.extend_from_slice(bytes),
            Bytes::Spaced(json) => compact::append(json, arena),
            Bytes::Made(bytes) => arena.extend_from_slice(bytes),
        }
    }
}

/// The key that lies at `path`.
fn key_at<'a>(path: &Path, line: &'a [u8], found: Option<Span>) -> Result<Cow<'a, str>, String> {
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
fn made_key<'a>(jq: &Jq, document: Option<&jq::Document>) -> Result<Cow<'a, str>, String> {
    let one = match jq.outputs(document) {
        Outputs::One(value) => value,
        Outputs::None => return Err(format!("no key: `{jq}` has no output")),
        Outputs::Many => {
            return Err(format!("the key `{jq}` has more than one output, expected one"));
        }
        Outputs::Failed(message) => return Err(format!("the key `{jq}` failed: {message}")),
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
            format!("; key = '{place} | tostring' makes one of it")
        }
        _ => String::new(),
    };
    format!("the key `{place}` is {kind}, expected a string{remedy}")
}

/// The payload that an expression makes; nothing if it filters the event out.
fn made_payload<'a>(jq: &Jq, document: Option<&jq::Document>) -> Result<Option<Bytes<'a>>, String> {
    match jq.outputs(document) {
        Outputs::None => Ok(None),
        Outputs::One(value) => match jq::json(&value) {
            Ok(json) => Ok(Some(Bytes::Made(json))),
            Err(what) => Err(format!("the payload `{jq}` {what}")),
        },
        Outputs::Many => {
            Err(format!("the payload `{jq}` has more than one output, expected one or none"))
        }
        Outputs::Failed(message) => Err(format!("the payload `{jq}` failed: {message}")),
    }
}

/// What `json`, a valid value other than a string or null, is.
fn kind(json: &[u8]) -> &'static str {
    match json.first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        _ => "a number",
    }
}

const ARRAY: &str =
    ", since the line is an array. `jq -c '.[]'` makes a line of each of its elements";

#[cfg(test)]
mod tests;
