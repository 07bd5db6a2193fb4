//! The meaning of the error codes of S3 and of S3-compatible stores.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>

/// What an error code means, whatever the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Too many requests.
    Throttled,
    /// The store failed, or the request was damaged in transit. A retry may succeed.
    Transient,
    /// The session token has expired or is invalid.
    Expired,
    /// The bucket is in another region.
    WrongRegion,
    /// There is no such multipart upload.
    NoSuchUpload,
    /// A part is not the one that was uploaded, or is not there.
    InvalidPart,
    /// There is no such object.
    NoSuchKey,
    /// Another request operates on the same object.
    Conflict,
    /// The object exists already, and must not be replaced.
    Exists,
    /// The wall clock of the signature is wrong.
    Clock,
    /// The signature is wrong: the secret or the clock is wrong, or the request was changed in
    /// transit.
    Signature,
    /// The access key id does not exist.
    UnknownKey,
    /// The credentials lack a permission.
    AccessDenied,
    /// There is no such bucket.
    NoSuchBucket,
    /// The object or the part is too large for the store.
    TooLarge,
    /// The store is full, or the account's quota is used up.
    Full,
    /// The store requires virtual-host addressing.
    PathStyle,
    /// The store does not implement the operation, or a header or parameter of the request.
    NotImplemented,
    /// The store does not support a value of the request.
    Unsupported,
}

/// The meaning of a code. `None` if the code is unknown.
pub fn meaning(code: &str) -> Option<Meaning> {
    let listed = CODES.iter().find(|(name, _)| *name == code);
    let is_full = || FULL.iter().any(|word| code.contains(word));
    listed.map(|(_, meaning)| *meaning).or_else(|| is_full().then_some(Meaning::Full))
}

/// One row per code.
const CODES: [(&str, Meaning); 51] = [
    ("SlowDown", Meaning::Throttled),
    ("Throttling", Meaning::Throttled),
    ("ThrottlingException", Meaning::Throttled),
    ("TooManyRequests", Meaning::Throttled),
    ("RequestLimitExceeded", Meaning::Throttled),
    ("BandwidthLimitExceeded", Meaning::Throttled),
    ("RequestTimeout", Meaning::Transient),
    ("InternalError", Meaning::Transient),
    ("OperationAborted", Meaning::Transient),
    ("ServiceUnavailable", Meaning::Transient),
    ("BadDigest", Meaning::Transient),
    ("XAmzContentSHA256Mismatch", Meaning::Transient),
    ("IncompleteBody", Meaning::Transient),
    ("ExpiredToken", Meaning::Expired),
    ("ExpiredTokenException", Meaning::Expired),
    ("InvalidToken", Meaning::Expired),
    ("TokenRefreshRequired", Meaning::Expired),
    ("PermanentRedirect", Meaning::WrongRegion),
    ("TemporaryRedirect", Meaning::WrongRegion),
    ("AuthorizationHeaderMalformed", Meaning::WrongRegion),
    ("NoSuchUpload", Meaning::NoSuchUpload),
    ("InvalidPart", Meaning::InvalidPart),
    ("NoSuchKey", Meaning::NoSuchKey),
    ("ConditionalRequestConflict", Meaning::Conflict),
    ("PreconditionFailed", Meaning::Exists),
    ("RequestTimeTooSkewed", Meaning::Clock),
    ("RequestExpired", Meaning::Clock),
    ("RequestInTheFuture", Meaning::Clock),
    ("SignatureDoesNotMatch", Meaning::Signature),
    ("InvalidSignatureException", Meaning::Signature),
    ("AuthFailure", Meaning::Signature),
    ("InvalidAccessKeyId", Meaning::UnknownKey),
    ("NotSignedUp", Meaning::UnknownKey),
    ("AccessDenied", Meaning::AccessDenied),
    ("AllAccessDisabled", Meaning::AccessDenied),
    ("NoSuchBucket", Meaning::NoSuchBucket),
    ("EntityTooLarge", Meaning::TooLarge),
    ("SecondLevelDomainForbidden", Meaning::PathStyle),
    ("VirtualHostDomainRequired", Meaning::PathStyle),
    ("PathStyleDomainForbidden", Meaning::PathStyle),
    ("PathStyleNotAllowed", Meaning::PathStyle),
    ("PathStyleRequestNotAllowed", Meaning::PathStyle),
    ("InvalidPathAccess", Meaning::PathStyle),
    ("NotImplemented", Meaning::NotImplemented),
    ("InvalidArgument", Meaning::Unsupported),
    ("InvalidRequest", Meaning::Unsupported),
    ("InvalidHeader", Meaning::Unsupported),
    ("UnsupportedOperation", Meaning::Unsupported),
    ("NotSupported", Meaning::Unsupported),
    ("MissingContentMD5", Meaning::Unsupported),
    ("BadRequest", Meaning::Unsupported),
];

/// A code with one of these means that the store is full, or that a quota is used up.
const FULL: [&str; 4] = ["Quota", "StorageFull", "StorageLimit", "InsufficientCapacity"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_one_row() {
        for (code, meaning) in CODES {
            let rows: Vec<_> = CODES.iter().filter(|(name, _)| *name == code).collect();
            assert_eq!(rows, [&(code, meaning)]);
        }
    }

    #[test]
    fn a_code_that_is_not_listed_is_known_by_what_is_in_it() {
        assert_eq!(meaning("XMinioStorageFull"), Some(Meaning::Full));
        assert_eq!(meaning("QuotaExceeded"), Some(Meaning::Full));
        assert_eq!(meaning("InvalidTag"), None);
        assert_eq!(meaning(""), None);
    }
}
