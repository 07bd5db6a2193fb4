//! What a request asks of the store, without what the settings say with each request.

use crate::checksum::Sum;
use crate::http::Body;
use crate::s3::{CompletedPart, Operation, UploadsMarker};

/// One request of the S3 API, with its content. It holds until the store has answered it, so every
/// attempt of it says the same.
#[derive(Clone)]
pub(crate) enum Call {
    PutObject {
        key: String,
        /// Stored with the object, to tell it from others of its key.
        nonce: String,
        body: Body,
        sum: Option<Sum>,
    },
    CreateMultipartUpload {
        key: String,
        /// Stored with the object, to tell it from others of its key.
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
        /// The number of the last part of the page before.
        after: Option<u32>,
    },
}

impl Call {
    /// Which operation it is.
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

    /// The key of the object that it is about; of a list of uploads, the prefix of their keys.
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
