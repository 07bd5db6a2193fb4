//! What an upload wants, as a request of the S3 API with all its headers.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};

use crate::checksum::Sum;
use crate::http::{Body, Request};
use crate::options;
use crate::s3::{
    AbortMultipartUpload, ChecksumType, CompleteMultipartUpload, CreateMultipartUpload, HeadObject,
    Header, ListMultipartUploads, ListParts, Operation, PutObject, UploadPart, UploadsMarker,
};
use crate::settings::{NONCE, Settings};
use crate::time::Timestamp;
use crate::upload::Upload;

/// The request for `operation` of `upload`, not signed, as of `now` by the store's clock. Nothing
/// where it would say what is not true.
pub(crate) fn request(
    settings: &Settings,
    upload: &Upload,
    operation: Operation,
    now: Timestamp,
) -> Option<Request> {
    let address = &settings.address;
    let if_none_match = settings.names.on_existing.is_conditional();
    let key = upload.span.object_key.as_str();
    let upload_id = upload.upload_id().unwrap_or_default();
    let (body, sum) = upload.body(operation);
    let headers = || options::headers(settings, operation, now);
    Some(match operation {
        Operation::PutObject => {
            let mut headers = headers();
            headers.push(nonce(&upload.nonce));
            headers.extend(integrity(settings, &body, sum));
            let headers = &headers;
            PutObject { address, key, if_none_match, headers, body }.request()
        }
        Operation::CreateMultipartUpload => create(settings, key, &upload.nonce, now),
        Operation::UploadPart(part_number) => {
            let mut headers = headers();
            headers.extend(integrity(settings, &body, sum));
            let headers = &headers;
            UploadPart { address, key, upload_id, part_number, headers, body }.request()
        }
        Operation::CompleteMultipartUpload => {
            let (parts, sum) = upload.completed()?;
            let checksum = sum.map(Sum::s3);
            CompleteMultipartUpload {
                address,
                key,
                upload_id,
                parts: &parts,
                checksum: checksum.as_ref(),
                checksum_type: sum.map(|_| ChecksumType::FullObject),
                object_size: Some(upload.bytes),
                if_none_match,
                headers: &headers(),
            }
            .request()
        }
        Operation::HeadObject => {
            let checksums = settings.checksum.is_some();
            HeadObject { address, key, checksums, headers: &headers() }.request()
        }
        Operation::AbortMultipartUpload => abort(settings, key, upload_id, now),
        // Nothing that an upload itself would ask.
        Operation::ListMultipartUploads | Operation::ListParts => return None,
    })
}

/// The request that begins an upload, not signed, as of `now` by the store's clock.
pub(crate) fn create(settings: &Settings, key: &str, nonce: &str, now: Timestamp) -> Request {
    let address = &settings.address;
    let mut headers = options::headers(settings, Operation::CreateMultipartUpload, now);
    headers.push(self::nonce(nonce));
    if let Some(algorithm) = settings.checksum {
        headers.push(header("x-amz-checksum-algorithm", algorithm.s3().as_str()));
        headers.push(header("x-amz-checksum-type", ChecksumType::FullObject.as_str()));
    }
    CreateMultipartUpload { address, key, headers: &headers }.request()
}

/// The request that ends an upload, not signed, as of `now` by the store's clock.
pub(crate) fn abort(settings: &Settings, key: &str, upload_id: &str, now: Timestamp) -> Request {
    let address = &settings.address;
    let headers = &options::headers(settings, Operation::AbortMultipartUpload, now);
    AbortMultipartUpload { address, key, upload_id, headers }.request()
}

/// The request for a page of the uploads that are open, not signed, as of `now` by the store's
/// clock.
pub(crate) fn list_uploads(
    settings: &Settings,
    prefix: &str,
    after: Option<&UploadsMarker>,
    now: Timestamp,
) -> Request {
    let address = &settings.address;
    let headers = &options::headers(settings, Operation::ListMultipartUploads, now);
    ListMultipartUploads { address, prefix, after, headers }.request()
}

/// The request for a page of the parts of an upload, not signed, as of `now` by the store's clock.
pub(crate) fn list_parts(
    settings: &Settings,
    key: &str,
    upload_id: &str,
    after: Option<u32>,
    now: Timestamp,
) -> Request {
    let address = &settings.address;
    let headers = &options::headers(settings, Operation::ListParts, now);
    ListParts { address, key, upload_id, after, headers }.request()
}

fn nonce(nonce: &str) -> Header {
    (Cow::Owned(format!("x-amz-meta-{NONCE}")), nonce.to_owned())
}

/// The headers by which the store checks the bytes it got. Some stores look at a checksum only
/// where the algorithm is named as well, as the AWS SDKs do.
fn integrity(settings: &Settings, body: &Body, sum: Option<Sum>) -> Vec<Header> {
    let mut headers = Vec::new();
    if let Some(checksum) = sum.map(Sum::s3) {
        headers.push(header("x-amz-sdk-checksum-algorithm", checksum.algorithm.as_str()));
        headers.push((Cow::Borrowed(checksum.algorithm.header_name()), checksum.value));
    }
    if settings.content_md5 {
        let mut md5 = Md5::new();
        body.pieces().iter().for_each(|piece| md5.update(piece));
        headers.push((Cow::Borrowed("content-md5"), BASE64_STANDARD.encode(md5.finalize())));
    }
    headers
}

fn header(name: &'static str, value: &str) -> Header {
    (Cow::Borrowed(name), value.to_owned())
}
