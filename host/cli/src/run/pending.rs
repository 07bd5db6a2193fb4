//! Which events the sink has taken and not stored yet: a run that fails says which lines they are.
//!
//! Events are kept as spans of one key each. An input with one key is one span, however long it is.
//! Where keys alternate with every event, a span is one event, so their number is limited: of more
//! than [`SPANS_MAX`] the older half is forgotten. What was lost is then only known to lie between
//! two lines.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::iter::Peekable;
use std::ops::Range;

use crate::batch::end;
use spillway::contract::{Failure, Rejection, Run, VisibleObject};

/// The events that the sink has taken and not stored yet.
pub(super) struct Pending {
    /// By rising positions.
    spans: VecDeque<Span>,
    /// The visible objects that end behind `durable`.
    stored: Vec<Stored>,
    durable: u64,
    /// All events from this position on are in `spans`.
    known_from: u64,
    spans_max: usize,
    hashes: RandomState,
}

/// Events of one key at consecutive positions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    /// A hash of the key: 64 bits with a seed of this process, so that two keys never meet.
    key: u64,
    positions: Range<u64>,
}

struct Stored {
    key: u64,
    positions: Range<u64>,
    events: u64,
}

impl Pending {
    /// Nothing yet. Earlier runs took the events before this position.
    pub(super) fn new(from: u64) -> Pending {
        Pending::with_spans_max(from, SPANS_MAX)
    }

    fn with_spans_max(from: u64, spans_max: usize) -> Pending {
        Pending {
            spans: VecDeque::new(),
            stored: Vec::new(),
            durable: from,
            known_from: from,
            spans_max,
            hashes: RandomState::new(),
        }
    }

    /// The sink took these runs, but for the rejections, whose positions rise. They may be of other
    /// events, too.
    pub(super) fn add(&mut self, runs: &[Run], rejections: &[Rejection]) {
        let mut rejected = rejections.iter().map(|rejection| rejection.position).peekable();
        for run in runs {
            let (key, end) = (self.hash(&run.key), end(run));
            self.push_but(key, run.first..end, &mut rejected);
        }
    }

    /// The sink rejected events that were added, by rising positions.
    pub(super) fn remove(&mut self, rejections: &[Rejection]) {
        let mut rejected = rejections.iter().map(|rejection| rejection.position).peekable();
        let Some(first) = rejected.peek() else { return };
        let before = self.spans.partition_point(|span| span.positions.end <= *first);
        for Span { key, positions } in self.spans.split_off(before) {
            self.push_but(key, positions, &mut rejected);
        }
    }

    /// Adds events but for those that were rejected.
    fn push_but(
        &mut self,
        key: u64,
        positions: Range<u64>,
        rejected: &mut Peekable<impl Iterator<Item = u64>>,
    ) {
        let mut from = positions.start;
        while let Some(position) = rejected.next_if(|position| *position < positions.end) {
            self.push(key, from..position);
            from = from.max(position + 1);
        }
        self.push(key, from..positions.end);
    }

    fn push(&mut self, key: u64, positions: Range<u64>) {
        if positions.is_empty() {
            return;
        }
        match self.spans.back_mut() {
            Some(last) if last.key == key && last.positions.end == positions.start => {
                last.positions.end = positions.end;
            }
            _ => self.spans.push_back(Span { key, positions }),
        }
        if self.spans.len() > self.spans_max {
            self.spans.drain(..self.spans_max / 2);
            self.known_from = self.spans[0].positions.start;
        }
    }

    /// An object became visible.
    pub(super) fn store(&mut self, object: &VisibleObject) {
        let VisibleObject { key, first, last, events, .. } = object;
        let positions = *first..last.saturating_add(1);
        if positions.end <= self.durable {
            // Earlier runs took its events.
            return;
        }
        self.stored.push(Stored { key: self.hash(key), positions, events: *events });
    }

