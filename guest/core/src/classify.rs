//! What an attempt's outcome means: one pure function.

use std::fmt;
use std::time::Duration;

use crate::clock::{Flight, Offset};
use crate::http::Response;
use crate::quote::{Quote, one_line};
use crate::s3::{
    Completion, CreateMultipartUploadResult, ErrorBody, HeadObjectResult,
    ListMultipartUploadsResult, ListPartsResult, Malformed, Operation, bucket_region, is_region,
    part_etag,
};
use crate::time::Timestamp;

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The host does not let the sink talk to this authority.
    Denied,
    /// The name of the endpoint has no address.
    Dns(String),
    /// No connection could be made.
    Connect(String),
    /// The other side could not prove who it is.
    Tls(String),
    /// A time limit passed. The text says which.
    Timeout(String),
    /// The connection ended before the answer did.
    Broken(String),
    /// A connection that was kept from before ended before any of the answer came: most likely it
    /// was closed before the request was sent.
    Stale,
    /// Something came that is not HTTP.
    NotHttp,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransportError::Denied => f.write_str("the host does not allow this authority"),
            TransportError::Dns(text) => write!(f, "the name could not be resolved ({text})"),
            TransportError::Connect(text) => write!(f, "no connection ({text})"),
            TransportError::Tls(text) => write!(f, "TLS failed ({text})"),
            TransportError::Timeout(text) => write!(f, "timed out ({text})"),
            TransportError::Broken(text) => write!(f, "the connection broke ({text})"),
            TransportError::Stale => f.write_str("the connection was closed before the answer"),
            TransportError::NotHttp => f.write_str("what came back is not HTTP"),
        }
    }
}

/// An attempt's outcome, sorted by what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The store did what was asked.
    Done,
    /// It may well go better the next time.
    Transient,
    /// The connection was closed before the request was sent.
    Stale,
    /// An answer came, and is none that S3 gives: it was cut off, or somebody else gave it.
    Garbled,
    /// The store asked to be spared for a while.
    Throttled,
    /// The credentials are no longer good, others may be.
    Expired,
    /// The clock that signed is wrong by this much.
    Skewed(Offset),
    /// The signature names another region than the bucket's.
    WrongRegion,
    /// The store does not know the upload: it was completed, aborted, or swept away.
    NoSuchUpload,
    /// Another writer was busy with the same object.
    Conflict,
    /// The object is there already, and must not be replaced.
    Exists,
    /// There is no such object.
    NotFound,
    /// Nothing will change until somebody changes something.
    Refused,
    /// The endpoint cannot be reached, and will not be until somebody changes something.
    Unreachable,
}

impl Class {
    /// The classes that a request may be tried again for.
    pub const RETRIED: [Class; 8] = [
        Class::Transient,
        Class::Stale,
        Class::Garbled,
        Class::Throttled,
        Class::Expired,
        Class::Skewed(Offset(0)),
        Class::WrongRegion,
        Class::Conflict,
    ];

    /// Its name in snake case, as the labels of metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            Class::Done => "done",
            Class::Transient => "transient",
            Class::Stale => "stale",
            Class::Garbled => "garbled",
            Class::Throttled => "throttled",
            Class::Expired => "expired",
            Class::Skewed(_) => "skewed",
            Class::WrongRegion => "wrong_region",
            Class::NoSuchUpload => "no_such_upload",
            Class::Conflict => "conflict",
            Class::Exists => "exists",
            Class::NotFound => "not_found",
            Class::Refused => "refused",
            Class::Unreachable => "unreachable",
        }
    }
}

/// What the store said when it did what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// That it is done.
    Plain,
    /// The id of a multipart upload.
    Created {
        /// The id.
        upload_id: String,
    },
    /// The ETag of a part.
    Stored {
        /// The ETag, quotes included.
        etag: String,
    },
    /// What an object is like.
    Found(HeadObjectResult),
    /// A page of open uploads.
    Uploads(ListMultipartUploadsResult),
    /// A page of the parts of an upload.
    Parts(ListPartsResult),
}

