//! Uploads that a crash left behind: begun after the checkpoint from which the sink goes on, so
//! that nothing knows them but the list of the store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::LeftUpload;
use crate::time::Timestamp;

/// An upload that is open in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteUpload {
    /// The name of the object that would be.
    pub name: String,
    /// Its id.
    pub upload_id: String,
    /// When it was begun, by this machine's clock; nothing where the store does not say.
    pub begun: Option<Timestamp>,
    /// How many parts it has; nothing where the store does not say.
    pub parts: Option<u32>,
}

/// Which uploads a crash left behind.
#[derive(Default)]
pub(crate) struct Orphans {
    /// When the checkpoint was taken, or the first of those since which nobody could look.
    since: Timestamp,
    /// Whether that is still to be done.
    is_looking: bool,
    /// Names of which an upload may have been begun before that, whose id nobody was told.
    suspected: BTreeSet<String>,
    /// Their ids, by name: those that stay until their name is written again.
    found: BTreeMap<String, Vec<String>>,
}

impl Orphans {
    /// They were begun after `since`, or are of one of these names.
    pub(super) fn since(since: Timestamp, suspected: BTreeSet<String>) -> Orphans {
        Orphans { since, is_looking: true, suspected, found: BTreeMap::new() }
    }

    /// All that there are were seen.
    pub(super) fn looked(&mut self) {
        self.is_looking = false;
        self.suspected.clear();
    }

    /// Adds one that stays until its name is written again.
    pub(super) fn add(&mut self, name: String, upload_id: String) {
        self.found.entry(name).or_default().push(upload_id);
    }

    /// The ids of those of a name, which are its own no more.
    pub(super) fn take(&mut self, name: &str) -> Vec<String> {
        self.found.remove(name).unwrap_or_default()
    }

    /// Since when there may be some that nobody has seen, where a checkpoint is taken now.
    pub(super) fn unseen_since(&self, now: Timestamp) -> Timestamp {
        if self.is_looking { self.since } else { now }
    }

    /// The names of which there are some or may be.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.suspected.iter().chain(self.found.keys()).map(String::as_str)
    }

    /// Whether an upload that nobody uses is one of them.
    pub(super) fn includes(&self, name: &str, begun: Option<Timestamp>) -> bool {
        // Stores round to the second, or to a part of it.
        let is_late = |begun: Timestamp| begun.after(ROUNDING) >= self.since;
        begun.is_some_and(is_late) || self.suspected.contains(name)
    }

    /// How many are left.
    pub(super) fn count(&self) -> u64 {
        self.found.values().map(|ids| ids.len() as u64).sum()
    }

    /// Those that are left.
    pub(super) fn left(&self) -> impl Iterator<Item = LeftUpload> {
        self.found.iter().flat_map(|(name, ids)| {
            ids.iter().map(|id| LeftUpload { name: name.clone(), upload_id: Some(id.clone()) })
        })
    }

    /// Somebody else has seen to it that this upload is gone.
    pub(super) fn forget(&mut self, upload_id: &str) {
        self.found.values_mut().for_each(|ids| ids.retain(|id| id != upload_id));
        self.found.retain(|_, ids| !ids.is_empty());
    }
}

/// How much earlier than it was an upload may be said to have begun.
const ROUNDING: Duration = Duration::from_secs(1);
