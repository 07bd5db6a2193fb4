//! Runs of events, and how a run's framing is converted to another.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};

use crate::error::Problem;
use crate::time::Timestamp;

/// What separates the events of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Nothing.
    Bare,
    /// A line feed after each event.
    Newline,
}

impl Framing {
    fn separator_len(self) -> usize {
        match self {
            Framing::Bare => 0,
            Framing::Newline => 1,
        }
    }
}

/// Consecutive events with one key, contiguous in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Run {
    key: String,
    first: u64,
    at: Option<Timestamp>,
    payload: Bytes,
    /// The end offsets of the events of the run that this one was cut from.
    ends: Arc<Vec<u32>>,
    /// The events among them that belong to this run.
    window: Range<usize>,
    framing: Framing,
}

impl Run {
    /// A validated run.
    ///
    /// # Errors
    ///
    /// If `ends` decreases, or its last element is not the length of the payload, or an event lacks
    /// its line feed, or the positions do not fit into 64 bits.
    pub fn new(
        key: String,
        first: u64,
        payload: Bytes,
        ends: Vec<u32>,
        framing: Framing,
    ) -> Result<Run, Problem> {
        let last = ends.last().copied().unwrap_or_default();
        if last as usize != payload.len() {
            let len = payload.len();
            let message = format!("the last end is {last}, but the payload has {len} bytes");
            return Err(Problem::new("boundaries", message));
        }
        if let Some(fall) = ends.windows(2).find(|pair| pair[0] > pair[1]) {
            let message = format!("{} after {}, but ends never fall", fall[1], fall[0]);
            return Err(Problem::new("boundaries", message));
        }
        if first.checked_add(ends.len() as u64).is_none() {
            let message = format!("{first} leaves no room for {} events", ends.len());
            return Err(Problem::new("first", message));
        }
        let window = 0..ends.len();
        let run = Run { key, first, at: None, payload, ends: Arc::new(ends), window, framing };
        let unended = |event: &[u8]| framing == Framing::Newline && event.last() != Some(&b'\n');
        if let Some(index) = run.framed().position(unended) {
            let message = format!("event {index} of the run does not end in a line feed");
            return Err(Problem::new("framing", message));
        }
        Ok(run)
    }

    /// A run of `events` lines, which end at the line feeds of the payload.
    ///
    /// # Errors
    ///
    /// If the payload has another number of line feeds, or does not end in one, or is not framed by
    /// them, or the positions do not fit into 64 bits.
    pub fn lines(
        key: String,
        first: u64,
        payload: Bytes,
        lines: u32,
        framing: Framing,
    ) -> Result<Run, Problem> {
        let wrong = |message| Err(Problem::new("boundaries", message));
        if framing != Framing::Newline {
            return wrong("`lines` is for the framing `newline`, and this is `bare`".to_owned());
        }
        let mut ends = Vec::with_capacity((lines as usize).min(payload.len()));
        ends.extend(memchr::memchr_iter(b'\n', &payload).map(|at| at as u32 + 1));
        if ends.len() != lines as usize {
            let found = ends.len();
            return wrong(format!("{lines} lines, but the payload has {found} line feeds"));
        }
        Run::new(key, first, payload, ends, framing)
    }

    /// The same run, with the time at which its first event happened.
    pub fn happened(self, at: Option<Timestamp>) -> Run {
        Run { at, ..self }
    }

    /// When the first event happened, if the caller set it.
    pub fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// The key of the events.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The position of the first event.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The position after the last event.
    pub fn next(&self) -> u64 {
        self.first + self.events()
    }

    /// The number of events.
    pub fn events(&self) -> u64 {
        self.count() as u64
    }

    /// The number of events, as a size in memory.
    pub(crate) fn count(&self) -> usize {
        self.ends().len()
    }

    /// The length of the payload in bytes.
    pub fn len(&self) -> u64 {
        self.payload.len() as u64
    }

