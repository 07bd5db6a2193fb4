//! The verbs that a sink uses.

/// The requests that a sink makes, named as in the S3 API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The whole object at once.
    PutObject,
    /// The beginning of a multipart upload.
    CreateMultipartUpload,
    /// One part, numbered from 1.
    UploadPart(u32),
    /// What makes a multipart upload an object.
    CompleteMultipartUpload,
    /// The question whether an object is there, and whose it is.
    HeadObject,
    /// What ends a multipart upload without an object.
    AbortMultipartUpload,
    /// The question which multipart uploads are open.
    ListMultipartUploads,
    /// The question which parts a multipart upload has.
    ListParts,
}

impl Operation {
    /// Every one of them, a part standing for all parts.
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

    /// Its name in the S3 API.
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

    /// The action that a policy has to allow for it:
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

    /// Whether an object is there once it is done.
    pub fn makes_visible(self) -> bool {
        matches!(self, Operation::PutObject | Operation::CompleteMultipartUpload)
    }
}
