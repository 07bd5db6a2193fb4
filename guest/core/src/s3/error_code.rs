//! What error codes mean: of S3, and of stores that speak as S3 does.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>

/// What a code means, whatever the status of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The store asks to slow down.
    Throttled,
    /// The store failed, or the request was damaged on its way: it may go better the next time.
    Transient,
    /// The session token is no longer good, or never was.
    Expired,
    /// The bucket is in another region.
    WrongRegion,
    /// There is no such multipart upload.
    NoSuchUpload,
    /// Another request was busy with the same object.
    Conflict,
    /// The object is there already, and must not be replaced.
    Exists,
    /// The clock that signed is wrong.
    Clock,
    /// The signature is wrong: the secret is, or the clock, or the request was changed on its way.
    Signature,
    /// Nobody has that access key.
    UnknownKey,
    /// The credentials do not allow it.
    AccessDenied,
    /// There is no such bucket.
    NoSuchBucket,
    /// The object or the part is larger than the store takes.
    TooLarge,
    /// The store, or the account, takes no more.
    Full,
    /// The store wants the bucket in the name of the host.
    PathStyle,
    /// The store does not know the operation, or something that the request says.
    NotImplemented,
    /// The store does not take something that the request says.
    Unsupported,
}

/// What a code means, where that is known.
pub fn meaning(code: &str) -> Option<Meaning> {
    let listed = CODES.iter().find(|(name, _)| *name == code);
    let is_full = || FULL.iter().any(|word| code.contains(word));
    listed.map(|(_, meaning)| *meaning).or_else(|| is_full().then_some(Meaning::Full))
}

/// One row a code.
const CODES: [(&str, Meaning); 49] = [
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

/// What a code has in it by which a store says that it is full, or that an account is.
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
        assert_eq!(meaning("InvalidPart"), None);
        assert_eq!(meaning(""), None);
    }
}
