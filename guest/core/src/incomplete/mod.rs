//! Multipart uploads in the bucket that no object uses.
//!
//! An upload that a checkpoint may need is never aborted, and one that cannot be aborted is
//! remembered, tried again, and counted.

mod aborts;
mod orphans;
mod pinned;
mod saved;

use std::collections::{BTreeSet, VecDeque};

use aborts::Aborts;
use orphans::Orphans;
use pinned::Pinned;

use crate::client::End;
use crate::client::call::Call;
use crate::error::Error;
use crate::notice::{Level, Notices};
use crate::quote::plain;
use crate::settings::OnOrphans;
use crate::time::{Instant, Timestamp};

pub use aborts::{AbortId, LeftUpload};
pub use orphans::IncompleteUpload;
pub(crate) use saved::SavedIncomplete;

/// The incomplete uploads.
pub(crate) struct Incomplete {
    on_orphans: OnOrphans,
    aborts: Aborts,
    pinned: Pinned,
    orphans: Orphans,
    counters: IncompleteCounters,
    effects: VecDeque<Effect>,
}

/// What has been counted of incomplete uploads since the sink was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncompleteCounters {
    /// Aborts that were given up for a while.
    pub aborts_failed: u64,
    /// Orphaned uploads found.
    pub orphans: u64,
    /// Those of them that are gone.
    pub orphans_aborted: u64,
}

/// What is asked of others: that this call is made.
pub(crate) struct Effect {
    pub(crate) id: AbortId,
    pub(crate) call: Call,
}

impl Incomplete {
    /// No incomplete upload is known.
    pub(crate) fn new(on_orphans: OnOrphans) -> Incomplete {
        Incomplete {
            on_orphans,
            aborts: Aborts::default(),
            pinned: Pinned::default(),
            orphans: Orphans::default(),
            counters: IncompleteCounters::default(),
            effects: VecDeque::new(),
        }
    }

    /// What it wants next, if anything.
    pub(crate) fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Aborts an upload that has no more use, unless a checkpoint that may be resumed knows it.
    pub(crate) fn abort(&mut self, key: String, upload_id: String) {
        if self.pinned.has(&upload_id) {
            return self.aborts.add_pinned(key, upload_id);
        }
        let id = self.aborts.add(key, upload_id);
        self.send(id);
    }

    /// Remembers an upload that somebody else could not abort.
    pub(crate) fn remember(&mut self, key: String, upload_id: String, now: Instant) {
        let id = self.aborts.add(key, upload_id);
        self.aborts.put_off(id, now);
        self.counters.aborts_failed += 1;
    }

    /// Somebody else has seen to it that this upload is gone.
    pub(crate) fn forget(&mut self, upload_id: &str) {
        self.aborts.forget(upload_id);
        self.orphans.forget(upload_id);
    }

    /// The store may have begun an upload of this key, and the answer that named it is lost.
    pub(crate) fn suspect(&mut self, key: String, notices: &mut Notices) {
        let message = format!(
            "a multipart upload of `{key}` may have been left behind: the answer that named it is \
             lost; a lifecycle rule of the bucket removes such uploads"
        );
        self.aborts.suspect(key);
        notices.push(Level::Warning, message);
    }

    /// A call that was to abort an upload has ended.
    pub(crate) fn on_end(&mut self, id: AbortId, end: End, now: Instant, notices: &mut Notices) {
        match end {
            End::Done(_) | End::Gone | End::Cancelled => {
                let was_orphan = self.aborts.done(id);
                self.counters.orphans_aborted += u64::from(was_orphan);
            }
            End::Failed { outcome, .. } => self.put_off(id, &outcome, now, notices),
            End::Doubtful { doubt: cause, .. } | End::UploadLost(cause) | End::Exists(cause) => {
                self.put_off(id, &cause.to_string(), now, notices);
            }
        }
    }

    /// Remembers an upload that could not be aborted.
    pub(crate) fn put_off(
        &mut self,
        id: AbortId,
        reason: &str,
        now: Instant,
        notices: &mut Notices,
    ) {
        self.counters.aborts_failed += 1;
        let Some((key, upload_id)) = self.aborts.get(id) else { return };
        let message = format!(
            "the multipart upload {} of `{key}` could not be aborted ({reason}); that is tried \
             again later, and until then its parts are paid for",
            plain(upload_id)
        );
        if self.aborts.put_off(id, now) {
            notices.push(Level::Warning, message);
        }
    }

    /// Tries aborts again that are due, or all that are remembered.
    pub(crate) fn retry(&mut self, now: Instant, all: bool) {
        self.aborts.take_due(now, all).into_iter().for_each(|id| self.send(id));
    }

