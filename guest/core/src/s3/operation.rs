//! The S3 operations that a sink uses, with one row of facts each.

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
    /// Reads an object.
    GetObject,
}

impl Operation {
    /// All operations. UploadPart is included once, with part number 1.
    pub const ALL: [Operation; 9] = [
        Operation::PutObject,
        Operation::CreateMultipartUpload,
        Operation::UploadPart(1),
        Operation::CompleteMultipartUpload,
        Operation::HeadObject,
        Operation::AbortMultipartUpload,
        Operation::ListMultipartUploads,
        Operation::ListParts,
        Operation::GetObject,
    ];

    /// The name in the S3 API.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The action that a policy must allow:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
    pub fn permission(self) -> &'static str {
        self.facts().permission
    }

    /// Whether the operation makes an object visible.
    pub fn makes_visible(self) -> bool {
        self.facts().makes_visible
    }

    /// Whether the operation is about an existing upload and nothing else. A 404 can then only mean
    /// that the upload is gone.
    pub(crate) fn is_of_upload(self) -> bool {
        self.facts().is_of_upload
    }

    /// The groups of headers that the operation accepts.
    pub(crate) fn headers(self) -> &'static [HeaderGroup] {
        self.facts().headers
    }

    /// The index in [`Operation::ALL`].
    pub(crate) fn index(self) -> usize {
        self.facts().index
    }

    fn facts(self) -> &'static Facts {
        use HeaderGroup::{CustomerKey, Encryption, ExpectedBucketOwner, Object, RequestPayer};
        match self {
            Operation::PutObject => &Facts {
                index: 0,
                name: "PutObject",
                permission: "s3:PutObject",
                makes_visible: true,
                is_of_upload: false,
                headers: &[Object, Encryption, CustomerKey, RequestPayer, ExpectedBucketOwner],
            },
            Operation::CreateMultipartUpload => &Facts {
                index: 1,
                name: "CreateMultipartUpload",
                permission: "s3:PutObject",
                makes_visible: false,
                is_of_upload: false,
                headers: &[Object, Encryption, CustomerKey, RequestPayer, ExpectedBucketOwner],
            },
            Operation::UploadPart(_) => &Facts {
                index: 2,
                name: "UploadPart",
                permission: "s3:PutObject",
                makes_visible: false,
                is_of_upload: false,
                headers: &[CustomerKey, RequestPayer, ExpectedBucketOwner],
            },
            Operation::CompleteMultipartUpload => &Facts {
                index: 3,
                name: "CompleteMultipartUpload",
                permission: "s3:PutObject",
                makes_visible: true,
                is_of_upload: false,
                // S3 needs the key to verify checksums.
                headers: &[CustomerKey, RequestPayer, ExpectedBucketOwner],
            },
            Operation::HeadObject => &Facts {
                index: 4,
                name: "HeadObject",
                permission: "s3:GetObject",
                makes_visible: false,
                is_of_upload: false,
                headers: &[CustomerKey, RequestPayer, ExpectedBucketOwner],
            },
            Operation::AbortMultipartUpload => &Facts {
                index: 5,
                name: "AbortMultipartUpload",
                permission: "s3:AbortMultipartUpload",
                makes_visible: false,
                is_of_upload: true,
                headers: &[RequestPayer, ExpectedBucketOwner],
            },
            Operation::ListMultipartUploads => &Facts {
                index: 6,
                name: "ListMultipartUploads",
                permission: "s3:ListBucketMultipartUploads",
                makes_visible: false,
                is_of_upload: false,
                headers: &[RequestPayer, ExpectedBucketOwner],
            },
            Operation::ListParts => &Facts {
                index: 7,
                name: "ListParts",
                permission: "s3:ListMultipartUploadParts",
                makes_visible: false,
                is_of_upload: true,
                headers: &[CustomerKey, RequestPayer, ExpectedBucketOwner],
            },
            Operation::GetObject => &Facts {
                index: 8,
                name: "GetObject",
                permission: "s3:GetObject",
                makes_visible: false,
                is_of_upload: false,
                headers: &[CustomerKey, RequestPayer, ExpectedBucketOwner],
            },
        }
    }
}

/// A group of headers that the settings add to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderGroup {
    /// Content type, tags, metadata, storage class, ACL, lock.
    Object,
    /// SSE-S3 and SSE-KMS. Set when the object is created, and stored with it.
    Encryption,
    /// SSE-C. S3 does not store the key, so each request that accesses the data sends it.
    CustomerKey,
    /// `x-amz-request-payer`.
    RequestPayer,
    /// `x-amz-expected-bucket-owner`.
    ExpectedBucketOwner,
}

/// The facts about an operation. See its page, such as `API_CompleteMultipartUpload.html`, below
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/>.
struct Facts {
    index: usize,
    name: &'static str,
    permission: &'static str,
    makes_visible: bool,
    is_of_upload: bool,
    headers: &'static [HeaderGroup],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_stand_at_their_index() {
        for (at, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation.index(), at, "{operation:?}");
        }
    }
}
