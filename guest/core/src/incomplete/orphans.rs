//! Orphaned uploads: those that were started after the checkpoint that the sink was resumed from.
//! No checkpoint contains them, so they are found by listing the bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::LeftUpload;
use crate::time::Timestamp;

/// An incomplete upload in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteUpload {
    /// The key of its object.
    pub object_key: String,
    /// The upload's id.
    pub upload_id: String,
    /// When it was initiated, by this machine's clock. `None` if the store does not tell.
    pub begun: Option<Timestamp>,
    /// The number of its parts. `None` if the store does not tell.
    pub parts: Option<u32>,
}

/// The orphaned uploads.
#[derive(Default)]
pub(crate) struct Orphans {
    /// When the checkpoint was taken. If orphans were not looked for after an earlier one, the time
    /// of the earlier one.
    since: Timestamp,
    /// Whether orphans are still to be looked for.
    is_looking: bool,
    /// Keys that may have an upload from before `since` whose id is unknown.
    suspected: BTreeSet<String>,
    /// The ids of orphaned uploads by key. They are aborted when the key is written again.
    found: BTreeMap<String, Vec<String>>,
}

impl Orphans {
    /// Uploads that were started after `since`, or that have one of these keys.
    pub(super) fn since(since: Timestamp, suspected: BTreeSet<String>) -> Orphans {
        Orphans { since, is_looking: true, suspected, found: BTreeMap::new() }
    }

    /// Records that all orphaned uploads were listed.
    pub(super) fn looked(&mut self) {
        self.is_looking = false;
        self.suspected.clear();
    }

    /// Adds an orphaned upload.
    pub(super) fn add(&mut self, object_key: String, upload_id: String) {
        self.found.entry(object_key).or_default().push(upload_id);
    }

    /// Removes and returns the ids of a key's orphaned uploads.
    pub(super) fn take(&mut self, object_key: &str) -> Vec<String> {
        self.found.remove(object_key).unwrap_or_default()
    }

    /// The time since which there may be unknown uploads, for a checkpoint that is taken now.
    pub(super) fn unseen_since(&self, now: Timestamp) -> Timestamp {
        if self.is_looking { self.since } else { now }
    }

    /// The keys that have orphaned uploads, or may have.
    pub(super) fn object_keys(&self) -> impl Iterator<Item = &str> {
        self.suspected.iter().chain(self.found.keys()).map(String::as_str)
    }

    /// Whether an unused upload is orphaned.
    pub(super) fn includes(&self, object_key: &str, begun: Option<Timestamp>) -> bool {
        // Stores round the time, to a second or less.
        let is_late = |begun: Timestamp| begun.after(ROUNDING) >= self.since;
        begun.is_some_and(is_late) || self.suspected.contains(object_key)
    }

    /// The number of orphaned uploads.
    pub(super) fn count(&self) -> u64 {
        self.found.values().map(|ids| ids.len() as u64).sum()
    }

    /// The orphaned uploads.
    pub(super) fn left(&self) -> impl Iterator<Item = LeftUpload> {
        self.found.iter().flat_map(|(object_key, ids)| {
            ids.iter().map(|id| LeftUpload {
                object_key: object_key.clone(),
                upload_id: Some(id.clone()),
            })
        })
    }

    /// Removes an upload that no longer exists.
    pub(super) fn forget(&mut self, upload_id: &str) {
        self.found.values_mut().for_each(|ids| ids.retain(|id| id != upload_id));
        self.found.retain(|_, ids| !ids.is_empty());
    }
}

/// How much too early the initiation time of an upload may be.
const ROUNDING: Duration = Duration::from_secs(1);
