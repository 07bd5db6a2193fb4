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
    /// The objects in the order of creation, and some that are not open any more. The first one is.
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
mod tests;
