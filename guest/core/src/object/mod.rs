//! One object on its way into the store: one PutObject, or create, parts, and complete.
//!
//! An object is told what happened, and [`poll`](Object::poll) says what it wants next. It is never
//! visible but whole, and its upload is never aborted while anything of it is in flight.

pub mod buffer;
mod memory;
mod name;
mod outcome;
mod parts;
mod saved;
mod span;
mod state;
mod visibility;

use bytes::Bytes;

use buffer::Buffer;
use parts::Parts;
use state::{Sent, State};

use crate::checksum::Sum;
use crate::client::call::Call;
use crate::encode::{Encoder, Encoding};
use crate::error::Error;
use crate::http::Body;
use crate::run::Run;
use crate::s3::CompletedPart;
use crate::settings::Cutting;

pub(crate) use name::{ObjectName, Place};
pub(crate) use outcome::Aftermath;
pub use saved::Phase;
pub(crate) use saved::SavedObject;
pub(crate) use span::PIECES_MAX;
pub use span::{Failure, Piece, Span, Visible};
pub(crate) use visibility::Visibility;

/// One object on its way into the store.
pub(crate) struct Object {
    span: Span,
    name: ObjectName,
    /// Proves that an object is ours: nobody else knows it before the object is there.
    nonce: String,
    /// The bytes of the object so far, as far as the encoder has given them out.
    bytes: u64,
    is_sealed: bool,
    /// The calls that were asked for and have not ended.
    outstanding: usize,
    /// Whether the calls that have not ended were cancelled.
    is_cancelled: bool,
    visibility: Visibility,
    /// Whether it may be visible already: an earlier life of the sink was allowed to make it so.
    may_be_there: bool,
    /// An upload that may be open although the object is there.
    surplus: Option<String>,
    /// Why the object will not be; the first cause, whatever goes wrong after it.
    failure: Option<Error>,
    restarts: u32,
    /// There until the object is sealed.
    encoder: Option<Encoder>,
    buffer: Buffer,
    state: State,
}

/// What an object wants.
pub(crate) enum Effect {
    /// A number, or one to look at.
    Number,
    /// This call.
    Send(Call),
    /// That its calls which are not in flight are forgotten, and none is made again.
    Cancel,
    /// That this upload is aborted, which it has no more use for.
    Abort { upload_id: String },
}

/// How an object ended.
pub(crate) enum End {
    Visible { parts: u32 },
    Failed(Error),
}

impl Object {
    /// An object without events. `name` is what it is called, or how it comes by its name.
    pub(crate) fn new(
        span: Span,
        nonce: String,
        name: ObjectName,
        encoding: Encoding,
        visibility: Visibility,
    ) -> Object {
        Object {
            state: State::begin(&name),
            span,
            name,
            nonce,
            bytes: 0,
            is_sealed: false,
            outstanding: 0,
            is_cancelled: false,
            visibility,
            may_be_there: false,
            surplus: None,
            failure: None,
            restarts: 0,
            encoder: Some(Encoder::new(encoding)),
            buffer: Buffer::default(),
        }
    }

    /// Adds whole events until the object has `until` bytes, all of them where there is no limit,
    /// and returns those that are left. What a failed object is given is counted, and not kept.
    pub(crate) fn push(&mut self, run: Run, until: Option<u64>) -> Option<Run> {
        let (first, next) = (run.first(), run.next());
        let room = until.map(|until| until.saturating_sub(self.bytes));
        let rest = match &mut self.encoder {
            Some(encoder) => {
                let (bytes, rest) = encoder.push(run, room);
                self.append(bytes);
                rest
            }
            None => None,
        };
        let taken_to = rest.as_ref().map_or(next, Run::first);
        if taken_to > first {
            self.span.extend(first, taken_to);
        }
        rest
    }

    /// Another object of the key had events since the last of this one; the next is at `next`.
    pub(crate) fn interrupt(&mut self, next: u64) {
        self.span.interrupt(next);
    }

    /// Nothing will be added any more: what the encoder held back is.
    pub(crate) fn seal(&mut self) {
        self.is_sealed = true;
        if let Some(encoder) = self.encoder.take() {
            self.append(encoder.finish());
        }
    }

