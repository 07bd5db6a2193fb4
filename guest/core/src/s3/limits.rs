//! Limits of S3, from its documentation.

/// How many parts an object may have in S3, and in no store more:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub(crate) const PARTS_MAX: u32 = 10_000;
