//! What can be asked of the writer.

use super::{WriteCounters, Writer};
use crate::object::{Failure, Object, Span, Visible};

impl Writer {
    /// The least position that the next run may begin with.
    pub(crate) fn next_position(&self) -> u64 {
        self.next_position
    }

    /// Every event before this position is in a visible object, or was rejected or reported failed.
    pub(crate) fn durable(&self) -> u64 {
        let first = self.unfinished().map(|span| span.first).min().unwrap_or(self.next_position);
        // What a suspended writer gives up is neither stored nor reported.
        self.suspended.map_or(first, |durable| durable.min(first))
    }

    /// The objects that were begun and are neither visible nor failed.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = &Span> {
        self.objects.values().filter(|object| object.end().is_none()).map(Object::span)
    }

    /// How many bytes of events are held, those included that the store has too.
    pub(crate) fn held(&self) -> u64 {
        self.held + self.spare
    }

    /// How many objects are open: events may still be added to them.
    pub(crate) fn open_objects(&self) -> usize {
        self.open.len()
    }

    /// Whether every object is visible or failed, or waits for nothing but a commit.
    pub(crate) fn is_settled(&self) -> bool {
        let is_settled = |object: &Object| object.end().is_some() || object.waits_for_commit();
        self.objects.values().all(is_settled)
    }

    /// Whether no answer is waited for but to what makes objects visible.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.may_begin && self.objects.values().all(Object::is_at_rest)
    }

    /// Whether objects wait for a commit, and for nothing else.
    pub(crate) fn waits_for_commit(&self) -> bool {
        self.may_begin && self.objects.values().any(Object::waits_for_commit)
    }

    /// Whether an object is made of this upload. While the id of an upload is not known yet, every
    /// upload of its key may be that one.
    pub(crate) fn uses(&self, key: &str, upload_id: &str) -> bool {
        let may_be = |object: &Object| object.is_creating() && object.span().object_key == key;
        self.objects.values().any(|object| object.is_made_of(upload_id) || may_be(object))
    }

    /// The objects that ended since this was last called.
    pub(crate) fn take_ended(&mut self) -> (Vec<Visible>, Vec<Failure>) {
        (std::mem::take(&mut self.visible), std::mem::take(&mut self.failed))
    }

    /// What was counted.
    pub(crate) fn counters(&self) -> &WriteCounters {
        &self.counters
    }
}

#[cfg(test)]
impl Writer {
    /// Seals the open object of that key.
    pub(crate) fn seal_key(&mut self, key: &str) {
        let is_own = |id: &super::ObjectId| self.objects[id].span().key == key;
        let id = self.open.ids().find(is_own).expect("it is open");
        self.seal(id, &mut crate::notice::Notices::default());
    }

    /// The keys of the objects that are open.
    pub(crate) fn open_keys(&self) -> impl Iterator<Item = &str> {
        self.open.ids().map(|id| self.objects[&id].span().key.as_str())
    }
}
