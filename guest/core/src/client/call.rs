//! The content of a request, without the headers that the settings add.

use crate::checksum::Sum;
use crate::http::Body;
use crate::s3::{CompletedPart, Operation, UploadsMarker};

/// One request of the S3 API with its content. It stays unchanged until it succeeds or fails, so
/// all of its attempts send the same.
#[derive(Clone)]
pub(crate) enum Call {
    PutObject {
        key: String,
        /// Stored in the object's metadata, to recognise the object later.
        nonce: String,
        body: Body,
        sum: Option<Sum>,
    },
    CreateMultipartUpload {
        key: String,
        /// Stored in the object's metadata, to recognise the object later.
        nonce: String,
    },
    UploadPart {
        key: String,
        upload_id: String,
        part_number: u32,
        body: Body,
        sum: Option<Sum>,
    },
    CompleteMultipartUpload {
        key: String,
        upload_id: String,
        parts: Vec<CompletedPart>,
        /// The checksum of the whole object.
        sum: Option<Sum>,
        /// The size of the object, in bytes.
        size: u64,
    },
    HeadObject {
        key: String,
    },
    AbortMultipartUpload {
        key: String,
        upload_id: String,
    },
    ListMultipartUploads {
        prefix: String,
        after: Option<UploadsMarker>,
    },
    ListParts {
        key: String,
        upload_id: String,
        /// The number of the last part of the previous page.
        after: Option<u32>,
    },
}

impl Call {
    /// The operation.
    pub(crate) fn operation(&self) -> Operation {
        match self {
            Call::PutObject { .. } => Operation::PutObject,
            Call::CreateMultipartUpload { .. } => Operation::CreateMultipartUpload,
            Call::UploadPart { part_number, .. } => Operation::UploadPart(*part_number),
            Call::CompleteMultipartUpload { .. } => Operation::CompleteMultipartUpload,
            Call::HeadObject { .. } => Operation::HeadObject,
            Call::AbortMultipartUpload { .. } => Operation::AbortMultipartUpload,
            Call::ListMultipartUploads { .. } => Operation::ListMultipartUploads,
            Call::ListParts { .. } => Operation::ListParts,
        }
    }

    /// The key of the object. For a list of uploads, the prefix of keys.
    pub(crate) fn key(&self) -> &str {
        match self {
            Call::PutObject { key, .. }
            | Call::CreateMultipartUpload { key, .. }
            | Call::UploadPart { key, .. }
            | Call::CompleteMultipartUpload { key, .. }
            | Call::HeadObject { key }
            | Call::AbortMultipartUpload { key, .. }
            | Call::ListParts { key, .. } => key,
            Call::ListMultipartUploads { prefix, .. } => prefix,
        }
    }
}
