//! Advances objects until they have ended.

use super::{Effect, ObjectId, Writer};
use crate::client::call::Call;
use crate::error::Error;
use crate::notice::Notices;
use crate::object::{Effect as Want, End, Failure, Object, Piece, Span, Visible};

/// What comes next of an object.
enum Next {
    Wants(Want),
    Ended,
    Waits,
}

impl Writer {
    /// Performs the effects of an object, and reports it if it has ended. Continues with the
    /// objects that waited for it.
    pub(super) fn advance(&mut self, id: ObjectId, notices: &mut Notices) {
        let mut waited = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next {
            match self.next_of(id) {
                Some(Next::Wants(want)) => {
                    waited.extend(self.act(id, want, notices));
                    continue;
                }
                Some(Next::Ended) => waited.extend(self.report_end(id)),
                Some(Next::Waits) | None => {}
            }
            next = waited.pop();
        }
    }

    /// What comes next of an object, if there is one with this id.
    fn next_of(&mut self, id: ObjectId) -> Option<Next> {
        let (cutting, may_begin, order) = (self.settings.cutting(), self.may_begin, &self.order);
        self.objects.try_change(id, |object| {
            // Most objects get events, and do not ask for their turn.
            let is_first = object.asks_for_its_turn() && order.is_first(id);
            match object.poll(cutting, is_first, may_begin) {
                Some(want) => Next::Wants(want),
                None if object.ended().is_some() => Next::Ended,
                None => Next::Waits,
            }
        })
    }

    /// Performs one effect of an object. Returns the object that may continue because of it, if
    /// any.
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
                let key = self.objects[id].key();
                self.effects.push_back(Effect::Abort { key, upload_id });
            }
        }
        None
    }

    fn send(&mut self, id: ObjectId, call: Call) {
        let maybe_done = self.objects[id].may_be_there();
        let begins = matches!(call, Call::PutObject { .. } | Call::CreateMultipartUpload { .. });
        let key = call.key().to_owned();
        self.effects.push_back(Effect::Send { id, call, maybe_done });
        if begins {
            self.effects.push_back(Effect::Reclaim { key });
        }
    }

    /// Reports an object once if it has ended. Returns the object that may continue because of it,
    /// if any.
    fn report_end(&mut self, id: ObjectId) -> Option<ObjectId> {
        let object = self.objects.get(id)?;
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
                // The caller identifies failed events by key and positions.
                span.pieces().for_each(|piece| self.report_failed(id, piece, cause.clone()));
            }
        }
        self.remove_finished(id);
        next
    }

    pub(super) fn report_failed(&mut self, id: ObjectId, piece: Piece, cause: Error) {
        self.counters.events_failed += piece.events;
        let Span { key, object_key, first: begun, .. } = self.objects[id].span().clone();
        self.failed.push(Failure { span: Span::of(key, object_key, piece), begun, cause });
    }

    /// Removes an object that has ended and is sealed.
    pub(super) fn remove_finished(&mut self, id: ObjectId) {
        let is_over = |object: &Object| object.is_sealed() && object.ended().is_some();
        if self.objects.get(id).is_some_and(is_over) {
            self.objects.remove(id);
        }
    }
}