    /// Whether the payload is empty. The run may still have events, all of them empty.
    pub fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }

    /// The first `events` events, or all if there are fewer. The payload is shared.
    pub fn front(&self, events: usize) -> Run {
        let mut front = self.clone();
        let count = events.min(self.window.len());
        front.payload.truncate(self.len_of(count));
        front.window.end = self.window.start + count;
        front
    }

    /// Removes the first `events` events, or all if there are fewer.
    pub fn skip(&mut self, events: usize) {
        let count = events.min(self.window.len());
        self.payload.advance(self.len_of(count));
        self.window.start += count;
        self.first += count as u64;
    }

    /// Removes and returns the first `events` events, or all if there are fewer.
    pub fn take_front(&mut self, events: usize) -> Run {
        let front = self.front(events);
        self.skip(events);
        front
    }

    /// The length of the first `events` events in the payload, in bytes.
    fn len_of(&self, events: usize) -> usize {
        let end = events.checked_sub(1).map_or(self.base(), |last| self.ends()[last]);
        (end - self.base()) as usize
    }

    /// The offset of the first event, in the units of `ends`.
    fn base(&self) -> u32 {
        self.window.start.checked_sub(1).map_or(0, |last| self.ends[last])
    }

    fn ends(&self) -> &[u32] {
        &self.ends[self.window.clone()]
    }

    /// The events without their separators.
    pub(crate) fn bare(&self) -> impl Iterator<Item = &[u8]> {
        let separator = self.framing.separator_len();
        self.framed().map(move |event| &event[..event.len() - separator])
    }

    /// The length of the events without their separators, in bytes.
    pub(crate) fn bare_len(&self) -> usize {
        self.payload.len() - self.count() * self.framing.separator_len()
    }

    /// The payload in the framing `wanted`. It is shared if the framing stays the same and the run
    /// is whole. A part of a run is copied, since a slice would keep the memory of the whole run.
    pub fn into_payload(self, wanted: Framing) -> Bytes {
        match (self.framing, wanted) {
            (Framing::Bare, Framing::Newline) => {
                let mut payload = Vec::with_capacity(self.payload.len() + self.count());
                for event in self.framed() {
                    payload.extend_from_slice(event);
                    payload.push(b'\n');
                }
                payload.into()
            }
            (Framing::Newline, Framing::Bare) => {
                let mut payload = Vec::with_capacity(self.bare_len());
                self.bare().for_each(|event| payload.extend_from_slice(event));
                payload.into()
            }
            _ if self.window.len() < self.ends.len() => Bytes::copy_from_slice(&self.payload),
            (Framing::Bare, Framing::Bare) | (Framing::Newline, Framing::Newline) => self.payload,
        }
    }

    /// The events with their separators.
    fn framed(&self) -> impl Iterator<Item = &[u8]> {
        let base = self.base();
        let ends = self.ends().iter().map(move |end| (end - base) as usize);
        let starts = std::iter::once(0).chain(ends.clone());
        starts.zip(ends).map(|(start, end)| &self.payload[start..end])
    }
}

