//! The open objects: which object an event is added to, and which is sealed next.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ObjectId;
use super::id::IdMap;
use crate::naming::template::Template;
use crate::run::Run;
use crate::settings::Rotation;
use crate::time::{Instant, Timestamp};

/// The open objects, one per key and dates, ordered by their last write.
#[derive(Default)]
pub(crate) struct Open {
    keys: HashMap<String, Vec<Dated>>,
    objects: IdMap<OpenObject>,
    /// The objects in the order of creation, and some that are not open any more. The first is open.
    created: VecDeque<ObjectId>,
    /// The writes by their numbers, the last one of each object among them. The first is the last
    /// one of its object.
    writes: VecDeque<(u64, ObjectId)>,
    written: u64,
}

/// An open object of a key.
struct Dated {
    id: ObjectId,
    /// The dates in its name.
    dates: String,
    /// The date step of its last event, if known. Dates are rendered only for events in another
    /// step.
    step: Option<u64>,
    /// Whether another object of the key was written since, or may have been.
    is_interrupted: bool,
}

/// The time of an event, at the precision of object names.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) template: &'a Template,
    pub(crate) at: Timestamp,
}

impl<'a> Moment<'a> {
    /// The time of a run's events: that of its first event, or `now`.
    pub(crate) fn of(template: &'a Template, run: &Run, now: Timestamp) -> Moment<'a> {
        Moment { template, at: run.at().unwrap_or(now) }
    }

    /// The date step that it is in. Constant if names have no dates.
    fn step(self) -> u64 {
        self.template.date_step().map_or(0, |step| self.at.0 / step)
    }

    pub(crate) fn dates(self) -> String {
        self.template.dates_at(self.at)
    }
}

/// The times of an open object.
struct OpenObject {
    key: String,
    /// When its first event arrived.
    begun: Instant,
    /// When its last event arrived.
    written: Instant,
    /// Its age and idle time when the sink was resumed. Zero for a new object.
    before: Ages,
    /// The number of its last write, counted over all objects.
    write: u64,
}

/// The time since the first and the last event of an open object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ages {
    pub(crate) age: Duration,
    pub(crate) idle: Duration,
}

impl Open {
    /// The open object for events with this key and time.
    pub(crate) fn get(&self, key: &str, moment: Moment) -> Option<ObjectId> {
        let objects = self.keys.get(key)?;
        let step = moment.step();
        if let Some(found) = objects.iter().find(|object| object.step == Some(step)) {
            return Some(found.id);
        }
        let dates = moment.dates();
        objects.iter().find(|object| object.dates == dates).map(|object| object.id)
    }

    /// The dates in the name of an open object.
    pub(crate) fn dates(&self, id: ObjectId) -> &str {
        self.dated(id).map_or("", |dated| &dated.dates)
    }

    fn dated(&self, id: ObjectId) -> Option<&Dated> {
        let objects = self.keys.get(&self.objects.get(&id)?.key)?;
        objects.iter().find(|object| object.id == id)
    }

    /// The number of open objects.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Adds the object of a key and time, which must have none. This counts as a write.
    pub(crate) fn begin(&mut self, key: &str, moment: Moment, id: ObjectId, now: Instant) {
        let (dates, step) = (moment.dates(), Some(moment.step()));
        let dated = Dated { id, dates, step, is_interrupted: false };
        self.add(key, dated, now, Ages::default());
    }

    /// Adds a restored object. Restored objects must be added in the order of their last writes.
    pub(crate) fn resume(
        &mut self,
        key: &str,
        dates: String,
        id: ObjectId,
        now: Instant,
        before: Ages,
    ) {
        let is_interrupted = !dates.is_empty();
        self.add(key, Dated { id, dates, step: None, is_interrupted }, now, before);
    }

    fn add(&mut self, key: &str, dated: Dated, now: Instant, before: Ages) {
        let id = dated.id;
        let objects = self.keys.entry(key.to_owned()).or_default();
        objects.iter_mut().for_each(|other| other.is_interrupted = true);
        objects.push(dated);
        self.written += 1;
        let write = self.written;
        let object = OpenObject { key: key.to_owned(), begun: now, written: now, before, write };
        self.objects.insert(id, object);
        // Restored objects come in another order.
        let at = self.created.partition_point(|other| *other < id);
        self.created.insert(at, id);
        self.note_write(id);
    }

