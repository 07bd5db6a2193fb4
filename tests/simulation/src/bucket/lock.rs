//! Object Lock: what is said of it when an object is begun.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

use spillway_core::Timestamp;
use spillway_core::s3::ChecksumAlgorithm;

use super::answer::S3Error;
use super::asked::Asked;

/// Mode and date come together, and the date lies ahead.
pub(super) fn check(at: Timestamp, asked: &Asked<'_>) -> Result<(), S3Error> {
    let refused = |text: &str| Err(S3Error::new(400, "InvalidArgument", text));
    let mode = asked.header("x-amz-object-lock-mode");
    let until = asked.header("x-amz-object-lock-retain-until-date");
    match (mode, until.map(Timestamp::parse_iso8601)) {
        (None, None) => Ok(()),
        (Some("GOVERNANCE" | "COMPLIANCE"), Some(Some(until))) if until > at => Ok(()),
        (Some("GOVERNANCE" | "COMPLIANCE"), Some(Some(_))) => {
            refused("The retain until date must be in the future!")
        }
        (Some(_), Some(None)) => refused("The retain until date must be provided in ISO 8601"),
        (Some(_), Some(Some(_))) => refused("Unknown wormMode directive."),
        _ => refused(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
        ),
    }
}

/// The bytes of what is locked have to come with something to compare them with. `locked` is what
/// was said when the object was begun.
pub(super) fn check_integrity(
    locked: &[(String, String)],
    asked: &Asked<'_>,
) -> Result<(), S3Error> {
    let is_locked = locked.iter().any(|(name, _)| name.starts_with("x-amz-object-lock-"));
    let mut names = ChecksumAlgorithm::ALL.iter().map(|algorithm| algorithm.header_name());
    let is_comparable =
        asked.header("content-md5").is_some() || names.any(|name| asked.header(name).is_some());
    if is_locked && !is_comparable {
        return Err(S3Error::invalid_request(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with \
             Object Lock parameters",
        ));
    }
    Ok(())
}
