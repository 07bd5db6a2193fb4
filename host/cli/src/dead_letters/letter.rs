//! One dead letter: a JSON document on a line of its own.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::escape;
use crate::layout::Lines;
use crate::source::Partition;

/// A dead letter on its way into a file.
pub(crate) struct DeadLetter<'a> {
    /// The position that the event had, or would have had.
    pub(crate) position: u64,
    /// Its line, or between which lines it is.
    pub(crate) lines: Lines,
    /// Why it is not stored.
    pub(crate) reason: &'a str,
    /// The file that the lines are of, and counted in, where the source is many.
    pub(crate) file: Option<Arc<str>>,
    /// The content of a dead letter.
    pub(crate) content: Content<'a>,
}

/// The content of a dead letter.
pub(crate) enum Content<'a> {
    /// A line that became no event. It has this many `bytes`, of which `held` may be only the
    /// beginning.
    Line { held: &'a [u8], bytes: u64 },
    /// An event, as the sink was given it.
    Event { key: &'a str, payload: &'a [u8], at: Option<u64> },
}

/// A dead letter as it was read again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Letter {
    /// A whole line, for the map.
    Line(Vec<u8>),
    /// The beginning of a line that has this many bytes.
    Beginning { held: Vec<u8>, bytes: u64 },
    /// An event, for the sink. It happened `at` so many nanoseconds after 1970 began, if that is
    /// known.
    Event { key: String, payload: Vec<u8>, at: Option<u64> },
}

/// The document as it is written. What is text is there as text, and in base64 where it is not.
#[derive(Default, Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// There only where the line is one from `line` to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_line: Option<u64>,
    position: u64,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_base64: Option<String>,
    /// How long the line is, where `event` is only its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_bytes: Option<u64>,
}

/// The document as it is read. A person may have corrected it, so what else there is passes.
#[derive(Deserialize)]
struct Read {
    key: Option<String>,
    at: Option<String>,
    payload: Option<String>,
    payload_base64: Option<String>,
    event: Option<String>,
    event_base64: Option<String>,
    event_bytes: Option<u64>,
}

impl DeadLetter<'_> {
    /// The document, with a line feed behind it. With a partition, the line is a record of that,
    /// and has an offset in place of a number.
    pub(crate) fn to_line(&self, partition: Option<&Partition>) -> Vec<u8> {
        let DeadLetter { position, lines: Lines { first: line, last }, reason, .. } = *self;
        let DeadLetter { file, content, .. } = self;
        let reason = &*escape::line(reason);
        let last_line = (last != line).then_some(last);
        let mut document = Written { position, reason, ..Written::default() };
        match partition {
            Some(Partition { topic, number }) => {
                (document.topic, document.partition) = (Some(topic.as_str()), Some(*number));
                document.offset = line.checked_sub(1);
            }
            None => (document.line, document.last_line) = (Some(line), last_line),
        }
        document.file = file.as_deref();
        match *content {
            Content::Line { held, bytes } => {
                (document.event, document.event_base64) = text_or_base64(held);
                document.event_bytes = (bytes > held.len() as u64).then_some(bytes);
            }
            Content::Event { key, payload, at } => {
                document.key = Some(key);
                document.at = at.and_then(to_the_second);
                (document.payload, document.payload_base64) = text_or_base64(payload);
            }
        }
        let document = serde_json::to_string(&document).expect("numbers and texts are JSON");
        let mut line = escape::json(&document).into_owned();
        line.push('\n');
        line.into_bytes()
    }
}

impl Letter {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// Why it is none, as a sentence.
    pub(crate) fn read(line: &[u8]) -> Result<Letter, String> {
        let read: Read =
            serde_json::from_slice(line).map_err(|e| format!("not a dead letter: {e}"))?;
        let payload = bytes("payload", read.payload, read.payload_base64)?;
        let event = bytes("event", read.event, read.event_base64)?;
        match (payload, event) {
            (Some(payload), None) => {
                let key = read.key.filter(|key| !key.is_empty());
                let key = key.ok_or("not a dead letter: `payload` needs a `key` beside it")?;
                let at = read.at.map(|text| crate::time::of_rfc_3339(&text)).transpose();
                let at = at.map_err(|reason| format!("not a dead letter: `at` {reason}"))?;
                Ok(Letter::Event { key, payload, at })
            }
            (None, Some(_)) if read.key.is_some() => {
                Err("not a dead letter: a `key` belongs to a `payload`, not to an `event`"
                    .to_owned())
            }
            (None, Some(held)) => match read.event_bytes {
                Some(bytes) if bytes > held.len() as u64 => Ok(Letter::Beginning { held, bytes }),
                _ => Ok(Letter::Line(held)),
            },
            (None, None) => {
                Err("not a dead letter: it has neither `payload` nor `event`".to_owned())
            }
            (Some(_), Some(_)) => {
                Err("not a dead letter: it has both `payload` and `event`".to_owned())
            }
        }
    }
}

