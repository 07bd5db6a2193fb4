//! When objects are sealed, committed, or given up.

use super::{ObjectId, Writer};
use crate::error::Error;
use crate::notice::Notices;
use crate::object::Object;

impl Writer {
    /// Seals open objects until no more than `max` are left, the least recently written first.
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

    /// Seals an open object: nothing is added to it any more. It does not wait for events of
    /// others, which may never come: older objects of its name, which become visible first, end
    /// with it.
    pub(super) fn seal(&mut self, id: ObjectId, notices: &mut Notices) {
        let mut ids = self.order.before(id);
        ids.push(id);
        for id in ids {
            if self.open.end(id) {
                self.change(id, Object::seal);
                self.advance(id, notices);
                self.remove_finished(id);
            }
        }
    }

    /// What encoders hold back goes into the objects, so that a checkpoint has all of them.
    pub(crate) fn prepare(&mut self, notices: &mut Notices) {
        for id in self.open.ids().collect::<Vec<_>>() {
            self.change(id, Object::end_member);
            self.advance(id, notices);
        }
    }

    /// The last checkpoint is stored: what it allows to become visible does.
    pub(crate) fn commit(&mut self, notices: &mut Notices) {
        for id in self.ids() {
            if self.objects.contains_key(&id) {
                self.change(id, Object::commit);
                self.advance(id, notices);
            }
        }
    }

    /// Nothing that is not visible will be.
    pub(crate) fn fail_all(&mut self, cause: &Error, notices: &mut Notices) {
        for id in self.ids() {
            if self.objects.contains_key(&id) {
                self.change(id, |object| object.fail(cause.clone()));
                self.advance(id, notices);
            }
        }
    }

    /// Gives up whatever no checkpoint knows, without reporting it failed: it will be written
    /// again.
    pub(crate) fn suspend(&mut self, notices: &mut Notices) {
        self.suspended = Some(self.durable());
        self.seal_all(notices);
        self.fail_all(&Error::Aborted, notices);
    }

    /// Begins no multipart upload until [`begin_uploads`](Writer::begin_uploads).
    pub(crate) fn hold_uploads(&mut self) {
        self.may_begin = false;
    }

    /// Begins multipart uploads again.
    pub(crate) fn begin_uploads(&mut self, notices: &mut Notices) {
        self.may_begin = true;
        self.ids().into_iter().for_each(|id| self.advance(id, notices));
    }
}