/// What an answer says beside what S3 says by it, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// What stands in a body that is none of S3.
    pub quote: Option<Quote>,
    /// What the server calls itself.
    pub server: Option<String>,
    /// Where it redirects to.
    pub location: Option<String>,
    /// What a success lacks that it must say, in the terms of the API.
    pub missing: Option<&'static str>,
}

/// An attempt's outcome with what is needed to decide about it and to explain it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What kind of outcome it is.
    pub class: Class,
    /// What the store said, with [`Class::Done`] and with no other.
    pub answer: Option<Answer>,
    /// Whether the store may have done what was asked, although it did not say so.
    pub maybe_done: bool,
    /// The status, and 0 where there was no answer.
    pub status: u16,
    /// What the store said.
    pub error: Option<ErrorBody>,
    /// What else the answer said.
    pub said: Said,
    /// Why there was no answer.
    pub transport: Option<TransportError>,
    /// How long the store asked to wait.
    pub retry_after: Option<Duration>,
    /// The bucket's region, where the store named it.
    pub region: Option<String>,
    /// How far the store's clock is from ours, where the answer shows it.
    pub clock: Option<Offset>,
    /// How long it took, by the clock of the day: half of that `clock` may be wrong.
    pub took: Duration,
}

impl Verdict {
    /// Whether it shows that more requests are under way than the line or the store can bear.
    pub(crate) fn is_crowded(&self) -> bool {
        let is_slow = |error: &ErrorBody| error.code == "RequestTimeout";
        self.class == Class::Throttled
            || matches!(self.transport, Some(TransportError::Timeout(_)))
            || self.error.as_ref().is_some_and(is_slow)
    }

    /// What of it are words of the store that somebody may be shown.
    pub(crate) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let Said { quote, server, location, .. } = &mut self.said;
        let said =
            [quote.as_mut().map(|quote| &mut quote.text), server.as_mut(), location.as_mut()];
        let error = self.error.iter_mut().flat_map(|error| {
            let ErrorBody { code, message, endpoint, argument, .. } = error;
            [Some(code), Some(message), endpoint.as_mut(), argument.as_mut()]
        });
        error.chain(said).flatten()
    }
}

/// Sorts one attempt's outcome. A success whose body is an error is an error, and one whose body is
/// neither is none:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
pub fn classify(
    operation: Operation,
    outcome: &Result<Response, TransportError>,
    flight: &Flight,
) -> Verdict {
    let response = match outcome {
        Ok(response) => response,
        Err(error) => return unanswered(error, flight),
    };
    let error = ErrorBody::parse(&response.body);
    let read = match error {
        None if response.is_success() => Some(answer(operation, response)),
        _ => None,
    };
    let missing = read.as_ref().and_then(|read| read.as_ref().err()).map(|missing| missing.what);
    let answer = read.and_then(Result::ok);
    let class = match answer {
        Some(_) => Class::Done,
        None => class(operation, response, error.as_ref(), flight),
    };
    Verdict {
        class,
        answer,
        maybe_done: is_doubtful(response, error.as_ref(), class),
        status: response.status,
        region: region(response, error.as_ref()),
        clock: flight.measured(response),
        took: flight.took(),
        said: said(response, error.as_ref(), missing),
        error,
        transport: None,
        retry_after: retry_after(response),
    }
}

fn said(response: &Response, error: Option<&ErrorBody>, missing: Option<&'static str>) -> Said {
    let header = |name| response.header(name).map(one_line).filter(|text| !text.is_empty());
    let is_redirect = (300..400).contains(&response.status);
    let is_read = response.is_success() && missing.is_none();
    Said {
        quote: match error {
            None if !is_read => Quote::of(&response.body),
            _ => None,
        },
        server: header("server"),
        // S3 names the place in its error, and mostly nowhere else.
        location: header("location")
            .filter(|_| is_redirect)
            .or_else(|| error.and_then(|error| error.endpoint.as_deref()).map(one_line)),
        missing,
    }
}

/// A store that refuses, or asks to be spared, has done nothing; of any other success or failure of
/// its own that says nothing else, nobody can tell.
fn is_doubtful(response: &Response, error: Option<&ErrorBody>, class: Class) -> bool {
    matches!(response.status, 200..=299 | 500..=599)
        && !matches!(class, Class::Done | Class::Refused)
        && !error.is_some_and(|error| THROTTLING.contains(&error.code.as_str()))
}