fn text_or_base64(bytes: &[u8]) -> (Option<&str>, Option<String>) {
    match str::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(_) => (None, Some(BASE64_STANDARD.encode(bytes))),
    }
}

fn bytes(
    name: &str,
    text: Option<String>,
    base64: Option<String>,
) -> Result<Option<Vec<u8>>, String> {
    match (text, base64) {
        (Some(text), None) => Ok(Some(text.into_bytes())),
        (None, Some(base64)) => match BASE64_STANDARD.decode(base64) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) => Err(format!("not a dead letter: `{name}_base64` is not base64: {error}")),
        },
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err(format!("not a dead letter: it has both `{name}` and `{name}_base64`"))
        }
    }
}

/// RFC 3339. The time is that of the first event of a run, and the others of the run have the same
/// second.
fn to_the_second(at: u64) -> Option<String> {
    let second = i64::try_from(at / 1_000_000_000).ok()?;
    Timestamp::from_second(second).ok().map(|at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let contents = [
            (Content::Line { held: b"{\"a\": 1", bytes: 7 }, Letter::Line(b"{\"a\": 1".to_vec())),
            (Content::Line { held: b"\xff\"", bytes: 2 }, Letter::Line(b"\xff\"".to_vec())),
            (Content::Line { held: b"", bytes: 0 }, Letter::Line(Vec::new())),
            (
                Content::Line { held: b"begin", bytes: 6 },
                Letter::Beginning { held: b"begin".to_vec(), bytes: 6 },
            ),
            (
                Content::Event { key: "é\n", payload: b"{\"n\": 1.50}\n\0", at: None },
                event("é\n", b"{\"n\": 1.50}\n\0", None),
            ),
            (
                Content::Event { key: "k", payload: b"\x80", at: Some(1_777_629_600_987_654_321) },
                event("k", b"\x80", Some(1_777_629_600_000_000_000)),
            ),
            (Content::Event { key: "k", payload: b"", at: None }, event("k", b"", None)),
        ];
        for (content, letter) in contents {
            let lines = Lines { first: 2, last: 2 };
            let line =
                DeadLetter { position: 3, lines, reason: "why", content, file: None }.to_line(None);
            let text = str::from_utf8(&line).unwrap();
            assert!(text.starts_with("{\"line\":2,\"position\":3,\"reason\":\"why\","), "{text}");
            assert_eq!(text.find('\n'), Some(text.len() - 1), "{text}");
            assert_eq!(Letter::read(&line), Ok(letter), "{text}");
        }
    }

    #[test]
    fn one_whose_line_is_not_known_exactly_has_both_bounds() {
        let content = Content::Event { key: "k", payload: b"1", at: None };
        let lines = Lines { first: 5, last: 9 };
        let line =
            DeadLetter { position: 30, lines, reason: "why", content, file: None }.to_line(None);
        assert!(line.starts_with(b"{\"line\":5,\"last_line\":9,\"position\":30,"));
        assert_eq!(Letter::read(&line), Ok(event("k", b"1", None)));
    }

    #[test]
    fn what_is_no_dead_letter_is_said() {
        for (line, said) in [
            ("wrong", "not a dead letter: expected value"),
            ("{}", "neither `payload` nor `event`"),
            (r#"{"payload":"x"}"#, "needs a `key`"),
            (r#"{"payload":"x","key":""}"#, "needs a `key`"),
            (r#"{"payload":"x","key":7}"#, "invalid type: integer `7`"),
            (r#"{"payload":{},"key":"k"}"#, "invalid type: map"),
            (r#"{"payload":"x","event":"y","key":"k"}"#, "both `payload` and `event`"),
            (r#"{"event":"y","key":"k"}"#, "a `key` belongs to a `payload`"),
            (r#"{"event":"y","event_base64":"eQ=="}"#, "both `event` and `event_base64`"),
            (r#"{"event_base64":"?"}"#, "`event_base64` is not base64"),
            (r#"{"payload":"x","key":"k","at":"noon"}"#, "`at` is \"noon\""),
        ] {
            let reason = Letter::read(line.as_bytes()).unwrap_err();
            assert!(reason.contains(said), "{line}: {reason}");
        }
    }

    fn event(key: &str, payload: &[u8], at: Option<u64>) -> Letter {
        Letter::Event { key: key.to_owned(), payload: payload.to_vec(), at }
    }
}
