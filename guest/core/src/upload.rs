//! One object's life: a single PutObject, or create, parts, and complete or abort.

use bytes::Bytes;

use crate::buffer::Buffer;
use crate::error::Error;
use crate::http::{Body, Response};
use crate::s3::{CompletedPart, CreateMultipartUploadResult, Malformed, part_etag};

/// The requests that an upload is made of, named as in the S3 API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The whole object at once.
    PutObject,
    /// The beginning of a multipart upload.
    CreateMultipartUpload,
    /// One part, numbered from 1.
    UploadPart(u32),
    /// What makes a multipart upload an object.
    CompleteMultipartUpload,
    /// What ends it without one.
    AbortMultipartUpload,
}

/// Which events an object was meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The key they carried.
    pub key: String,
    /// The object's name in the store.
    pub name: String,
    /// The position of the first.
    pub first: u64,
    /// The position of the last.
    pub last: u64,
    /// How many they are.
    pub events: u64,
}

/// One object on its way into the store.
pub(crate) struct Upload {
    pub(crate) span: Span,
    /// The bytes of all events so far.
    pub(crate) bytes: u64,
    /// Nothing will be added any more.
    pub(crate) sealed: bool,
    /// Why the object will not be; set once, by the first cause.
    failure: Option<Error>,
    /// The requests that were asked for and not answered.
    pub(crate) outstanding: usize,
    buffer: Buffer,
    state: State,
}

enum State {
    /// The store knows nothing of it.
    Filling,
    /// PutObject is under way.
    Putting(Body),
    /// CreateMultipartUpload is under way.
    Creating,
    /// Parts go up as they fill.
    Uploading(Multipart),
    /// CompleteMultipartUpload is under way.
    Completing(Multipart),
    /// AbortMultipartUpload is under way.
    Aborting(Multipart),
    /// The object is there.
    Visible { parts: u32 },
    /// It is not, and nothing more will be done.
    Failed,
}

struct Multipart {
    id: String,
    parts: Vec<Part>,
    /// The bytes of the parts that are not stored yet.
    held: u64,
}

enum Part {
    /// Kept until the store has acknowledged it.
    Sending(Body),
    /// The store has it, under this ETag.
    Stored(String),
}

/// How an upload ended.
pub(crate) enum End {
    Visible { parts: u32 },
    Failed(Error),
}

impl Upload {
    pub(crate) fn new(span: Span) -> Upload {
        Upload {
            span,
            bytes: 0,
            sealed: false,
            failure: None,
            outstanding: 0,
            buffer: Buffer::default(),
            state: State::Filling,
        }
    }

    /// Adds the bytes of events. What a failed object is given is not kept.
    pub(crate) fn push(&mut self, payload: Bytes) {
        self.bytes += payload.len() as u64;
        if self.failure.is_none() {
            self.buffer.push(payload);
        }
    }

    /// The bytes it holds in memory.
    pub(crate) fn held(&self) -> u64 {
        let sending = match &self.state {
            State::Putting(body) => body.len(),
            State::Uploading(multipart) | State::Completing(multipart) => multipart.held,
            _ => 0,
        };
        self.buffer.len() + sending
    }

