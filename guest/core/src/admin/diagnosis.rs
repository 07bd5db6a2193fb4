//! Explains why a bucket cannot be written, by what must be changed.

use crate::client::clock::Offset;
use crate::client::verdict::{Class, TransportError, Verdict};
use crate::error::Error;
use crate::s3::{Meaning, meaning};
use crate::time::Timestamp;

/// Why the bucket cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// The host does not permit requests to the store.
    NotGranted,
    /// The store's name could not be resolved.
    NoAddress,
    /// The connection failed.
    NoConnection,
    /// The store's certificate is not trusted, or the store does not use TLS.
    NoTrust,
    /// There is a connection, but no valid response.
    NoAnswer,
    /// The response is not one of a store. Another server or a proxy sent it.
    NoStore,
    /// The bucket is in another region, and signing for that region did not help.
    WrongRegion,
    /// The bucket does not exist.
    NoSuchBucket,
    /// The credentials are valid, but lack a permission.
    NoPermission,
    /// The clock of the signature is wrong, and correcting it did not help.
    WrongClock,
    /// The credentials are unknown or expired, or do not belong together.
    WrongCredentials,
    /// The store failed or throttled the request.
    Unwell,
    /// The store rejected the request, perhaps because of a header of the upload.
    Refused,
}

impl Obstacle {
    fn of(verdict: &Verdict) -> Obstacle {
        match &verdict.transport {
            Some(TransportError::Denied) => return Obstacle::NotGranted,
            Some(TransportError::Dns(_)) => return Obstacle::NoAddress,
            Some(TransportError::Connect(_)) => return Obstacle::NoConnection,
            Some(TransportError::Tls(_)) => return Obstacle::NoTrust,
            Some(TransportError::NotHttp) => return Obstacle::NoStore,
            Some(
                TransportError::Timeout(_) | TransportError::Broken(_) | TransportError::Stale,
            ) => return Obstacle::NoAnswer,
            None => {}
        }
        let meaning = verdict.error.as_ref().and_then(|error| meaning(&error.code));
        let is_strange = verdict.error.is_none() && verdict.said.quote.is_some();
        match (verdict.class, meaning) {
            (Class::Transient | Class::Throttled, _) => Obstacle::Unwell,
            (Class::Garbled, _) => Obstacle::NoStore,
            _ if is_strange => Obstacle::NoStore,
            (Class::WrongRegion, _) => Obstacle::WrongRegion,
            (Class::Skewed(_), _) | (_, Some(Meaning::Clock)) => Obstacle::WrongClock,
            (Class::Expired, _) | (_, Some(Meaning::Signature | Meaning::UnknownKey)) => {
                Obstacle::WrongCredentials
            }
            (_, Some(Meaning::NoSuchBucket)) => Obstacle::NoSuchBucket,
            (_, Some(Meaning::AccessDenied)) => Obstacle::NoPermission,
            (Class::Conflict, _) => Obstacle::Unwell,
            _ => Obstacle::Refused,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Obstacle::NotGranted => "the store is not among those that the sink may talk to",
            Obstacle::NoAddress => "the store's name has no address",
            Obstacle::NoConnection => "the store cannot be reached",
            Obstacle::NoTrust => "there is no trusted connection to the store",
            Obstacle::NoAnswer => "the store does not answer",
            Obstacle::NoStore => "what answers there does not speak as S3 does",
            Obstacle::WrongRegion => "the bucket is in another region",
            Obstacle::NoSuchBucket => "there is no such bucket",
            Obstacle::NoPermission => "the credentials do not allow to write",
            Obstacle::WrongClock => "this machine's clock is wrong",
            Obstacle::WrongCredentials => "the store does not take the credentials",
            Obstacle::Unwell => "the store fails or throttles",
            Obstacle::Refused => "the store refuses uploads like those of this configuration",
        }
    }
}

/// The error with an explanation: first the kind of obstacle, then `cause` in detail. Its variant
/// stays the same.
pub(super) fn explain(verdict: &Verdict, cause: &Error, now: Timestamp) -> Error {
    let obstacle = Obstacle::of(verdict);
    let sentence = obstacle.sentence();
    let text = match clock(verdict, now).filter(|_| obstacle == Obstacle::WrongClock) {
        Some(offset) => format!("{sentence}, {}: {cause}", offset.in_words()),
        None => format!("{sentence}: {cause}"),
    };
    match cause {
        Error::Unavailable(_) => Error::Unavailable(text),
        _ => Error::Denied(text),
    }
}

