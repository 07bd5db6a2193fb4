//! Builds the unsigned request of a call, with all its headers.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};

use super::call::{Call, Expected};
use super::headers;
use crate::checksum::Sum;
use crate::http::{Body, Request};
use crate::s3::{
    AbortMultipartUpload, ChecksumAlgorithm, ChecksumType, CompleteMultipartUpload, Condition,
    CreateMultipartUpload, GetObject, HeadObject, Header, ListMultipartUploads, ListParts,
    PutObject, UploadPart,
};
use crate::settings::{NONCE, Settings};
use crate::time::Timestamp;

/// The unsigned request of `call`. `now` is the time by the store's clock.
pub(super) fn request(settings: &Settings, call: &Call, now: Timestamp) -> Request {
    let address = &settings.store.address;
    let if_none_match = settings.names.on_existing.is_conditional();
    let mut headers = headers::headers(settings, call.headers(), now);
    match call {
        Call::PutObject { key, nonce, body, sum } => {
            headers.push(self::nonce(nonce));
            headers.extend(integrity(settings, body, *sum));
            let (headers, body) = (&headers, body.clone());
            let condition = if if_none_match { Condition::Absent } else { Condition::None };
            PutObject { address, key, condition, headers, body }.request()
        }
        Call::CreateMultipartUpload { key, nonce } => {
            headers.push(self::nonce(nonce));
            if let Some(crc) = settings.upload.checksum {
                headers.push(header(
                    "x-amz-checksum-algorithm",
                    ChecksumAlgorithm::from(crc).as_str(),
                ));
                headers.push(header("x-amz-checksum-type", ChecksumType::FullObject.as_str()));
            }
            CreateMultipartUpload { address, key, headers: &headers }.request()
        }
        Call::UploadPart { key, upload_id, part_number, body, sum } => {
            headers.extend(integrity(settings, body, *sum));
            let (headers, body) = (&headers, body.clone());
            let part_number = *part_number;
            UploadPart { address, key, upload_id, part_number, headers, body }.request()
        }
        Call::CompleteMultipartUpload { key, upload_id, parts, sum, size } => {
            CompleteMultipartUpload {
                address,
                key,
                upload_id,
                parts,
                checksum: sum.map(Sum::s3).as_ref(),
                checksum_type: sum.map(|_| ChecksumType::FullObject),
                object_size: Some(*size),
                if_none_match,
                headers: &headers,
            }
            .request()
        }
        Call::HeadObject { key } => {
            let checksums = settings.upload.checksum.is_some();
            HeadObject { address, key, checksums, headers: &headers }.request()
        }
        Call::AbortMultipartUpload { key, upload_id } => {
            AbortMultipartUpload { address, key, upload_id, headers: &headers }.request()
        }
        Call::ListMultipartUploads { prefix, after } => {
            let after = after.as_ref();
            ListMultipartUploads { address, prefix, after, headers: &headers }.request()
        }
        Call::ListParts { key, upload_id, after } => {
            ListParts { address, key, upload_id, after: *after, headers: &headers }.request()
        }
        Call::GetObject { key } => {
            let checksums = settings.upload.checksum.is_some();
            GetObject { address, key, checksums, headers: &headers }.request()
        }
        Call::PutState { key, body, sum, expected } => {
            headers.extend(integrity(settings, body, *sum));
            let (headers, body) = (&headers, body.clone());
            let condition = match expected {
                Expected::Nothing => Condition::Absent,
                Expected::Etag(etag) => Condition::Etag(etag),
            };
            PutObject { address, key, condition, headers, body }.request()
        }
    }
}

fn nonce(nonce: &str) -> Header {
    (Cow::Owned(format!("x-amz-meta-{NONCE}")), nonce.to_owned())
}

/// The headers that let the store verify the body. Some stores verify a checksum only if a header
/// names its algorithm as well, as the AWS SDKs send it.
fn integrity(settings: &Settings, body: &Body, sum: Option<Sum>) -> Vec<Header> {
    let mut headers = Vec::new();
    if let Some(checksum) = sum.map(Sum::s3) {
        headers.push(header("x-amz-sdk-checksum-algorithm", checksum.algorithm.as_str()));
        headers.push((Cow::Borrowed(checksum.algorithm.header_name()), checksum.value));
    }
    if settings.upload.content_md5 {
        let mut md5 = Md5::new();
        body.pieces().iter().for_each(|piece| md5.update(piece));
        headers.push((Cow::Borrowed("content-md5"), BASE64_STANDARD.encode(md5.finalize())));
    }
    headers
}

fn header(name: &'static str, value: &str) -> Header {
    (Cow::Borrowed(name), value.to_owned())
}
