//! Which key an event had before the transform, and which after: a sink reports failures by the
//! keys that it was given, and the caller knows its own.
//!
//! Kept until the events are durable, also in the state of a checkpoint. As long as one key of the
//! caller becomes one key of the sink, and no other one becomes that, a failure of the sink needs
//! its key exchanged and nothing else. Then a pair of keys is one entry, however the keys alternate
//! and whatever is dropped in between. Once a key has several others, its events are kept run by
//! run from there on, so that a failure can be divided among them.
//!
//! Events that the transform drops are kept nowhere. To the caller they are as if they had never
//! been there: a failure may reach over them, and does not count them.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;

use crate::bindings::spillway::sink::types::{Failure, Rejection, Run};
use crate::outcome::positions;

/// What became of the events that are not durable.
#[derive(Default)]
pub(crate) struct Fates {
    /// Everything before this position is stored, or was reported.
    pub(crate) durable: u64,
    keys: Vec<Key>,
    key_indices: BTreeMap<Rc<str>, u32>,
    pairs: Vec<Pair>,
    /// By the indices of their keys: that of the caller, that of the sink.
    pair_indices: BTreeMap<(u32, u32), u32>,
    /// The events of keys that have several others, by rising positions.
    pub(crate) runs: VecDeque<PairRun>,
    /// How many pairs were left when those of durable events were last removed.
    pairs_left: usize,
}

/// A key, of the caller or of the sink or of both.
struct Key {
    name: Rc<str>,
    given: Side,
    sunk: Side,
}

/// The pairs that a key is in, on one side of the transform.
#[derive(Clone, Copy, Default)]
struct Side {
    /// The position after the last event.
    end: u64,
    /// The last pair that had no other beside it.
    alone: Option<u32>,
}

/// A key that the caller gave, and one that the sink was given for it.
#[derive(Clone)]
pub(crate) struct Pair {
    /// The index of the caller's key.
    pub(crate) given: u32,
    /// The index of the sink's key.
    pub(crate) sunk: u32,
    /// Where neither key was in another pair: from the first event to after the last one.
    pub(crate) alone: Range<u64>,
    /// Whether that is so still. Otherwise further events are in `runs`.
    pub(crate) is_alone: bool,
    /// The position after the last event.
    pub(crate) end: u64,
}

/// Events of a pair that follow each other.
#[derive(Clone, Copy)]
pub(crate) struct PairRun {
    pub(crate) first: u64,
    pub(crate) events: u32,
    pub(crate) pair: u32,
}

impl PairRun {
    pub(crate) fn end(&self) -> u64 {
        self.first + u64::from(self.events)
    }
}

impl Fates {
    /// Those of a sink of which everything before `durable` is stored, or was reported.
    pub(crate) fn after(durable: u64) -> Fates {
        Fates { durable, ..Fates::default() }
    }

    /// The sink took the events of `runs` before position `until`, which the transform made of
    /// `batch`; the rejected ones are gone.
    pub(crate) fn add(&mut self, batch: &[Run], runs: &[Run], rejected: &[Rejection], until: u64) {
        let mut batch = batch.iter().peekable();
        let mut rejected = rejected.iter().map(|rejection| rejection.position).peekable();
        for run in runs {
            let Range { mut start, end } = positions(run);
            let end = end.min(until);
            while start < end {
                while rejected.next_if(|position| *position < start).is_some() {}
                if rejected.next_if_eq(&start).is_some() {
                    start += 1;
                    continue;
                }
                while batch.next_if(|given| positions(given).end <= start).is_some() {}
                // Each run is of the batch: that was checked.
                let Some(given) = batch.peek() else { return };
                let to = end.min(positions(given).end);
                let to = rejected.peek().map_or(to, |position| to.min(*position));
                self.push(start..to, &given.key, &run.key);
                start = to;
            }
        }
    }

    fn push(&mut self, Range { start, end }: Range<u64>, given: &str, sunk: &str) {
        let (given, sunk) = (self.key(given), self.key(sunk));
        let index = self.pair(given, sunk);
        if self.pairs[index as usize].end <= self.durable {
            // It begins, maybe again.
            let is_alone = self.parts(given, sunk);
            let pair = &mut self.pairs[index as usize];
            (pair.alone, pair.is_alone) = (start..start, is_alone);
            if is_alone {
                self.keys[given as usize].given.alone = Some(index);
                self.keys[sunk as usize].sunk.alone = Some(index);
            }
        }
        self.keys[given as usize].given.end = end;
        self.keys[sunk as usize].sunk.end = end;
        let pair = &mut self.pairs[index as usize];
        pair.end = end;
        if pair.is_alone {
            pair.alone.end = end;
            return;
        }
        let mut start = start;
        if let Some(last) = self.runs.back_mut()
            && (last.end(), last.pair) == (start, index)
        {
            let more = (end - start).min(u64::from(u32::MAX - last.events));
            last.events += more as u32;
            start += more;
        }
        if start < end {
            // A run has no more events than its `boundaries` can say.
            self.runs.push_back(PairRun {
                first: start,
                events: (end - start) as u32,
                pair: index,
            });
        }
    }

    /// Whether neither key is in a pair with events that are not durable. Those pairs are alone no
    /// longer.
    fn parts(&mut self, given: u32, sunk: u32) -> bool {
        let sides = [self.keys[given as usize].given, self.keys[sunk as usize].sunk];
        if sides.iter().all(|side| side.end <= self.durable) {
            return true;
        }
        for other in sides.iter().filter_map(|side| side.alone) {
            self.pairs[other as usize].is_alone = false;
        }
        false
    }

