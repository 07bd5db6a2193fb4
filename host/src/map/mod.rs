//! How a line becomes an event: which object it belongs to, and which bytes it brings.

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
use self::syntax::Fault;
use crate::source::Codec;

/// Maps lines to events.
pub struct Map {
    lines: Lines,
    key: Key,
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
    pub fn apply<'a>(&'a self, line: &'a [u8]) -> Mapped<'a> {
        match &self.lines {
            // There is no selector for a key without JSON: the settings refuse it.
            Lines::Raw => self.event(line, None, None, || Ok(Some(Bytes::AsIs(line)))),
            Lines::Json { payload } => self.apply_json(payload, line),
        }
    }

    /// What the lines hold.
    pub fn codec(&self) -> Codec {
        match self.lines {
            Lines::Raw => Codec::Raw,
            Lines::Json { .. } => Codec::Json,
        }
    }

    /// The key of all events, if lines are their events and need no look into: a block of them is a
    /// run as it is.
    pub fn verbatim(&self) -> Option<&str> {
        match (&self.lines, &self.key) {
            (Lines::Raw, Key::Fixed(key)) => Some(key),
            _ => None,
        }
    }

    fn apply_json<'a>(&'a self, payload: &Selector, line: &'a [u8]) -> Mapped<'a> {
        let key_path = match &self.key {
            Key::Selected(Selector::Path(path)) => Some(path.steps()),
            _ => None,
        };
        let payload_path = match payload {
            Selector::Path(path) => Some(path.steps()),
            Selector::Jq(_) => None,
        };
        let [key, found] = match scan(line, [key_path, payload_path]) {
            Ok(found) => found,
            Err(fault) => return Mapped::Rejected(not_json(&fault)),
        };
        let document = match self.document(payload, line) {
            Ok(document) => document,
            Err(reason) => return Mapped::Rejected(reason),
        };
        self.event(line, key, document.as_ref(), || match payload {
            Selector::Path(path) => match found {
                Some(span) if span.compact => Ok(Some(Bytes::AsIs(&line[span.range()]))),
                Some(span) => Ok(Some(Bytes::Spaced(&line[span.range()]))),
                None => Err(format!("no payload: `{path}` is missing")),
            },
            Selector::Jq(jq) => made_payload(jq, document.as_ref()),
        })
    }

    /// The document as a tree, if an expression asks for it.
    fn document(&self, payload: &Selector, line: &[u8]) -> Result<Option<jq::Value>, String> {
        match (&self.key, payload) {
            (Key::Selected(Selector::Jq(_)), _) | (_, Selector::Jq(_)) => jq::parse(line)
                .map(Some)
                .map_err(|reason| format!("jq cannot take the document: {reason}")),
            _ => Ok(None),
        }
    }

    /// Puts key and payload together. A filtered event needs no key.
    fn event<'a>(
        &'a self,
        line: &'a [u8],
        key: Option<Span>,
        document: Option<&jq::Value>,
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
        };
        match (key, payload) {
            (Ok(key), Ok(payload)) => Mapped::Event { key, payload },
            (Err(reason), _) | (_, Err(reason)) => Mapped::Rejected(reason),
        }
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
        return Err(format!("no key: `{path}` is missing"));
    };
    let json = &line[span.range()];
    let key = match json {
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => {
            str::from_utf8(text).ok().map(Cow::Borrowed)
        }
        [b'"', ..] => serde_json::from_slice::<String>(json).ok().map(Cow::Owned),
        b"null" => return Err(format!("no key: `{path}` is null")),
        _ => {
            return Err(format!("the key `{path}` is {}, expected a string", kind(json)));
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
fn made_key<'a>(jq: &Jq, document: Option<&jq::Value>) -> Result<Cow<'a, str>, String> {
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
        Err(kind) => Err(format!("the key `{jq}` is {kind}, expected a string")),
    }
}

/// The payload that an expression makes; nothing if it filters the event out.
fn made_payload<'a>(jq: &Jq, document: Option<&jq::Value>) -> Result<Option<Bytes<'a>>, String> {
    match jq.outputs(document) {
        Outputs::None => Ok(None),
        Outputs::One(value) => match jq::json(&value) {
            // An expression can make what JSON has no words for, and its writer then invents some.
            json if scan(&json, [None, None]).is_ok() => Ok(Some(Bytes::Made(json))),
            _ => Err(format!("the payload `{jq}` is or holds a value that JSON does not have")),
        },
        Outputs::Many => {
            Err(format!("the payload `{jq}` has more than one output, expected one or none"))
        }
        Outputs::Failed(message) => Err(format!("the payload `{jq}` failed: {message}")),
    }
}

fn not_json(fault: &Fault) -> String {
    format!("not JSON: {fault}")
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

#[cfg(test)]
mod tests;
