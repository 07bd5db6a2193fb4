//! Uploads to abort; where that fails they are remembered, and tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::Instant;

/// Tells one abort from all others of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbortId(pub u64);

/// An upload that is, or may be, in the store although nobody has a use for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftUpload {
    /// The name of the object that it was for.
    pub name: String,
    /// Its id; nothing where the store may have begun one without telling its id.
    pub upload_id: Option<String>,
}

/// The uploads to abort.
#[derive(Default)]
pub(crate) struct Aborts {
    begun: u64,
    known: BTreeMap<AbortId, Abort>,
    /// Uploads that may be there, and whose ids are not known.
    unknown: Vec<LeftUpload>,
    unknown_count: u64,
}

struct Abort {
    name: String,
    upload_id: String,
    /// How often it was given up.
    rounds: u32,
    /// When it is tried again; nothing while it is being tried.
    due: Option<Instant>,
    /// A checkpoint that may be resumed knows it: until another is committed it stays.
    is_pinned: bool,
    /// A crash left it behind.
    is_orphan: bool,
}

impl Aborts {
    pub(crate) fn add(&mut self, name: String, upload_id: String) -> AbortId {
        let id = AbortId(self.begun);
        self.begun += 1;
        let (is_pinned, is_orphan) = (false, false);
        let abort = Abort { name, upload_id, rounds: 0, due: None, is_pinned, is_orphan };
        self.known.insert(id, abort);
        id
    }

    /// Adds one that must stay until [`release`](Aborts::release) says otherwise.
    pub(crate) fn add_pinned(&mut self, name: String, upload_id: String) {
        let id = self.add(name, upload_id);
        self.known.get_mut(&id).expect("it was added").is_pinned = true;
    }

    /// Adds one that a crash left behind.
    pub(crate) fn add_orphan(&mut self, name: String, upload_id: String) -> AbortId {
        let id = self.add(name, upload_id);
        self.known.get_mut(&id).expect("it was added").is_orphan = true;
        id
    }

    /// Those that had to stay, and that nothing needs any more.
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

    /// All whose ids are known, those included that must stay for now.
    pub(crate) fn uploads(&self) -> impl Iterator<Item = (&str, &str)> {
        self.known.values().map(|abort| (abort.name.as_str(), abort.upload_id.as_str()))
    }

    /// The names of those whose ids are not known.
    pub(crate) fn suspected(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(|left| left.name.as_str())
    }

    /// The store may have begun an upload, and its answer is lost.
    pub(crate) fn suspect(&mut self, name: String) {
        self.unknown_count += 1;
        if self.unknown.len() < UNKNOWN_NAMED_MAX {
            self.unknown.push(LeftUpload { name, upload_id: None });
        }
    }

    pub(crate) fn get(&self, id: AbortId) -> Option<(&str, &str)> {
        self.known.get(&id).map(|c| (c.name.as_str(), c.upload_id.as_str()))
    }

    /// The upload is gone. Returns whether a crash had left it behind.
    pub(crate) fn done(&mut self, id: AbortId) -> bool {
        self.known.remove(&id).is_some_and(|abort| abort.is_orphan)
    }

    /// Somebody else has seen to it that this upload is gone.
    pub(crate) fn forget(&mut self, upload_id: &str) {
        self.known.retain(|_, abort| abort.upload_id != upload_id);
    }

    /// Whether an abort of this upload waits to be sent, or is under way.
    pub(crate) fn is_ending(&self, upload_id: &str) -> bool {
        self.known.values().any(|c| c.due.is_none() && c.upload_id == upload_id)
    }

    /// It was tried as often as a request is, in vain: it is remembered for later. Returns whether
    /// this was the first time.
    pub(crate) fn put_off(&mut self, id: AbortId, now: Instant) -> bool {
        let Some(abort) = self.known.get_mut(&id) else { return false };
        let pause = ABORT_RETRY_BASE.saturating_mul(1 << abort.rounds.min(DOUBLINGS_MAX));
        abort.due = Some(now.after(pause));
        abort.rounds += 1;
        abort.rounds == 1
    }

    /// Those that are to be tried again now, or all that are remembered.
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

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.known.values().filter_map(|abort| abort.due).min()
    }

    /// How many are, or may be, still in the store.
    pub(crate) fn count(&self) -> u64 {
        self.known.values().filter(|abort| !abort.is_pinned).count() as u64 + self.unknown_count
    }

    /// What is, or may be, still in the store.
    pub(crate) fn left(&self) -> Vec<LeftUpload> {
        let known = self
            .known
            .values()
            .filter(|abort| !abort.is_pinned)
            .map(|c| LeftUpload { name: c.name.clone(), upload_id: Some(c.upload_id.clone()) });
        known.chain(self.unknown.iter().cloned()).collect()
    }
}

/// How long the first pause is before a remembered abort is tried again; doubled each time.
const ABORT_RETRY_BASE: Duration = Duration::from_secs(60);
/// So the longest is about an hour.
const DOUBLINGS_MAX: u32 = 6;
/// How many suspected uploads are named; all are counted.
const UNKNOWN_NAMED_MAX: usize = 1_000;