    /// The index of a key.
    pub(crate) fn key(&mut self, name: &str) -> u32 {
        if let Some(index) = self.key_indices.get(name) {
            return *index;
        }
        let (index, name) = (self.keys.len() as u32, Rc::<str>::from(name));
        self.key_indices.insert(name.clone(), index);
        self.keys.push(Key { name, given: Side::default(), sunk: Side::default() });
        index
    }

    /// The index of a pair.
    fn pair(&mut self, given: u32, sunk: u32) -> u32 {
        *self.pair_indices.entry((given, sunk)).or_insert_with(|| {
            self.pairs.push(Pair { given, sunk, alone: 0..0, is_alone: false, end: 0 });
            self.pairs.len() as u32 - 1
        })
    }

    /// Puts a pair back that was kept elsewhere, and returns its index.
    pub(crate) fn put(&mut self, pair: Pair) -> u32 {
        let index = self.pair(pair.given, pair.sunk);
        let Key { given, .. } = &mut self.keys[pair.given as usize];
        given.end = given.end.max(pair.end);
        given.alone = if pair.alone.is_empty() { given.alone } else { Some(index) };
        let Key { sunk, .. } = &mut self.keys[pair.sunk as usize];
        sunk.end = sunk.end.max(pair.end);
        sunk.alone = if pair.alone.is_empty() { sunk.alone } else { Some(index) };
        self.pairs[index as usize] = pair;
        index
    }

    /// Everything before `durable` is stored, or was reported.
    pub(crate) fn forget(&mut self, durable: u64) {
        self.durable = self.durable.max(durable);
        while self.runs.front().is_some_and(|run| run.end() <= durable) {
            self.runs.pop_front();
        }
        if self.pairs.len() > 2 * self.pairs_left + PAIRS_MIN {
            *self = self.live();
        }
    }

    /// A copy without the pairs and keys of which every event is durable.
    pub(crate) fn live(&self) -> Fates {
        let mut live = Fates::after(self.durable);
        let mut indices = BTreeMap::new();
        for (index, pair) in (0_u32..).zip(&self.pairs) {
            if pair.end > self.durable {
                let given = live.key(self.name(pair.given));
                let sunk = live.key(self.name(pair.sunk));
                let is_over = pair.alone.end <= self.durable;
                let alone = if is_over { 0..0 } else { pair.alone.clone() };
                indices.insert(index, live.put(Pair { given, sunk, alone, ..pair.clone() }));
            }
        }
        // A run that is not durable is of a pair that is not, either.
        let moved = |run: &PairRun| Some(PairRun { pair: *indices.get(&run.pair)?, ..*run });
        live.runs = self.runs.iter().filter_map(moved).collect();
        live.pairs_left = live.pairs.len();
        live
    }

    fn name(&self, key: u32) -> &Rc<str> {
        &self.keys[key as usize].name
    }

    /// The names of the keys, by their indices.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.keys.iter().map(|key| &*key.name)
    }

    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// A failure by the keys of the caller. It ends where an event of the same key became another
    /// one, for a failure is of every event of its key.
    pub(crate) fn told(&self, failure: Failure) -> Vec<Failure> {
        let Some(sunk) = self.key_indices.get(failure.key.as_str()) else { return vec![failure] };
        let failed = failure.first..failure.last.saturating_add(1);
        let mut told: Vec<Failure> = Vec::new();
        // For each key of the caller, the failure that more events may be added to.
        let mut open: BTreeMap<u32, usize> = BTreeMap::new();
        let piece = |given: u32, Range { start, end }: Range<u64>, events: u64| Failure {
            key: (**self.name(given)).to_owned(),
            first: start,
            last: end - 1,
            events,
            ..failure.clone()
        };
        let alone = self.keys[*sunk as usize].sunk.alone.map(|index| &self.pairs[index as usize]);
        let alone = alone.and_then(|pair| Some((pair.given, common(&pair.alone, &failed)?)));
        if let Some((given, positions)) = alone.clone() {
            open.insert(given, 0);
            told.push(piece(given, positions, 0));
        }
        let mut counted = 0;
        let from = self.runs.partition_point(|run| run.end() <= failed.start);
        for run in self.runs.range(from..) {
            let Some(positions) = common(&(run.first..run.end()), &failed) else { break };
            let pair = &self.pairs[run.pair as usize];
            let events = positions.end - positions.start;
            if pair.sunk != *sunk {
                open.remove(&pair.given);
                continue;
            }
            counted += events;
            if let Some(index) = open.get(&pair.given) {
                let more = &mut told[*index];
                (more.last, more.events) = (positions.end - 1, more.events + events);
            } else {
                open.insert(pair.given, told.len());
                told.push(piece(pair.given, positions, events));
            }
        }
        if alone.is_some() {
            // All that are of no other key.
            told[0].events += failure.events.saturating_sub(counted);
        }
        // Where a sink reports what it was not given, its host is to see just that.
        if told.is_empty() { vec![failure] } else { told }
    }
}

/// The positions that are in both.
fn common(one: &Range<u64>, other: &Range<u64>) -> Option<Range<u64>> {
    let both = one.start.max(other.start)..one.end.min(other.end);
    (!both.is_empty()).then_some(both)
}

/// So few pairs are not worth a look.
const PAIRS_MIN: usize = 1_024;