fn unanswered(error: &TransportError, flight: &Flight) -> Verdict {
    let (class, maybe_done) = match error {
        TransportError::Denied | TransportError::Tls(_) => (Class::Unreachable, false),
        TransportError::Dns(_) | TransportError::Connect(_) => (Class::Transient, false),
        TransportError::Timeout(_) | TransportError::Broken(_) => (Class::Transient, true),
        TransportError::Stale => (Class::Stale, true),
        TransportError::NotHttp => (Class::Garbled, true),
    };
    Verdict {
        class,
        answer: None,
        maybe_done,
        status: 0,
        error: None,
        said: Said::default(),
        transport: Some(error.clone()),
        retry_after: None,
        region: None,
        clock: None,
        took: flight.took(),
    }
}

fn class(
    operation: Operation,
    response: &Response,
    error: Option<&ErrorBody>,
    flight: &Flight,
) -> Class {
    let code = error.map(|e| e.code.as_str()).unwrap_or_default();
    if let Some(class) = by_code(code) {
        return class;
    }
    if DOUBTFUL_CLOCK.contains(&code) || (code.is_empty() && response.status == 403) {
        return flight.correction(response).map_or(Class::Refused, Class::Skewed);
    }
    match response.status {
        404 if operation == Operation::HeadObject => Class::NotFound,
        // A page that is not found is no word of a store.
        404 if is_of_upload(operation) && code.is_empty() && is_blank(response) => {
            Class::NoSuchUpload
        }
        301 | 307 => Class::WrongRegion,
        // The answer to HEAD has no body to say what is wrong. These are what comes of itself.
        400 if operation == Operation::HeadObject && names_region(response) => Class::WrongRegion,
        400 if operation == Operation::HeadObject => Class::Expired,
        429 | 503 => Class::Throttled,
        200..=299 if error.is_none() => Class::Garbled,
        // These will be said again: not implemented, no such version of HTTP, log in to the
        // network.
        501 | 505 | 511 => Class::Refused,
        200..=299 | 408 | 499 | 500..=599 => Class::Transient,
        412 => Class::Exists,
        _ => Class::Refused,
    }
}

fn is_blank(response: &Response) -> bool {
    response.body.trim_ascii().is_empty()
}

/// Whether the operation is about an upload and nothing else that could be missing.
fn is_of_upload(operation: Operation) -> bool {
    matches!(operation, Operation::AbortMultipartUpload | Operation::ListParts)
}

/// The codes that mean the same whatever the status:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>
fn by_code(code: &str) -> Option<Class> {
    Some(match code {
        code if THROTTLING.contains(&code) => Class::Throttled,
        "RequestTimeout"
        | "InternalError"
        | "OperationAborted"
        | "ServiceUnavailable"
        | "BadDigest"
        | "XAmzContentSHA256Mismatch"
        | "IncompleteBody" => Class::Transient,
        "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired" => {
            Class::Expired
        }
        "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" => {
            Class::WrongRegion
        }
        "NoSuchUpload" => Class::NoSuchUpload,
        "NotImplemented" => Class::Refused,
        "ConditionalRequestConflict" => Class::Conflict,
        "PreconditionFailed" => Class::Exists,
        _ => return None,
    })
}

/// Reads a success. One that does not say what it must is none: the answer was cut off, or comes
/// from somebody else.
fn answer(operation: Operation, response: &Response) -> Result<Answer, Malformed> {
    match operation {
        Operation::CreateMultipartUpload => {
            let upload_id = CreateMultipartUploadResult::parse(response)?.upload_id;
            Ok(Answer::Created { upload_id })
        }
        Operation::UploadPart(_) => {
            let etag = part_etag(response)?;
            without_body(response).map(|()| Answer::Stored { etag })
        }
        Operation::CompleteMultipartUpload => match Completion::parse(response)? {
            Completion::Completed(_) => Ok(Answer::Plain),
            Completion::Failed(_) => Err(Malformed { what: "CompleteMultipartUploadResult" }),
        },
        Operation::HeadObject => HeadObjectResult::parse(response).map(Answer::Found),
        Operation::ListMultipartUploads => {
            ListMultipartUploadsResult::parse(response).map(Answer::Uploads)
        }
        Operation::ListParts => ListPartsResult::parse(response).map(Answer::Parts),
        Operation::PutObject if !is_stored(response) => Err(Malformed { what: "ETag" }),
        Operation::PutObject | Operation::AbortMultipartUpload => {
            without_body(response).map(|()| Answer::Plain)
        }
    }
}

