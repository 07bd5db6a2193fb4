//! How objects come by their numbers and their places in the order of names.

use super::{ObjectId, Run, Stem, Writer};
use crate::error::Error;
use crate::naming::Candidate;
use crate::notice::{Level, Notices};
use crate::object::Object;

impl Writer {
    /// The name of an object that is begun now gets a UUID, which it keeps for good.
    pub(super) fn identify(&mut self, run: &Run, stem: Stem) -> Stem {
        if !self.settings.names.template.has_uuid() {
            return stem;
        }
        let uuid = self.uuids.next(self.now.wall, &mut self.random);
        self.settings.names.stem(&self.facts(run, uuid)).unwrap_or(stem)
    }

    /// Puts an object into the queue of its name, or of those that have none yet. Returns who is
    /// first now in the one that it left.
    pub(super) fn enqueue(&mut self, id: ObjectId) -> Option<ObjectId> {
        let place = self.objects[&id].name().place();
        self.order.enqueue(id, place)
    }

    /// Gives an object a number, or the next one to look at. Returns who may look after it.
    pub(super) fn number(&mut self, id: ObjectId, notices: &mut Notices) -> Option<ObjectId> {
        let name = self.objects[&id].name();
        match name.next(&self.sequences) {
            Some(Candidate::Look(number)) => {
                let want = self.change(id, |object| object.look_at(number));
                self.act(id, want, notices)
            }
            Some(Candidate::Take(least)) => {
                let number = self.sequences.allocate(name.stem().id(), least);
                self.change(id, |object| object.take_number(number));
                self.enqueue(id)
            }
            None => {
                let cause = format!(
                    "no number is left for `{}`: the store says of each that was looked for that \
                     it is taken; does it say so of any name?",
                    self.objects[&id].key()
                );
                self.change(id, |object| object.fail(Error::Denied(cause)));
                None
            }
        }
    }

    /// Somebody else's object has the name of this one, which gets another or fails with `cause`.
    pub(super) fn rename(&mut self, id: ObjectId, cause: Error, notices: &mut Notices) {
        let name = self.objects[&id].key();
        if !self.change(id, Object::rename) {
            self.change(id, |object| object.fail(cause));
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
