//! Incomplete multipart uploads that no object uses.
//!
//! An upload that a checkpoint may need is never aborted. An upload that cannot be aborted is
//! remembered and counted, and the abort is tried again.

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

/// Counters of incomplete uploads since the sink was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncompleteCounters {
    /// The aborts that were deferred.
    pub aborts_failed: u64,
    /// The orphaned uploads that were found.
    pub orphans: u64,
    /// The orphaned uploads that were aborted.
    pub orphans_aborted: u64,
}

/// A call to submit.
pub(crate) struct Effect {
    pub(crate) id: AbortId,
    pub(crate) call: Call,
}

impl Incomplete {
    /// Without any uploads.
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

    /// The next effect, if there is one.
    pub(crate) fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Aborts an upload that no object uses. If a checkpoint that may be resumed contains it, the
    /// abort waits.
    pub(crate) fn abort(&mut self, key: String, upload_id: String) {
        if self.pinned.has(&upload_id) {
            return self.aborts.add_pinned(key, upload_id);
        }
        let id = self.aborts.add(key, upload_id);
        self.send(id);
    }

    /// Remembers an upload whose abort failed elsewhere.
    pub(crate) fn remember(&mut self, key: String, upload_id: String, now: Instant) {
        let id = self.aborts.add(key, upload_id);
        self.aborts.put_off(id, now);
        self.counters.aborts_failed += 1;
    }

    /// Forgets an upload that no longer exists.
    pub(crate) fn forget(&mut self, upload_id: &str) {
        self.aborts.forget(upload_id);
        self.orphans.forget(upload_id);
    }

    /// Records that the response to CreateMultipartUpload was lost, so that an upload of this key
    /// may exist.
    pub(crate) fn suspect(&mut self, key: String, notices: &mut Notices) {
        let message = format!(
            "a multipart upload of `{key}` may have been left behind: the answer that named it is \
             lost; a lifecycle rule of the bucket removes such uploads"
        );
        self.aborts.suspect(key);
        notices.push(Level::Warning, message);
    }

    /// Processes the result of an abort.
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

    /// Defers an abort that failed.
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

    /// Tries the deferred aborts again that are due, or all of them.
    pub(crate) fn retry(&mut self, now: Instant, all: bool) {
        self.aborts.take_due(now, all).into_iter().for_each(|id| self.send(id));
    }

    /// When [`retry`](Incomplete::retry) will try an abort again.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.aborts.next_due()
    }

    /// Pins the uploads that a new checkpoint contains, since it may be resumed.
    pub(crate) fn pin(&mut self, upload_ids: BTreeSet<String>) {
        self.pinned.pin(upload_ids);
    }

    /// Records that the last checkpoint was committed, so that no earlier one will be resumed.
    pub(crate) fn commit(&mut self) {
        self.pinned.commit();
    }

    /// Aborts the uploads that were pinned by earlier checkpoints only.
    pub(crate) fn release(&mut self) {
        let pinned = &self.pinned;
        let released = self.aborts.release(|upload_id| pinned.has(upload_id));
        released.into_iter().for_each(|id| self.send(id));
    }

    /// Whether a checkpoint was taken and not committed.
    pub(crate) fn has_uncommitted(&self) -> bool {
        self.pinned.is_taken()
    }

    /// The ids of the pinned uploads.
    pub(crate) fn pinned(&self) -> impl Iterator<Item = &str> {
        self.pinned.ids()
    }

    /// Whether an upload is pinned or being aborted.
    pub(crate) fn uses(&self, upload_id: &str) -> bool {
        self.aborts.is_ending(upload_id) || self.pinned.has(upload_id)
    }

    /// Whether an unused upload is orphaned. It was initiated at `begun` or earlier, by this
    /// machine's clock.
    pub(crate) fn is_orphan(&self, key: &str, begun: Option<Timestamp>) -> bool {
        // With `on_orphans = abort`, no other writer uses the prefix, so every unused upload is
        // orphaned.
        self.on_orphans == OnOrphans::Abort || self.orphans.includes(key, begun)
    }

    /// Processes the list of orphaned uploads, or the error if they could not be listed. If the
    /// list is not complete, the sink looks again after the next resume.
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
        for IncompleteUpload { object_key: key, upload_id, .. } in found {
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

    /// Aborts the orphaned uploads of a key that is being written again.
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

    /// The uploads that exist, or may exist, although no object uses them.
    pub(crate) fn left(&self) -> Vec<LeftUpload> {
        self.aborts.left().into_iter().chain(self.orphans.left()).collect()
    }

    /// The number of these uploads.
    pub(crate) fn count(&self) -> u64 {
        self.aborts.count() + self.orphans.count()
    }

    /// The counters.
    pub(crate) fn counters(&self) -> &IncompleteCounters {
        &self.counters
    }
}

/// With more orphaned uploads than this, a notice tells their number, since their own notices may
/// be dropped.
const ORPHANS_NAMED_MAX: usize = 10;
