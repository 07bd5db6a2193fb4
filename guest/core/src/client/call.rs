//! The content of a request, without the headers that the settings add.

use crate::checksum::Sum;
use crate::http::Body;
use crate::s3::{CompletedPart, HeaderGroup, Operation, UploadsMarker};

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
    GetObject {
        key: String,
    },
    /// PutObject of what the host keeps with the store.
    PutState {
        key: String,
        body: Body,
        sum: Option<Sum>,
        expected: Expected,
    },
}

/// What must be stored, so that it is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing.
    Nothing,
    /// What has this ETag.
    Etag(String),
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
            Call::GetObject { .. } => Operation::GetObject,
            Call::PutState { .. } => Operation::PutObject,
        }
    }

    /// The groups of headers that the settings add.
    pub(crate) fn headers(&self) -> &'static [HeaderGroup] {
        match self {
            // What the configuration says of objects does not hold for it: it is read again, and
            // replaced often.
            Call::PutState { .. } => &[
                HeaderGroup::Encryption,
                HeaderGroup::CustomerKey,
                HeaderGroup::RequestPayer,
                HeaderGroup::ExpectedBucketOwner,
            ],
            call => call.operation().headers(),
        }
    }

    /// The largest body of a response, in bytes.
    pub(crate) fn response_bytes_max(&self) -> usize {
        match self {
            Call::GetObject { .. } => STATE_BYTES_MAX,
            _ => RESPONSE_BYTES_MAX,
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
            | Call::GetObject { key }
            | Call::PutState { key, .. }
            | Call::AbortMultipartUpload { key, .. }
            | Call::ListParts { key, .. } => key,
            Call::ListMultipartUploads { prefix, .. } => prefix,
        }
    }
}

/// The largest state that a host may keep, in bytes: the most that a sink with checkpoints holds,
/// and what a host adds to that. It is read into memory as a whole.
pub(crate) const STATE_BYTES_MAX: usize = 1088 << 20;
/// More than a page of 1,000 uploads with the longest keys.
const RESPONSE_BYTES_MAX: usize = 8 << 20;
