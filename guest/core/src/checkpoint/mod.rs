//! Checkpoints: what is kept of a sink, and the sink that comes of it after a crash.
//!
//! A commit in two phases, with multipart uploads as what is prepared. A checkpoint knows every
//! object that is not visible yet: those that are sealed become visible once it is committed, none
//! before. So what is visible is always known to the checkpoint that the caller stored last, and
//! after a crash the caller writes again from there on.

mod needed;
mod state;
mod summary;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Problem};
use crate::ids::UploadNumber;
use crate::open::Ages;
use crate::owner::Owner;
use crate::s3::Operation;
use crate::settings::{Commit, Settings};
use crate::sink::Sink;
use crate::time::Now;
use crate::upload::{Course, SavedUpload, Upload};

pub(crate) use needed::Needed;
pub(crate) use state::{SavedOpen, State};
pub use summary::{Phase, SavedObject, Summary, inspect};

impl Sink {
    /// The sink that a checkpoint was taken of, as it was then. It completes what was committed,
    /// and ends what nobody needed any more.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownState`] with why `state` does not fit.
    pub fn resume(settings: Settings, seed: u64, now: Now, state: &[u8]) -> Result<Sink, Error> {
        if settings.commit != Commit::Checkpointed {
            let text = "a checkpoint is resumed with `commit` = `checkpointed` only";
            return Err(Error::UnknownState(text.to_owned()));
        }
        let state = State::decode(state)?;
        state.check(&settings)?;
        let mut sink = Sink::new(settings, seed);
        sink.now = now;
        sink.next_position = state.next_position;
        sink.needed = Needed::of(state.upload_ids());
        sink.orphans.since(state.unseen_since, state.suspected.into_iter().collect());
        sink.sequences = state.sequences;
        sink.report.failed = state.failures;
        sink.revive(state.objects);
        let down = now.wall.since(state.taken_at);
        for SavedOpen { index, ages: Ages { age, idle }, dates } in state.open {
            let number = UploadNumber(u64::from(index));
            let key = sink.uploads[&number].span.key.clone();
            let ages = Ages { age: age.saturating_add(down), idle: idle.saturating_add(down) };
            sink.open.resume(&key, dates, number, now.monotonic, ages);
        }
        for (name, upload_id) in state.to_abort {
            sink.abort(name, upload_id);
        }
        sink.close_to(sink.settings.max_open_objects);
        for number in sink.uploads.keys().copied().collect::<Vec<_>>() {
            sink.advance(number);
        }
        Ok(sink)
    }

    fn revive(&mut self, objects: Vec<SavedUpload<'_>>) {
        for saved in objects {
            let number = UploadNumber(self.begun);
            self.begun += 1;
            let is_over = matches!(saved.course, Course::Failed(_));
            let upload = saved.resume(&self.settings);
            self.held += upload.held();
            self.uploads.insert(number, upload);
            // That it failed was told before, and nobody waits for it.
            if !is_over {
                self.queue(number);
            }
        }
    }

    /// What encoders hold back goes into the objects, so that a checkpoint has all of them.
    pub(crate) fn prepare(&mut self) {
        for number in self.open.numbers().collect::<Vec<_>>() {
            self.change(number, Upload::end_member);
            self.advance(number);
        }
    }

    /// Whether a checkpoint can be taken: after [`Input::Prepare`](crate::io::Input::Prepare), no
    /// answer is waited for but to what makes objects visible.
    pub fn is_at_rest(&self) -> bool {
        self.uploads.values().all(Upload::is_at_rest)
    }