    /// What the encoder held back becomes part of the object, so that its bytes so far decompress
    /// by themselves, and another encoder can go on behind them.
    pub(crate) fn end_member(&mut self) {
        if let Some(bytes) = self.encoder.as_mut().map(Encoder::end_member) {
            self.append(bytes);
        }
    }

    fn append(&mut self, bytes: Bytes) {
        self.bytes += bytes.len() as u64;
        if self.failure.is_none() {
            self.buffer.push(bytes);
        }
    }

    /// A checkpoint knows the object as it is: sealed.
    pub(crate) fn prepare(&mut self) {
        self.visibility = self.visibility.prepared();
    }

    /// The checkpoint that knows it is committed.
    pub(crate) fn commit(&mut self) {
        self.visibility = self.visibility.committed();
    }

    /// What it wants next, if anything. Called until it returns nothing, after every change.
    ///
    /// `is_first` says that no older object of the same name is unfinished: until then this one
    /// must not become visible, or the older would overwrite the younger. Where it has no name yet,
    /// it says that no older one looks for a number of the same stem. `may_begin` says that
    /// multipart uploads may be begun.
    pub(crate) fn poll(
        &mut self,
        cutting: Cutting,
        is_first: bool,
        may_begin: bool,
    ) -> Option<Effect> {
        if let Some(upload_id) = self.surplus.take() {
            return Some(Effect::Abort { upload_id });
        }
        // A part that lands after an abort is stored, and paid for, so nothing may be in flight:
        // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
        if self.is_given_up() && self.outstanding > 0 {
            let was_cancelled = std::mem::replace(&mut self.is_cancelled, true);
            return (!was_cancelled).then_some(Effect::Cancel);
        }
        if self.failure.is_some() {
            return self.give_up();
        }
        match &mut self.state {
            State::Naming { asked: false } if is_first => Some(Effect::Number),
            State::Filling if self.buffer.len() >= cutting.sizes.first => {
                may_begin.then(|| self.create())
            }
            State::Filling if self.is_sealed && is_first && self.visibility.allows() => {
                let body = self.buffer.take(u64::MAX);
                let sum = cutting.algorithm.map(|algorithm| algorithm.of(&body));
                self.state = State::Putting { body: body.clone(), sum };
                let (key, nonce) = (self.key(), self.nonce.clone());
                Some(self.send(Call::PutObject { key, nonce, body, sum }))
            }
            State::Uploading(_) => self.next_part(cutting, is_first && self.visibility.allows()),
            State::Restarting(_) => self.begin_again(),
            State::Verifying { asked, .. } if !*asked => {
                *asked = true;
                Some(self.head())
            }
            _ => None,
        }
    }

    fn create(&mut self) -> Effect {
        self.state = State::Creating;
        let (key, nonce) = (self.key(), self.nonce.clone());
        self.send(Call::CreateMultipartUpload { key, nonce })
    }

    fn next_part(&mut self, cutting: Cutting, may_complete: bool) -> Option<Effect> {
        let State::Uploading(parts) = &mut self.state else { return None };
        let rest = self.buffer.len();
        match cutting.sizes.size(parts.count() + 1) {
            Some(size) if rest >= size || (self.is_sealed && rest > 0) => {
                let body = self.buffer.take(size);
                let sum = cutting.algorithm.map(|algorithm| algorithm.of(&body));
                let part_number = parts.add(body.clone(), sum);
                let (key, upload_id) = (self.span.object_key.clone(), parts.upload_id.clone());
                Some(self.send(Call::UploadPart { key, upload_id, part_number, body, sum }))
            }
            None if rest > 0 => {
                let bytes = cutting.sizes.object_bytes_max();
                self.fail(Error::Denied(format!(
                    "`{}` is larger than the {bytes} bytes that {} hold; set a larger \
                     `part_bytes`, or more `memory_bytes_max` where parts may grow",
                    self.span.object_key,
                    cutting.sizes.in_words()
                )));
                self.poll(cutting, false, false)
            }
            _ if self.is_sealed && may_complete && self.outstanding == 0 => Some(self.complete()),
            _ => None,
        }
    }

