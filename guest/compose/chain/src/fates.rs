//! Which key an event had before the transform, and which after: a sink reports failures by the
//! keys that it was given, and the caller knows its own.
//!
//! Kept of every event until it is durable, also in the state of a checkpoint. Neighbours with the
//! same keys take one entry together.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;

use crate::bindings::spillway::sink::types::{Error, Failure, Rejection, Run};
use crate::outcome::positions;

/// What became of the events that are not durable.
#[derive(Default)]
pub(crate) struct Fates(VecDeque<Fate>);

/// What became of events that follow each other.
struct Fate {
    positions: Range<u64>,
    /// The key that the caller gave.
    key: Rc<str>,
    /// The key that the sink was given; nothing where the events were dropped.
    sunk: Option<Rc<str>>,
}

impl Fates {
    /// The sink took `runs`, which the transform made of `batch`; the rejected ones are gone.
    pub(crate) fn add(&mut self, batch: &[Run], runs: &[Run], rejected: &[Rejection]) {
        let mut runs = runs.iter().peekable();
        let mut rejected = rejected.iter().map(|rejection| rejection.position).peekable();
        for run in batch {
            let Range { mut start, end } = positions(run);
            let key: Rc<str> = run.key.as_str().into();
            while start < end {
                while runs.next_if(|run| positions(run).end <= start).is_some() {}
                while rejected.next_if(|position| *position < start).is_some() {}
                if rejected.next_if_eq(&start).is_some() {
                    start += 1;
                    continue;
                }
                let to = end.min(rejected.peek().copied().unwrap_or(end));
                let (sunk, to) = match runs.peek() {
                    Some(run) if run.first <= start => {
                        (Some(run.key.as_str()), to.min(positions(run).end))
                    }
                    Some(run) => (None, to.min(run.first)),
                    None => (None, to),
                };
                self.push(start..to, &key, sunk);
                start = to;
            }
        }
    }

    fn push(&mut self, positions: Range<u64>, key: &Rc<str>, sunk: Option<&str>) {
        if let Some(last) = self.0.back_mut()
            && (last.positions.end, &last.key, last.sunk.as_deref()) == (positions.start, key, sunk)
        {
            last.positions.end = positions.end;
            return;
        }
        let same = |sunk: &str| if **key == *sunk { key.clone() } else { sunk.into() };
        self.0.push_back(Fate { positions, key: key.clone(), sunk: sunk.map(same) });
    }

    /// Everything before `durable` is stored, or was reported.
    pub(crate) fn forget(&mut self, durable: u64) {
        while self.0.front().is_some_and(|fate| fate.positions.end <= durable) {
            self.0.pop_front();
        }
    }

    /// A failure by the keys of the caller. It ends where an event of the same key had another
    /// fate, for a failure is of every event of its key.
    pub(crate) fn told(&self, failure: Failure) -> Vec<Failure> {
        let mut told: Vec<Failure> = Vec::new();
        // For each key, the failure that more events may be added to.
        let mut open: BTreeMap<&str, usize> = BTreeMap::new();
        let from = self.0.partition_point(|fate| fate.positions.end <= failure.first);
        for Fate { positions, key, sunk } in self.0.range(from..) {
            let first = positions.start.max(failure.first);
            let last = (positions.end - 1).min(failure.last);
            if first > failure.last {
                break;
            }
            let events = last - first + 1;
            if sunk.as_deref() != Some(failure.key.as_str()) {
                open.remove(&**key);
            } else if let Some(index) = open.get(&**key) {
                let more = &mut told[*index];
                (more.last, more.events) = (last, more.events + events);
            } else {
                open.insert(key, told.len());
                told.push(Failure { key: (**key).into(), first, last, events, ..failure.clone() });
            }
        }
        // Where a sink reports what it was not given, its host is to see just that.
        if told.is_empty() { vec![failure] } else { told }
    }

    /// The bytes of a checkpoint: this, and the state of the sink.
    pub(crate) fn before(&self, state: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend((self.0.len() as u64).to_le_bytes());
        for Fate { positions, key, sunk } in &self.0 {
            bytes.extend(positions.start.to_le_bytes());
            bytes.extend((positions.end - positions.start).to_le_bytes());
            text(&mut bytes, Some(key));
            text(&mut bytes, sunk.as_deref().filter(|sunk| *sunk != &**key));
            bytes.push(u8::from(sunk.is_some()));
        }
        bytes.extend(state);
        bytes
    }

    /// What [`before`](Fates::before) joined.
    pub(crate) fn split(bytes: &[u8]) -> Result<(Fates, &[u8]), Error> {
        let unknown = || Error::UnknownState("it is not the state of a chain".to_owned());
        read(bytes).ok_or_else(unknown)
    }
}

fn read(bytes: &[u8]) -> Option<(Fates, &[u8])> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    let mut fates = Fates::default();
    for _ in 0..number(&mut rest)? {
        let start = number(&mut rest)?;
        let end = start.checked_add(number(&mut rest)?)?;
        let key: Rc<str> = read_text(&mut rest)??;
        let other = read_text(&mut rest)?;
        let (is_sunk, more) = rest.split_first()?;
        rest = more;
        let sunk = (*is_sunk == 1).then(|| other.unwrap_or_else(|| key.clone()));
        fates.0.push_back(Fate { positions: start..end, key, sunk });
    }
    Some((fates, rest))
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (number, more) = rest.split_first_chunk()?;
    *rest = more;
    Some(u64::from_le_bytes(*number))
}

/// A text with its length before it; no text has the length `u32::MAX`.
fn text(bytes: &mut Vec<u8>, text: Option<&str>) {
    let length = text.map_or(u32::MAX, |text| text.len() as u32);
    bytes.extend(length.to_le_bytes());
    bytes.extend(text.unwrap_or_default().as_bytes());
}

fn read_text(rest: &mut &[u8]) -> Option<Option<Rc<str>>> {
    let (length, more) = rest.split_first_chunk()?;
    let length = u32::from_le_bytes(*length);
    if length == u32::MAX {
        *rest = more;
        return Some(None);
    }
    let (text, more) = more.split_at_checked(length as usize)?;
    *rest = more;
    Some(Some(std::str::from_utf8(text).ok()?.into()))
}

const MAGIC: &[u8] = b"SPILLWAY CHAIN 1\n";
