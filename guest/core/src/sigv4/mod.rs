//! AWS Signature Version 4 in headers, with the rules of S3: paths are encoded once and never
//! normalised.
//!
//! [`Signer::sign`] signs a request. Its stages are public as well, in the order of the AWS page,
//! so that a test can find the stage of a wrong signature: [`CanonicalRequest`],
//! [`string_to_sign`], [`SigningKey`].
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

mod canonical;
mod encoding;
mod key;
mod payload;
mod scope;
mod signer;
mod string_to_sign;

pub use canonical::CanonicalRequest;
pub use encoding::{canonical_query, uri_encode, uri_encode_path};
pub use key::SigningKey;
pub use payload::PayloadHash;
pub use scope::Scope;
pub use signer::{Signer, authorization};
pub use string_to_sign::string_to_sign;

/// The algorithm's name in the `authorization` header and in the string to sign.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
