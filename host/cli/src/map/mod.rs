//! How a line becomes events: which object each belongs to, and which bytes it brings.

mod about;
mod asks;
mod at;
mod budget;
mod cause;
mod clock;
mod compact;
mod config;
mod jq;
mod key;
mod made;
mod nesting;
mod path;
mod plain;
mod scan;
mod share;
mod syntax;
mod template;

use std::borrow::Cow;

pub use about::{About, LinePlace, RecordPlace};
pub use clock::Clock;
pub use config::{MapConfig, MapSettings, OnRejected, OnRejectedConfig};

use self::at::At;
use self::jq::Jq;
use self::key::{key_at, made_key};
use self::made::{Document, Payloads, made_payloads, outputs, parsed};
use self::path::Path;
use self::scan::{Span, scan};
use self::share::Allowance;
use self::template::Template;
use crate::batch::{Batcher, Framing, Run};
use crate::source::Codec;

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
    /// The events that expressions made of it, at least one. They are counted from position 0.
    Several(Vec<Run>),
    /// Nothing, on purpose: the expressions have no output for it.
    Filtered,
    /// Nothing, for this reason, whatever of it could have been an event.
    Rejected(String),
}

/// The bytes that an event brings.
#[derive(Debug, PartialEq, Eq)]
pub struct Payload<'a>(Bytes<'a>);

/// What lines hold, and so how a payload is found.
enum Lines {
    /// It is the whole line, or what an expression makes of that as a string.
    Raw(Option<Selector>),
    /// It is found in a document: in a line that is one, or in each output of `events`.
    Documents { events: Option<Selector>, payload: Selector },
}

