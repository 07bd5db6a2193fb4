//! Which objects are open: what an event is added to, and which of them ends next.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::requests::UploadNumber;
use crate::settings::Rotation;
use crate::time::Instant;

/// The objects that events are still added to, one a key, in the order of their last events.
#[derive(Default)]
pub(crate) struct Open {
    keys: HashMap<String, UploadNumber>,
    objects: BTreeMap<UploadNumber, OpenObject>,
    /// The objects by their last writes.
    writes: BTreeMap<u64, UploadNumber>,
    written: u64,
}

/// What is remembered of an open object beside its upload.
struct OpenObject {
    key: String,
    /// When its first event came.
    begun: Instant,
    /// When its last event came.
    written: Instant,
    /// How old it was when it begun, and how long it had been idle: nothing, unless it was begun in
    /// an earlier life of the sink.
    before: Ages,
    /// Which write that was, counted over all objects.
    write: u64,
}

/// How long ago an open object had its first event, and its last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ages {
    pub(crate) age: Duration,
    pub(crate) idle: Duration,
}

impl Open {
    /// The object of that key.
    pub(crate) fn get(&self, key: &str) -> Option<UploadNumber> {
        self.keys.get(key).copied()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Adds the object of a key that has none, which is written to for the first time.
    pub(crate) fn begin(&mut self, key: &str, number: UploadNumber, now: Instant) {
        self.resume(key, number, now, Ages::default());
    }

    /// Adds an object of an earlier life of the sink. Those come in the order in which they were
    /// written to.
    pub(crate) fn resume(&mut self, key: &str, number: UploadNumber, now: Instant, before: Ages) {
        self.keys.insert(key.to_owned(), number);
        let write = self.next_write(number);
        let object = OpenObject { key: key.to_owned(), begun: now, written: now, before, write };
        self.objects.insert(number, object);
    }

    /// How old they are, the one that was written to the longest ago first.
    pub(crate) fn ages(&self, now: Instant) -> impl Iterator<Item = (UploadNumber, Ages)> {
        self.writes.values().map(move |number| {
            let OpenObject { begun, written, before, .. } = &self.objects[number];
            let age = before.age.saturating_add(now.since(*begun));
            let idle = before.idle.saturating_add(now.since(*written));
            (*number, Ages { age, idle })
        })
    }

    /// The object is written to once more.
    pub(crate) fn written(&mut self, number: UploadNumber, now: Instant) {
        let write = self.next_write(number);
        if let Some(object) = self.objects.get_mut(&number) {
            self.writes.remove(&object.write);
            (object.written, object.write) = (now, write);
            object.before.idle = Duration::ZERO;
        }
    }

    /// The object is open no more. Returns whether it was.
    pub(crate) fn end(&mut self, number: UploadNumber) -> bool {
        let Some(object) = self.objects.remove(&number) else { return false };
        self.keys.remove(&object.key);
        self.writes.remove(&object.write);
        true
    }

    /// All of them, the one that was begun first before the others.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = UploadNumber> {
        self.objects.keys().copied()
    }

    /// All of them, the one that was written to the longest ago before the others.
    pub(crate) fn least_recent(&self) -> impl Iterator<Item = UploadNumber> {
        self.writes.values().copied()
    }

    /// When the next of them ends for its age, or because nothing came for it, and which it is.
    pub(crate) fn next_due(&self, rotation: &Rotation) -> Option<(Instant, UploadNumber)> {
        // Clocks do not run backwards: who began first is the oldest.
        let oldest = self.objects.first_key_value();
        let aged = rotation.age.zip(oldest).map(|(age, (number, object))| {
            (object.begun.after(age.saturating_sub(object.before.age)), *number)
        });
        let idle = rotation.idle.zip(self.writes.values().next()).map(|(idle, number)| {
            let object = &self.objects[number];
            (object.written.after(idle.saturating_sub(object.before.idle)), *number)
        });
        aged.into_iter().chain(idle).min()
    }

    fn next_write(&mut self, number: UploadNumber) -> u64 {
        self.written += 1;
        self.writes.insert(self.written, number);
        self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: UploadNumber = UploadNumber(0);
    const B: UploadNumber = UploadNumber(1);
    const C: UploadNumber = UploadNumber(2);

    /// Three objects, begun a millisecond after each other.
    fn three() -> Open {
        let mut open = Open::default();
        for (millis, (key, number)) in (0..).zip([("a", A), ("b", B), ("c", C)]) {
            open.begin(key, number, at(millis));
        }
        open
    }

    fn at(millis: u64) -> Instant {
        Instant(millis * 1_000_000)
    }

    fn millis(millis: u64) -> Option<Duration> {
        Some(Duration::from_millis(millis))
    }

    #[test]
    fn a_write_makes_an_object_the_most_recent() {
        let mut open = three();
        open.written(A, at(3));
        assert_eq!(open.least_recent().collect::<Vec<_>>(), [B, C, A]);
        assert_eq!(open.numbers().collect::<Vec<_>>(), [A, B, C]);
        open.written(A, at(4));
        assert_eq!((open.least_recent().count(), open.len()), (3, 3));
    }

    #[test]
    fn what_ended_is_known_no_more() {
        let mut open = three();
        assert_eq!((open.end(B), open.end(B)), (true, false), "it ends once");
        assert_eq!((open.get("a"), open.get("b"), open.get("c")), (Some(A), None, Some(C)));
        assert_eq!(open.least_recent().collect::<Vec<_>>(), [A, C]);
        open.begin("b", UploadNumber(3), at(9));
        assert_eq!(open.get("b"), Some(UploadNumber(3)));
    }

    #[test]
    fn what_an_object_was_before_counts() {
        let mut open = Open::default();
        let ages = |age, idle| Ages { age: millis(age).unwrap(), idle: millis(idle).unwrap() };
        open.resume("b", B, at(1), ages(7, 6));
        open.resume("a", A, at(1), ages(9, 2));
        open.begin("c", C, at(2));
        let due =
            |open: &Open, age, idle| open.next_due(&Rotation { age, idle, ..Rotation::default() });
        assert_eq!(due(&open, millis(10), None), Some((at(2), A)), "the one that was begun first");
        assert_eq!(due(&open, None, millis(10)), Some((at(5), B)), "the one that was idle longest");
        assert_eq!(due(&open, millis(5), None), Some((at(1), A)), "long due");
        let all: Vec<_> = open.ages(at(4)).collect();
        assert_eq!(all, [(B, ages(10, 9)), (A, ages(12, 5)), (C, ages(2, 2))]);
        open.written(B, at(4));
        assert_eq!(due(&open, None, millis(10)), Some((at(9), A)), "it is idle no more");
    }

    #[test]
    fn age_counts_from_the_first_write_and_idleness_from_the_last() {
        let mut open = three();
        open.written(A, at(5));
        let due =
            |open: &Open, age, idle| open.next_due(&Rotation { age, idle, ..Rotation::default() });
        assert_eq!(due(&open, None, None), None);
        assert_eq!(due(&open, millis(10), None), Some((at(10), A)));
        assert_eq!(due(&open, None, millis(10)), Some((at(11), B)));
        assert_eq!(due(&open, millis(10), millis(8)), Some((at(9), B)), "what comes first");
        open.end(A);
        assert_eq!(due(&open, millis(10), millis(100)), Some((at(11), B)));
        assert_eq!(due(&Open::default(), millis(1), millis(1)), None);
    }
}