    /// Every event before this position is stored, rejected or reported failed.
    pub(super) fn settle(&mut self, durable: u64) {
        // Most often an older object is still open, and nothing has changed.
        if durable <= self.durable {
            return;
        }
        self.durable = durable;
        self.stored.retain(|stored| stored.positions.end > durable);
        // The events of a visible object are counted as a whole.
        let begun = self.stored.iter().map(|stored| stored.positions.start).min();
        let needed = begun.map_or(durable, |begun| begun.min(durable));
        while self.spans.front().is_some_and(|span| span.positions.end <= needed) {
            self.spans.pop_front();
        }
    }

    /// The positions of events that were just reported failed, before they are settled. Nothing
    /// where that is not known.
    pub(super) fn failed<'a>(
        &self,
        failures: impl IntoIterator<Item = &'a Failure>,
    ) -> Option<Vec<Range<u64>>> {
        let mut of_key: HashMap<u64, Vec<Range<u64>>> = HashMap::new();
        for Failure { key, first, last, .. } in failures {
            if *first < self.known_from {
                return None;
            }
            of_key.entry(self.hash(key)).or_default().push(*first..last.saturating_add(1));
        }
        let mut found = Vec::new();
        for span in &self.spans {
            let failed = of_key.get(&span.key).into_iter().flatten();
            found.extend(failed.map(|failed| both(failed, &span.positions)));
        }
        found.retain(|positions| !positions.is_empty());
        Some(found)
    }

    /// The positions of all events that are not stored. Nothing where that is not known: more spans
    /// than are kept, or objects of one key that alternate.
    pub(super) fn lost(&self) -> Option<Vec<Range<u64>>> {
        if self.durable < self.known_from {
            return None;
        }
        let mut of_key: HashMap<u64, Vec<(&Stored, u64)>> = HashMap::new();
        for stored in &self.stored {
            of_key.entry(stored.key).or_default().push((stored, 0));
        }
        let mut lost = Vec::new();
        for Span { key, positions } in &self.spans {
            let mut from = positions.start.max(self.durable);
            let objects = of_key.get_mut(key).map(Vec::as_mut_slice).unwrap_or_default();
            objects.sort_by_key(|(stored, _)| stored.positions.start);
            for (stored, seen) in objects {
                let stored = both(&stored.positions, positions);
                *seen += stored.end - stored.start;
                if !stored.is_empty() {
                    lost.push(from..stored.start);
                    from = from.max(stored.end);
                }
            }
            lost.push(from..positions.end);
        }
        let is_whole = |(stored, seen): &(&Stored, u64)| stored.events == *seen;
        lost.retain(|positions| !positions.is_empty());
        of_key.values().flatten().all(is_whole).then_some(lost)
    }

    fn hash(&self, key: &str) -> u64 {
        self.hashes.hash_one(key)
    }
}

/// What lies in both; empty, but never reversed, where nothing does.
fn both(one: &Range<u64>, other: &Range<u64>) -> Range<u64> {
    let start = one.start.max(other.start);
    start..one.end.min(other.end).max(start)
}

/// Spans take 24 bytes each.
const SPANS_MAX: usize = 1 << 20;

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one range is what is meant")]
mod tests {
    use super::*;
    use spillway::contract::{Boundaries, Error, Framing, Payload};

    #[test]
    fn one_key_is_one_span() {
        let mut pending = Pending::new(0);
        for first in 0..100 {
            pending.add(&[run("a", first, 1)], &[]);
        }
        assert_eq!(pending.spans.len(), 1);
        assert_eq!(pending.lost(), Some(vec![0..100]));
        pending.settle(40);
        assert_eq!(pending.lost(), Some(vec![40..100]));
        pending.settle(100);
        assert_eq!((pending.lost(), pending.spans.len()), (Some(vec![]), 0));
    }