    /// The ages of all open objects, least recently written first.
    pub(crate) fn ages(&self, now: Instant) -> impl Iterator<Item = (ObjectId, Ages)> {
        self.least_recent().map(move |id| {
            let OpenObject { begun, written, before, .. } = &self.objects[&id];
            let age = before.age.saturating_add(now.since(*begun));
            let idle = before.idle.saturating_add(now.since(*written));
            (id, Ages { age, idle })
        })
    }

    /// Records a write of events with this time. Returns whether another object of the key was
    /// written since the last one.
    pub(crate) fn written(&mut self, id: ObjectId, moment: Moment, now: Instant) -> bool {
        let Some(object) = self.objects.get_mut(&id) else { return false };
        self.written += 1;
        (object.written, object.write) = (now, self.written);
        object.before.idle = Duration::ZERO;
        let of_key = self.keys.get_mut(&object.key);
        let is_interrupted = of_key.is_some_and(|objects| to_the_end(objects, id, moment.step()));
        self.note_write(id);
        is_interrupted
    }

    /// Removes an object. Returns whether it was open.
    pub(crate) fn end(&mut self, id: ObjectId) -> bool {
        let Some(object) = self.objects.remove(&id) else { return false };
        if let Some(objects) = self.keys.get_mut(&object.key) {
            objects.retain(|object| object.id != id);
            if objects.is_empty() {
                self.keys.remove(&object.key);
            }
        }
        tidy(&mut self.created, self.objects.len(), |id| self.objects.contains_key(id));
        self.drop_outdated_writes();
        true
    }

    /// The open objects, in the order of creation.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ObjectId> {
        self.created.iter().copied().filter(|id| self.objects.contains_key(id))
    }

    /// The open objects, least recently written first.
    pub(crate) fn least_recent(&self) -> impl Iterator<Item = ObjectId> {
        self.writes.iter().filter(|write| is_last(&self.objects, write)).map(|(_, id)| *id)
    }

    /// When the next object reaches its maximum age or idle time, and which object that is.
    pub(crate) fn next_due(&self, rotation: &Rotation) -> Option<(Instant, ObjectId)> {
        // The clock is monotonic, so the first created object is the oldest.
        let aged = rotation.age.zip(self.created.front()).map(|(age, id)| {
            let object = &self.objects[id];
            (object.begun.after(age.saturating_sub(object.before.age)), *id)
        });
        let idle = rotation.idle.zip(self.writes.front()).map(|(idle, (_, id))| {
            let object = &self.objects[id];
            (object.written.after(idle.saturating_sub(object.before.idle)), *id)
        });
        aged.into_iter().chain(idle).min()
    }

    /// An object was written last: its number of that write is the newest.
    fn note_write(&mut self, id: ObjectId) {
        self.writes.push_back((self.written, id));
        self.drop_outdated_writes();
    }

    fn drop_outdated_writes(&mut self) {
        let objects = &self.objects;
        tidy(&mut self.writes, objects.len(), |write| is_last(objects, write));
    }
}

/// Of the objects of a key, one was written. The last written object is at the end, and objects
/// before it are interrupted. Returns whether it was.
fn to_the_end(objects: &mut [Dated], id: ObjectId, step: u64) -> bool {
    if objects.last().is_some_and(|last| last.id != id) {
        let own = objects.iter().position(|dated| dated.id == id);
        objects.iter_mut().for_each(|other| other.is_interrupted |= other.id != id);
        own.into_iter().for_each(|index| objects[index..].rotate_left(1));
    }
    objects.last_mut().is_some_and(|dated| {
        dated.step = Some(step);
        std::mem::take(&mut dated.is_interrupted)
    })
}

/// Whether a write is the last one of an open object.
fn is_last(objects: &IdMap<OpenObject>, (write, id): &(u64, ObjectId)) -> bool {
    objects.get(id).is_some_and(|object| object.write == *write)
}

/// Drops outdated entries from a queue that has `current` others: those at the front at once, and
/// the rest when they are the most.
fn tidy<T>(queue: &mut VecDeque<T>, current: usize, is_current: impl Fn(&T) -> bool) {
    while queue.front().is_some_and(|first| !is_current(first)) {
        queue.pop_front();
    }
    if queue.len() > 2 * current + OUTDATED_MAX {
        queue.retain(is_current);
    }
}

