//! One object's life: a single PutObject, or create, parts, and complete.

mod permit;
mod saved;
mod span;

use std::time::Duration;

use bytes::Bytes;

use crate::buffer::Buffer;
use crate::checksum::Sum;
use crate::classify::Answer;
use crate::encode::{Encoder, Encoding};
use crate::error::Error;
use crate::explain;
use crate::framing::Run;
use crate::http::Body;
use crate::naming::{Naming, Sight};
use crate::parts::Parts;
use crate::requests::Attempted;
use crate::s3::{CompletedPart, HeadObjectResult, Operation};
use crate::settings::{Cutting, NONCE, PartSizes};

pub(crate) use permit::Permit;
pub(crate) use saved::{Course, SavedUpload};
pub(crate) use span::PIECES_MAX;
pub use span::{Piece as SpanPiece, Span};

/// One object on its way into the store.
pub(crate) struct Upload {
    pub(crate) span: Span,
    pub(crate) naming: Naming,
    /// Proves that an object is ours: nobody else knows it before the object is there.
    pub(crate) nonce: String,
    /// The bytes of the object so far, as far as the encoder has given them out.
    pub(crate) bytes: u64,
    /// Nothing will be added any more.
    pub(crate) sealed: bool,
    /// The requests that were asked for and not answered.
    pub(crate) outstanding: usize,
    /// Whether it may become visible.
    pub(crate) permit: Permit,
    /// Whether it may be visible already: an earlier life of the sink was allowed to make it so.
    pub(crate) may_be_there: bool,
    /// An upload that may be open although the object is there.
    surplus: Option<String>,
    /// Why the object will not be; the first cause, whatever goes wrong after it.
    failure: Option<Error>,
    restarts: u32,
    /// There until nothing will be added any more.
    encoder: Option<Encoder>,
    buffer: Buffer,
    state: State,
}

enum State {
    /// It has no name yet. `asked` says that HeadObject is under way.
    Naming { asked: bool },
    /// The store knows nothing of it.
    Filling,
    /// PutObject is under way.
    Putting { body: Body, sum: Option<Sum> },
    /// CreateMultipartUpload is under way.
    Creating,
    /// Parts go up as they fill.
    Uploading(Parts),
    /// CompleteMultipartUpload is under way.
    Completing(Parts),
    /// PutObject or CompleteMultipartUpload ended in doubt, and HeadObject is to settle it.
    Settling { doubt: Error, sent: Sent, asked: bool, again: Option<(Attempted, Duration)> },
    /// What is in flight is waited for; then all that there is of it is sent again.
    Restarting(Parts),
    /// The object is there.
    Visible { parts: u32 },
    /// It is not, and nothing more will be done.
    Failed,
}

/// What was sent, and may be an object by now.
enum Sent {
    AtOnce { body: Body, sum: Option<Sum> },
    InParts(Parts),
}

/// What is to be done once HeadObject has shown what there is.
pub(crate) enum Looked {
    /// Nothing.
    Settled,
    /// Somebody else's object is in the place of this one, which was doubtful for this reason.
    Taken(Error),
    /// This request once more, after this long: it took no effect.
    Again(Attempted, Duration),
}

/// How an upload ended.
pub(crate) enum End {
    Visible { parts: u32 },
    Failed(Error),
}

/// What an upload wants of its sink.
pub(crate) enum Want {
    /// A number, or one to look at.
    Number,
    /// This request.
    Request(Operation),
    /// To be rid of this upload id, which it has no more use for.
    Abort(String),
}

