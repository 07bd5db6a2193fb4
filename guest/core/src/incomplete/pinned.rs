//! Which uploads must stay, since a checkpoint knows them that may be resumed.

use std::collections::BTreeSet;

/// The ids of the uploads that the checkpoint knows which was committed last, and those that were
/// taken since: the caller may have stored any of them.
#[derive(Default)]
pub(crate) struct Pinned {
    committed: BTreeSet<String>,
    taken: BTreeSet<String>,
    /// Those of the last one taken, while it is not committed.
    last: Option<BTreeSet<String>>,
}

impl Pinned {
    /// After a start from a checkpoint that knows these.
    pub(crate) fn of(committed: BTreeSet<String>) -> Pinned {
        Pinned { committed, ..Pinned::default() }
    }

    /// A checkpoint that knows these is taken.
    pub(crate) fn pin(&mut self, ids: BTreeSet<String>) {
        self.taken.extend(ids.iter().cloned());
        self.last = Some(ids);
    }

    /// The last one is committed, and no other will be resumed.
    pub(crate) fn commit(&mut self) {
        if let Some(last) = self.last.take() {
            self.committed = last;
            self.taken.clear();
        }
    }

    /// Whether one is taken and not committed.
    pub(crate) fn is_taken(&self) -> bool {
        self.last.is_some()
    }

    /// Whether this upload must stay.
    pub(crate) fn has(&self, upload_id: &str) -> bool {
        self.committed.contains(upload_id) || self.taken.contains(upload_id)
    }

    /// All that must stay; one that several checkpoints know may come twice.
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