    #[test]
    fn what_is_visible_or_rejected_is_not_lost() {
        let mut pending = Pending::new(0);
        pending.add(&[run("a", 0, 3), run("b", 3, 2), run("a", 5, 3)], &[rejected(1)]);
        assert_eq!(pending.lost(), Some(vec![0..1, 2..3, 3..5, 5..8]));
        pending.store(&visible("a", 0, 6, 4));
        assert_eq!(pending.lost(), Some(vec![3..5, 7..8]));
        pending.settle(3);
        assert_eq!(pending.lost(), Some(vec![3..5, 7..8]));
        pending.store(&visible("b", 3, 4, 2));
        pending.settle(7);
        assert_eq!(pending.lost(), Some(vec![7..8]));
        assert_eq!(pending.spans.len(), 1);
    }

    #[test]
    fn objects_of_earlier_runs_are_not_kept() {
        let mut pending = Pending::new(4);
        pending.add(&[run("a", 4, 2)], &[]);
        pending.store(&visible("a", 0, 3, 4));
        pending.settle(4);
        assert_eq!(pending.lost(), Some(vec![4..6]));
    }

    #[test]
    fn what_failed_is_found_by_its_key() {
        let mut pending = Pending::new(0);
        pending.add(&[run("a", 0, 2), run("b", 2, 2), run("a", 4, 2)], &[rejected(4)]);
        assert_eq!(pending.failed(&[failure("a", 1, 5)]), Some(vec![1..2, 5..6]));
        assert_eq!(
            pending.failed(&[failure("b", 2, 2), failure("a", 0, 0)]),
            Some(vec![0..1, 2..3])
        );
        let mut resumed = Pending::new(4);
        resumed.add(&[run("a", 4, 2)], &[]);
        assert_eq!(resumed.failed(&[failure("a", 3, 5)]), None);
        assert_eq!(resumed.failed(&[failure("a", 5, 5)]), Some(vec![5..6]));
    }

    #[test]
    fn what_is_rejected_later_was_not_taken() {
        let mut pending = Pending::new(0);
        pending.add(&[run("a", 0, 2), run("b", 2, 3), run("a", 5, 2)], &[rejected(0)]);
        pending.remove(&[]);
        pending.remove(&[rejected(3), rejected(4)]);
        assert_eq!(pending.lost(), Some(vec![1..2, 2..3, 5..7]));
        pending.settle(5);
        // Those of an earlier run are not known.
        pending.remove(&[rejected(1), rejected(5)]);
        assert_eq!(pending.lost(), Some(vec![6..7]));
    }

    #[test]
    fn objects_of_one_key_that_alternate_are_not_told_apart() {
        let mut pending = Pending::new(0);
        pending.add(&[run("a", 0, 6)], &[]);
        // Only three of these six events are in it.
        pending.store(&visible("a", 0, 5, 3));
        assert_eq!(pending.lost(), None);
    }

    #[test]
    fn of_too_many_spans_the_older_are_forgotten() {
        let mut pending = Pending::with_spans_max(0, 4);
        for first in 0..5 {
            pending.add(&[run(if first % 2 == 0 { "a" } else { "b" }, first, 1)], &[]);
        }
        assert_eq!((pending.spans.len(), pending.lost()), (3, None));
        pending.settle(2);
        assert_eq!(pending.lost(), Some(vec![2..3, 3..4, 4..5]));
    }

    fn run(key: &str, first: u64, events: u32) -> Run {
        Run {
            key: key.to_owned(),
            first,
            at: None,
            payload: Payload::Text("x".repeat(events as usize)),
            boundaries: Boundaries::At((1..=events).collect()),
            framing: Framing::Bare,
        }
    }

    fn rejected(position: u64) -> Rejection {
        Rejection { position, reason: "no".to_owned() }
    }

    fn visible(key: &str, first: u64, last: u64, events: u64) -> VisibleObject {
        let (key, object_key) = (key.to_owned(), key.to_owned());
        VisibleObject { key, object_key, first, last, events, bytes: 1, parts: 0 }
    }

    fn failure(key: &str, first: u64, last: u64) -> Failure {
        let (key, object_key) = (key.to_owned(), key.to_owned());
        let cause = Error::Denied("no".to_owned());
        Failure { key, object_key, begun: first, first, last, events: 1, cause }
    }
}
