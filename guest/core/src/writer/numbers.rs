//! Allocates the numbers of objects, and queues them by name.

use super::{ObjectId, Run, Stem, Writer};
use crate::error::Error;
use crate::naming::Candidate;
use crate::notice::{Level, Notices};
use crate::object::Object;

impl Writer {
    /// Gives the name of a new object its UUID, which never changes.
    pub(super) fn identify(&mut self, run: &Run, stem: Stem) -> Stem {
        if !self.settings.names.template.has_uuid() {
            return stem;
        }
        let uuid = self.uuids.next(self.now.wall, &mut self.random);
        self.settings.names.stem(&self.facts(run, uuid)).unwrap_or(stem)
    }

    /// Appends an object to the queue of its name or stem. Returns the new first object of its
    /// previous queue.
    pub(super) fn enqueue(&mut self, id: ObjectId) -> Option<ObjectId> {
        let place = self.objects[id].name().place();
        self.order.enqueue(id, place)
    }

    /// Gives an object a number, or looks up whether one is free. Returns the object that may
    /// continue, if any.
    pub(super) fn number(&mut self, id: ObjectId, notices: &mut Notices) -> Option<ObjectId> {
        let name = self.objects[id].name();
        match name.next(&self.sequences) {
            Some(Candidate::Look(number)) => {
                let want = self.objects.change(id, |object| object.look_at(number));
                self.act(id, want, notices)
            }
            Some(Candidate::Take(least)) => {
                let number = self.sequences.allocate(name.stem().id(), least);
                self.objects.change(id, |object| object.take_number(number));
                self.enqueue(id)
            }
            None => {
                let cause = format!(
                    "no number is left for `{}`: the store says of each that was looked for that \
                     it is taken; does it say so of any name?",
                    self.objects[id].key()
                );
                self.objects.change(id, |object| object.fail(Error::Denied(cause)));
                None
            }
        }
    }

    /// Handles that another object has its name: it gets another name, or fails with `cause`.
    pub(super) fn rename(&mut self, id: ObjectId, cause: Error, notices: &mut Notices) {
        let name = self.objects[id].key();
        if !self.objects.change(id, Object::rename) {
            self.objects.change(id, |object| object.fail(cause));
            return self.advance(id, notices);
        }
        let message = format!("`{name}` exists; the object gets the next number that is free");
        notices.push(Level::Info, message);
        let first = self.enqueue(id);
        self.advance(id, notices);
        if let Some(first) = first {
            self.advance(first, notices);
        }
    }
}
