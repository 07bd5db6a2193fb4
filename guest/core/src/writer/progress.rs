//! What is done for an object until it is over.

use super::{Effect, ObjectId, Writer};
use crate::client::call::Call;
use crate::error::Error;
use crate::notice::Notices;
use crate::object::{Effect as Want, End, Failure, Object, Piece, Span, Visible};

impl Writer {
    /// Does for an object what it wants, and reports it where it is over; then whoever waited for
    /// it, and so on.
    pub(super) fn advance(&mut self, id: ObjectId, notices: &mut Notices) {
        let mut waited = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next {
            while let Some(want) = self.want(id) {
                waited.extend(self.act(id, want, notices));
            }
            waited.extend(self.report_end(id));
            next = waited.pop();
        }
    }

    fn want(&mut self, id: ObjectId) -> Option<Want> {
        self.objects.get(&id)?;
        let (cutting, is_first) = (self.settings.cutting(), self.order.is_first(id));
        let may_begin = self.may_begin;
        self.change(id, |object| object.poll(cutting, is_first, may_begin))
    }

    /// Does what an object wants. Returns who may go on for that.
    pub(super) fn act(
        &mut self,
        id: ObjectId,
        want: Want,
        notices: &mut Notices,
    ) -> Option<ObjectId> {
        match want {
            Want::Number => return self.number(id, notices),
            Want::Send(call) => self.send(id, call),
            Want::Cancel => self.effects.push_back(Effect::Cancel(id)),
            Want::Abort { upload_id } => {
                let key = self.objects[&id].key();
                self.effects.push_back(Effect::Abort { key, upload_id });
            }
        }
        None
    }

    fn send(&mut self, id: ObjectId, call: Call) {
        let maybe_done = self.objects[&id].may_be_there();
        let begins = matches!(call, Call::PutObject { .. } | Call::CreateMultipartUpload { .. });
        let key = call.key().to_owned();
        self.effects.push_back(Effect::Send { id, call, maybe_done });
        if begins {
            self.effects.push_back(Effect::Reclaim { key });
        }
    }

    /// Reports an object that is over, once. Returns who may go on for that.
    fn report_end(&mut self, id: ObjectId) -> Option<ObjectId> {
        let object = self.objects.get(&id)?;
        let end = object.ended()?;
        if !self.order.has(id) {
            return None;
        }
        let next = self.order.dequeue(id);
        let (span, bytes) = (object.span().clone(), object.bytes());
        match end {
            End::Visible { parts } => {
                self.counters.objects += 1;
                self.counters.object_bytes += bytes;
                self.visible.push(Visible { span, bytes, parts });
            }
            // Its events will be written again, or are in a checkpoint.
            End::Failed(Error::Aborted) if self.suspended.is_some() => {}
            End::Failed(cause) => {
                self.counters.objects_failed += 1;
                // Whoever is told goes by the key and the positions.
                span.pieces().for_each(|piece| self.report_failed(id, piece, cause.clone()));
            }
        }
        self.remove_finished(id);
        next
    }

    pub(super) fn report_failed(&mut self, id: ObjectId, piece: Piece, cause: Error) {
        self.counters.events_failed += piece.events;
        let Span { key, object_key, first: begun, .. } = self.objects[&id].span().clone();
        self.failed.push(Failure { span: Span::of(key, object_key, piece), begun, cause });
    }

    /// Forgets an object that is over and that nothing can be added to.
    pub(super) fn remove_finished(&mut self, id: ObjectId) {
        let is_over = |object: &Object| object.is_sealed() && object.ended().is_some();
        if self.objects.get(&id).is_some_and(is_over) {
            self.objects.remove(&id);
        }
    }
}
