//! Pinned uploads: the uploads of all checkpoints that may be resumed.

use std::collections::BTreeSet;

/// The ids of the uploads in the last committed checkpoint, and in all checkpoints taken since. The
/// caller may have stored any of them.
#[derive(Default)]
pub(crate) struct Pinned {
    committed: BTreeSet<String>,
    taken: BTreeSet<String>,
    /// The ids in the last checkpoint, if it is not committed.
    last: Option<BTreeSet<String>>,
}

impl Pinned {
    /// The state after resuming from a checkpoint with these uploads.
    pub(crate) fn of(committed: BTreeSet<String>) -> Pinned {
        Pinned { committed, ..Pinned::default() }
    }

    /// Records that a checkpoint with these uploads was taken.
    pub(crate) fn pin(&mut self, ids: BTreeSet<String>) {
        self.taken.extend(ids.iter().cloned());
        self.last = Some(ids);
    }

    /// Records that the last checkpoint was committed, so that no other will be resumed.
    pub(crate) fn commit(&mut self) {
        if let Some(last) = self.last.take() {
            self.committed = last;
            self.taken.clear();
        }
    }

    /// Whether a checkpoint was taken and not committed.
    pub(crate) fn is_taken(&self) -> bool {
        self.last.is_some()
    }

    /// Whether this upload is pinned.
    pub(crate) fn has(&self, upload_id: &str) -> bool {
        self.committed.contains(upload_id) || self.taken.contains(upload_id)
    }

    /// All pinned uploads. An upload may appear twice.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.committed.iter().chain(&self.taken).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn whatever_may_be_resumed_is_needed_until_another_is_committed() {
        let mut pinned = Pinned::of(ids(&["a"]));
        assert!(pinned.has("a") && !pinned.is_taken());
        pinned.pin(ids(&["a", "b"]));
        pinned.pin(ids(&["c"]));
        assert!(["a", "b", "c"].iter().all(|id| pinned.has(id)), "any may have been stored");
        pinned.commit();
        assert_eq!((pinned.has("a"), pinned.has("b"), pinned.has("c")), (false, false, true));
        pinned.commit();
        assert!(pinned.has("c"), "a commit of nothing changes nothing");
    }
}