/// Where the key of an event comes from.
enum Key {
    Fixed(Template),
    Selected(Selector),
    /// Nowhere: lines are dead letters, and only those that are events have one.
    Missing,
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
    /// What `line`, which comes without its line end, becomes. Runs that are made have this
    /// framing.
    ///
    /// An expression that takes too many steps or has too many outputs fails. Its intermediate
    /// values are not limited, and may need a large stack to be dropped.
    /// [`Events`](crate::events::Events) has a thread for that.
    pub fn apply<'a>(&'a self, line: &'a [u8], framing: Framing, about: &About<'_>) -> Mapped<'a> {
        let allowance = Allowance::for_line(line.len(), about);
        match &self.lines {
            Lines::Raw(payload) => self.apply_raw(payload.as_ref(), line, framing, &allowance),
            Lines::Documents { events: None, payload } => {
                let document = Document { json: line, value: None };
                self.apply_document(payload, document, framing, &allowance)
            }
            Lines::Documents { events: Some(events), payload } => self
                .apply_each(events, payload, line, framing, &allowance)
                .unwrap_or_else(Mapped::Rejected),
        }
    }

    /// What the lines hold.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The key of all events of a block that lies there, if lines are their events and need no look
    /// into: it is a run as it is.
    pub fn verbatim(&self, place: &LinePlace<'_>) -> Option<Cow<'_, str>> {
        match (&self.lines, &self.key) {
            (Lines::Raw(None), Key::Fixed(key)) if self.at.is_none() => key.fill(place),
            _ => None,
        }
    }

    /// Whether any line is looked into.
    pub(crate) fn looks_into_lines(&self) -> bool {
        let is_taken_over = matches!((&self.lines, &self.key), (Lines::Raw(None), Key::Fixed(_)));
        !is_taken_over || self.at.is_some()
    }

    /// Whether an expression is evaluated for each line.
    pub(crate) fn computes(&self) -> bool {
        self.selectors().any(Selector::is_jq)
    }

    /// Sets how much stack an evaluation may use; without it, what any thread has to spare.
    pub(crate) fn set_stack_bytes_max(&mut self, bytes: usize) {
        let key = match &mut self.key {
            Key::Selected(selector) => Some(selector),
            Key::Fixed(_) | Key::Missing => None,
        };
        let [events, payload] = match &mut self.lines {
            Lines::Documents { events, payload } => [events.as_mut(), Some(payload)],
            Lines::Raw(payload) => [None, payload.as_mut()],
        };
        let at = self.at.as_mut().map(|at| &mut at.selector);
        for selector in [key, events, payload, at].into_iter().flatten() {
            if let Selector::Jq(jq) = selector {
                jq.stack_bytes_max = bytes;
            }
        }
    }

    fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let key = match &self.key {
            Key::Selected(selector) => Some(selector),
            Key::Fixed(_) | Key::Missing => None,
        };
        let [events, payload] = match &self.lines {
            Lines::Documents { events, payload } => [events.as_ref(), Some(payload)],
            Lines::Raw(payload) => [None, payload.as_ref()],
        };
        let at = self.at.as_ref().map(|at| &at.selector);
        [key, events, payload, at].into_iter().flatten()
    }

    /// What a raw line becomes. To expressions it is a string; without one it is its payload.
    fn apply_raw<'a>(
        &'a self,
        payload: Option<&'a Selector>,
        line: &'a [u8],
        framing: Framing,
        allowance: &Allowance<'_>,
    ) -> Mapped<'a> {
        let mut document = Document { json: line, value: None };
        if self.computes() {
            match jq::string(line) {
                Ok(value) => document.value = Some(Cow::Owned(value)),
                Err(reason) => return Mapped::Rejected(reason),
            }
        }
        self.event(&document, [None; 2], allowance, || match payload {
            Some(Selector::Jq(jq)) => made_payloads(jq, document.tree(), framing, allowance),
            // The settings refuse a path: there is nothing to look into.
            _ => Ok(Payloads::One(Bytes::AsIs(line))),
        })
    }

    /// What a line becomes of which each output of `events` is a document.
    fn apply_each<'a>(
        &'a self,
        events: &'a Selector,
        payload: &'a Selector,
        line: &'a [u8],
        framing: Framing,
        allowance: &Allowance<'_>,
    ) -> Result<Mapped<'a>, String> {
        let mut batcher = Batcher::new(framing);
        let (mut documents, mut position) = (0_u64, 0);
        let mut each = |document: Document<'_>| {
            documents += 1;
            let of_event = |reason: String| format!("event {documents}: {reason}");
            match self.apply_document(payload, document, framing, allowance) {
                Mapped::Event { key, payload, at } => {
                    if let Key::Selected(selector) = &self.key {
                        let taken = allowance.key.take(key.len());
                        taken.map_err(|much| format!("the key `{selector}` {much}"))?;
                    }
                    let pushed = batcher.push(&key, position, at, |arena| payload.append_to(arena));
                    pushed.map_err(|error| of_event(error.to_string()))?;
                    position += 1;
                }
                Mapped::Several(runs) => {
                    let first = position;
                    for mut run in runs {
                        run.first += first;
                        position = run.end();
                        batcher.push_run(run);
                    }
                }
                Mapped::Filtered => {}
                Mapped::Rejected(reason) => return Err(of_event(reason)),
            }
            Ok(())
        };
        let scanned = match self.codec {
            Codec::Raw => Ok([None]),
            Codec::Json | Codec::DeadLetters => scan(line, [events.steps()]),
        };
        let [found] = scanned.map_err(|fault| cause::not_json(&fault, line))?;
        match events {
            Selector::Path(path) => {
                let span = found.ok_or_else(|| format!("no event: `{path}` is missing"))?;
                each(Document { json: &line[span.range()], value: None })?;
            }
            Selector::Jq(jq) => {
                let line = match self.codec {
                    Codec::Raw => jq::string(line)?,
                    Codec::Json | Codec::DeadLetters => parsed(line)?,
                };
                outputs("events", jq, &line, &allowance.events, allowance, |value, json| {
                    each(Document { json: &json, value: Some(Cow::Owned(value)) })
                })?;
            }
        }
        let runs = batcher.take();
        Ok(if runs.is_empty() { Mapped::Filtered } else { Mapped::Several(runs) })
    }

    /// What a document becomes.
    fn apply_document<'a>(
        &'a self,
        payload: &'a Selector,
        mut document: Document<'a>,
        framing: Framing,
        allowance: &Allowance<'_>,
    ) -> Mapped<'a> {
        let line = document.json;
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
        if document.value.is_none() && self.asks_for_a_tree(payload) {
            match parsed(line) {
                Ok(value) => document.value = Some(Cow::Owned(value)),
                Err(reason) => return Mapped::Rejected(reason),
            }
        }
        self.event(&document, [key, at], allowance, || match payload {
            Selector::Path(path) => match found {
                Some(span) if span.compact => Ok(Payloads::One(Bytes::AsIs(&line[span.range()]))),
                Some(span) => Ok(Payloads::One(Bytes::Spaced(&line[span.range()]))),
                None => Err(format!("no payload: `{path}` is missing")),
            },
            Selector::Jq(jq) => made_payloads(jq, document.tree(), framing, allowance),
        })
    }

    /// Whether an expression is evaluated for each document.
    fn asks_for_a_tree(&self, payload: &Selector) -> bool {
        let of_key = matches!(&self.key, Key::Selected(selector) if selector.is_jq());
        of_key || payload.is_jq() || self.at.as_ref().is_some_and(|at| at.selector.is_jq())
    }

    /// Puts key, payload and time together. A filtered event needs none of the others.
    fn event<'a>(
        &'a self,
        document: &Document<'a>,
        [key, at]: [Option<Span>; 2],
        allowance: &Allowance<'_>,
        payload: impl FnOnce() -> Result<Payloads<'a>, String>,
    ) -> Mapped<'a> {
        let payloads = match payload() {
            Ok(Payloads::None) => return Mapped::Filtered,
            found => found,
        };
        let key = match &self.key {
            Key::Fixed(key) => {
                let filled = key.fill(&allowance.about.place);
                filled.ok_or_else(|| NOTHING_TO_NAME.into())
            }
            Key::Selected(Selector::Path(path)) => key_at(path, document.json, key),
            Key::Selected(Selector::Jq(jq)) => made_key(jq, document.tree(), allowance),
            Key::Missing => Err("no key: [map] of the flow has no `key`".to_owned()),
        };
        let at = self.at.as_ref().map(|wanted| wanted.time(document, at, allowance)).transpose();
        match (key, payloads, at) {
            (Ok(key), Ok(Payloads::One(payload)), Ok(at)) => {
                Mapped::Event { key, payload: Payload(payload), at }
            }
            (Ok(key), Ok(Payloads::Several(mut batcher)), Ok(at)) => {
                let mut runs = batcher.take();
                for run in &mut runs {
                    (run.key, run.at) = (key.clone().into_owned(), at);
                }
                Mapped::Several(runs)
            }
            (Ok(_), Ok(Payloads::None), Ok(_)) => Mapped::Filtered,
            (Err(reason), _, _) | (_, Err(reason), _) | (_, _, Err(reason)) => {
                Mapped::Rejected(reason)
            }
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Selector::Path(path) => path.fmt(formatter),
            Selector::Jq(jq) => jq.fmt(formatter),
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

/// What `json`, a valid value other than a string or null, is.
fn kind(json: &[u8]) -> &'static str {
    match json.first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        _ => "a number",
    }
}

const NOTHING_TO_NAME: &str = "no key: `fixed_key` names what the line is of, and there is none";

#[cfg(test)]
mod tests;
