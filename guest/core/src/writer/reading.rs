//! Getters of the writer.

use super::{WriteCounters, Writer};
use crate::object::{Failure, Object, Span, Visible};

impl Writer {
    /// The lowest position that the next run may begin with.
    pub(crate) fn next_position(&self) -> u64 {
        self.next_position
    }

    /// The durable position: every event before it is in a visible object, or was rejected or
    /// reported as failed.
    pub(crate) fn durable(&self) -> u64 {
        let first = self.unfinished().map(|span| span.first).min().unwrap_or(self.next_position);
        // After a suspend, objects end without being stored or reported.
        self.suspended.map_or(first, |durable| durable.min(first))
    }

    /// The events of objects that are neither visible nor failed, in no particular order.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = &Span> {
        self.objects.values().filter(|object| object.end().is_none()).map(Object::span)
    }

    /// The number of bytes held in memory, including spare bytes.
    pub(crate) fn held(&self) -> u64 {
        self.objects.held() + self.objects.spare()
    }

    /// The number of open objects.
    pub(crate) fn open_objects(&self) -> usize {
        self.open.len()
    }

    /// Whether every object has ended or waits for a commit.
    pub(crate) fn is_settled(&self) -> bool {
        let is_settled = |object: &Object| object.end().is_some() || object.waits_for_commit();
        self.objects.values().all(is_settled)
    }

    /// Whether the objects can be saved in a checkpoint.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.may_begin && self.objects.values().all(Object::is_at_rest)
    }

    /// Whether an object waits for a commit.
    pub(crate) fn waits_for_commit(&self) -> bool {
        self.may_begin && self.objects.values().any(Object::waits_for_commit)
    }

    /// Whether an object uses this upload. While an object's CreateMultipartUpload is in flight,
    /// any upload of its key may be its own.
    pub(crate) fn uses(&self, key: &str, upload_id: &str) -> bool {
        let may_be = |object: &Object| object.is_creating() && object.span().object_key == key;
        self.objects.values().any(|object| object.is_made_of(upload_id) || may_be(object))
    }

    /// Removes and returns the objects that have ended.
    pub(crate) fn take_ended(&mut self) -> (Vec<Visible>, Vec<Failure>) {
        (std::mem::take(&mut self.visible), std::mem::take(&mut self.failed))
    }

    /// The counters.
    pub(crate) fn counters(&self) -> &WriteCounters {
        &self.counters
    }
}

#[cfg(test)]
impl Writer {
    /// Seals the open objects with this key.
    pub(crate) fn seal_key(&mut self, key: &str) {
        let is_own = |id: &super::ObjectId| self.objects[*id].span().key == key;
        let id = self.open.ids().find(is_own).expect("it is open");
        self.seal(id, &mut crate::notice::Notices::default());
    }

    /// The keys of the open objects.
    pub(crate) fn open_keys(&self) -> impl Iterator<Item = &str> {
        self.open.ids().map(|id| self.objects[id].span().key.as_str())
    }
}
