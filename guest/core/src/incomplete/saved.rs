//! Saves incomplete uploads for a checkpoint, and restores them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Incomplete;
use super::orphans::Orphans;
use super::pinned::Pinned;
use crate::settings::OnOrphans;
use crate::time::Timestamp;

/// The incomplete uploads in a checkpoint.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedIncomplete {
    /// Keys and ids of the uploads to abort.
    to_abort: Vec<(String, String)>,
    /// The time since which there may be uploads that no checkpoint contains.
    unseen_since: Timestamp,
    /// Keys that may have an upload whose id is unknown.
    suspected: Vec<String>,
}

impl Incomplete {
    /// Saves the uploads. `now` is when the checkpoint is taken.
    pub(crate) fn save(&self, now: Timestamp) -> SavedIncomplete {
        let pair = |(key, id): (&str, &str)| (key.to_owned(), id.to_owned());
        let suspected: BTreeSet<&str> =
            self.aborts.suspected().chain(self.orphans.object_keys()).collect();
        SavedIncomplete {
            to_abort: self.aborts.uploads().map(pair).collect(),
            unseen_since: self.orphans.unseen_since(now),
            suspected: suspected.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Restores the uploads. The objects of the checkpoint use the `pinned` ones.
    pub(crate) fn restore(
        on_orphans: OnOrphans,
        saved: SavedIncomplete,
        pinned: BTreeSet<String>,
    ) -> Incomplete {
        let mut incomplete = Incomplete::new(on_orphans);
        incomplete.pinned = Pinned::of(pinned);
        let suspected = saved.suspected.into_iter().collect();
        incomplete.orphans = Orphans::since(saved.unseen_since, suspected);
        for (key, upload_id) in saved.to_abort {
            incomplete.abort(key, upload_id);
        }
        incomplete
    }
}

impl SavedIncomplete {
    /// Keys and ids of the uploads to abort.
    pub(crate) fn to_abort(&self) -> &[(String, String)] {
        &self.to_abort
    }

    /// What is invalid, if anything. An invalid state was not written by this program.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        let is_empty = |(key, id): &(String, String)| key.is_empty() || id.is_empty();
        let flaw = "an upload without a name or an id";
        self.to_abort.iter().any(is_empty).then_some(flaw)
    }
}
