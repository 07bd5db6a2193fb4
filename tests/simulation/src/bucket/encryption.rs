//! Keys that customers bring along (SSE-C), and which requests may speak of encryption.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html>

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};

use super::answer::S3Error;
use super::asked::{Asked, Operation};

/// Names the key that something is encrypted with, without holding it: S3 keeps no more either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMark(String);

/// The key that the request brings, if it brings one rightly.
pub(super) fn customer_key(asked: &Asked<'_>) -> Result<Option<KeyMark>, S3Error> {
    let [algorithm, key, md5] = CUSTOMER.map(|name| asked.header(name));
    let refused = |text: &str| Err(S3Error::new(400, "InvalidArgument", text));
    match (algorithm, key, md5) {
        (None, None, None) => Ok(None),
        (Some("AES256"), Some(key), Some(md5)) => {
            let Some(key) = BASE64_STANDARD.decode(key).ok().filter(|key| key.len() == 32) else {
                return refused("The secret key was invalid for the specified algorithm.");
            };
            let mark = BASE64_STANDARD.encode(Md5::digest(&key));
            if mark != md5 {
                return refused("The calculated MD5 hash of the key did not match the hash.");
            }
            Ok(Some(KeyMark(mark)))
        }
        (Some("AES256"), ..) => refused("A customer's key and its MD5 are wanted."),
        _ => refused("An appropriate encryption algorithm is wanted."),
    }
}

/// What is said of encryption where it means nothing is a mistake.
pub(super) fn check_place(asked: &Asked<'_>, operation: Operation) -> Result<(), S3Error> {
    let begins = matches!(operation, Operation::PutObject | Operation::CreateMultipartUpload);
    let takes_key = begins
        || matches!(
            operation,
            Operation::UploadPart
                | Operation::CompleteMultipartUpload
                | Operation::HeadObject
                | Operation::GetObject
                | Operation::ListParts
        );
    let mut names = asked.request.headers.iter().map(|(name, _)| name.as_ref());
    let misplaced = names.find(|name| match CUSTOMER.contains(name) {
        true => !takes_key,
        false => !begins && name.starts_with("x-amz-server-side-encryption"),
    });
    let Some(name) = misplaced else { return Ok(()) };
    let text = format!("{name} header is not supported for this operation.");
    Err(S3Error::new(400, "InvalidArgument", text))
}

/// A request about an upload has to bring the key that the upload was begun with.
pub(super) fn same_for_upload(
    begun_with: Option<&KeyMark>,
    brought: Option<&KeyMark>,
) -> Result<(), S3Error> {
    match (begun_with, brought) {
        (begun, brought) if begun == brought => Ok(()),
        (Some(_), None) => Err(S3Error::invalid_request(
            "The multipart upload initiate requested encryption. Subsequent part requests must \
             include the appropriate encryption parameters.",
        )),
        (Some(_), Some(_)) => Err(S3Error::invalid_request(
            "The provided encryption parameters did not match the ones used originally.",
        )),
        (None, _) => Err(S3Error::invalid_request(
            "The multipart upload initiate did not request encryption. Please resend the request \
             without sending encryption parameters.",
        )),
    }
}

/// Who reads an object has to bring the key that it was written with.
pub(super) fn same_for_object(
    written_with: Option<&KeyMark>,
    brought: Option<&KeyMark>,
) -> Result<(), S3Error> {
    match (written_with, brought) {
        (written, brought) if written == brought => Ok(()),
        (Some(_), None) => Err(S3Error::invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct parameters \
             must be provided to retrieve the object.",
        )),
        (Some(_), Some(_)) => Err(S3Error::access_denied()),
        (None, _) => Err(S3Error::invalid_request(
            "The encryption parameters are not applicable to this object.",
        )),
    }
}

/// Whether the ETag of what this request brings is no MD5 of it:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
pub(super) fn hides_md5(asked: &Asked<'_>) -> bool {
    let by_kms = |algorithm: &str| algorithm.starts_with("aws:kms");
    asked.header("x-amz-server-side-encryption").is_some_and(by_kms)
        || asked.header(CUSTOMER[0]).is_some()
}

const CUSTOMER: [&str; 3] = [
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-customer-key-md5",
];
