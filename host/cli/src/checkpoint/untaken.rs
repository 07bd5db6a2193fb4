//! Events before the place of a checkpoint that its state does not have.
//!
//! ```text
//! number of runs as read, u32 | these runs | number of runs for the sink, u32 | these runs
//! ```
//!
//! A run is:
//!
//! ```text
//! position, u64 | time, u64 | flags, u8 | bytes of the key, of the payload, and events, u32 each
//! key | where each event ends, u32 | payload
//! ```

use super::format::Unread;
use crate::batch::{Framing, Run};

/// Events before the place of a checkpoint that a sink was too full for. The run that goes on
/// from there gives them to the sink before any others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untaken {
    /// The events as they were read, by rising positions. There is at least one.
    pub read: Vec<Run>,
    /// What the transforms made of them, for the sink. `None` where that is the same.
    pub sunk: Option<Vec<Run>>,
}

impl Untaken {
    /// The position of the first of them.
    pub fn first(&self) -> u64 {
        self.read.first().map_or(0, |run| run.first)
    }

    /// How many they are.
    pub fn events(&self) -> u64 {
        self.read.iter().map(|run| run.ends.len() as u64).sum()
    }

    /// As bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for runs in [&self.read, self.sunk.as_ref().unwrap_or(&Vec::new())] {
            bytes.extend((runs.len() as u32).to_le_bytes());
            runs.iter().for_each(|run| write(run, &mut bytes));
        }
        bytes
    }

    /// Of bytes. Nothing where they are damaged.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Untaken> {
        let mut unread = Unread(bytes);
        let (read, sunk) = (runs(&mut unread)?, runs(&mut unread)?);
        let is_whole = !read.is_empty() && unread.0.is_empty();
        is_whole.then(|| Untaken { read, sunk: Some(sunk).filter(|sunk| !sunk.is_empty()) })
    }
}

fn write(run: &Run, bytes: &mut Vec<u8>) {
    let Run { key, first, at, payload, ends, framing } = run;
    let has_time = if at.is_some() { HAS_TIME } else { 0 };
    let newline = if *framing == Framing::Newline { NEWLINE } else { 0 };
    bytes.extend(first.to_le_bytes());
    bytes.extend(at.unwrap_or(0).to_le_bytes());
    bytes.push(has_time | newline);
    for length in [key.len(), payload.len(), ends.len()] {
        // A run has at most 4 GiB, and its key is shorter.
        bytes.extend((length as u32).to_le_bytes());
    }
    bytes.extend(key.as_bytes());
    bytes.extend(ends.iter().flat_map(|end| end.to_le_bytes()));
    bytes.extend(payload);
}

fn runs(unread: &mut Unread<'_>) -> Option<Vec<Run>> {
    let count = unread.take().map(u32::from_le_bytes)?;
    (0..count).map(|_| run(unread)).collect()
}

fn run(unread: &mut Unread<'_>) -> Option<Run> {
    let first = unread.take().map(u64::from_le_bytes)?;
    let at = unread.take().map(u64::from_le_bytes)?;
    let [flags] = unread.take()?;
    let mut length = || unread.take().map(|bytes| u32::from_le_bytes(bytes) as usize);
    let (key, payload, events) = (length()?, length()?, length()?);
    let key = String::from_utf8(unread.bytes(key)?.to_vec()).ok()?;
    let (ends, rest) = unread.bytes(events.checked_mul(4)?)?.as_chunks();
    debug_assert!(rest.is_empty(), "four bytes each");
    let ends: Vec<u32> = ends.iter().map(|end| u32::from_le_bytes(*end)).collect();
    let payload = unread.bytes(payload)?.to_vec();
    let is_whole = ends.is_sorted() && ends.last().copied() == u32::try_from(payload.len()).ok();
    let framing = if flags & NEWLINE == 0 { Framing::Bare } else { Framing::Newline };
    let at = (flags & HAS_TIME != 0).then_some(at);
    is_whole.then_some(Run { key, first, at, payload, ends, framing })
}

const HAS_TIME: u8 = 1;
const NEWLINE: u8 = 2;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let changed = untaken();
        let unchanged = Untaken { sunk: None, ..untaken() };
        assert_eq!((changed.first(), changed.events()), (7, 3));
        for untaken in [changed, unchanged] {
            assert_eq!(Untaken::of_bytes(&untaken.to_bytes()), Some(untaken));
        }
    }

    #[test]
    fn what_is_no_such_thing_is_told() {
        let bytes = untaken().to_bytes();
        for length in 0..bytes.len() {
            assert_eq!(Untaken::of_bytes(&bytes[..length]), None, "{length}");
        }
        assert_eq!(Untaken::of_bytes(&[&bytes[..], b"x"].concat()), None);
        assert_eq!(Untaken::of_bytes(&[0; 8]), None, "there is an event");
        let ends = |ends: &[u32]| {
            let mut untaken = untaken();
            untaken.read[0].ends = ends.to_vec();
            Untaken::of_bytes(&untaken.to_bytes())
        };
        assert!(ends(&[4, 8]).is_some());
        for wrong in [&[][..], &[4], &[9], &[8, 4], &[4, 9]] {
            assert_eq!(ends(wrong), None, "{wrong:?}");
        }
    }

    pub(in crate::checkpoint) fn untaken() -> Untaken {
        let run = |key: &str, first, at, text: &str, ends: &[u32], framing| Run {
            key: key.to_owned(),
            first,
            at,
            payload: text.as_bytes().to_vec(),
            ends: ends.to_vec(),
            framing,
        };
        Untaken {
            read: vec![
                run("é", 7, Some(u64::MAX), "one\ntwo\n", &[4, 8], Framing::Newline),
                run("", 12, None, "", &[0], Framing::Bare),
            ],
            sunk: Some(vec![run("k", 8, None, "TWO", &[3], Framing::Bare)]),
        }
    }
}
