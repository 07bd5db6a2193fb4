//! Seals, commits and fails objects.

use super::{ObjectId, Writer};
use crate::error::Error;
use crate::notice::Notices;
use crate::object::Object;

impl Writer {
    /// Seals the least recently written objects until at most `max` are open.
    pub(super) fn close_to(&mut self, max: usize, notices: &mut Notices) {
        while self.open.len() > max {
            let oldest = self.open.least_recent().next();
            oldest.into_iter().for_each(|id| self.seal(id, notices));
        }
    }

    /// Seals every open object.
    pub(crate) fn seal_all(&mut self, notices: &mut Notices) {
        let ids: Vec<_> = self.open.ids().collect();
        ids.into_iter().for_each(|id| self.seal(id, notices));
    }

    /// Seals an open object. Older objects with the same name become visible first, so they are
    /// sealed as well: otherwise the object would wait for their next events, which may never come.
    pub(super) fn seal(&mut self, id: ObjectId, notices: &mut Notices) {
        let mut ids = self.order.before(id);
        ids.push(id);
        for id in ids {
            if self.open.end(id) {
                self.objects.change(id, Object::seal);
                self.advance(id, notices);
                self.remove_finished(id);
            }
        }
    }

    /// Flushes the encoders of open objects, so that a checkpoint contains all bytes.
    pub(crate) fn prepare(&mut self, notices: &mut Notices) {
        for id in self.open.ids().collect::<Vec<_>>() {
            self.objects.change(id, Object::end_member);
            self.advance(id, notices);
        }
    }

    /// Commits the last checkpoint: its sealed objects become visible.
    pub(crate) fn commit(&mut self, notices: &mut Notices) {
        for id in self.objects.ids() {
            if self.objects.try_change(id, Object::commit).is_some() {
                self.advance(id, notices);
            }
        }
    }

    /// Fails all objects that are not visible.
    pub(crate) fn fail_all(&mut self, cause: &Error, notices: &mut Notices) {
        for id in self.objects.ids() {
            if self.objects.try_change(id, |object| object.fail(cause.clone())).is_some() {
                self.advance(id, notices);
            }
        }
    }

    /// Ends all objects that no checkpoint contains, without reporting them as failed. Their events
    /// will be written again.
    pub(crate) fn suspend(&mut self, notices: &mut Notices) {
        self.suspended = Some(self.durable());
        self.seal_all(notices);
        self.fail_all(&Error::Aborted, notices);
    }

    /// Starts no multipart upload until [`begin_uploads`](Writer::begin_uploads).
    pub(crate) fn hold_uploads(&mut self) {
        self.may_begin = false;
    }

    /// Permits multipart uploads again.
    pub(crate) fn begin_uploads(&mut self, notices: &mut Notices) {
        self.may_begin = true;
        self.objects.ids().into_iter().for_each(|id| self.advance(id, notices));
    }
}
