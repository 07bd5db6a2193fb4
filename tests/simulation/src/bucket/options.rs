//! What a bucket is like: S3's, unless said otherwise.

use std::time::Duration;

use spillway_core::{Credentials, Secret, Timestamp};

/// How a [`Bucket`](super::Bucket) behaves where buckets differ.
#[derive(Clone, Debug)]
pub struct BucketOptions {
    /// The bucket's name. Every other name is answered with `NoSuchBucket`.
    pub name: String,
    /// The region that requests have to be signed for; any will do where it is empty.
    pub region: String,
    /// What is answered to a request that was signed for another region.
    pub wrong_region: WrongRegion,
    /// Whose signatures are good.
    pub keys: Vec<KeyPair>,
    /// How far the moment of signing may be from now, either way.
    pub skew_max: Duration,
    /// The least size of a part that is not the last of its object.
    pub part_bytes_min: u64,
    /// For how long CompleteMultipartUpload may be repeated with the same success. After that, and
    /// always where this is zero, the upload is unknown.
    pub complete_idempotent_for: Duration,
    /// Whether the precondition of a CompleteMultipartUpload is looked at before its upload is. If
    /// so a repetition is answered with 412 because of the very object that the first one made. AWS
    /// does not say which of the two it does.
    pub precondition_before_upload: bool,
    /// The headers of conditions that are passed over, in lower case.
    pub ignored_conditions: Vec<&'static str>,
    /// How much is known of checksums.
    pub checksums: ChecksumSupport,
    /// Whether CompleteMultipartUpload refuses `x-amz-checksum-type` without a checksum.
    pub checksum_type_needs_checksum: bool,
    /// Whether all parts of an object but the last must have one size, and the last no larger one.
    pub equal_parts: bool,
    /// The account that the bucket belongs to, in digits.
    pub owner: String,
    /// Whether others have to say that they pay.
    pub requester_pays: bool,
    /// What nobody is allowed.
    pub denied: Vec<Action>,
    /// How many entries a page of a listing has, at most.
    pub page_max: usize,
}

/// What is answered to a request that was signed for another region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongRegion {
    /// 400 `AuthorizationHeaderMalformed`, with the right one in `<Region>`.
    AuthorizationHeaderMalformed,
    /// 301 `PermanentRedirect`, with the right one in `x-amz-bucket-region`.
    PermanentRedirect,
}

/// How much a store knows of `x-amz-checksum-*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumSupport {
    /// As S3: they are compared, kept, and CRC-64/NVME is computed where there is none.
    Full,
    /// The headers are passed over, and nothing is kept.
    Ignored,
    /// The headers are answered with 501 `NotImplemented`.
    Refused,
}

/// What a policy allows or denies.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `s3:PutObject`: also all of a multipart upload but its abort.
    PutObject,
    /// `s3:GetObject`: also HeadObject.
    GetObject,
    /// `s3:DeleteObject`
    DeleteObject,
    /// `s3:AbortMultipartUpload`
    AbortMultipartUpload,
    /// `s3:ListBucket`: HeadBucket. Who lacks it is told 403 where an object is missing.
    ListBucket,
    /// `s3:ListBucketMultipartUploads`
    ListBucketMultipartUploads,
    /// `s3:ListMultipartUploadParts`
    ListMultipartUploadParts,
}

/// An access key that is known to the store.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// Names the key.
    pub access_key_id: String,
    /// Signs. Nothing that is worth hiding: it is a test's.
    pub secret_access_key: String,
    /// What has to be sent along, for a temporary key.
    pub session_token: Option<String>,
    /// From then on the answer is `ExpiredToken`.
    pub expires_at: Option<Timestamp>,
}

impl Default for BucketOptions {
    /// The bucket `bucket` in `us-east-1`, with one key, and otherwise as AWS documents S3.
    fn default() -> BucketOptions {
        BucketOptions {
            name: "bucket".to_owned(),
            region: "us-east-1".to_owned(),
            wrong_region: WrongRegion::AuthorizationHeaderMalformed,
            keys: vec![KeyPair::new("AKIATEST")],
            skew_max: Duration::from_secs(15 * 60),
            part_bytes_min: 5 << 20,
            complete_idempotent_for: Duration::from_secs(60 * 60),
            precondition_before_upload: false,
            ignored_conditions: Vec::new(),
            checksums: ChecksumSupport::Full,
            checksum_type_needs_checksum: false,
            equal_parts: false,
            owner: "111122223333".to_owned(),
            requester_pays: false,
            denied: Vec::new(),
            page_max: 1_000,
        }
    }
}

impl BucketOptions {
    /// A bucket of Cloudflare R2: <https://developers.cloudflare.com/r2/objects/multipart-objects/>
    pub fn r2() -> BucketOptions {
        let region = "auto".to_owned();
        BucketOptions { region, equal_parts: true, ..BucketOptions::default() }
    }

    /// A bucket of Garage 2: its own region and no other, parts of any size, no memory of what was
    /// completed.
    pub fn garage() -> BucketOptions {
        BucketOptions {
            region: "garage".to_owned(),
            part_bytes_min: 0,
            complete_idempotent_for: Duration::ZERO,
            checksum_type_needs_checksum: true,
            ..BucketOptions::default()
        }
    }

    /// A bucket of Backblaze B2, which knows no checksums but `Content-MD5`:
    /// <https://www.backblaze.com/docs/cloud-storage-s3-compatible-api>
    pub fn backblaze() -> BucketOptions {
        let region = "us-east-005".to_owned();
        BucketOptions { region, checksums: ChecksumSupport::Refused, ..BucketOptions::default() }
    }
}

impl KeyPair {
    /// A key for good, with a secret made of its name.
    pub fn new(access_key_id: &str) -> KeyPair {
        KeyPair {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: format!("secret of {access_key_id}"),
            session_token: None,
            expires_at: None,
        }
    }

    /// A key for a while, with a token made of its name.
    pub fn temporary(access_key_id: &str, expires_at: Timestamp) -> KeyPair {
        KeyPair {
            session_token: Some(format!("token+of/{access_key_id}==")),
            expires_at: Some(expires_at),
            ..KeyPair::new(access_key_id)
        }
    }

    /// What the core is given to sign with.
    pub fn credentials(&self) -> Credentials {
        Credentials {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: Secret::new(&*self.secret_access_key),
            session_token: self.session_token.as_deref().map(Secret::new),
            expires_at: self.expires_at,
        }
    }
}
