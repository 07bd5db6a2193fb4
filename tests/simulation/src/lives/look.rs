//! What must be true of the bucket of several [`Lives`]. Nobody is asked but the bucket and the
//! source.

use std::collections::{BTreeMap, BTreeSet};

use spillway_core::{OnExisting, inspect};

use super::checkpoint::Checkpoint;
use super::{Lives, STATE_NAME};
use crate::bucket::{Logged, Operation, Visible};

/// The checkpoints that were stored, each in the place of the one before it.
#[derive(Default)]
pub(super) struct Chain {
    last: Checkpoint,
    /// The version of each, in their order.
    versions: Vec<String>,
    /// How many entries of the history of the bucket and of its log were looked at.
    seen: usize,
    logged: usize,
    /// The ETag of each part that was stored, and the number of the life that did.
    parts: BTreeMap<(String, u32), (String, u64)>,
    /// The first event of what has a name, by name.
    names: BTreeMap<String, u64>,
    /// How many conflicts and commits of each life were looked at.
    heard: BTreeMap<u64, (u64, u64)>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Turns.
    pub turns: u64,
    /// Checkpoints that were stored.
    pub checkpoints: u64,
    /// Times that a life took the checkpoint of another over.
    pub takeovers: u64,
    /// Requests that arrived of lives that did not hold the checkpoint, but for it.
    pub of_others: u64,
    /// Parts of the holder that were replaced by others, by a life that did not hold the checkpoint
    /// any more.
    pub parts_replaced: u64,
    /// Completions by the holder that met `InvalidPart`.
    pub invalid_parts: u64,
    /// Uploads that were aborted by a life that did not hold the checkpoint any more, although the
    /// checkpoint knew them.
    pub uploads_aborted: u64,
    /// Objects that were replaced by older ones of the same name, by a request that nobody waited
    /// for any more.
    pub objects_replaced_late: u64,
    /// The same by a life that did not hold the checkpoint any more, and waited for the answer.
    pub objects_replaced: u64,
    /// Events that were reported failed, by the last checkpoint.
    pub events_failed: u64,
}

impl Lives {
    /// After the turn of a life: each checkpoint replaced the one before it; what became visible
    /// was allowed to by one of them, is whole, and holds no event that another object holds; what
    /// was committed was stored; and who heard of a conflict had lost the checkpoint.
    pub(super) fn look(&mut self, index: usize) {
        let number = self.lives[index].number;
        let was_holder = self.chain.last.holder == number;
        let new: Vec<Visible> = self.shared.bucket.visible_history()[self.chain.seen..].to_vec();
        self.chain.seen += new.len();
        let state_key = format!("{}{STATE_NAME}", self.settings.names.state_prefix);
        for visible in new {
            if visible.key == state_key {
                self.look_at_checkpoint(&visible);
            } else {
                self.look_at_object(index, &visible);
            }
        }
        let new: Vec<Logged> = self.shared.bucket.log()[self.chain.logged..].to_vec();
        self.chain.logged += new.len();
        new.iter().for_each(|logged| self.count(logged, number, was_holder));

        let life = &self.lives[index];
        let heard = self.chain.heard.insert(number, (life.conflicts, life.commits));
        let (conflicts, commits) = heard.unwrap_or_default();
        if life.conflicts > conflicts && self.chain.last.holder == number {
            self.fail(&format!("life {number} hears of a conflict, and nobody else was there"));
        }
        let is_stored = |version: &String| self.chain.versions.contains(version);
        if life.commits > commits && !life.version.as_ref().is_some_and(is_stored) {
            self.fail(&format!("life {number} commits what is not stored"));
        }
    }

    fn look_at_checkpoint(&mut self, visible: &Visible) {
        let Some(stored) = Checkpoint::read(&visible.object.bytes) else {
            self.fail("the checkpoint is none");
        };
        let before = self.chain.versions.last().cloned().unwrap_or_default();
        if stored.replaces != before || stored.next < self.chain.last.next {
            let last = &self.chain.last;
            let (next, holder) = (last.next, last.holder);
            self.fail(&format!(
                "the checkpoint of life {} at {} replaces {before} of life {holder} at {next}, \
                 and was to replace {}",
                stored.holder, stored.next, stored.replaces
            ));
        }
        if let Some(state) = &stored.state {
            let summary = inspect(state).unwrap_or_else(|error| self.fail(&error.to_string()));
            if summary.next_position != stored.next as u64 {
                self.fail("the checkpoint goes on at another place than its host");
            }
            self.objects.allow(&summary.objects);
        }
        self.tally.checkpoints += 1;
        self.tally.takeovers +=
            u64::from(!before.is_empty() && stored.holder != self.chain.last.holder);
        self.chain.versions.push(visible.object.etag.clone());
        self.chain.last = stored;
    }

