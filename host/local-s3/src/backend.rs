//! The S3 operations: `s3s-fs` does the work, under names that the store gives.

use std::sync::Arc;
use std::time::SystemTime;

use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};

use super::files::remove_upload;
use super::listing;
use super::shared::{Shared, storage_error};
use super::store::Store;
use super::uploads::{Arrival, Upload};

/// The backend of the server. What it does not implement is answered with `NotImplemented`.
///
/// There is one pair of keys, and another server may have another. So `s3s-fs` is told of none,
/// lest it ask whose an upload is.
#[derive(Clone)]
pub(super) struct Backend(Arc<Shared>);

impl Backend {
    pub(super) fn new(store: Arc<Store>) -> Result<Self, S3Error> {
        Ok(Self(Arc::new(Shared::new(store)?)))
    }
}

#[async_trait::async_trait]
impl S3 for Backend {
    async fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.0.require_bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let (bucket, key) = (&req.input.bucket, &req.input.key);
        loop {
            let version = self.0.require_object(bucket, key)?;
            let mut versioned = req.clone();
            versioned.input.key.clone_from(&version);
            let answer = self.0.files.head_object(versioned).await;
            // The version may have been replaced, and removed, just before it was opened.
            if answer.is_ok() || self.0.require_object(bucket, key)? == version {
                return answer;
            }
        }
    }

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let (bucket, key) = (&req.input.bucket, &req.input.key);
        loop {
            let version = self.0.require_object(bucket, key)?;
            let mut versioned = req.clone();
            versioned.input.key.clone_from(&version);
            let answer = self.0.files.get_object(versioned).await;
            // The version may have been replaced, and removed, just before it was opened.
            if answer.is_ok() || self.0.require_object(bucket, key)? == version {
                return answer;
            }
        }
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.0.require_bucket(&req.input.bucket)?;
        let objects = self.0.store.objects(&req.input.bucket).map_err(storage_error)?;
        Ok(S3Response::new(listing::list(req.input, objects)?))
    }

    async fn put_object(
        &self,
        mut req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = &mut req.input;
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let conditions = (input.if_match.take(), input.if_none_match.take());
        let precondition = self.0.precondition(&bucket, &key, conditions).await?;
        let version = self.0.store.new_version();
        req.input.key.clone_from(&version);
        let stored = self.0.files.put_object(req).await.and_then(|answer| {
            self.0.store.describe(&version, &bucket, &key).map_err(storage_error)?;
            self.0.publish((&bucket, &key), &version, &precondition)?;
            Ok(answer)
        });
        // Of a body that does not match its checksum s3s-fs leaves the file as well.
        stored.inspect_err(|_| self.0.store.discard(&bucket, &version))
    }

    async fn create_multipart_upload(
        &self,
        mut req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        self.0.require_bucket(&bucket)?;
        let version = self.0.store.new_version();
        req.input.key.clone_from(&version);
        req.credentials = None;
        let mut answer = self.0.files.create_multipart_upload(req).await?;
        let id = answer.output.upload_id.clone().ok_or_else(|| s3_error!(InternalError))?;
        let (initiated, parts) = (SystemTime::now(), Default::default());
        let completing = false;
        let upload = Upload { bucket, key: key.clone(), version, initiated, parts, completing };
        self.0.store.begin_upload(&id, upload).map_err(storage_error)?;
        answer.output.key = Some(key);
        Ok(answer)
    }

    async fn upload_part(
        &self,
        mut req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let (id, number) = (req.input.upload_id.clone(), req.input.part_number);
        let upload = self.0.store.uploads.get(&id, &req.input.bucket, &req.input.key)?;
        if !(1..=PART_NUMBER_MAX).contains(&number) {
            return Err(s3_error!(InvalidArgument, "Part number must be from 1 to 10000"));
        }
        req.input.key = upload.version;
        req.credentials = None;
        let answer = self.0.files.upload_part(req).await?;
        let e_tag = answer.output.e_tag.clone().ok_or_else(|| s3_error!(InternalError))?;
        match self.0.store.uploads.add_part(&id, number, e_tag) {
            Arrival::InTime => return Ok(answer),
            Arrival::AfterComplete => {}
            Arrival::AfterTheEnd => remove_upload(self.0.store.work(), &id),
        }
        Err(s3_error!(NoSuchUpload))
    }

    async fn complete_multipart_upload(
        &self,
        mut req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let id = req.input.upload_id.clone();
        let upload = self.0.store.uploads.get(&id, &req.input.bucket, &req.input.key)?;
        let parts = req.input.multipart_upload.as_ref().and_then(|list| list.parts.as_deref());
        let arrived = self.0.arrived_parts(&id, &upload).await?;
        let sizes: Vec<_> =
            arrived.iter().filter_map(|part| Some((part.part_number?, part.size?))).collect();
        upload.check(parts.unwrap_or_default(), &sizes)?;
        let conditions = (req.input.if_match.take(), req.input.if_none_match.take());
        let precondition = self.0.precondition(&upload.bucket, &upload.key, conditions).await?;
        if !self.0.store.uploads.begin_completing(&id) {
            return Err(s3_error!(NoSuchUpload));
        }
        req.credentials = None;
        // As in S3 the status is sent at once and the body when all is done, so that a client need
        // not wait in silence; and what has begun is finished even if the client goes away.
        let shared = Arc::clone(&self.0);
        let work = tokio::spawn(async move { shared.complete(req, upload, precondition).await });
        let future = async move { work.await.map_err(S3Error::internal_error)? };
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            future: Some(Box::pin(future)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        mut req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let id = req.input.upload_id.clone();
        let upload = self.0.store.uploads.get(&id, &req.input.bucket, &req.input.key)?;
        if !self.0.store.abort_upload(&id, &upload.version) {
            return Err(s3_error!(NoSuchUpload));
        }
        req.input.key = upload.version;
        req.credentials = None;
        self.0.files.abort_multipart_upload(req).await
    }

    async fn list_parts(
        &self,
        req: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let ListPartsInput { upload_id, bucket, key, .. } = &req.input;
        let upload = self.0.store.uploads.get(upload_id, bucket, key)?;
        let parts = self.0.arrived_parts(&req.input.upload_id, &upload).await?;
        Ok(S3Response::new(listing::parts(req.input, parts)))
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.0.require_bucket(&req.input.bucket)?;
        let uploads = self.0.store.uploads.of_bucket(&req.input.bucket);
        Ok(S3Response::new(listing::uploads(req.input, uploads)?))
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_NUMBER_MAX: i32 = 10_000;
