//! The memory policy: when events are accepted, and which objects are sealed to make room for them.

use std::collections::BTreeSet;

use super::{ObjectId, Target, Writer};
use crate::notice::Notices;
use crate::object::Object;
use crate::run::Run;
use crate::settings::Commit;

/// The memory that a batch needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// The most bytes of memory.
    bytes: u64,
    /// The open objects that it adds events to.
    own: BTreeSet<ObjectId>,
}

/// Whether a batch is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It fits, as far as commits matter.
    Accept,
    /// It may fit after more requests are answered.
    Wait,
    /// It fits only after a checkpoint is committed.
    Busy,
}

impl Writer {
    /// Whether there is room for these events. It is also true if waiting cannot make room, so that
    /// a run larger than the memory limit is written event by event. `is_idle` tells that no call
    /// is waiting or in flight.
    pub(crate) fn has_room(&self, run: &Run, is_idle: bool) -> bool {
        self.fits(self.wanted(run)) || is_idle
    }

    /// The most memory that the events of a run may take: that of an object, and of a compressor,
    /// since they may begin an object.
    fn wanted(&self, run: &Run) -> u64 {
        let encoding = self.settings.upload.encoding;
        encoding.bytes_max(run) + encoding.memory_bytes()
    }

    /// Whether so many further bytes can be held, and another object can be sealed.
    fn fits(&self, bytes: u64) -> bool {
        let ending = self.objects.len() - self.open.len();
        self.objects.held() + bytes <= self.settings.objects.memory_bytes_max && ending < ENDING_MAX
    }

    /// The memory that these runs need.
    pub(crate) fn demand(&self, runs: &[Run]) -> Demand {
        let encoding = self.settings.upload.encoding;
        let (mut own, mut new) = (BTreeSet::new(), BTreeSet::new());
        for run in runs {
            let moment = self.moment(run);
            match self.open.get(run.key(), moment) {
                Some(id) => _ = own.insert(id),
                None => _ = new.insert((run.key(), moment.dates())),
            }
        }
        // Each new object takes a compressor, up to the maximum number of open objects.
        let compressors = new.len().min(self.settings.objects.max_open_objects) as u64;
        let bytes = runs.iter().map(|run| encoding.bytes_max(run)).sum::<u64>();
        Demand { bytes: bytes + compressors * encoding.memory_bytes(), own }
    }

    /// Whether a batch is accepted. The writer waits for time and requests, but not for a commit,
    /// since the caller cannot commit during a `write`. A batch larger than the memory is accepted
    /// once nothing else is held.
    pub(crate) fn admission(&self, demand: &Demand, is_idle: bool) -> Admission {
        if self.settings.commit.mode == Commit::Sealed || self.fits(demand.bytes) {
            Admission::Accept
        } else if !is_idle {
            Admission::Wait
        } else if self.waits_for_commit() || !self.in_the_way(demand).is_empty() {
            Admission::Busy
        } else {
            Admission::Accept
        }
    }

    /// Whether the objects that wait for a commit take so much memory that a checkpoint should be
    /// taken.
    pub(crate) fn wants_checkpoint(&self) -> bool {
        let waiting = || self.objects.values().filter(|object| object.waits_for_commit());
        self.may_begin
            && self.settings.commit.mode == Commit::Checkpointed
            && (waiting().map(Object::held).sum::<u64>()
                > self.settings.objects.memory_bytes_max / 2
                || waiting().count() > ENDING_MAX / 2)
    }

    /// Seals other objects, if waiting for requests could not make room for these events. Seals no
    /// more of them than needed. Returns whether it sealed any.
    pub(super) fn make_room(&mut self, run: &Run, target: &Target, notices: &mut Notices) -> bool {
        let (len, max) = (self.wanted(run), self.settings.objects.memory_bytes_max);
        if self.objects.held() + len <= max {
            return false;
        }
        let own = match target {
            Target::Open(id) => Some(*id),
            Target::New(_) => None,
        };
        let open = self.open.len();
        let idle = self.idle();
        let total = idle.iter().map(|(_, bytes)| bytes).sum();
        let others = idle.into_iter().filter(|(id, _)| own != Some(*id)).collect();
        self.seal_until(total, max.saturating_sub(len), others, notices);
        self.open.len() < open
    }

    /// Seals open objects, so that the next commit makes room for a batch. Each commit costs a
    /// checkpoint of all held bytes. So if there is no room, at least half of the memory is made
    /// free at once.
    pub(crate) fn make_room_for(&mut self, demand: &Demand, notices: &mut Notices) {
        let idle = self.in_the_way(demand);
        let total: u64 = idle.iter().map(|(_, bytes)| bytes).sum();
        let max = self.settings.objects.memory_bytes_max;
        if total + demand.bytes > max {
            self.seal_until(total, (max / 2).saturating_sub(demand.bytes), idle, notices);
        }
    }

    /// Seals `objects` in order, until at most `max` of the `total` idle bytes are left.
    fn seal_until(
        &mut self,
        mut total: u64,
        max: u64,
        objects: Vec<(ObjectId, u64)>,
        notices: &mut Notices,
    ) {
        for (id, bytes) in objects {
            if total <= max {
                break;
            }
            total -= bytes;
            self.seal(id, notices);
        }
    }

    /// The open objects with idle bytes, and how many they have, least recently written first. Idle
    /// bytes are sent only when further events follow, or the object is sealed.
    fn idle(&self) -> Vec<(ObjectId, u64)> {
        let sizes = self.settings.cutting().sizes;
        let idle = |id| (id, self.objects[id].idle(sizes));
        self.open.least_recent().map(idle).filter(|(_, bytes)| *bytes > 0).collect()
    }

    /// The same, but the objects that the batch adds to come last.
    fn in_the_way(&self, demand: &Demand) -> Vec<(ObjectId, u64)> {
        let is_own = |object: &(ObjectId, u64)| demand.own.contains(&object.0);
        let (own, mut others): (Vec<_>, Vec<_>) = self.idle().into_iter().partition(is_own);
        others.extend(own);
        others
    }

    /// Drops spare bytes if memory is short, oldest objects first.
    pub(super) fn evict_spare(&mut self) {
        let mut wanted = self.held().saturating_sub(self.settings.objects.memory_bytes_max);
        if wanted == 0 {
            return;
        }
        for id in self.objects.ids_of(|object| object.spare() > 0) {
            if wanted == 0 {
                break;
            }
            wanted -= self.objects.change(id, |object| object.evict_spare(wanted)).min(wanted);
        }
    }
}

/// How many objects may be sealed and unfinished. This limits the memory that they take besides
/// their bytes to a few MiB.
const ENDING_MAX: usize = 1_024;
