//! Uploads that a crash left behind: begun after the checkpoint from which the sink goes on, so
//! that nothing knows them but the list of the store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::cleanup::Leftover;
use crate::error::Error;
use crate::ids::UploadNumber;
use crate::inquiry::OpenUpload;
use crate::notice::Level;
use crate::owner::Owner;
use crate::quote::plain;
use crate::s3::Operation;
use crate::settings::OnOrphans;
use crate::sink::Sink;
use crate::time::Timestamp;

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
    pub(crate) fn since(&mut self, since: Timestamp, suspected: BTreeSet<String>) {
        (self.since, self.suspected, self.is_looking) = (since, suspected, true);
    }

    /// Since when there may be some that nobody has seen, where a checkpoint is taken now.
    pub(crate) fn unseen_since(&self, now: Timestamp) -> Timestamp {
        if self.is_looking { self.since } else { now }
    }

    /// The names of which there are some or may be.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.suspected.iter().chain(self.found.keys()).map(String::as_str)
    }

    /// Whether an upload that nobody uses is one of them.
    pub(crate) fn includes(&self, name: &str, begun: Option<Timestamp>) -> bool {
        // Stores round to the second, or to a part of it.
        let is_late = |begun: Timestamp| begun.after(ROUNDING) >= self.since;
        begun.is_some_and(is_late) || self.suspected.contains(name)
    }

    /// How many are left.
    pub(crate) fn count(&self) -> u64 {
        self.found.values().map(|ids| ids.len() as u64).sum()
    }

    /// Those that are left.
    pub(crate) fn leftovers(&self) -> impl Iterator<Item = Leftover> {
        self.found.iter().flat_map(|(name, ids)| {
            ids.iter().map(|id| Leftover { name: name.clone(), upload_id: Some(id.clone()) })
        })
    }

    /// Somebody else has seen to it that this upload is gone.
    pub(crate) fn forget(&mut self, upload_id: &str) {
        self.found.values_mut().for_each(|ids| ids.retain(|id| id != upload_id));
        self.found.retain(|_, ids| !ids.is_empty());
    }
}

impl Sink {
    /// Takes in the uploads that a crash left behind, or why they cannot be looked for. Where those
    /// are not all, the next life looks for the others.
    pub(crate) fn found_orphans(&mut self, found: Result<Vec<OpenUpload>, Error>, are_all: bool) {
        self.take_in_orphans(found, are_all);
        for owner in self.requests.release() {
            if let Owner::Upload(number) = owner {
                self.end_orphans_of(number);
            }
        }
    }

    fn take_in_orphans(&mut self, found: Result<Vec<OpenUpload>, Error>, are_all: bool) {
        let found = match found {
            Ok(found) => found,
            Err(cause) => {
                let message = format!(
                    "uploads that a crash may have left behind cannot be looked for ({cause}); a \
                     lifecycle rule of the bucket removes them"
                );
                return self.report.notice(Level::Warning, message);
            }
        };
        if are_all {
            self.orphans.is_looking = false;
            self.orphans.suspected.clear();
        }
        let on_orphans = self.settings.on_orphans;
        let count = found.len();
        self.counters.orphans += count as u64;
        for OpenUpload { name, upload_id, .. } in found {
            let what = format!(
                "the upload {} of `{name}` is unknown to the checkpoint: a crash left it behind, \
                 or another writer is at work",
                plain(&upload_id)
            );
            let message = match on_orphans {
                OnOrphans::Keep => format!("{what}; it is aborted when that name is written again"),
                OnOrphans::Abort => format!("{what}; it is aborted"),
            };
            self.report.notice(Level::Warning, message);
            match on_orphans {
                OnOrphans::Keep => self.orphans.found.entry(name).or_default().push(upload_id),
                OnOrphans::Abort => self.abort_orphan(name, upload_id),
            }
        }
        if count > MANY {
            let message = format!("{count} uploads are unknown to the checkpoint");
            self.report.notice(Level::Warning, message);
        }
    }

    /// An object's name is written again: what a crash left behind of it has no more use.
    pub(crate) fn end_orphans_of(&mut self, number: UploadNumber) {
        let name = &self.uploads[&number].span.object_key;
        let Some((name, ids)) = self.orphans.found.remove_entry(name) else { return };
        for upload_id in ids {
            self.abort_orphan(name.clone(), upload_id);
        }
    }

    fn abort_orphan(&mut self, name: String, upload_id: String) {
        let cleanup = self.cleanups.add_orphan(name, upload_id);
        self.requests.add(Owner::Cleanup(cleanup), Operation::AbortMultipartUpload);
    }
}

/// From so many on it is said how many they are: not all notices may be kept.
const MANY: usize = 10;
/// How much earlier than it was an upload may be said to have begun.
const ROUNDING: Duration = Duration::from_secs(1);