impl Upload {
    pub(crate) fn new(
        span: Span,
        nonce: String,
        naming: Naming,
        encoding: Encoding,
        permit: Permit,
    ) -> Upload {
        Upload {
            state: State::begin(&naming),
            span,
            naming,
            nonce,
            bytes: 0,
            sealed: false,
            outstanding: 0,
            permit,
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

    /// Nothing will be added any more: what the encoder held back is.
    pub(crate) fn seal(&mut self) {
        self.sealed = true;
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

    /// The bytes that only this memory has, and what encoding them takes.
    pub(crate) fn held(&self) -> u64 {
        let sending = match &self.state {
            State::Putting { body, .. }
            | State::Settling { sent: Sent::AtOnce { body, .. }, .. } => body.len(),
            State::Uploading(parts) | State::Completing(parts) => parts.unstored(),
            State::Restarting(parts) => parts.unstored() + parts.spare(),
            _ => 0,
        };
        self.buffer.len() + self.encoding() + sending
    }

    /// The bytes that encoding takes beside those it has given out.
    fn encoding(&self) -> u64 {
        self.encoder.as_ref().map_or(0, Encoder::memory_bytes)
    }

    /// Of an object that is not sealed, the bytes that only further events would send: what will be
    /// left in memory once all requests are answered.
    pub(crate) fn idle(&self, sizes: PartSizes) -> u64 {
        let (rest, encoding) = (self.buffer.len(), self.encoding());
        match &self.state {
            _ if self.failure.is_some() => encoding,
            State::Naming { .. } | State::Filling | State::Creating => {
                encoding + sizes.rest(rest, 1)
            }
            State::Restarting(_) => encoding + sizes.rest(self.held() - encoding, 1),
            State::Uploading(parts) => encoding + sizes.rest(rest, parts.count() + 1),
            _ => encoding,
        }
    }

    /// The bytes that the store has too, kept in case the upload must begin again.
    pub(crate) fn spare(&self) -> u64 {
        match &self.state {
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Settling { sent: Sent::InParts(parts), .. } => parts.spare(),
            _ => 0,
        }
    }

    /// Lets go of spare bytes, up to `wanted`, and returns how many they were.
    pub(crate) fn shed(&mut self, wanted: u64) -> u64 {
        match &mut self.state {
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Settling { sent: Sent::InParts(parts), .. } => parts.shed(wanted),
            _ => 0,
        }
    }

    /// What it wants next, if anything. Called until it returns nothing, after every change.
    /// `my_turn` says that no older object of the same name is unfinished: until then this one must
    /// not become visible, or the older would overwrite the younger. Where it has no name yet, it
    /// says that no older one looks for a number of the same stem.
    pub(crate) fn next(&mut self, cutting: Cutting, my_turn: bool) -> Option<Want> {
        if let Some(upload_id) = self.surplus.take() {
            return Some(Want::Abort(upload_id));
        }
        if self.failure.is_some() {
            return self.give_up();
        }
        match &mut self.state {
            State::Naming { asked: false } if my_turn => Some(Want::Number),
            State::Filling if self.buffer.len() >= cutting.sizes.first => {
                self.state = State::Creating;
                Some(Want::Request(Operation::CreateMultipartUpload))
            }
            State::Filling if self.sealed && my_turn && self.permit.allows() => {
                let body = self.buffer.take(u64::MAX);
                let sum = cutting.algorithm.map(|algorithm| algorithm.of(&body));
                self.state = State::Putting { body, sum };
                Some(Want::Request(Operation::PutObject))
            }
            State::Uploading(_) => self.next_part(cutting, my_turn && self.permit.allows()),
            State::Restarting(_) if self.outstanding == 0 => self.begin_again(),
            State::Settling { asked, .. } if !*asked => {
                *asked = true;
                Some(Want::Request(Operation::HeadObject))
            }
            _ => None,
        }
    }

    fn next_part(&mut self, cutting: Cutting, may_complete: bool) -> Option<Want> {
        let State::Uploading(parts) = &mut self.state else { return None };
        let rest = self.buffer.len();
        match cutting.sizes.size(parts.count() + 1) {
            Some(size) if rest >= size || (self.sealed && rest > 0) => {
                let number = parts.add(self.buffer.take(size), cutting.algorithm);
                Some(Want::Request(Operation::UploadPart(number)))
            }
            None if rest > 0 => {
                let bytes = cutting.sizes.object_bytes_max();
                self.fail(Error::Denied(format!(
                    "`{}` is larger than the {bytes} bytes that {} hold; set a larger \
                     `part_bytes`, \
                     or more `memory_bytes_max` where parts may grow",
                    self.span.object_key,
                    cutting.sizes.in_words()
                )));
                self.give_up()
            }
            _ if self.sealed && may_complete && self.outstanding == 0 => {
                if let State::Uploading(parts) = std::mem::replace(&mut self.state, State::Failed) {
                    self.state = State::Completing(parts);
                }
                Some(Want::Request(Operation::CompleteMultipartUpload))
            }
            _ => None,
        }
    }

    /// Takes in the store's word that `operation` is done.
    pub(crate) fn done(&mut self, operation: Operation, answer: Answer) {
        match (operation, answer, &mut self.state) {
            (Operation::PutObject, _, State::Putting { .. }) => {
                self.state = State::Visible { parts: 0 };
            }
            (_, Answer::Created { upload_id }, State::Creating) => {
                self.state = State::Uploading(Parts::new(upload_id));
            }
            (Operation::UploadPart(number), Answer::Stored { etag }, State::Uploading(parts)) => {
                parts.stored(number, etag);
            }
            (Operation::CompleteMultipartUpload, _, State::Completing(parts)) => {
                self.state = State::Visible { parts: parts.count() };
            }
            // An answer to an upload that has failed or begins again since.
            _ => {}
        }
    }

    /// Whether the object that was found is the one that this upload was to make: the nonce alone
    /// would do, and size and checksum must agree with it.
    fn is_ours(&self, found: &HeadObjectResult) -> bool {
        let State::Settling { sent, .. } = &self.state else { return false };
        let sum = match sent {
            Sent::AtOnce { sum, .. } => *sum,
            Sent::InParts(parts) => parts.completed(self.bytes).and_then(|(_, sum)| sum),
        };
        let agrees = |ours: Sum| {
            let ours = ours.s3();
            let theirs = found.checksums.iter().find(|c| c.algorithm == ours.algorithm);
            // A composite checksum is none of the object's bytes.
            theirs.is_none_or(|theirs| theirs.value == ours.value || theirs.value.contains('-'))
        };
        found.metadata(NONCE) == Some(&self.nonce)
            && found.size == self.bytes
            && sum.is_none_or(agrees)
    }

    /// HeadObject is to be asked about the name as it is now.
    pub(crate) fn look(&mut self) {
        self.span.object_key = self.naming.name();
        self.state = State::Naming { asked: true };
    }

    /// It has a name of its own.
    pub(crate) fn named(&mut self) {
        self.span.object_key = self.naming.name();
        self.state = State::Filling;
    }

    /// Takes in what HeadObject showed.
    pub(crate) fn looked(&mut self, sight: Sight) -> Looked {
        match (&self.state, sight) {
            (State::Naming { .. }, sight) => {
                self.naming.saw(&sight);
                self.state = State::Naming { asked: false };
            }
            (State::Settling { sent, .. }, Sight::Found(found)) if self.is_ours(&found) => {
                let parts = match sent {
                    Sent::AtOnce { .. } => 0,
                    Sent::InParts(parts) => {
                        // An earlier life may have begun again, and made it of another upload.
                        let may_be_open = self.may_be_there.then(|| parts.upload_id.clone());
                        self.surplus = may_be_open;
                        parts.count()
                    }
                };
                self.state = State::Visible { parts };
            }
            (State::Settling { doubt, .. }, Sight::Found(found))
                if found.metadata(NONCE) != Some(&self.nonce) =>
            {
                return Looked::Taken(doubt.clone());
            }
            (State::Settling { again: Some((task, wait)), .. }, Sight::Absent) => {
                let (task, wait) = (*task, *wait);
                self.send_again();
                return Looked::Again(task, wait);
            }
            (State::Settling { doubt, .. }, Sight::Unknown(why)) => {
                let doubt = explain::in_doubt(doubt.clone(), &why);
                self.fail(doubt);
            }
            (State::Settling { doubt, .. }, _) => {
                let doubt = doubt.clone();
                self.fail(doubt);
            }
            _ => {}
        }
        Looked::Settled
    }

    /// Somebody else's object has its name. Where it may have another and every byte is still here,
    /// it begins again without a name, and without the permission to become visible: that was for
    /// the name that it had. Returns whether that is so.
    pub(crate) fn rename(&mut self) -> bool {
        let whole = match &self.state {
            State::Completing(parts) | State::Settling { sent: Sent::InParts(parts), .. } => {
                parts.is_whole()
            }
            _ => true,
        };
        if !whole || !self.naming.may_change() || self.failure.is_some() {
            return false;
        }
        self.naming.refused();
        self.permit = self.permit.withdrawn();
        self.may_be_there = false;
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Putting { body, .. }
            | State::Settling { sent: Sent::AtOnce { body, .. }, .. } => {
                body.pieces().iter().for_each(|piece| self.buffer.push(piece.clone()));
                State::begin(&self.naming)
            }
            State::Completing(parts) | State::Settling { sent: Sent::InParts(parts), .. } => {
                State::Restarting(parts)
            }
            state => state,
        };
        true
    }

    /// Nobody knows whether the object is there: it is looked for. If it is not, this request is
    /// made `again`, or the object fails because of this `doubt`.
    pub(crate) fn doubt(&mut self, doubt: Error, again: Option<(Attempted, Duration)>) {
        let settling = |sent| State::Settling { doubt, sent, asked: false, again };
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Putting { body, sum } => settling(Sent::AtOnce { body, sum }),
            State::Completing(parts) => settling(Sent::InParts(parts)),
            state => state,
        };
    }

    /// What was sent took no effect, and is sent once more.
    fn send_again(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Settling { sent: Sent::AtOnce { body, sum }, .. } => {
                State::Putting { body, sum }
            }
            State::Settling { sent: Sent::InParts(parts), .. } => State::Completing(parts),
            state => state,
        };
    }