    fn complete(&mut self) -> Effect {
        let state = std::mem::replace(&mut self.state, State::Failed);
        let State::Uploading(parts) = state else { unreachable!("only an upload is completed") };
        let (list, sum) = self.completed(&parts);
        let (key, upload_id, size) = (self.key(), parts.upload_id.clone(), self.bytes);
        self.state = State::Completing(parts);
        self.send(Call::CompleteMultipartUpload { key, upload_id, parts: list, sum, size })
    }

    /// What CompleteMultipartUpload says. S3 would make an object with a hole of a list with one.
    fn completed(&self, parts: &Parts) -> (Vec<CompletedPart>, Option<Sum>) {
        parts.completed(self.bytes).expect("the store has every part, and they are all bytes")
    }

    /// Asks whether there is an object of its name.
    fn head(&mut self) -> Effect {
        let key = self.key();
        self.send(Call::HeadObject { key })
    }

    fn send(&mut self, call: Call) -> Effect {
        self.outstanding += 1;
        Effect::Send(call)
    }

    /// Puts all bytes back into the buffer, and lets go of the upload that they were in.
    fn begin_again(&mut self) -> Option<Effect> {
        let state = std::mem::replace(&mut self.state, State::begin(&self.name));
        let State::Restarting(parts) = state else { return None };
        self.is_cancelled = false;
        let upload_id = parts.upload_id.clone();
        let rest = self.buffer.take(u64::MAX);
        let bodies = parts.into_bodies().unwrap_or_default();
        for piece in bodies.iter().chain([&rest]).flat_map(Body::pieces) {
            self.buffer.push(piece.clone());
        }
        Some(Effect::Abort { upload_id })
    }

    /// Lets go of the upload of an object that has failed.
    fn give_up(&mut self) -> Option<Effect> {
        if self.end().is_some() {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Restarting(parts)
            | State::Verifying { sent: Sent::InParts(parts), .. } => {
                Some(Effect::Abort { upload_id: parts.upload_id })
            }
            _ => None,
        }
    }

    /// Which events it is of.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Its name in the store, as far as it is known.
    pub(crate) fn key(&self) -> String {
        self.span.object_key.clone()
    }

    /// What it is called, and how it comes by that.
    pub(crate) fn name(&self) -> &ObjectName {
        &self.name
    }

    /// Its bytes so far, as they are stored.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether nothing will be added any more.
    pub(crate) fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// Whether it may be visible already, by a call of an earlier life of the sink.
    pub(crate) fn may_be_there(&self) -> bool {
        self.may_be_there
    }

    /// How it ended, once it did and nothing of it is in flight.
    pub(crate) fn ended(&self) -> Option<End> {
        self.end().filter(|_| self.outstanding == 0)
    }

    /// How it ended, once that is certain.
    pub(crate) fn end(&self) -> Option<End> {
        match &self.state {
            State::Visible { parts } => Some(End::Visible { parts: *parts }),
            State::Failed => self.failure.clone().map(End::Failed),
            _ => None,
        }
    }

    /// Whether what is in flight is only waited for: the object has failed, or begins again.
    fn is_given_up(&self) -> bool {
        self.failure.is_some() || matches!(self.state, State::Restarting(_))
    }

    /// Whether it is made of this multipart upload, or was until now and has not aborted it.
    pub(crate) fn is_made_of(&self, id: &str) -> bool {
        self.state.parts().is_some_and(|parts| parts.upload_id == id)
    }

    /// Whether the store may have begun a multipart upload for it whose id is not known yet.
    pub(crate) fn is_creating(&self) -> bool {
        matches!(self.state, State::Creating)
    }

    /// Whether what it is made of is settled: no answer is waited for, but to what makes it
    /// visible.
    pub(crate) fn is_at_rest(&self) -> bool {
        match &self.state {
            _ if self.failure.is_some() => self.outstanding == 0,
            State::Filling | State::Uploading(_) => self.outstanding == 0,
            State::Naming { .. } | State::Creating | State::Restarting(_) => false,
            State::Putting { .. } | State::Completing(_) | State::Verifying { .. } => true,
            State::Visible { .. } | State::Failed => true,
        }
    }

    /// Whether all is done for it that can be done before a commit.
    pub(crate) fn waits_for_commit(&self) -> bool {
        let waits = self.is_sealed && !self.visibility.allows() && self.failure.is_none();
        waits && self.is_at_rest() && self.end().is_none()
    }
}