    /// Takes a checkpoint. What is sealed becomes visible once it is committed.
    ///
    /// # Panics
    ///
    /// Where the sink is not [at rest](Sink::is_at_rest).
    pub fn checkpoint(&mut self) -> Vec<u8> {
        for number in self.uploads.keys().copied().collect::<Vec<_>>() {
            // Of objects of one name, each is allowed to become visible once the one before it is:
            // otherwise nobody could tell after a crash which of them was.
            let prepares = self.uploads[&number].sealed && self.turns.is_first(number);
            if prepares {
                self.change(number, |upload| upload.permit = upload.permit.prepared());
            }
        }
        let mut objects = Vec::new();
        let mut indices = BTreeMap::new();
        for (number, upload) in &self.uploads {
            if let Some(saved) = upload.save() {
                indices.insert(*number, u32::try_from(objects.len()).unwrap_or(u32::MAX));
                objects.push(saved);
            }
        }
        let open = self.open.ages(self.now.monotonic).map(|(number, ages)| {
            let dates = self.open.dates(number).to_owned();
            SavedOpen { index: indices[&number], ages, dates }
        });
        let pair = |(name, id): (&str, &str)| (name.to_owned(), id.to_owned());
        let state = State {
            identity: self.settings.identity(),
            taken_at: self.now.wall,
            next_position: self.next_position,
            sequences: self.sequences.clone(),
            open: open.collect(),
            objects,
            failures: self.report.failed.clone(),
            to_abort: self.cleanups.uploads().map(pair).collect(),
            unseen_since: self.orphans.unseen_since(self.now.wall),
            suspected: self.suspected(),
        };
        let (ids, bytes) = (state.upload_ids(), state.encode());
        self.needed.take(ids);
        bytes
    }

    /// The names of which there may be uploads that no checkpoint knows by their ids.
    fn suspected(&self) -> Vec<String> {
        let names = self.cleanups.suspected().chain(self.orphans.names());
        let names: BTreeSet<&str> = names.collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// The last checkpoint is stored: what it allows to become visible does, and what only those
    /// before it knew is ended.
    pub(crate) fn commit(&mut self) {
        self.needed.commit();
        for number in self.uploads.keys().copied().collect::<Vec<_>>() {
            if self.uploads.contains_key(&number) {
                self.change(number, |upload| upload.permit = upload.permit.committed());
                self.advance(number);
            }
        }
        let needed = &self.needed;
        for number in self.cleanups.release(|upload_id| needed.has(upload_id)) {
            self.requests.add(Owner::Cleanup(number), Operation::AbortMultipartUpload);
        }
    }

    /// Why [`Input::Commit`](crate::io::Input::Commit) would commit nothing, if it would.
    pub fn refuse_commit(&self) -> Option<Error> {
        let message = "there is no checkpoint since the last commit";
        let problem = Problem::new("commit", message);
        (!self.needed.is_taken()).then(|| Error::Invalid(vec![problem]))
    }

    /// Whether objects become visible by commits, so that checkpoints mean something.
    pub fn takes_checkpoints(&self) -> bool {
        self.settings.commit == Commit::Checkpointed
    }

    /// Whether objects wait for a commit, and for nothing else.
    pub fn waits_for_commit(&self) -> bool {
        self.uploads.values().any(Upload::waits_for_commit)
    }

    /// Ends an upload that has no more use, unless a checkpoint that may be resumed knows it.
    pub(crate) fn abort(&mut self, name: String, upload_id: String) {
        if self.needed.has(&upload_id) {
            return self.cleanups.add_needed(name, upload_id);
        }
        let cleanup = self.cleanups.add(name, upload_id);
        self.requests.add(Owner::Cleanup(cleanup), Operation::AbortMultipartUpload);
    }

    /// Leaves what a checkpoint knows for the sink that resumes it, and ends everything else.
    pub(crate) fn suspend(&mut self) {
        (self.is_suspending, self.is_leaving) = (true, true);
        self.seal_all();
        self.fail_all(&Error::Aborted);
    }

    /// The ids of the uploads that checkpoints know which may be resumed.
    pub fn needed_uploads(&self) -> impl Iterator<Item = &str> {
        self.needed.ids()
    }
}

#[cfg(test)]
mod tests;
