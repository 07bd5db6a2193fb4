//! The S3 operations.

use std::io::SeekFrom;
use std::sync::Arc;
use std::time::SystemTime;

use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::task::spawn_blocking;
use tokio_util::io::ReaderStream;

use super::about::{About, Sums, move_headers, move_proof, move_sums};
use super::listing;
use super::receive::{Claim, Received, claim, receive};
use super::records::{Record, UploadRecord};
use super::shared::{
    Completion, precondition, publish, require_bucket, require_object, storage_error,
};
use super::store::Store;
use super::uploads::{Part as Arrived, Upload};

/// The backend of the server. What it does not implement is answered with `NotImplemented`.
#[derive(Clone)]
pub(super) struct Backend(pub(super) Arc<Store>);

#[async_trait::async_trait]
impl S3 for Backend {
    async fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        require_bucket(&self.0, &req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let mut object = require_object(&self.0, &req.input.bucket, &req.input.key).await?;
        let mut output = HeadObjectOutput {
            content_length: i64::try_from(object.metadata.len()).ok(),
            last_modified: object.metadata.modified().ok().map(Timestamp::from),
            ..HeadObjectOutput::default()
        };
        move_headers!(object.about => output);
        move_proof!(object.about => output);
        Ok(S3Response::new(output))
    }

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let mut object = require_object(&self.0, &req.input.bucket, &req.input.key).await?;
        let (size, mut file) = (object.metadata.len(), File::from_std(object.file));
        let range = req.input.range.map(|range| range.check(size)).transpose()?;
        let mut content_range = None;
        if let Some(range) = &range {
            content_range = Some(format!("bytes {}-{}/{size}", range.start, range.end - 1));
            file.seek(SeekFrom::Start(range.start)).await.map_err(storage_error)?;
            // They are of the whole.
            object.about.sums = Sums::default();
        }
        let length = range.map_or(size, |range| range.end - range.start);
        let bytes = ReaderStream::with_capacity(file.take(length), READ_BYTES);
        let mut output = GetObjectOutput {
            body: Some(StreamingBlob::wrap(bytes)),
            content_length: i64::try_from(length).ok(),
            content_range,
            last_modified: object.metadata.modified().ok().map(Timestamp::from),
            ..GetObjectOutput::default()
        };
        move_headers!(object.about => output);
        move_proof!(object.about => output);
        Ok(S3Response::new(output))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        require_bucket(&self.0, &req.input.bucket)?;
        let objects = self.0.objects(&req.input.bucket).map_err(storage_error)?;
        Ok(S3Response::new(listing::list(req.input, objects)?))
    }

    async fn put_object(
        &self,
        mut req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let claim = claim!(req);
        let PutObjectInput { bucket, key, body, if_match, if_none_match, .. } = &mut req.input;
        let (body, conditions) = (body.take(), (if_match.take(), if_none_match.take()));
        let precondition = precondition(&self.0, (bucket, key), conditions).await?;
        let version = self.0.new_version();
        let file = self.0.new_file(bucket, &version).map_err(storage_error)?;
        let received = receive(body, &file, claim).await?;
        let Received { e_tag, sums, .. } = received;
        let mut about = About { e_tag, sums, ..About::default() };
        move_headers!(req.input => about);
        let (bucket, key) = (req.input.bucket, req.input.key);
        let mut record = Record { bucket, key, about, upload: None };
        self.0.records.write(&version, &record).map_err(storage_error)?;
        publish(&self.0, (&record.bucket, &record.key), &version, &precondition)
            .inspect_err(|_| self.0.records.remove(&version))?;
        // An error would be that it cannot be kept, where it is as good as kept.
        let _ = file.keep();
        let mut output = PutObjectOutput::default();
        move_proof!(record.about => output);
        Ok(S3Response::new(output))
    }

    async fn create_multipart_upload(
        &self,
        mut req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let mut about = About::default();
        move_headers!(req.input => about);
        let CreateMultipartUploadInput { bucket, key, checksum_algorithm, checksum_type, .. } =
            req.input;
        require_bucket(&self.0, &bucket)?;
        // A checksum of the checksums of the parts is not told.
        let is_of_object = |kind: &ChecksumType| kind.as_str() == ChecksumType::FULL_OBJECT;
        let algorithm =
            checksum_algorithm.filter(|_| checksum_type.is_some_and(|k| is_of_object(&k)));
        let algorithm = algorithm.map(|algorithm| algorithm.as_str().to_owned());
        let record = UploadRecord { initiated: SystemTime::now(), algorithm };
        let id = self.0.new_version();
        let upload = Upload::open(bucket.clone(), key.clone(), about, record);
        self.0.begin_upload(&id, upload).map_err(storage_error)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(
        &self,
        mut req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let claim = claim!(req);
        let UploadPartInput { bucket, key, upload_id: id, part_number, body, .. } = req.input;
        self.0.uploads.get(&id, &bucket, &key)?;
        if !(1..=PART_NUMBER_MAX).contains(&part_number) {
            return Err(s3_error!(InvalidArgument, "Part number must be from 1 to 10000"));
        }
        let file = self.0.new_part().map_err(storage_error)?;
        let Received { e_tag, size, mut sums } = receive(body, &file, claim).await?;
        let part = Arrived { e_tag: e_tag.clone(), size, modified: SystemTime::now() };
        let place = self.0.part(&id, part_number);
        let keep = || file.persist(place).map_err(|error| error.error);
        if !self.0.uploads.add_part(&id, part_number, part, keep).map_err(storage_error)? {
            return Err(s3_error!(NoSuchUpload));
        }
        let e_tag = Some(ETag::Strong(e_tag));
        let mut output = UploadPartOutput { e_tag, ..UploadPartOutput::default() };
        move_sums!(sums => output);
        Ok(S3Response::new(output))
    }

    async fn complete_multipart_upload(
        &self,
        mut req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let mut sums = Sums::default();
        move_sums!(req.input => sums);
        let CompleteMultipartUploadInput { bucket, key, upload_id: id, multipart_upload, .. } =
            req.input;
        self.0.uploads.get(&id, &bucket, &key)?;
        let conditions = (req.input.if_match, req.input.if_none_match);
        let precondition = precondition(&self.0, (&bucket, &key), conditions).await?;
        let named = multipart_upload.and_then(|list| list.parts).unwrap_or_default();
        let size = req.input.mpu_object_size;
        let (upload, parts) = self.0.uploads.begin_completing(&id, &named, size)?;
        // As in S3 the status is sent at once and the body when all is done, so that a client need
        // not wait in silence; and what has begun is finished even if the client goes away.
        let completion = Completion { id, upload, parts, sums, precondition };
        let store = Arc::clone(&self.0);
        let work = spawn_blocking(move || completion.run(&store));
        let future = async move {
            let mut about = work.await.map_err(S3Error::internal_error)??;
            let mut output = CompleteMultipartUploadOutput {
                bucket: Some(bucket),
                key: Some(key),
                ..CompleteMultipartUploadOutput::default()
            };
            move_proof!(about => output);
            Ok(output)
        };
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            future: Some(Box::pin(future)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let AbortMultipartUploadInput { bucket, key, upload_id: id, .. } = &req.input;
        self.0.uploads.get(id, bucket, key)?;
        match self.0.abort_upload(id) {
            true => Ok(S3Response::new(AbortMultipartUploadOutput::default())),
            false => Err(s3_error!(NoSuchUpload)),
        }
    }

    async fn list_parts(
        &self,
        req: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let ListPartsInput { bucket, key, upload_id, .. } = &req.input;
        let upload = self.0.uploads.get(upload_id, bucket, key)?;
        Ok(S3Response::new(listing::parts(req.input, &upload)))
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        require_bucket(&self.0, &req.input.bucket)?;
        let uploads = self.0.uploads.of_bucket(&req.input.bucket);
        Ok(S3Response::new(listing::uploads(req.input, uploads)?))
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_NUMBER_MAX: i32 = 10_000;
const READ_BYTES: usize = 64 * 1_024;
