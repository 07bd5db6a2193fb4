//! Takes checkpoints, commits them, and resumes from them. The state is composed of what the owners
//! save and restore.

use std::sync::Arc;

use super::Sink;
use crate::checkpoint::State;
use crate::error::{Error, Problem};
use crate::incomplete::Incomplete;
use crate::settings::{Commit, Settings};
use crate::time::Now;
use crate::writer::Writer;

impl Sink {
    /// Resumes a sink from a checkpoint. It completes committed objects, aborts unused uploads, and
    /// looks for orphaned ones. [`take_reply`] returns a reply once that has ended. Until then no
    /// upload is started, since it would look like an orphaned one.
    ///
    /// [`take_reply`]: Sink::take_reply
    ///
    /// # Errors
    ///
    /// [`Error::UnknownState`] if `state` is invalid or belongs to another configuration.
    pub fn resume(settings: Settings, seed: u64, now: Now, state: &[u8]) -> Result<Sink, Error> {
        if settings.commit.mode != Commit::Checkpointed {
            let text = "a checkpoint is resumed with `commit` = `checkpointed` only";
            return Err(Error::UnknownState(text.to_owned()));
        }
        let state = State::decode(state)?;
        state.check(&settings)?;
        let settings = Arc::new(settings);
        let State { taken_at, writer, incomplete, .. } = state;
        let pinned = writer.upload_ids();
        let incomplete = Incomplete::restore(settings.commit.on_orphans, incomplete, pinned);
        let down = now.wall.since(taken_at);
        let writer = Writer::restore(Arc::clone(&settings), seed, now, writer, down);
        let mut sink = Sink::of(settings, seed, now, writer, incomplete);
        sink.writer.hold_uploads();
        sink.writer.resume(&mut sink.notices);
        sink.route();
        sink.admin.list(true);
        sink.route();
        Ok(sink)
    }

    /// Takes a checkpoint. Sealed objects become visible when it is committed.
    ///
    /// # Panics
    ///
    /// If the sink is not [at rest](Sink::is_at_rest).
    pub fn checkpoint(&mut self) -> Vec<u8> {
        let writer = self.writer.save();
        let upload_ids = writer.upload_ids();
        let state = State {
            identity: self.settings.identity(),
            taken_at: self.now.wall,
            writer,
            incomplete: self.incomplete.save(self.now.wall),
        };
        let bytes = state.encode();
        self.incomplete.pin(upload_ids);
        bytes
    }

    /// Commits the last checkpoint. Its sealed objects become visible. Uploads that only earlier
    /// checkpoints contained are aborted.
    pub(super) fn commit(&mut self) {
        self.incomplete.commit();
        self.writer.commit(&mut self.notices);
        self.route();
        self.incomplete.release();
    }

    /// Why [`Input::Commit`](super::Input::Commit) would commit nothing, if so.
    pub fn refuse_commit(&self) -> Option<Error> {
        let message = "there is no checkpoint since the last commit";
        let problem = Problem::new("commit", message);
        (!self.incomplete.has_uncommitted()).then(|| Error::Invalid(vec![problem]))
    }

    /// Whether a checkpoint can be taken after [`Input::Prepare`](super::Input::Prepare). Only
    /// calls that make objects visible may be in flight.
    pub fn is_at_rest(&self) -> bool {
        self.writer.is_at_rest()
    }

    /// Whether objects become visible by commits, so that checkpoints can be taken.
    pub fn takes_checkpoints(&self) -> bool {
        self.settings.commit.mode == Commit::Checkpointed
    }

    /// Whether an object waits for a commit.
    pub fn waits_for_commit(&self) -> bool {
        self.writer.waits_for_commit()
    }

    /// Whether the objects that wait for a commit take so much memory that a checkpoint should be
    /// taken.
    pub fn wants_checkpoint(&self) -> bool {
        self.writer.wants_checkpoint()
    }

    /// The ids of the uploads in checkpoints that may be resumed.
    pub fn needed_uploads(&self) -> impl Iterator<Item = &str> {
        self.incomplete.pinned()
    }
}