/// The clock offset, from the class, the error document or the response's `Date`.
fn clock(verdict: &Verdict, now: Timestamp) -> Option<Offset> {
    if let Class::Skewed(offset) = verdict.class {
        return Some(offset);
    }
    let told = verdict.error.as_ref().and_then(|error| error.server_time);
    let told = told.and_then(|theirs| Offset::between(now, theirs));
    told.or(verdict.clock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::classify::classify;
    use crate::client::clock::Flight;
    use crate::client::explain::{self, Subject};
    use crate::client::retry::History;
    use crate::http::Response;
    use crate::s3::Operation;
    use crate::settings::Settings;

    const BEGIN: Operation = Operation::CreateMultipartUpload;
    /// Fri, 24 May 2013 00:00:00 GMT
    const NOW: Timestamp = Timestamp(1_369_353_600_000_000_000);

    fn error(status: u16, body: &str) -> Result<Response, TransportError> {
        let body = format!("<Error>{body}</Error>").into();
        Ok(Response { status, headers: vec![], body })
    }

    fn code(status: u16, code: &str) -> Result<Response, TransportError> {
        error(status, &format!("<Code>{code}</Code>"))
    }

    fn explained(outcome: &Result<Response, TransportError>) -> Error {
        let config = r#"{"bucket": "bbb", "endpoint": "http://s3.test"}"#;
        let settings = Settings::parse(config).expect("a configuration");
        let flight = Flight { sent: NOW, received: NOW, offset: Offset(0) };
        let verdict = classify(BEGIN, outcome, &flight);
        let subject = Subject { name: "n", operation: BEGIN };
        let cause = explain::failure(&settings, &subject, &History::default(), None, &verdict);
        explain(&verdict, &cause, NOW)
    }

    fn page(status: u16) -> Result<Response, TransportError> {
        let body = "<html><title>No entry</title></html>".into();
        Ok(Response { status, headers: vec![], body })
    }

    #[test]
    fn who_is_no_store_is_told_from_a_store_that_is_not_well() {
        let strange = Obstacle::NoStore.sentence();
        for outcome in [page(200), page(404), page(400), Err(TransportError::NotHttp)] {
            let text = explained(&outcome).to_string();
            assert!(text.starts_with(strange), "{outcome:?}: {text}");
        }
        let text = explained(&page(502)).to_string();
        assert!(text.starts_with(Obstacle::Unwell.sentence()), "{text}");
        assert!(text.contains("No entry"), "{text}");
    }

    #[test]
    fn each_reason_has_a_sentence_of_its_own() {
        let text = String::new;
        let cases = [
            (Err(TransportError::Denied), Obstacle::NotGranted),
            (Err(TransportError::Dns(text())), Obstacle::NoAddress),
            (Err(TransportError::Connect(text())), Obstacle::NoConnection),
            (Err(TransportError::Tls(text())), Obstacle::NoTrust),
            (Err(TransportError::Timeout(text())), Obstacle::NoAnswer),
            (page(403), Obstacle::NoStore),
            (code(400, "AuthorizationHeaderMalformed"), Obstacle::WrongRegion),
            (code(404, "NoSuchBucket"), Obstacle::NoSuchBucket),
            (code(403, "AccessDenied"), Obstacle::NoPermission),
            (code(403, "RequestTimeTooSkewed"), Obstacle::WrongClock),
            (code(403, "SignatureDoesNotMatch"), Obstacle::WrongCredentials),
            (code(503, "SlowDown"), Obstacle::Unwell),
            (code(400, "InvalidArgument"), Obstacle::Refused),
        ];
        let mut sentences: Vec<_> = cases.iter().map(|(_, of)| of.sentence()).collect();
        for (outcome, obstacle) in &cases {
            let error = explained(outcome).to_string();
            let begin = format!("{}: CreateMultipartUpload s3://bbb/n", obstacle.sentence());
            assert!(error.starts_with(&begin), "{outcome:?}: {error}");
        }
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), cases.len());
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        let refused = TransportError::Connect("refused".to_owned());
        assert!(matches!(explained(&Err(refused)), Error::Unavailable(_)));
        assert!(matches!(explained(&code(503, "SlowDown")), Error::Unavailable(_)));
        assert!(matches!(explained(&code(404, "NoSuchBucket")), Error::Denied(_)));
        assert!(matches!(explained(&code(403, "AccessDenied")), Error::Denied(_)));
    }

    #[test]
    fn a_clock_that_cannot_be_corrected_is_wrong_by_so_much() {
        // Without a `Date` the clock is not corrected, but S3 tells its time in the error document.
        let told = error(
            403,
            "<Code>RequestTimeTooSkewed</Code><ServerTime>2013-05-24T02:00:00Z</ServerTime>",
        );
        let text = explained(&told).to_string();
        let begin = "this machine's clock is wrong, 7200 s behind the store's: ";
        assert!(text.starts_with(begin), "{text}");
        let mut dated = code(403, "RequestTimeTooSkewed").expect("an answer");
        dated.headers.push(("Date".to_owned(), "Thu, 23 May 2013 23:00:00 GMT".to_owned()));
        let text = explained(&Ok(dated)).to_string();
        let begin = "this machine's clock is wrong, 3600 s ahead of the store's: ";
        assert!(text.starts_with(begin), "{text}");
    }

    #[test]
    fn a_region_that_cannot_be_corrected_is_named_with_the_one_that_is_set() {
        let text =
            explained(&error(301, "<Code>PermanentRedirect</Code><Region>eu-north-1</Region>"))
                .to_string();
        assert!(text.starts_with("the bucket is in another region: "), "{text}");
        assert!(text.ends_with("set `region` to `eu-north-1`; it is `us-east-1` now"), "{text}");
    }
}
