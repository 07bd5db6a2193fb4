//! What must be true of a bucket, whenever a [`Host`] crashes: nobody is asked but the bucket, the
//! source and the checkpoints that were stored.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use spillway_core::{OnExisting, Span};

use super::{Checkpoint, Host};
use crate::accounting;
use crate::visible_objects::{Seen, VisibleObjects};

/// What was seen so far.
#[derive(Default)]
pub(super) struct Ledger {
    /// How many entries of the history of the bucket were looked at.
    seen: usize,
    /// What became visible, and what may.
    visible: VisibleObjects,
    /// The uploads that a checkpoint knows which is stored, and those of the one before it until
    /// that is committed.
    needed: BTreeSet<String>,
    /// The lives that have looked for what those before them left, and when; without a time where
    /// that was in vain.
    pub(super) looked: BTreeMap<u64, Option<Duration>>,
    /// The longest batch that was written, with what lies between its events.
    pub(super) largest: u64,
    /// How often a batch did not fit before a commit.
    pub(super) busy: u32,
}

impl Ledger {
    pub(super) fn stored(&mut self, checkpoint: &Checkpoint) {
        self.visible.allow(&checkpoint.objects);
        self.needed.extend(ids(checkpoint));
    }

    pub(super) fn committed(&mut self, checkpoint: &Checkpoint) {
        self.needed = ids(checkpoint).collect();
    }
}

fn ids(checkpoint: &Checkpoint) -> impl Iterator<Item = String> {
    checkpoint.objects.iter().filter_map(|object| object.upload_id.clone())
}

impl Host {
    /// The objects that became visible, in the order of their events. One that replaced itself is
    /// there once.
    pub fn objects(&self) -> impl Iterator<Item = &Seen> {
        self.ledger.visible.iter()
    }

    /// How often a batch did not fit before a commit.
    pub fn busy(&self) -> u32 {
        self.ledger.busy
    }

    /// After every instant: what became visible is whole, is allowed to by a stored checkpoint, and
    /// holds no event that another object holds; no upload is gone that may be needed; and memory
    /// is within its limit.
    pub(super) fn look(&mut self) {
        let new: Vec<_> = self.world.bucket.visible_history()[self.ledger.seen..].to_vec();
        self.ledger.seen += new.len();
        for visible in new {
            let Ledger { visible: objects, .. } = &mut self.ledger;
            if let Err(error) = objects.take_in(&self.world.settings, &self.source, &visible) {
                self.world.fail(&error);
            }
        }
        let aborted = self.world.bucket.aborted_uploads();
        if let Some(id) = self.ledger.needed.iter().find(|id| aborted.contains(*id)) {
            self.world.fail(&format!("{id} is aborted, and a checkpoint knows it"));
        }
        let settings = &self.world.settings;
        let memory =
            settings.objects.memory_bytes_max.max(settings.upload.part_bytes) + self.ledger.largest;
        let held = self.world.peaks.held;
        if held > memory + FRAMING_BYTES_MAX {
            self.world.fail(&format!("{held} bytes held, over {memory}"));
        }
        if self.world.peaks.in_flight > settings.client.requests_in_flight_max {
            self.world.fail("too many requests in flight");
        }
        if self.world.sink.open_objects() > settings.objects.max_open_objects {
            self.world.fail("too many open objects");
        }
    }

    /// At the end: each event is in an object, or was reported failed; what was reported is true;
    /// and nothing is open that is not known.
    pub(super) fn look_at_the_end(&mut self) {
        for (position, (key, _)) in (0..).zip(&self.source) {
            let holds =
                |span: &Span| span.key == *key && (span.first..=span.last).contains(&position);
            let is_failed = self.world.failed.iter().any(|failure| holds(&failure.span));
            if !self.ledger.visible.holds(position) && !is_failed {
                self.world.fail(&format!("event {position} is lost"));
            }
        }
        accounting::what_is_sealed_was_visible(&self.world)
            .unwrap_or_else(|error| self.world.fail(&error));
        if self.world.sink.unfinished().next().is_some() {
            self.world.fail("the core has settled, and something is unfinished");
        }
        self.look_at_names();
        self.look_at_uploads();
    }

    /// Under each name there is what was stored there last, and where nothing may be replaced
    /// nothing was.
    fn look_at_names(&self) {
        if self.world.settings.names.on_existing != OnExisting::Overwrite {
            accounting::nothing_was_replaced(&self.world)
                .unwrap_or_else(|error| self.world.fail(&error));
        }
        let last: BTreeMap<&str, &Seen> = self.objects().map(|seen| (&*seen.name, seen)).collect();
        for (name, seen) in last {
            let there = self.world.bucket.objects().get(name);
            let is_last = there.is_some_and(|object| object.bytes == seen.bytes);
            // An older object of a late request, or one that became visible although the core could
            // not learn of it, and so reported it failed.
            let is_excused = self.world.late.objects.contains(name)
                || self.world.failed.iter().any(|failure| failure.span.object_key == name);
            if !is_last && !is_excused {
                self.world.fail(&format!("{name:?} is not what was stored there last"));
            }
        }
    }

    /// Every upload that is open is needed by a checkpoint, or was named to somebody.
    pub(super) fn look_at_uploads(&self) {
        let leftovers = self.world.sink.left_uploads();
        let needed: BTreeSet<&str> = self.world.sink.needed_uploads().collect();
        for (id, upload) in self.world.bucket.open_uploads() {
            let name = &upload.key;
            let is_left = leftovers.iter().any(|left| match &left.upload_id {
                Some(left) => left == id,
                None => left.object_key == *name,
            });
            let is_told = self.world.notices.iter().any(|notice| {
                let suspected = format!("upload of `{name}` may have been left behind");
                notice.message.contains(id.as_str()) || notice.message.contains(&suspected)
            });
            if !is_left && !is_told && !needed.contains(id.as_str()) && !self.is_out_of_sight(id) {
                self.world.fail(&format!("{id} of {name:?} is open, and nobody knows of it"));
            }
        }
    }

    /// Whether an upload was begun by a request that outlived its sink, and arrived when the next
    /// one had looked already; or where none of those after it could look, and said so. A lifecycle
    /// rule ends it.
    fn is_out_of_sight(&self, id: &str) -> bool {
        let Some((life, at)) = self.world.begun.get(id) else { return false };
        let mut lives = self.ledger.looked.range(life + 1..).map(|(_, looked)| *looked).peekable();
        lives.peek().is_some() && lives.flatten().next().is_none_or(|looked| looked <= *at)
    }
}

/// What an event may take beside its own bytes, or the end of an object.
const FRAMING_BYTES_MAX: u64 = 4;
