//! Limits of S3.

/// The most parts of an object. No store allows more:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub(crate) const PARTS_MAX: u32 = 10_000;