/// So many outdated entries are kept, and as many as there are others.
const OUTDATED_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const A: ObjectId = ObjectId(0);
    const B: ObjectId = ObjectId(1);
    const C: ObjectId = ObjectId(2);

    /// Three objects, created a millisecond apart.
    fn three() -> Open {
        let (mut open, plain) = (Open::default(), Template::default());
        for (millis, (key, id)) in (0..).zip([("a", A), ("b", B), ("c", C)]) {
            open.begin(key, second(&plain, 0), id, at(millis));
        }
        open
    }

    fn at(millis: u64) -> Instant {
        Instant(millis * 1_000_000)
    }

    fn second(template: &Template, second: u64) -> Moment<'_> {
        Moment { template, at: Timestamp(second * 1_000_000_000) }
    }

    #[test]
    fn events_of_one_key_and_other_dates_have_other_objects() {
        let hours = Template::parse("{date:%F-%H}/{key}").unwrap();
        let (noon, later, one) =
            (second(&hours, 43_200), second(&hours, 46_799), second(&hours, 46_800));
        let mut open = Open::default();
        open.begin("a", noon, A, at(0));
        assert_eq!([noon, later, one].map(|m| open.get("a", m)), [Some(A), Some(A), None]);
        open.begin("a", one, B, at(1));
        assert_eq!([later, one].map(|m| open.get("a", m)), [Some(A), Some(B)]);
        assert_eq!(open.get("b", noon), None);
        assert_eq!((open.dates(A), open.dates(B)), ("1970-01-01-12\n", "1970-01-01-13\n"));
        assert!(open.end(A));
        assert_eq!([noon, one].map(|m| open.get("a", m)), [None, Some(B)]);
    }

    #[test]
    fn objects_of_one_key_interrupt_each_other() {
        let hours = Template::parse("{date:%H}/{key}").unwrap();
        let hour = |hour: u64| second(&hours, hour * 3_600);
        let mut open = Open::default();
        open.begin("a", hour(1), A, at(0));
        assert!(!open.written(A, hour(1), at(1)));
        open.begin("a", hour(2), B, at(2));
        open.begin("b", hour(1), C, at(3));
        assert!(!open.written(B, hour(2), at(4)), "another key is none of its own");
        assert_eq!([1, 1].map(|h| open.written(A, hour(h), at(5))), [true, false]);
        assert!(open.written(B, hour(2), at(6)));
        open.end(B);
        assert!(open.written(A, hour(1), at(7)), "also where the other has ended since");
        assert!(!open.written(A, hour(1), at(8)));
    }

    /// The saved object has no date step, so its dates are rendered once.
    #[test]
    fn a_resumed_object_is_found_by_its_dates() {
        let months = Template::parse("{date:%Y/%m}/{key}").unwrap();
        let day = |day: u64| second(&months, day * 86_400);
        let mut open = Open::default();
        open.resume("a", "1970/02\n".to_owned(), A, at(0), Ages::default());
        assert_eq!([30, 31, 58, 59].map(|d| open.get("a", day(d))), [None, Some(A), Some(A), None]);
        open.written(A, day(31), at(1));
        assert_eq!([31, 58, 59].map(|d| open.get("a", day(d))), [Some(A), Some(A), None]);
    }

    fn millis(millis: u64) -> Option<Duration> {
        Some(Duration::from_millis(millis))
    }

    #[test]
    fn a_write_makes_an_object_the_most_recent() {
        let mut open = three();
        let plain = Template::default();
        open.written(A, second(&plain, 0), at(3));
        assert_eq!(open.least_recent().collect::<Vec<_>>(), [B, C, A]);
        assert_eq!(open.ids().collect::<Vec<_>>(), [A, B, C]);
        open.written(A, second(&plain, 0), at(4));
        assert_eq!((open.least_recent().count(), open.len()), (3, 3));
    }

    #[test]
    fn writes_are_forgotten_however_often_one_object_is_written() {
        let mut open = three();
        let plain = Template::default();
        for millis in 3..1_000 {
            open.written(B, second(&plain, 0), at(millis));
            assert!(open.writes.len() <= 2 * open.len() + OUTDATED_MAX);
        }
        assert_eq!(open.least_recent().collect::<Vec<_>>(), [A, C, B]);
    }

    /// As two ordered maps would do it.
    #[test]
    fn objects_are_in_the_order_of_creation_and_of_writes_whatever_happens() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut open, plain) = (Open::default(), Template::default());
            let (mut created, mut writes) = (BTreeMap::new(), BTreeMap::new());
            let mut last = HashMap::new();
            let mut resumed: Vec<u64> = (0..random.u64(..20)).collect();
            random.shuffle(&mut resumed);
            let mut next = resumed.len() as u64;
            for millis in 0..500 {
                let ids: Vec<ObjectId> = created.keys().copied().collect();
                let any = (!ids.is_empty()).then(|| ids[random.usize(..ids.len())]);
                let id = match (resumed.pop(), any) {
                    (Some(id), _) => {
                        let id = ObjectId(id);
                        open.resume(
                            &id.0.to_string(),
                            String::new(),
                            id,
                            at(millis),
                            Ages::default(),
                        );
                        id
                    }
                    (None, Some(id)) if random.u8(..10) < 7 => {
                        open.written(id, second(&plain, 0), at(millis));
                        id
                    }
                    (None, Some(id)) if random.bool() => {
                        assert!(open.end(id));
                        created.remove(&id);
                        writes.remove(&last[&id]);
                        continue;
                    }
                    _ => {
                        let id = ObjectId(next);
                        next += 1;
                        open.begin(&id.0.to_string(), second(&plain, 0), id, at(millis));
                        id
                    }
                };
                created.entry(id).or_insert(at(millis));
                last.insert(id, millis).into_iter().for_each(|before| _ = writes.remove(&before));
                writes.insert(millis, id);
                assert!(open.ids().eq(created.keys().copied()), "seed {seed}");
                assert!(open.least_recent().eq(writes.values().copied()), "seed {seed}");
                let due = |age, idle| Rotation { age, idle, ..Rotation::default() };
                let (oldest, least) = (created.first_key_value(), writes.first_key_value());
                let aged = oldest.map(|(id, begun)| (begun.after(Duration::from_secs(1)), *id));
                let idle = least.map(|(at, id)| (self::at(*at).after(Duration::from_secs(1)), *id));
                let second = Some(Duration::from_secs(1));
                assert_eq!(open.next_due(&due(second, None)), aged, "seed {seed}");
                assert_eq!(open.next_due(&due(None, second)), idle, "seed {seed}");
                let max = 2 * open.len() + OUTDATED_MAX;
                assert!(open.writes.len() <= max && open.created.len() <= max, "seed {seed}");
            }
        }
    }

    #[test]
    fn what_ended_is_known_no_more() {
        let mut open = three();
        assert_eq!((open.end(B), open.end(B)), (true, false), "it ends once");
        let plain = Template::default();
        let moment = second(&plain, 0);
        assert_eq!(["a", "b", "c"].map(|key| open.get(key, moment)), [Some(A), None, Some(C)]);
        assert_eq!(open.least_recent().collect::<Vec<_>>(), [A, C]);
        open.begin("b", moment, ObjectId(3), at(9));
        assert_eq!(open.get("b", moment), Some(ObjectId(3)));
    }

    #[test]
    fn what_an_object_was_before_counts() {
        let mut open = Open::default();
        let ages = |age, idle| Ages { age: millis(age).unwrap(), idle: millis(idle).unwrap() };
        open.resume("b", String::new(), B, at(1), ages(7, 6));
        open.resume("a", String::new(), A, at(1), ages(9, 2));
        let plain = Template::default();
        open.begin("c", second(&plain, 0), C, at(2));
        let due =
            |open: &Open, age, idle| open.next_due(&Rotation { age, idle, ..Rotation::default() });
        assert_eq!(due(&open, millis(10), None), Some((at(2), A)), "the one that was begun first");
        assert_eq!(due(&open, None, millis(10)), Some((at(5), B)), "the one that was idle longest");
        assert_eq!(due(&open, millis(5), None), Some((at(1), A)), "long due");
        let all: Vec<_> = open.ages(at(4)).collect();
        assert_eq!(all, [(B, ages(10, 9)), (A, ages(12, 5)), (C, ages(2, 2))]);
        open.written(B, second(&plain, 0), at(4));
        assert_eq!(due(&open, None, millis(10)), Some((at(9), A)), "it is idle no more");
    }

    #[test]
    fn age_counts_from_the_first_write_and_idleness_from_the_last() {
        let (mut open, plain) = (three(), Template::default());
        open.written(A, second(&plain, 0), at(5));
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
