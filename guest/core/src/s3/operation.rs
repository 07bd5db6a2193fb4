//! The S3 operations that a sink uses.

/// The operations of the S3 API that a sink uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Writes an object in one request.
    PutObject,
    /// Starts a multipart upload.
    CreateMultipartUpload,
    /// Uploads one part. Parts are numbered from 1.
    UploadPart(u32),
    /// Makes an object of the parts.
    CompleteMultipartUpload,
    /// Tells whether an object exists, and its metadata.
    HeadObject,
    /// Ends a multipart upload without an object.
    AbortMultipartUpload,
    /// Lists the incomplete uploads.
    ListMultipartUploads,
    /// Lists the parts of an upload.
    ListParts,
}

impl Operation {
    /// All operations. UploadPart is included once, with part number 1.
    pub const ALL: [Operation; 8] = [
        Operation::PutObject,
        Operation::CreateMultipartUpload,
        Operation::UploadPart(1),
        Operation::CompleteMultipartUpload,
        Operation::HeadObject,
        Operation::AbortMultipartUpload,
        Operation::ListMultipartUploads,
        Operation::ListParts,
    ];

    /// The name in the S3 API.
    pub fn name(self) -> &'static str {
        match self {
            Operation::PutObject => "PutObject",
            Operation::CreateMultipartUpload => "CreateMultipartUpload",
            Operation::UploadPart(_) => "UploadPart",
            Operation::CompleteMultipartUpload => "CompleteMultipartUpload",
            Operation::HeadObject => "HeadObject",
            Operation::AbortMultipartUpload => "AbortMultipartUpload",
            Operation::ListMultipartUploads => "ListMultipartUploads",
            Operation::ListParts => "ListParts",
        }
    }

    /// The action that a policy must allow:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
    pub fn permission(self) -> &'static str {
        match self {
            Operation::PutObject
            | Operation::CreateMultipartUpload
            | Operation::UploadPart(_)
            | Operation::CompleteMultipartUpload => "s3:PutObject",
            Operation::HeadObject => "s3:GetObject",
            Operation::AbortMultipartUpload => "s3:AbortMultipartUpload",
            Operation::ListMultipartUploads => "s3:ListBucketMultipartUploads",
            Operation::ListParts => "s3:ListMultipartUploadParts",
        }
    }

    /// Whether the operation makes an object visible.
    pub fn makes_visible(self) -> bool {
        matches!(self, Operation::PutObject | Operation::CompleteMultipartUpload)
    }
}