/// Omits the payload: it is the user's data.
impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Run { key, first, framing, .. } = self;
        let (events, len) = (self.events(), self.len());
        write!(f, "Run({key:?} from {first}: {events} events, {len} bytes, {framing:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(payload: &'static [u8], ends: &[u32], framing: Framing) -> Result<Run, Problem> {
        Run::new("k".to_owned(), 7, Bytes::from_static(payload), ends.to_vec(), framing)
    }

    #[test]
    fn the_same_framing_keeps_the_same_memory() {
        let run = run(b"a\nbc\n", &[2, 5], Framing::Newline).expect("a run");
        let before = run.payload.as_ptr();
        assert_eq!(run.into_payload(Framing::Newline).as_ptr(), before);
    }

    #[test]
    fn the_ends_of_lines_are_found() {
        let lines = |payload: &'static [u8], lines, framing| {
            Run::lines("k".to_owned(), 7, Bytes::from_static(payload), lines, framing)
        };
        let found = lines(b"a\n\nbc\n", 3, Framing::Newline).expect("a run");
        assert_eq!(Ok(found), run(b"a\n\nbc\n", &[2, 3, 6], Framing::Newline));
        assert_eq!(lines(b"", 0, Framing::Newline).map(|run| run.events()), Ok(0));
        for (payload, count, framing, said) in [
            (&b"a\nb\n"[..], 1, Framing::Newline, "1 lines, but the payload has 2 line feeds"),
            (b"a\nb\n", u32::MAX, Framing::Newline, "4294967295 lines, but the payload has 2"),
            (b"a\nb", 1, Framing::Newline, "the last end is 2, but the payload has 3 bytes"),
            (b"a\n", 1, Framing::Bare, "`lines` is for the framing `newline`"),
        ] {
            let problem = lines(payload, count, framing).expect_err(said);
            assert_eq!(problem.field, "boundaries");
            assert!(problem.message.starts_with(said), "{}", problem.message);
        }
    }

    #[test]
    fn a_piece_of_a_run_keeps_no_more_in_memory_than_itself() {
        let payload = Bytes::from(b"a\nb\nc\n".to_vec());
        let run = Run::new("k".to_owned(), 0, payload.clone(), vec![2, 4, 6], Framing::Newline);
        let mut rest = run.expect("a run");
        let front = rest.take_front(1).into_payload(Framing::Newline);
        let rest = rest.into_payload(Framing::Newline);
        assert_eq!((&front[..], &rest[..]), (&b"a\n"[..], &b"b\nc\n"[..]));
        assert!(payload.is_unique());
    }

    #[test]
    fn separators_are_added_and_stripped_event_by_event() {
        let bare = run(b"abc", &[1, 1, 3], Framing::Bare).expect("a run");
        assert_eq!(bare.into_payload(Framing::Newline), "a\n\nbc\n");
        let lines = run(b"a\n\nb\nc\n", &[2, 3, 7], Framing::Newline).expect("a run");
        assert_eq!(lines.into_payload(Framing::Bare), "ab\nc", "an inner line feed is data");
    }

    #[test]
    fn a_run_is_taken_apart_from_the_front() {
        let mut rest = run(b"a\nbc\n\nd\n", &[2, 5, 6, 8], Framing::Newline).expect("a run");
        let front = rest.take_front(2);
        assert_eq!((front.first(), front.next(), rest.first(), rest.next()), (7, 9, 9, 11));
        assert_eq!((front.len(), rest.len()), (5, 3));
        let middle = rest.take_front(1);
        assert_eq!(middle.into_payload(Framing::Bare), "");
        assert_eq!(rest.clone().into_payload(Framing::Bare), "d");
        assert_eq!(front.into_payload(Framing::Bare), "abc");
        assert_eq!((rest.take_front(9).events(), rest.events()), (1, 0), "no more than there are");
    }

    #[test]
    fn what_is_no_run_is_refused_with_the_field() {
        let cases = [
            (run(b"abc", &[1, 2], Framing::Bare), "boundaries"),
            (run(b"abc", &[], Framing::Bare), "boundaries"),
            (run(b"abc", &[2, 1, 3], Framing::Bare), "boundaries"),
            (run(b"a\nb", &[2, 3], Framing::Newline), "framing"),
            (run(b"\n", &[0, 1], Framing::Newline), "framing"),
        ];
        for (i, (run, field)) in cases.into_iter().enumerate() {
            assert_eq!(run.expect_err("not a run").field, field, "case {i}");
        }
        let far = Run::new("k".into(), u64::MAX, Bytes::new(), vec![0], Framing::Bare);
        assert_eq!(far.expect_err("too far").field, "first");
    }
}
