//! The reference bucket: S3's semantics as its documentation has them, in memory, as a function of
//! the request and the time. No clock, no randomness, no sockets.
//!
//! It checks what it is sent harder than any server in reach: signatures from scratch, checksums
//! with another crate than the core's, preconditions, part sizes, orders, lengths. `promises/
//! reference_bucket.rs` checks the bucket itself, rule by rule and against another server.

mod answer;
mod asked;
mod authorize;
mod complete;
mod encryption;
mod integrity;
mod list;
mod listing;
mod lock;
mod multipart;
mod objects;
mod options;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use spillway_core::Timestamp;
use spillway_core::http::{Method, Request, Response};

pub use answer::S3Error;
pub use asked::{Asked, Operation, header};
pub use encryption::KeyMark;
pub use integrity::{checksum, composite, etag, multipart_etag};
pub use options::{Action, BucketOptions, ChecksumSupport, KeyPair, WrongRegion};
pub use stored::{Logged, Object, Part, Upload, Visible};

use answer::Answer;
use stored::Completed;

/// A bucket that holds objects and open uploads.
pub struct Bucket {
    /// What it is like. It may be changed between requests: a key expires, a right is withdrawn.
    pub options: BucketOptions,
    objects: BTreeMap<String, Arc<Object>>,
    uploads: BTreeMap<String, Upload>,
    completed: BTreeMap<String, Completed>,
    aborted: BTreeSet<String>,
    visible_history: Vec<Visible>,
    of_others: BTreeMap<String, Arc<Object>>,
    log: Vec<Logged>,
    uploads_begun: u64,
}

impl Bucket {
    /// A bucket with nothing in it.
    pub fn new(options: BucketOptions) -> Bucket {
        Bucket {
            options,
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            completed: BTreeMap::new(),
            aborted: BTreeSet::new(),
            visible_history: Vec::new(),
            of_others: BTreeMap::new(),
            log: Vec::new(),
            uploads_begun: 0,
        }
    }

    /// Does what is asked, at once and as a whole, and answers.
    pub fn handle(&mut self, at: Timestamp, request: &Request) -> Response {
        let number = self.log.len() as u64 + 1;
        let head = request.method == Method::Head;
        let asked = Asked::read(&self.options.name, request);
        let mut logged = Logged {
            at,
            access_key_id: authorize::access_key_id(request).unwrap_or_default(),
            operation: asked.as_ref().ok().and_then(|asked| asked.operation().ok()),
            key: asked.as_ref().map(|asked| asked.key.clone()).unwrap_or_default(),
            upload_id: asked
                .as_ref()
                .map(|a| a.parameter("uploadId").to_owned())
                .unwrap_or_default(),
            part_number: asked.as_ref().ok().and_then(Asked::part_number),
            bytes: request.body.len(),
            status: 0,
            code: String::new(),
        };
        let answered = asked.and_then(|asked| self.answer(at, &asked));
        if let Err(error) = &answered {
            logged.code = error.code.to_owned();
        }
        let response = match answered {
            Ok(answer) => answer.into_response(at, number, head),
            Err(error) => error.into_response(at, number, head),
        };
        logged.status = response.status;
        self.log.push(logged);
        response
    }

    /// The objects that are visible, by key.
    pub fn objects(&self) -> &BTreeMap<String, Arc<Object>> {
        &self.objects
    }

    /// The uploads that are open, by id.
    pub fn open_uploads(&self) -> &BTreeMap<String, Upload> {
        &self.uploads
    }

    /// The ids of the uploads that were aborted.
    pub fn aborted_uploads(&self) -> &BTreeSet<String> {
        &self.aborted
    }

    /// Each time that an object became visible, in order.
    pub fn visible_history(&self) -> &[Visible] {
        &self.visible_history
    }

    /// Every request that came, in order.
    pub fn log(&self) -> &[Logged] {
        &self.log
    }

