//! The uploads to abort. If an abort fails, the upload is remembered, and the abort is tried again
//! later.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::Instant;

/// The id of an abort, unique within a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbortId(pub u64);

/// An upload that exists, or may exist, although no object uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftUpload {
    /// The key of its object.
    pub object_key: String,
    /// The upload's id. `None` if the response to CreateMultipartUpload was lost, so that the
    /// upload may exist.
    pub upload_id: Option<String>,
}

/// The uploads to abort.
#[derive(Default)]
pub(crate) struct Aborts {
    begun: u64,
    known: BTreeMap<AbortId, Abort>,
    /// Uploads that may exist, and whose ids are unknown.
    unknown: Vec<LeftUpload>,
    unknown_count: u64,
}

struct Abort {
    object_key: String,
    upload_id: String,
    /// How many times the abort was deferred.
    rounds: u32,
    /// When the abort is tried again. `None` while it is being tried.
    due: Option<Instant>,
    /// Whether a checkpoint that may be resumed contains the upload. It must then not be aborted.
    is_pinned: bool,
    /// Whether the upload is orphaned.
    is_orphan: bool,
}

impl Aborts {
    pub(crate) fn add(&mut self, object_key: String, upload_id: String) -> AbortId {
        let id = AbortId(self.begun);
        self.begun += 1;
        let (is_pinned, is_orphan) = (false, false);
        let abort = Abort { object_key, upload_id, rounds: 0, due: None, is_pinned, is_orphan };
        self.known.insert(id, abort);
        id
    }

    /// Adds an upload that must not be aborted until [`release`](Aborts::release) returns it.
    pub(crate) fn add_pinned(&mut self, object_key: String, upload_id: String) {
        let id = self.add(object_key, upload_id);
        self.known.get_mut(&id).expect("it was added").is_pinned = true;
    }

    /// Adds an orphaned upload.
    pub(crate) fn add_orphan(&mut self, object_key: String, upload_id: String) -> AbortId {
        let id = self.add(object_key, upload_id);
        self.known.get_mut(&id).expect("it was added").is_orphan = true;
        id
    }

    /// Unpins and returns the uploads that are not pinned any more.
    pub(crate) fn release(&mut self, is_pinned: impl Fn(&str) -> bool) -> Vec<AbortId> {
        let mut released = Vec::new();
        for (id, abort) in &mut self.known {
            if abort.is_pinned && !is_pinned(&abort.upload_id) {
                abort.is_pinned = false;
                released.push(*id);
            }
        }
        released
    }

    /// The keys and ids of all uploads with a known id, including pinned ones.
    pub(crate) fn uploads(&self) -> impl Iterator<Item = (&str, &str)> {
        self.known.values().map(|abort| (abort.object_key.as_str(), abort.upload_id.as_str()))
    }

    /// The keys of uploads with an unknown id.
    pub(crate) fn suspected(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(|left| left.object_key.as_str())
    }

    /// Records that the response to CreateMultipartUpload was lost, so that an upload may exist.
    pub(crate) fn suspect(&mut self, object_key: String) {
        self.unknown_count += 1;
        if self.unknown.len() < UNKNOWN_NAMED_MAX {
            self.unknown.push(LeftUpload { object_key, upload_id: None });
        }
    }

    pub(crate) fn get(&self, id: AbortId) -> Option<(&str, &str)> {
        self.known.get(&id).map(|c| (c.object_key.as_str(), c.upload_id.as_str()))
    }

    /// Removes an upload that was aborted. Returns whether it was orphaned.
    pub(crate) fn done(&mut self, id: AbortId) -> bool {
        self.known.remove(&id).is_some_and(|abort| abort.is_orphan)
    }

    /// Removes an upload that no longer exists.
    pub(crate) fn forget(&mut self, upload_id: &str) {
        self.known.retain(|_, abort| abort.upload_id != upload_id);
    }

    /// Whether an abort of this upload is waiting or in flight.
    pub(crate) fn is_ending(&self, upload_id: &str) -> bool {
        self.known.values().any(|c| c.due.is_none() && c.upload_id == upload_id)
    }

    /// Defers an abort that failed after all retries. Returns whether it was deferred for the first
    /// time.
    pub(crate) fn put_off(&mut self, id: AbortId, now: Instant) -> bool {
        let Some(abort) = self.known.get_mut(&id) else { return false };
        let pause = ABORT_RETRY_BASE.saturating_mul(1 << abort.rounds.min(DOUBLINGS_MAX));
        abort.due = Some(now.after(pause));
        abort.rounds += 1;
        abort.rounds == 1
    }

    /// Removes the delay of the aborts that are due, or of all deferred ones, and returns them.
    pub(crate) fn take_due(&mut self, now: Instant, all: bool) -> Vec<AbortId> {
        let due = |c: &&mut Abort| c.due.is_some_and(|due| all || due <= now);
        let mut ids = Vec::new();
        for (id, abort) in &mut self.known {
            if due(&&mut *abort) {
                abort.due = None;
                ids.push(*id);
            }
        }
        ids
    }

    /// When the next deferred abort is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.known.values().filter_map(|abort| abort.due).min()
    }

    /// How many uploads exist, or may exist, although no object uses them.
    pub(crate) fn count(&self) -> u64 {
        self.known.values().filter(|abort| !abort.is_pinned).count() as u64 + self.unknown_count
    }

    /// The uploads that exist, or may exist, although no object uses them.
    pub(crate) fn left(&self) -> Vec<LeftUpload> {
        let known = self.known.values().filter(|abort| !abort.is_pinned).map(|c| LeftUpload {
            object_key: c.object_key.clone(),
            upload_id: Some(c.upload_id.clone()),
        });
        known.chain(self.unknown.iter().cloned()).collect()
    }
}

/// The delay before a deferred abort is tried again. It doubles each time.
const ABORT_RETRY_BASE: Duration = Duration::from_secs(60);
/// Limits the longest delay to about an hour.
const DOUBLINGS_MAX: u32 = 6;
/// How many uploads with an unknown id are named. All of them are counted.
const UNKNOWN_NAMED_MAX: usize = 1_000;