/// What is done without a word has nothing more to say. A page that asks to log in answers 200 as
/// well, and may have an ETag: web servers give one to whatever they send.
fn without_body(response: &Response) -> Result<(), Malformed> {
    if is_blank(response) { Ok(()) } else { Err(Malformed { what: "empty body" }) }
}

/// Whether it is a store that says so. Some leave the ETag out, and still sign with a header of S3.
fn is_stored(response: &Response) -> bool {
    let is_of_s3 = |name: &String| name.get(..6).is_some_and(|n| n.eq_ignore_ascii_case("x-amz-"));
    let signs = response.headers.iter().any(|(name, _)| is_of_s3(name));
    signs || response.header("etag").is_some_and(|etag| !etag.trim().is_empty())
}

fn names_region(response: &Response) -> bool {
    region(response, None).is_some()
}

/// The region that the store named. It will be signed, so it has to be one.
fn region(response: &Response, error: Option<&ErrorBody>) -> Option<String> {
    let named = [bucket_region(response), error.and_then(|e| e.region.as_deref())];
    named.into_iter().flatten().find(|region| is_region(region)).map(str::to_owned)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let millis = response.header("x-amz-retry-after").and_then(|v| v.trim().parse().ok());
    let after = response.header("retry-after").map(str::trim);
    let seconds = after.and_then(|v| v.parse().ok()).map(Duration::from_secs);
    let until = || {
        let until = Timestamp::parse_http_date(after?)?;
        let now = Timestamp::parse_http_date(response.header("date")?)?;
        Some(Duration::from_nanos(until.0.saturating_sub(now.0)))
    };
    millis.map(Duration::from_millis).or(seconds).or_else(until)
}

/// The codes by which the store asks to be spared.
const THROTTLING: [&str; 6] = [
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
];

/// The codes behind which a wrong clock may be; some say so, some do not.
const DOUBTFUL_CLOCK: [&str; 6] = [
    "RequestTimeTooSkewed",
    "RequestExpired",
    "RequestInTheFuture",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AuthFailure",
];

#[cfg(test)]
mod tests {
    use super::*;

    const PART: Operation = Operation::UploadPart(1);
    const PUT: Operation = Operation::PutObject;

    fn answer(status: u16, code: &str) -> Result<Response, TransportError> {
        let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        let body = if code.is_empty() { String::new() } else { body };
        Ok(Response { status, headers: vec![], body: body.into() })
    }

    fn stored() -> Result<Response, TransportError> {
        let headers = vec![("ETag".to_owned(), "\"e\"".to_owned())];
        Ok(Response { status: 200, headers, body: Default::default() })
    }