    /// What to ask of the store next, if anything. Called until it returns nothing after every change.
    /// `my_turn` says that no older object of the same name is unfinished: until then this one must
    /// not become visible, or the older would overwrite the younger.
    pub(crate) fn next(&mut self, part_bytes: u64, my_turn: bool) -> Option<Operation> {
        if self.failure.is_some() {
            return self.give_up();
        }
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Filling if self.buffer.len() >= part_bytes => {
                self.state = State::Creating;
                Some(Operation::CreateMultipartUpload)
            }
            State::Filling if self.sealed && my_turn => {
                self.state = State::Putting(self.buffer.take(u64::MAX));
                Some(Operation::PutObject)
            }
            State::Uploading(mut multipart) => {
                let rest = self.buffer.len();
                if rest >= part_bytes || (self.sealed && rest > 0) {
                    let number = multipart.add(self.buffer.take(part_bytes));
                    self.state = State::Uploading(multipart);
                    return Some(Operation::UploadPart(number));
                }
                if self.sealed && my_turn && self.outstanding == 0 {
                    self.state = State::Completing(multipart);
                    return Some(Operation::CompleteMultipartUpload);
                }
                self.state = State::Uploading(multipart);
                None
            }
            state => {
                self.state = state;
                None
            }
        }
    }

    /// Takes in the store's word that `operation` is done.
    pub(crate) fn done(&mut self, op: Operation, response: &Response) -> Result<(), Malformed> {
        match (op, &mut self.state) {
            (Operation::PutObject, State::Putting(_)) => self.state = State::Visible { parts: 0 },
            (Operation::CreateMultipartUpload, State::Creating) => {
                let id = CreateMultipartUploadResult::parse(response)?.upload_id;
                self.state = State::Uploading(Multipart::new(id));
            }
            (Operation::UploadPart(number), State::Uploading(multipart)) => {
                let etag = part_etag(response)?;
                multipart.store(number, etag);
            }
            (Operation::CompleteMultipartUpload, State::Completing(multipart)) => {
                let parts = u32::try_from(multipart.parts.len()).unwrap_or(u32::MAX);
                self.state = State::Visible { parts };
            }
            (Operation::AbortMultipartUpload, State::Aborting(_)) => self.state = State::Failed,
            // A part that was in flight when its upload failed: nobody waits for it any more.
            _ => {}
        }
        Ok(())
    }

    /// The object will not be. Its bytes are dropped, what is in flight is waited for, and an upload
    /// that was begun is aborted.
    pub(crate) fn fail(&mut self, cause: Error) {
        if !matches!(self.state, State::Visible { .. }) {
            self.failure.get_or_insert(cause);
            self.buffer.clear();
        }
    }

    /// The abort was tried and did not succeed; whatever comes of it, this object is over.
    pub(crate) fn abandon(&mut self) {
        self.state = State::Failed;
    }

    /// Whether a cause of failure is known.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// How it ended, once it did.
    pub(crate) fn end(&self) -> Option<End> {
        match &self.state {
            State::Visible { parts } => Some(End::Visible { parts: *parts }),
            State::Failed => self.failure.clone().map(End::Failed),
            _ => None,
        }
    }

    /// The bytes that `operation` sends.
    pub(crate) fn body(&self, operation: Operation) -> Body {
        match (&self.state, operation) {
            (State::Putting(body), _) => body.clone(),
            (State::Uploading(multipart), Operation::UploadPart(number)) => {
                match multipart.parts.get(number as usize - 1) {
                    Some(Part::Sending(body)) => body.clone(),
                    _ => Body::empty(),
                }
            }
            _ => Body::empty(),
        }
    }

    /// The id that the store gave the multipart upload.
    pub(crate) fn upload_id(&self) -> Option<&str> {
        match &self.state {
            State::Uploading(m) | State::Completing(m) | State::Aborting(m) => Some(&m.id),
            _ => None,
        }
    }

    /// The parts for CompleteMultipartUpload, 1 to N without a gap, or nothing where one is missing:
    /// S3 would take a list with holes and make an object with holes of it.
    pub(crate) fn completed_parts(&self) -> Option<Vec<CompletedPart>> {
        let State::Completing(multipart) = &self.state else { return None };
        let parts = multipart.parts.iter().zip(1..).map(|(part, number)| match part {
            Part::Stored(etag) => {
                Some(CompletedPart { number, etag: etag.clone(), checksum: None })
            }
            Part::Sending(_) => None,
        });
        parts.collect()
    }

    fn give_up(&mut self) -> Option<Operation> {
        if self.outstanding > 0 {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Uploading(multipart) | State::Completing(multipart) => {
                self.state = State::Aborting(Multipart::new(multipart.id));
                Some(Operation::AbortMultipartUpload)
            }
            state @ (State::Aborting(_) | State::Visible { .. }) => {
                self.state = state;
                None
            }
            State::Filling | State::Putting(_) | State::Creating | State::Failed => None,
        }
    }
}

impl Multipart {
    fn new(id: String) -> Multipart {
        Multipart { id, parts: Vec::new(), held: 0 }
    }

    /// Adds a part, and returns its number.
    fn add(&mut self, body: Body) -> u32 {
        self.held += body.len();
        self.parts.push(Part::Sending(body));
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    /// Lets go of a part's bytes, since the store has them.
    fn store(&mut self, number: u32, etag: String) {
        if let Some(part) = self.parts.get_mut(number as usize - 1)
            && let Part::Sending(body) = std::mem::replace(part, Part::Stored(etag))
        {
            self.held -= body.len();
        }
    }
}