    /// The upload is lost. Where every byte is still here it begins again, and otherwise it fails
    /// with `cause`: what is missing only the caller can give again.
    pub(crate) fn restart(&mut self, cause: Error) {
        let whole = match &self.state {
            State::Uploading(parts) | State::Completing(parts) => parts.is_whole(),
            _ => false,
        };
        if !whole || self.restarts == RESTARTS_MAX || self.failure.is_some() {
            return self.fail(cause);
        }
        self.restarts += 1;
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Uploading(parts) | State::Completing(parts) => State::Restarting(parts),
            state => state,
        };
    }

    /// Puts all bytes back into the buffer, and returns the id of the upload that they were in.
    fn begin_again(&mut self) -> Option<Want> {
        let state = std::mem::replace(&mut self.state, State::begin(&self.naming));
        let State::Restarting(parts) = state else { return None };
        let upload_id = parts.upload_id.clone();
        let rest = self.buffer.take(u64::MAX);
        let bodies = parts.into_bodies().unwrap_or_default();
        for piece in bodies.iter().chain([&rest]).flat_map(Body::pieces) {
            self.buffer.push(piece.clone());
        }
        Some(Want::Abort(upload_id))
    }

    /// The object will not be. Its bytes are dropped, and what is in flight is waited for.
    pub(crate) fn fail(&mut self, cause: Error) {
        if !matches!(self.state, State::Visible { .. }) {
            self.failure.get_or_insert(cause);
            self.buffer.clear();
            self.encoder = self.encoder.take().map(Encoder::uncompressed);
        }
    }

    /// Whether what is under way is only waited for: the upload has failed, or begins again.
    pub(crate) fn is_given_up(&self) -> bool {
        self.failure.is_some() || matches!(self.state, State::Restarting(_))
    }

    /// How it ended, once it did.
    pub(crate) fn end(&self) -> Option<End> {
        match &self.state {
            State::Visible { parts } => Some(End::Visible { parts: *parts }),
            State::Failed => self.failure.clone().map(End::Failed),
            _ => None,
        }
    }

    /// The bytes that `operation` sends, and their checksum.
    pub(crate) fn body(&self, operation: Operation) -> (Body, Option<Sum>) {
        match (&self.state, operation) {
            (State::Putting { body, sum }, Operation::PutObject) => (body.clone(), *sum),
            (State::Uploading(parts), Operation::UploadPart(number)) => {
                parts.part(number).map_or_else(Default::default, |(b, sum)| (b.clone(), sum))
            }
            _ => Default::default(),
        }
    }

    /// The id that the store gave the multipart upload.
    pub(crate) fn upload_id(&self) -> Option<&str> {
        match &self.state {
            State::Uploading(parts) | State::Completing(parts) => Some(&parts.upload_id),
            _ => None,
        }
    }

    /// Whether it is made of this multipart upload, or was until now and has not aborted it.
    pub(crate) fn is_made_of(&self, id: &str) -> bool {
        match &self.state {
            State::Uploading(parts) | State::Completing(parts) | State::Restarting(parts) => {
                parts.upload_id == id
            }
            State::Settling { sent: Sent::InParts(parts), .. } => parts.upload_id == id,
            _ => false,
        }
    }

    /// Whether what it is made of is settled: no answer is waited for, but to what makes it
    /// visible.
    pub(crate) fn is_at_rest(&self) -> bool {
        match &self.state {
            _ if self.failure.is_some() => self.outstanding == 0,
            State::Filling | State::Uploading(_) => self.outstanding == 0,
            State::Naming { .. } | State::Creating | State::Restarting(_) => false,
            State::Putting { .. } | State::Completing(_) | State::Settling { .. } => true,
            State::Visible { .. } | State::Failed => true,
        }
    }

    /// Whether all is done for it that can be done before a commit.
    pub(crate) fn waits_for_commit(&self) -> bool {
        let waits = self.sealed && !self.permit.allows() && self.failure.is_none();
        waits && self.is_at_rest() && self.end().is_none()
    }

    /// Whether the store may have begun a multipart upload for it whose id is not known yet.
    pub(crate) fn is_creating(&self) -> bool {
        matches!(self.state, State::Creating)
    }

    /// What CompleteMultipartUpload says, or nothing where it would make an object with a hole.
    pub(crate) fn completed(&self) -> Option<(Vec<CompletedPart>, Option<Sum>)> {
        match &self.state {
            State::Completing(parts) => parts.completed(self.bytes),
            _ => None,
        }
    }

    /// A part that lands after an abort is stored, and paid for, so nothing may be in flight:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
    fn give_up(&mut self) -> Option<Want> {
        if self.outstanding > 0 || self.end().is_some() {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Restarting(parts)
            | State::Settling { sent: Sent::InParts(parts), .. } => {
                Some(Want::Abort(parts.upload_id))
            }
            _ => None,
        }
    }
}

impl State {
    /// Where an upload begins: with a name, or in want of one.
    fn begin(naming: &Naming) -> State {
        if naming.is_named() { State::Filling } else { State::Naming { asked: false } }
    }
}

/// How often one object begins again.
const RESTARTS_MAX: u32 = 3;
