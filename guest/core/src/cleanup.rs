//! Uploads that nobody has a use for: aborted, and if that fails remembered and tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::CleanupNumber;
use crate::time::Instant;

/// An upload that is to be aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The name of the object that it was for.
    pub name: String,
    /// Its id; nothing where the store may have begun one without telling its id.
    pub upload_id: Option<String>,
}

/// The uploads to abort.
#[derive(Default)]
pub(crate) struct Cleanups {
    begun: u64,
    known: BTreeMap<CleanupNumber, Cleanup>,
    /// Uploads that may be there, and whose ids are not known.
    unknown: Vec<Leftover>,
    unknown_count: u64,
}

struct Cleanup {
    name: String,
    upload_id: String,
    /// How often it was given up.
    rounds: u32,
    /// When it is tried again; nothing while it is being tried.
    due: Option<Instant>,
    /// A checkpoint that may be resumed knows it: until another is committed it stays.
    is_needed: bool,
    /// A crash left it behind.
    is_orphan: bool,
}

impl Cleanups {
    pub(crate) fn add(&mut self, name: String, upload_id: String) -> CleanupNumber {
        let number = CleanupNumber(self.begun);
        self.begun += 1;
        let (is_needed, is_orphan) = (false, false);
        let cleanup = Cleanup { name, upload_id, rounds: 0, due: None, is_needed, is_orphan };
        self.known.insert(number, cleanup);
        number
    }

    /// Adds one that must stay until [`release`](Cleanups::release) says otherwise.
    pub(crate) fn add_needed(&mut self, name: String, upload_id: String) {
        let number = self.add(name, upload_id);
        self.known.get_mut(&number).expect("it was added").is_needed = true;
    }

    /// Adds one that a crash left behind.
    pub(crate) fn add_orphan(&mut self, name: String, upload_id: String) -> CleanupNumber {
        let number = self.add(name, upload_id);
        self.known.get_mut(&number).expect("it was added").is_orphan = true;
        number
    }

    /// Those that had to stay, and that nothing needs any more.
    pub(crate) fn release(&mut self, is_needed: impl Fn(&str) -> bool) -> Vec<CleanupNumber> {
        let mut released = Vec::new();
        for (number, cleanup) in &mut self.known {
            if cleanup.is_needed && !is_needed(&cleanup.upload_id) {
                cleanup.is_needed = false;
                released.push(*number);
            }
        }
        released
    }

    /// All whose ids are known, those included that must stay for now.
    pub(crate) fn uploads(&self) -> impl Iterator<Item = (&str, &str)> {
        self.known.values().map(|cleanup| (cleanup.name.as_str(), cleanup.upload_id.as_str()))
    }

    /// The names of those whose ids are not known.
    pub(crate) fn suspected(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(|leftover| leftover.name.as_str())
    }

    /// The store may have begun an upload, and its answer is lost.
    pub(crate) fn suspect(&mut self, name: String) {
        self.unknown_count += 1;
        if self.unknown.len() < UNKNOWN_KEPT {
            self.unknown.push(Leftover { name, upload_id: None });
        }
    }

    pub(crate) fn get(&self, number: CleanupNumber) -> Option<(&str, &str)> {
        self.known.get(&number).map(|c| (c.name.as_str(), c.upload_id.as_str()))
    }

    /// The upload is gone. Returns whether a crash had left it behind.
    pub(crate) fn done(&mut self, number: CleanupNumber) -> bool {
        self.known.remove(&number).is_some_and(|cleanup| cleanup.is_orphan)
    }

    /// Somebody else has seen to it that this upload is gone.
    pub(crate) fn forget(&mut self, upload_id: &str) {
        self.known.retain(|_, cleanup| cleanup.upload_id != upload_id);
    }

    /// Whether an abort of this upload waits to be sent, or is under way.
    pub(crate) fn is_ending(&self, upload_id: &str) -> bool {
        self.known.values().any(|c| c.due.is_none() && c.upload_id == upload_id)
    }

    /// It was tried as often as a request is, in vain: it is remembered for later. Returns whether
    /// this was the first time.
    pub(crate) fn remember(&mut self, number: CleanupNumber, now: Instant) -> bool {
        let Some(cleanup) = self.known.get_mut(&number) else { return false };
        let pause = PAUSE.saturating_mul(1 << cleanup.rounds.min(DOUBLINGS_MAX));
        cleanup.due = Some(now.after(pause));
        cleanup.rounds += 1;
        cleanup.rounds == 1
    }

    /// Those that are to be tried again now, or all that are remembered.
    pub(crate) fn take_due(&mut self, now: Instant, all: bool) -> Vec<CleanupNumber> {
        let due = |c: &&mut Cleanup| c.due.is_some_and(|due| all || due <= now);
        let mut numbers = Vec::new();
        for (number, cleanup) in &mut self.known {
            if due(&&mut *cleanup) {
                cleanup.due = None;
                numbers.push(*number);
            }
        }
        numbers
    }

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.known.values().filter_map(|cleanup| cleanup.due).min()
    }

    /// How many are, or may be, still in the store.
    pub(crate) fn count(&self) -> u64 {
        self.known.values().filter(|cleanup| !cleanup.is_needed).count() as u64 + self.unknown_count
    }

    /// What is, or may be, still in the store.
    pub(crate) fn leftovers(&self) -> Vec<Leftover> {
        let known = self
            .known
            .values()
            .filter(|cleanup| !cleanup.is_needed)
            .map(|c| Leftover { name: c.name.clone(), upload_id: Some(c.upload_id.clone()) });
        known.chain(self.unknown.iter().cloned()).collect()
    }
}

/// How long the first pause is before a remembered abort is tried again; doubled each time.
const PAUSE: Duration = Duration::from_secs(60);
/// So the longest is about an hour.
const DOUBLINGS_MAX: u32 = 6;
/// How many suspected uploads are named; all are counted.
const UNKNOWN_KEPT: usize = 1_000;