    fn from(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Response, TransportError> {
        let headers = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        Ok(Response { status, headers, body: body.to_owned().into() })
    }

    fn class_of(operation: Operation, outcome: &Result<Response, TransportError>) -> Class {
        classify(operation, outcome, &Flight::default()).class
    }

    #[test]
    fn answers_are_sorted_by_what_can_be_done() {
        let cases = [
            (stored(), Class::Done),
            (answer(200, ""), Class::Garbled),
            (answer(400, "InvalidToken"), Class::Expired),
            (answer(200, "InternalError"), Class::Transient),
            (answer(200, "SlowDown"), Class::Throttled),
            (answer(200, "Whatever"), Class::Transient),
            (answer(301, "PermanentRedirect"), Class::WrongRegion),
            (answer(307, ""), Class::WrongRegion),
            (answer(400, "AuthorizationHeaderMalformed"), Class::WrongRegion),
            (answer(400, "RequestTimeout"), Class::Transient),
            (answer(400, "BadDigest"), Class::Transient),
            (answer(400, "ExpiredToken"), Class::Expired),
            (answer(400, "InvalidPart"), Class::Refused),
            (answer(403, "AccessDenied"), Class::Refused),
            (answer(403, "RequestTimeTooSkewed"), Class::Refused),
            (answer(404, "NoSuchUpload"), Class::NoSuchUpload),
            (answer(404, "NoSuchBucket"), Class::Refused),
            (answer(409, "OperationAborted"), Class::Transient),
            (answer(409, "ConditionalRequestConflict"), Class::Conflict),
            (answer(412, "PreconditionFailed"), Class::Exists),
            (answer(501, "NotImplemented"), Class::Refused),
            (answer(501, ""), Class::Refused),
            (answer(511, ""), Class::Refused),
            (answer(504, ""), Class::Transient),
            (answer(429, ""), Class::Throttled),
            (answer(503, "SlowDown"), Class::Throttled),
            (answer(502, ""), Class::Transient),
            (Err(TransportError::Denied), Class::Unreachable),
            (Err(TransportError::Tls(String::new())), Class::Unreachable),
            (Err(TransportError::Timeout(String::new())), Class::Transient),
            (Err(TransportError::Stale), Class::Stale),
            (Err(TransportError::NotHttp), Class::Garbled),
        ];
        for (outcome, class) in cases {
            assert_eq!(class_of(PUT, &outcome), class, "{outcome:?}");
        }
    }

    #[test]
    fn the_same_answer_means_other_things_to_other_operations() {
        assert_eq!(class_of(Operation::HeadObject, &answer(404, "")), Class::NotFound);
        assert_eq!(class_of(PART, &answer(404, "")), Class::Refused);
        for operation in [Operation::AbortMultipartUpload, Operation::ListParts] {
            assert_eq!(class_of(operation, &answer(404, "")), Class::NoSuchUpload);
            assert_eq!(class_of(operation, &answer(404, "NoSuchBucket")), Class::Refused);
            assert_eq!(class_of(operation, &from(404, &[], "no route")), Class::Refused);
        }
    }

    #[test]
    fn an_object_is_stored_where_a_store_says_so() {
        let class = |headers: &[(&str, &str)], body| class_of(PUT, &from(200, headers, body));
        let id = ("X-Amz-Request-Id", "R1");
        assert_eq!(class(&[("ETag", "\"e\"")], ""), Class::Done);
        assert_eq!(class(&[id], ""), Class::Done, "some stores have no ETag to give");
        assert_eq!(class(&[("ETag", "\"e\"")], "\r\n"), Class::Done);
        assert_eq!(class(&[("Server", "s3")], ""), Class::Garbled);
        assert_eq!(class(&[("ETag", " ")], ""), Class::Garbled);
        // Web servers give an ETag to any page, and proxies keep the headers of the store.
        for page in ["<html><title>Log in</title>", "{\"ok\": true}"] {
            assert_eq!(class(&[id], page), Class::Garbled);
            assert_eq!(class(&[id, ("ETag", "W/\"e\"")], page), Class::Garbled);
            let part = from(200, &[id, ("ETag", "\"e\"")], page);
            let verdict = classify(PART, &part, &Flight::default());
            assert_eq!((verdict.class, verdict.said.missing), (Class::Garbled, Some("empty body")));
        }
        assert_eq!(class_of(PART, &from(200, &[id], "")), Class::Garbled, "it has to be repeated");
        let lacks = |operation| {
            let outcome = from(200, &[], "");
            classify(operation, &outcome, &Flight::default()).said.missing
        };
        assert_eq!(lacks(PUT), Some("ETag"));
        assert_eq!(lacks(PART), Some("ETag"));
        let result = Some("CompleteMultipartUploadResult");
        assert_eq!(lacks(Operation::CompleteMultipartUpload), result);
    }

    #[test]
    fn who_answered_is_kept_with_what_they_said() {
        let said = |outcome| classify(PUT, &outcome, &Flight::default()).said;
        let page = "<html><title>Blocked: rule 9</title>";
        let blocked = said(from(403, &[("Server", "gate\t7")], page));
        assert_eq!(blocked.quote.expect("a quote").text, "Blocked: rule 9");
        assert_eq!((blocked.server.as_deref(), blocked.location), (Some("gate 7"), None));
        let moved = said(from(302, &[("Location", "https://login.test/?x")], ""));
        assert_eq!(moved.location.as_deref(), Some("https://login.test/?x"));
        let endpoint =
            "<Error><Code>PermanentRedirect</Code><Endpoint>b.s3.test</Endpoint></Error>";
        let moved = said(from(301, &[], endpoint));
        assert_eq!((moved.location.as_deref(), moved.quote), (Some("b.s3.test"), None));
        assert_eq!(said(stored()).quote, None);
    }

    #[test]
    fn a_success_that_does_not_say_what_it_must_is_none() {
        let empty = answer(200, "");
        let operations = [
            Operation::CreateMultipartUpload,
            PART,
            Operation::HeadObject,
            Operation::ListMultipartUploads,
            Operation::ListParts,
        ];
        for operation in operations {
            assert_eq!(class_of(operation, &empty), Class::Garbled, "{operation:?}");
        }
        assert_eq!(class_of(Operation::AbortMultipartUpload, &answer(204, "")), Class::Done);
    }

    #[test]
    fn a_complete_that_says_neither_yes_nor_no_is_no_yes() {
        for (body, class) in [
            ("", Class::Garbled),
            ("<html>", Class::Garbled),
            ("<CompleteMultipartUploadResult><ETag>", Class::Garbled),
            ("  <Error>", Class::Transient),
        ] {
            let response = Response { status: 200, headers: vec![], body: body.into() };
            let outcome = Ok(response);
            let verdict =
                classify(Operation::CompleteMultipartUpload, &outcome, &Flight::default());
            assert_eq!((verdict.class, verdict.maybe_done), (class, true), "{body}");
        }
    }

    #[test]
    fn only_what_can_be_signed_is_a_region() {
        let named = |header: &str, body: &str| {
            let body =
                format!("<Error><Code>PermanentRedirect</Code><Region>{body}</Region></Error>");
            let headers = vec![("x-amz-bucket-region".to_owned(), header.to_owned())];
            let response = Response { status: 301, headers, body: body.into() };
            classify(PART, &Ok(response), &Flight::default()).region
        };
        assert_eq!(named("eu-west-1", "eu-west-2").as_deref(), Some("eu-west-1"));
        assert_eq!(named("", "eu-west-2").as_deref(), Some("eu-west-2"));
        assert_eq!(named("eu\r\nx-evil: 1", "a/b, c"), None);
    }

    #[test]
    fn whether_the_store_may_have_acted() {
        let maybe = |outcome| classify(PART, &outcome, &Flight::default()).maybe_done;
        assert!(maybe(Err(TransportError::Broken(String::new()))));
        assert!(maybe(answer(500, "InternalError")));
        assert!(!maybe(Err(TransportError::Connect(String::new()))));
        assert!(!maybe(answer(403, "AccessDenied")));
        assert!(!maybe(answer(501, "NotImplemented")));
        assert!(maybe(answer(502, "")));
        assert!(maybe(answer(200, "")), "a part's ETag is missing");
    }

    #[test]
    fn a_wrong_clock_is_told_from_a_wrong_secret() {
        let mut refused = answer(403, "SignatureDoesNotMatch").expect("an answer");
        assert_eq!(class_of(PART, &Ok(refused.clone())), Class::Refused);
        refused.headers.push(("date".to_owned(), "Fri, 24 May 2013 00:00:00 GMT".to_owned()));
        let now = |seconds: u64| Timestamp(seconds * 1_000_000_000);
        let flight =
            |seconds| Flight { sent: now(seconds), received: now(seconds), offset: Offset(0) };
        let right = classify(PART, &Ok(refused.clone()), &flight(1_369_353_600));
        assert_eq!(right.class, Class::Refused);
        let wrong = classify(PART, &Ok(refused), &flight(1_369_350_000));
        assert_eq!(wrong.class, Class::Skewed(Offset(3_600_000_000_000)));
    }
}
