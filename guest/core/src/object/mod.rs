//! One object, from its first event until it is visible. It is written by one PutObject, or by
//! CreateMultipartUpload, UploadPart and CompleteMultipartUpload.
//!
//! An object is told what happened, and [`poll`](Object::poll) returns what it needs next. It never
//! becomes visible in part. Its upload is never aborted while one of its calls is in flight.

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

/// One object, from its first event until it is visible.
pub(crate) struct Object {
    span: Span,
    name: ObjectName,
    /// A secret in the object's metadata. It proves that an object in the store was written by this
    /// sink.
    nonce: String,
    /// The size of the object so far, as returned by the encoder.
    bytes: u64,
    is_sealed: bool,
    /// The number of calls that were submitted and have not ended.
    outstanding: usize,
    /// Whether these calls were cancelled.
    is_cancelled: bool,
    visibility: Visibility,
    /// Whether the object may be visible already, because its checkpoint was committed before the
    /// sink was resumed.
    may_be_there: bool,
    /// An upload that may be incomplete although the object is visible.
    surplus: Option<String>,
    /// Why the object failed. Later causes are ignored.
    failure: Option<Error>,
    restarts: u32,
    /// `None` once the object is sealed.
    encoder: Option<Encoder>,
    buffer: Buffer,
    state: State,
}

/// What an object needs.
pub(crate) enum Effect {
    /// Get a number, or the next number to look up.
    Number,
    /// Submit this call.
    Send(Call),
    /// Cancel its calls.
    Cancel,
    /// Abort this upload, which the object does not use any more.
    Abort { upload_id: String },
}

/// How an object ended.
pub(crate) enum End {
    Visible { parts: u32 },
    Failed(Error),
}

impl Object {
    /// An object without events. `name` is its name, or how to find one.
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

    /// Adds whole events until the object has `until` bytes, or all events without a limit. Returns
    /// the events that are left. A failed object counts its events, but does not keep them.
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

    /// Records that another object with the same key got events. The next event of this object is
    /// at `next`.
    pub(crate) fn interrupt(&mut self, next: u64) {
        self.span.interrupt(next);
    }

    /// Seals the object: it gets no more events. The last bytes of the encoder are added to it.
    pub(crate) fn seal(&mut self) {
        self.is_sealed = true;
        if let Some(encoder) = self.encoder.take() {
            self.append(encoder.finish());
        }
    }

    /// Ends the encoder's gzip member or zstd frame. The bytes so far can then be decompressed, and
    /// another encoder can continue after them.
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

    /// Records that a checkpoint was taken that contains the object as sealed.
    pub(crate) fn prepare(&mut self) {
        self.visibility = self.visibility.prepared();
    }

    /// Records that this checkpoint was committed.
    pub(crate) fn commit(&mut self) {
        self.visibility = self.visibility.committed();
    }

    /// What the object needs next. To be called after every change, until it returns `None`.
    ///
    /// `is_first` tells that no older object with the same name is unfinished. Until then the
    /// object must not become visible, or an older object would overwrite it. While the object has
    /// no name, it tells that no older object looks for a number of the same stem. `may_begin`
    /// permits CreateMultipartUpload.
    ///
    /// `is_first` matters only while [`asks_for_its_turn`](Object::asks_for_its_turn).
    pub(crate) fn poll(
        &mut self,
        cutting: Cutting,
        is_first: bool,
        may_begin: bool,
    ) -> Option<Effect> {
        if let Some(upload_id) = self.surplus.take() {
            return Some(Effect::Abort { upload_id });
        }
        // A part that arrives after an abort is stored, and costs money, so no call may be in
        // flight: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
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
                let sum = cutting.algorithm.map(|algorithm| Sum::of(algorithm, &body));
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
                let sum = cutting.algorithm.map(|algorithm| Sum::of(algorithm, &body));
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

    /// The part list of CompleteMultipartUpload. S3 would accept a list with gaps, so it must be
    /// complete.
    fn completed(&self, parts: &Parts) -> (Vec<CompletedPart>, Option<Sum>) {
        parts.completed(self.bytes).expect("all parts are acknowledged and add up to the object")
    }

    /// Sends HeadObject for the object's name.
    fn head(&mut self) -> Effect {
        let key = self.key();
        self.send(Call::HeadObject { key })
    }

    fn send(&mut self, call: Call) -> Effect {
        self.outstanding += 1;
        Effect::Send(call)
    }

    /// Puts all bytes back into the buffer, and aborts the upload.
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

    /// Marks the object as failed, and aborts its upload.
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

    /// The events of the object.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Its name in the store, as far as it is known.
    pub(crate) fn key(&self) -> String {
        self.span.object_key.clone()
    }

    /// Its name, and the search for one.
    pub(crate) fn name(&self) -> &ObjectName {
        &self.name
    }

    /// Its size so far, in bytes as stored.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it is sealed.
    pub(crate) fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// Whether it may be visible already, by a call before the sink was resumed.
    pub(crate) fn may_be_there(&self) -> bool {
        self.may_be_there
    }

    /// How it ended. `None` while it has not, or while one of its calls is in flight.
    pub(crate) fn ended(&self) -> Option<End> {
        self.end().filter(|_| self.outstanding == 0)
    }

    /// How it ended. `None` while it has not.
    pub(crate) fn end(&self) -> Option<End> {
        match &self.state {
            State::Visible { parts } => Some(End::Visible { parts: *parts }),
            State::Failed => self.failure.clone().map(End::Failed),
            _ => None,
        }
    }

    /// Whether it only waits for its calls in flight, because it has failed or will be restarted.
    fn is_given_up(&self) -> bool {
        self.failure.is_some() || matches!(self.state, State::Restarting(_))
    }

    /// Whether it uses this multipart upload, or has not aborted it yet.
    pub(crate) fn is_made_of(&self, id: &str) -> bool {
        self.state.parts().is_some_and(|parts| parts.upload_id == id)
    }

    /// Whether CreateMultipartUpload is in flight, so that the id of its upload is unknown.
    pub(crate) fn is_creating(&self) -> bool {
        matches!(self.state, State::Creating)
    }

    /// Whether what it does next depends on older objects with its name or stem.
    pub(crate) fn asks_for_its_turn(&self) -> bool {
        self.is_sealed || matches!(self.state, State::Naming { .. })
    }

    /// Whether the object can be saved in a checkpoint. Calls that make it visible may be in
    /// flight, but no others.
    pub(crate) fn is_at_rest(&self) -> bool {
        match &self.state {
            _ if self.failure.is_some() => self.outstanding == 0,
            State::Filling | State::Uploading(_) => self.outstanding == 0,
            State::Naming { .. } | State::Creating | State::Restarting(_) => false,
            State::Putting { .. } | State::Completing(_) | State::Verifying { .. } => true,
            State::Visible { .. } | State::Failed => true,
        }
    }

    /// Whether a commit is all that the object waits for.
    pub(crate) fn waits_for_commit(&self) -> bool {
        let waits = self.is_sealed && !self.visibility.allows() && self.failure.is_none();
        waits && self.is_at_rest() && self.end().is_none()
    }
}