    fn look_at_object(&mut self, index: usize, visible: &Visible) {
        let seen = self.objects.take_in(&self.settings, &self.source, visible);
        let seen = seen.unwrap_or_else(|error| self.fail(&error));
        let (name, first) = (&seen.name, seen.positions[0]);
        let before = self.chain.names.insert(name.clone(), first);
        let on_existing = self.settings.names.on_existing;
        if on_existing != OnExisting::Overwrite && before.is_some() {
            self.fail(&format!("{name:?} became visible twice"));
        }
        if before.is_none_or(|before| before <= first) {
            return;
        }
        // No condition keeps a request from replacing what is younger: one of a life that has lost
        // the checkpoint, a PutObject that arrives when nobody waits for it any more, or one of an
        // object that was reported failed, and may be stored all the same.
        let life = &self.lives[index];
        let is_holder = self.chain.last.holder == life.number;
        let is_late = life.ended().is_some() || life.world.late.objects.contains(name);
        self.tally.objects_replaced_late += u64::from(is_late);
        self.tally.objects_replaced += u64::from(!is_late);
        let is_late_put = is_late && visible.object.upload_id.is_none();
        if is_holder && !is_late_put && !life.has_failed(&seen.key, first) {
            let number = life.number;
            self.fail(&format!("life {number} holds the checkpoint, and replaces {name:?}"));
        }
    }

    fn count(&mut self, logged: &Logged, number: u64, is_holder: bool) {
        let Logged { operation, key, upload_id, part_number, status, code, .. } = logged;
        let is_state = key.starts_with(&self.settings.names.state_prefix);
        self.tally.of_others += u64::from(!is_holder && !is_state);
        let is_done = (200..300).contains(status);
        match operation {
            Some(Operation::UploadPart) if is_done => {
                let place = (upload_id.clone(), part_number.unwrap_or_default());
                let upload = self.shared.bucket.open_uploads().get(upload_id);
                let part = upload.and_then(|upload| upload.parts.get(&place.1));
                let Some(etag) = part.map(|part| part.etag.clone()) else { return };
                let before = self.chain.parts.insert(place, (etag.clone(), number));
                let holder = self.chain.last.holder;
                let is_other = before.is_some_and(|(is, of)| of == holder && is != etag);
                self.tally.parts_replaced += u64::from(is_other && !is_holder);
            }
            Some(Operation::CompleteMultipartUpload) if is_holder => {
                self.tally.invalid_parts += u64::from(code == "InvalidPart");
            }
            Some(Operation::AbortMultipartUpload) if is_done && !is_holder => {
                let state = self.chain.last.state.as_deref();
                let known: BTreeSet<String> = state
                    .and_then(|state| inspect(state).ok())
                    .map(|s| s.objects.into_iter().filter_map(|o| o.upload_id).collect())
                    .unwrap_or_default();
                self.tally.uploads_aborted += u64::from(known.contains(upload_id));
            }
            _ => {}
        }
    }

    /// At the end: each event is in an object, or the last checkpoint says that it was reported
    /// failed; and the objects of other writers are as they were.
    pub(super) fn look_at_the_end(&mut self) {
        let Checkpoint { next, failed, state, .. } = &self.chain.last;
        if *next != self.source.len() {
            self.fail("the last checkpoint is not at the end of the source");
        }
        let state = state.as_deref().map(inspect);
        let left = state.and_then(Result::ok).map_or(0, |summary| summary.objects.len());
        if left > 0 {
            self.fail(&format!("the last checkpoint knows {left} objects that are not visible"));
        }
        let mut positions = 0..self.source.len() as u64;
        if let Some(lost) = positions.find(|p| !self.objects.holds(*p) && !failed.contains(p)) {
            self.fail(&format!("event {lost} is lost"));
        }
        self.tally.events_failed = failed.len() as u64;
        if self.settings.names.on_existing == OnExisting::Overwrite {
            return;
        }
        for (name, object) in self.shared.bucket.of_others() {
            if self.shared.bucket.objects().get(name).is_none_or(|now| now.bytes != object.bytes) {
                self.fail(&format!("{name:?} of another writer was replaced"));
            }
        }
    }
}
