//! Places in an input of which a line may be several events.
//!
//! Every event has a position. A line takes as many of them as it has events, and one where it has
//! none: where no line has several, a position is the number of lines before it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::source::Start;

/// A place in an input: before a line, or between two of its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Where the line begins.
    pub start: Start,
    /// Position of the line's first event.
    pub position: u64,
    /// How many events of the line lie before the place: fewer than it has.
    pub taken: u64,
}

impl Place {
    /// Position of the event behind the place.
    pub fn next_position(&self) -> u64 {
        self.position + self.taken
    }

    /// The line that it lies in, or before.
    pub fn line_start(&self) -> LineStart {
        LineStart { line: self.start.line, position: self.position }
    }
}

/// The beginning of a line, without its offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineStart {
    /// How many lines the input has before it.
    pub line: u64,
    /// Position of its first event.
    pub position: u64,
}

/// A line that has several events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Several {
    /// How many lines the input has before it.
    pub line: u64,
    /// How many events it has.
    pub events: u64,
    /// What the expressions took for the time, if they asked: nanoseconds since 1970.
    pub now: Option<u64>,
}

/// Where the lines of a batch begin.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LineStarts(Vec<Stretch>);

/// Consecutive lines.
#[derive(Debug, PartialEq, Eq)]
struct Stretch {
    from: Start,
    /// Where each ends, in bytes behind the beginning of the first; nothing of a single one.
    ends: Vec<u32>,
    to: Start,
}

impl LineStarts {
    /// Lines that begin at `from`, each of which ends so many bytes behind that, and the last at
    /// `end` of the input.
    pub(crate) fn add(&mut self, from: Start, ends: Vec<u32>, end: u64) {
        let to = Start { line: from.line + ends.len().max(1) as u64, offset: end };
        self.0.push(Stretch { from, ends, to });
    }

    /// Where the line begins that has so many lines before it. The one behind the last is known,
    /// too.
    pub(crate) fn start(&self, line: u64) -> Option<Start> {
        let index = self.0.partition_point(|stretch| stretch.to.line < line);
        let Stretch { from, ends, to } = self.0.get(index)?;
        let before = line.checked_sub(from.line)?;
        let offset = match before.checked_sub(1) {
            None => from.offset,
            Some(_) if line == to.line => to.offset,
            Some(last) => from.offset + u64::from(*ends.get(last as usize)?),
        };
        Some(Start { line, offset })
    }
}

/// The first events of a line, of which others were not taken yet.
///
/// Whoever goes on behind them maps the line once more. That these come out again is proven by
/// their digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// How many they are.
    pub events: u64,
    /// What the expressions took for the time, if they asked: nanoseconds since 1970.
    pub now: Option<u64>,
    /// A SHA-256 over the digest without the last of them, and that one's key and payload.
    #[serde(with = "hexadecimal")]
    digest: [u8; 32],
}

impl Begun {
    /// Nothing of a line that was mapped at this time.
    pub fn at(now: Option<u64>) -> Begun {
        Begun { now, ..Begun::default() }
    }

    /// The next event was taken as well.
    pub fn add(&mut self, key: &str, payload: &[u8]) {
        let mut digest = Sha256::new_with_prefix(self.digest);
        for part in [key.as_bytes(), payload] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        self.digest = digest.finalize().into();
        self.events += 1;
    }
}

mod hexadecimal {
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(
        digest: &[u8; 32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let wrong = || D::Error::custom("no SHA-256 in hexadecimal");
        let byte = |pair: &[u8; 2]| {
            let digits = str::from_utf8(pair).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        let bytes = bytes.filter(|_| rest.is_empty()).ok_or_else(wrong)?;
        bytes.try_into().map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_events_have_the_same_digest_and_others_do_not() {
        let begun = |events: &[(&str, &str)]| {
            let mut begun = Begun::at(None);
            events.iter().for_each(|(key, payload)| begun.add(key, payload.as_bytes()));
            begun
        };
        let events = [("a", "1"), ("b", "2")];
        assert_eq!(begun(&events), begun(&events));
        assert_eq!(begun(&events).events, 2);
        for others in [
            &[("a", "1"), ("b", "3")][..],
            &[("a", "1"), ("a", "2")],
            &[("b", "2"), ("a", "1")],
            // The same bytes, parted otherwise.
            &[("a1", ""), ("b", "2")],
            &[("a", "1b"), ("", "2")],
        ] {
            assert_ne!(begun(others), begun(&events), "{others:?}");
        }
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let mut begun = Begun::at(Some(1_777_631_400_000_000_001));
        begun.add("k", b"payload");
        let json = serde_json::to_string(&begun).unwrap();
        assert_eq!(serde_json::from_str::<Begun>(&json).unwrap(), begun);
        for wrong in ["", "00", &"g".repeat(64), &"0".repeat(65), &"é".repeat(32)] {
            let json = format!("{{\"events\":1,\"now\":null,\"digest\":\"{wrong}\"}}");
            assert!(serde_json::from_str::<Begun>(&json).is_err(), "{wrong}");
        }
    }
}