    /// When [`retry`](Incomplete::retry) will try one again.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.aborts.next_due()
    }

    /// A checkpoint is taken that knows these uploads: it may be resumed.
    pub(crate) fn pin(&mut self, upload_ids: BTreeSet<String>) {
        self.pinned.pin(upload_ids);
    }

    /// The last checkpoint is stored, and none before it will be resumed.
    pub(crate) fn commit(&mut self) {
        self.pinned.commit();
    }

    /// Aborts what only checkpoints knew that will not be resumed.
    pub(crate) fn release(&mut self) {
        let pinned = &self.pinned;
        let released = self.aborts.release(|upload_id| pinned.has(upload_id));
        released.into_iter().for_each(|id| self.send(id));
    }

    /// Whether a checkpoint is taken and not committed.
    pub(crate) fn has_uncommitted(&self) -> bool {
        self.pinned.is_taken()
    }

    /// The ids of the uploads that checkpoints know which may be resumed.
    pub(crate) fn pinned(&self) -> impl Iterator<Item = &str> {
        self.pinned.ids()
    }

    /// Whether an upload is to stay, or is being aborted.
    pub(crate) fn uses(&self, upload_id: &str) -> bool {
        self.aborts.is_ending(upload_id) || self.pinned.has(upload_id)
    }

    /// Whether an upload that nothing uses was orphaned by a crash. It was begun at `begun` or
    /// before, by this machine's clock.
    pub(crate) fn is_orphan(&self, key: &str, begun: Option<Timestamp>) -> bool {
        // On a prefix of its own all that nothing uses is.
        self.on_orphans == OnOrphans::Abort || self.orphans.includes(key, begun)
    }

    /// Takes in the orphaned uploads, or why they cannot be listed. Where those are not all, the
    /// next life of the sink looks for the others.
    pub(crate) fn take_in(
        &mut self,
        found: Result<Vec<IncompleteUpload>, Error>,
        are_all: bool,
        notices: &mut Notices,
    ) {
        let found = match found {
            Ok(found) => found,
            Err(cause) => {
                let message = format!(
                    "uploads that a crash may have left behind cannot be looked for ({cause}); a \
                     lifecycle rule of the bucket removes them"
                );
                return notices.push(Level::Warning, message);
            }
        };
        if are_all {
            self.orphans.looked();
        }
        let count = found.len();
        self.counters.orphans += count as u64;
        for IncompleteUpload { name: key, upload_id, .. } in found {
            let what = format!(
                "the upload {} of `{key}` is unknown to the checkpoint: a crash left it behind, \
                 or another writer is at work",
                plain(&upload_id)
            );
            match self.on_orphans {
                OnOrphans::Keep => {
                    let message = format!("{what}; it is aborted when that name is written again");
                    notices.push(Level::Warning, message);
                    self.orphans.add(key, upload_id);
                }
                OnOrphans::Abort => {
                    notices.push(Level::Warning, format!("{what}; it is aborted"));
                    self.abort_orphan(key, upload_id);
                }
            }
        }
        if count > ORPHANS_NAMED_MAX {
            let message = format!("{count} uploads are unknown to the checkpoint");
            notices.push(Level::Warning, message);
        }
    }

    /// A key is written again: its orphaned uploads have no more use.
    pub(crate) fn reclaim(&mut self, key: &str) {
        for upload_id in self.orphans.take(key) {
            self.abort_orphan(key.to_owned(), upload_id);
        }
    }

    fn abort_orphan(&mut self, key: String, upload_id: String) {
        let id = self.aborts.add_orphan(key, upload_id);
        self.send(id);
    }

    fn send(&mut self, id: AbortId) {
        let Some((key, upload_id)) = self.aborts.get(id) else { return };
        let (key, upload_id) = (key.to_owned(), upload_id.to_owned());
        self.effects.push_back(Effect { id, call: Call::AbortMultipartUpload { key, upload_id } });
    }

    /// The uploads that are, or may be, in the store although nobody has a use for them.
    pub(crate) fn left(&self) -> Vec<LeftUpload> {
        self.aborts.left().into_iter().chain(self.orphans.left()).collect()
    }

    /// How many there are of those.
    pub(crate) fn count(&self) -> u64 {
        self.aborts.count() + self.orphans.count()
    }

    /// What was counted.
    pub(crate) fn counters(&self) -> &IncompleteCounters {
        &self.counters
    }
}

/// From so many orphaned uploads on a notice says how many they are: not all notices may be kept.
const ORPHANS_NAMED_MAX: usize = 10;
