//! The steps that the S3 operations are made of.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Result, s3_error};
use s3s_fs::FileSystem;

use super::files::{link_upload, remove_upload, twin};
use super::store::{Precondition, Store};
use super::uploads::Upload;

/// What the requests share.
pub(super) struct Shared {
    pub(super) files: FileSystem,
    pub(super) store: Arc<Store>,
}

impl Shared {
    pub(super) fn new(store: Arc<Store>) -> Result<Self, S3Error> {
        let files = FileSystem::new(store.work())?;
        Ok(Self { files, store })
    }

    pub(super) fn require_bucket(&self, bucket: &str) -> S3Result<()> {
        // s3s-fs would make the folder, and with it the bucket, on the first upload.
        if self.store.has_bucket(bucket) { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }

    pub(super) fn require_object(&self, bucket: &str, key: &str) -> S3Result<String> {
        self.require_bucket(bucket)?;
        let current = self.store.current(bucket, key).map_err(storage_error)?;
        current.ok_or_else(|| s3_error!(NoSuchKey))
    }

    /// Answers conditions that fail already, and says what must still hold when it is published.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
    pub(super) async fn precondition(
        &self,
        bucket: &str,
        key: &str,
        (if_match, if_none_match): (Option<ETagCondition>, Option<ETagCondition>),
    ) -> S3Result<Precondition> {
        self.require_bucket(bucket)?;
        if if_none_match.is_some_and(|condition| condition.is_any()) {
            return match self.store.current(bucket, key).map_err(storage_error)? {
                Some(_) => Err(s3_error!(PreconditionFailed)),
                None => Ok(Precondition::Absent),
            };
        }
        let Some(condition) = if_match else {
            return Ok(Precondition::None);
        };
        let version = self.require_object(bucket, key)?;
        let (bucket, key) = (bucket.to_owned(), version.clone());
        let input = HeadObjectInput { bucket, key, ..HeadObjectInput::default() };
        let found = self.files.head_object(request(input)).await?.output.e_tag;
        match condition.into_etag() {
            Some(expected) if found.as_ref() != Some(&expected) => {
                Err(s3_error!(PreconditionFailed))
            }
            _ => Ok(Precondition::Version(version)),
        }
    }

    pub(super) fn publish(
        &self,
        place: (&str, &str),
        version: &str,
        precondition: &Precondition,
    ) -> S3Result<()> {
        match self.store.publish(place, version, precondition).map_err(storage_error)? {
            true => Ok(()),
            false => Err(s3_error!(PreconditionFailed)),
        }
    }

    /// Completes an upload that nobody else completes; after a failure it is as it was before.
    pub(super) async fn complete(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
        upload: Upload,
        precondition: Precondition,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let id = req.input.upload_id.clone();
        let twin = twin(&id);
        let completed = self.complete_twin(req, &twin, &upload, &precondition).await;
        // Parts that the request did not name, or all of them after a failure.
        remove_upload(self.store.work(), &twin);
        match &completed {
            Ok(_) => {
                self.store.end_upload(&id, &upload);
                remove_upload(self.store.work(), &id);
            }
            Err(_) => {
                self.store.discard_file(&upload.bucket, &upload.version);
                self.store.uploads.give_up_completing(&id);
            }
        }
        completed
    }

    /// s3s-fs removes what it joins, part by part, so it is given links to the parts: whoever is
    /// killed meanwhile leaves the upload open, or the object published.
    async fn complete_twin(
        &self,
        mut req: S3Request<CompleteMultipartUploadInput>,
        twin: &str,
        upload: &Upload,
        precondition: &Precondition,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let Upload { bucket, key, version, .. } = upload;
        link_upload(self.store.work(), &req.input.upload_id, twin).map_err(storage_error)?;
        req.input.upload_id = twin.to_owned();
        req.input.key.clone_from(version);
        let output = match self.files.complete_multipart_upload(req).await?.output {
            CompleteMultipartUploadOutput { future: Some(future), .. } => future.await?,
            output => output,
        };
        self.publish((bucket, key), version, precondition)?;
        Ok(CompleteMultipartUploadOutput { key: Some(key.clone()), ..output })
    }

    /// The parts of an upload that were answered, by their numbers.
    pub(super) async fn arrived_parts(&self, id: &str, upload: &Upload) -> S3Result<Vec<Part>> {
        let input = ListPartsInput { upload_id: id.to_owned(), ..ListPartsInput::default() };
        let listed = self.files.list_parts(request(input)).await?.output.parts;
        let mut parts = listed.unwrap_or_default();
        for part in &mut parts {
            let number = part.part_number.unwrap_or_default();
            part.e_tag = upload.parts.get(&number).cloned();
        }
        parts.retain(|part| part.e_tag.is_some());
        parts.sort_unstable_by_key(|part| part.part_number);
        Ok(parts)
    }
}

/// A request of our own to the backend.
fn request<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: http::Method::default(),
        uri: http::Uri::default(),
        headers: http::HeaderMap::default(),
        extensions: http::Extensions::default(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

pub(super) fn storage_error(error: io::Error) -> S3Error {
    match error.kind() {
        // The path is longer than the system allows, though each name in it is not.
        ErrorKind::InvalidFilename => s3_error!(error, KeyTooLongError),
        // To ask again would change nothing.
        ErrorKind::PermissionDenied => s3_error!(AccessDenied, "{error}"),
        _ => s3_error!(InternalError, "The local store failed: {error}"),
    }
}