    /// The objects that [`Bucket::put_by_another`] made, as they were then.
    pub fn of_others(&self) -> &BTreeMap<String, Arc<Object>> {
        &self.of_others
    }

    /// Another writer makes an object of that key, unless there is one. It is no part of the
    /// history of what became visible.
    pub fn put_by_another(&mut self, at: Timestamp, key: &str) {
        if !self.objects.contains_key(key) {
            let object = Arc::new(Object::by_another(at, key));
            self.objects.insert(key.to_owned(), object.clone());
            self.of_others.insert(key.to_owned(), object);
        }
    }

    /// Ends an upload that nobody asked to end, as a lifecycle rule or another client would.
    pub fn expire_upload(&mut self, upload_id: &str) {
        self.uploads.remove(upload_id);
    }

    fn answer(&mut self, at: Timestamp, asked: &Asked<'_>) -> Result<Answer, S3Error> {
        let body: Bytes = match asked.request.body.pieces() {
            [one] => one.clone(),
            pieces => pieces.concat().into(),
        };
        check_length(asked, &body)?;
        authorize::authorize(&self.options, at, asked, &body)?;
        let operation = asked.operation()?;
        if asked.bucket != self.options.name {
            let error = S3Error::new(404, "NoSuchBucket", "The specified bucket does not exist");
            return Err(error.detail("BucketName", &asked.bucket));
        }
        if asked.key.len() > KEY_BYTES_MAX {
            let error = S3Error::new(400, "KeyTooLongError", "Your key is too long");
            return Err(error.detail("Size", asked.key.len()));
        }
        if self.options.denied.contains(&operation.action()) {
            return Err(S3Error::access_denied());
        }
        self.check_parties(asked)?;
        encryption::check_place(asked, operation)?;
        match operation {
            Operation::AbortMultipartUpload => self.abort_multipart_upload(asked),
            Operation::CompleteMultipartUpload => self.complete_multipart_upload(at, asked, &body),
            Operation::CreateMultipartUpload => self.create_multipart_upload(at, asked),
            Operation::DeleteObject => Ok(self.delete_object(asked)),
            Operation::GetObject => self.get_object(asked),
            Operation::HeadBucket => {
                Ok(Answer::ok().with("x-amz-bucket-region", &*self.options.region))
            }
            Operation::HeadObject => self.head_object(asked),
            Operation::ListMultipartUploads => self.list_multipart_uploads(asked),
            Operation::ListParts => self.list_parts(asked),
            Operation::PutObject => self.put_object(at, asked, body),
            Operation::UploadPart => self.upload_part(at, asked, body),
        }
    }
}

impl Bucket {
    /// Whose bucket it is, and who pays.
    fn check_parties(&self, asked: &Asked<'_>) -> Result<(), S3Error> {
        let BucketOptions { owner, requester_pays, .. } = &self.options;
        let expected = asked.header("x-amz-expected-bucket-owner");
        let pays = asked.header("x-amz-request-payer") == Some("requester");
        if expected.is_some_and(|expected| expected != owner) || (*requester_pays && !pays) {
            return Err(S3Error::access_denied());
        }
        Ok(())
    }
}

/// The length has to be said beforehand, and to be true.
fn check_length(asked: &Asked<'_>, body: &[u8]) -> Result<(), S3Error> {
    let may_have_body = matches!(asked.request.method, Method::Put | Method::Post);
    match asked.header("content-length") {
        None if may_have_body => {
            let text = "You must provide the Content-Length HTTP header.";
            Err(S3Error::new(411, "MissingContentLength", text))
        }
        Some(length) if length.parse() != Ok(body.len()) => {
            let text = "You did not provide the number of bytes specified by the Content-Length \
                        HTTP header";
            Err(S3Error::new(400, "IncompleteBody", text))
        }
        _ => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const KEY_BYTES_MAX: usize = 1_024;

#[cfg(test)]
mod tests;
