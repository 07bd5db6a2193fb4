//! What can go wrong with one request, as values.

use bytes::Bytes;
use spillway_core::http::{Method, Request, Response};
use spillway_core::{Timestamp, TransportError};

use crate::bucket::{Asked, Bucket, S3Error};

/// One thing that goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// No connection can be made.
    ConnectError,
    /// The name has no address.
    DnsError,
    /// The server cannot prove who it is.
    TlsError,
    /// The connection ends before the server has read the request.
    ResetBefore,
    /// The connection was kept from before, and the server had closed it by then.
    StaleConnection,
    /// The request never arrives, and no answer comes.
    TimeoutBefore,

    /// 500 `InternalError`; nothing was done. So for all that follow, down to
    /// [`Fault::ErrorIn200`].
    InternalError,
    /// 503 `SlowDown`
    SlowDown,
    /// 503 `SlowDown` with `Retry-After: 2`: seconds.
    SlowDownRetryAfter,
    /// 503 `SlowDown` with `x-amz-retry-after: 1500`: milliseconds.
    SlowDownAmzRetryAfter,
    /// 503 without a body, as a proxy answers.
    BareUnavailable,
    /// 400 `RequestTimeout`: the body came too slowly.
    RequestTimeout,
    /// 403 `AccessDenied`
    AccessDenied,
    /// 400 `ExpiredToken`
    ExpiredToken,
    /// 403 `RequestTimeTooSkewed`, although the clocks agree.
    RequestTimeTooSkewed,
    /// 301 `PermanentRedirect` to another region, which is wrong.
    PermanentRedirect,
    /// 307 `TemporaryRedirect` to another endpoint, which is wrong.
    TemporaryRedirect,
    /// 400 `AuthorizationHeaderMalformed` with another region, which is wrong.
    WrongRegion,
    /// 409 `OperationAborted`
    OperationAborted,
    /// 409 `ConditionalRequestConflict`
    ConditionalRequestConflict,
    /// 412 `PreconditionFailed`, although nothing is in the way.
    PreconditionFailed,
    /// 404 `NoSuchBucket`
    NoSuchBucket,
    /// 413 `EntityTooLarge`, and the connection is closed while the body is still coming.
    EarlyAnswer,
    /// 200 with an `<Error>` for a body: `InternalError`.
    ErrorIn200,

    /// The upload is gone as the request arrives, and the answer is the one to that: 404
    /// `NoSuchUpload`. No fault for a request that names none.
    UploadExpires,

    /// Another writer's object has the name as the request arrives, unless there is one already;
    /// what is asked is done as it can be then.
    NameTaken,
    /// It is done, and no answer comes. All that follow are done as well.
    TimeoutAfter,
    /// The connection ends before the answer.
    ResetAfter,
    /// The answer's body breaks off in the middle, unnoticed; where it has none the answer does.
    TruncatedBody,
    /// The answer's body is something else.
    MalformedBody,
    /// The answer's body is empty.
    EmptyBody,
    /// The answer has no ETag, neither as a header nor in its body.
    MissingETag,
    /// 200 with an `<Error>` for a body: `InternalError`. But it was done.
    ErrorIn200AfterAll,
    /// White space comes before the body's first element.
    WhitespaceFirst,
    /// 502 with a web page, as a proxy answers. But it was done.
    Html502,
}

impl Fault {
    /// Every one there is.
    pub const ALL: [Fault; 35] = [
        Fault::ConnectError,
        Fault::DnsError,
        Fault::TlsError,
        Fault::ResetBefore,
        Fault::StaleConnection,
        Fault::TimeoutBefore,
        Fault::InternalError,
        Fault::SlowDown,
        Fault::SlowDownRetryAfter,
        Fault::SlowDownAmzRetryAfter,
        Fault::BareUnavailable,
        Fault::RequestTimeout,
        Fault::AccessDenied,
        Fault::ExpiredToken,
        Fault::RequestTimeTooSkewed,
        Fault::PermanentRedirect,
        Fault::TemporaryRedirect,
        Fault::WrongRegion,
        Fault::OperationAborted,
        Fault::ConditionalRequestConflict,
        Fault::PreconditionFailed,
        Fault::NoSuchBucket,
        Fault::EarlyAnswer,
        Fault::ErrorIn200,
        Fault::UploadExpires,
        Fault::NameTaken,
        Fault::TimeoutAfter,
        Fault::ResetAfter,
        Fault::TruncatedBody,
        Fault::MalformedBody,
        Fault::EmptyBody,
        Fault::MissingETag,
        Fault::ErrorIn200AfterAll,
        Fault::WhitespaceFirst,
        Fault::Html502,
    ];

    /// Whether the bucket does what it is asked, whatever it then says.
    pub fn acts(self) -> bool {
        self > Fault::UploadExpires
    }

    /// Whether the request never reaches the bucket.
    pub fn is_lost(self) -> bool {
        self < Fault::InternalError
    }
}

/// Serves one request with a fault, or without.
///
/// # Errors
///
/// Where no answer arrives: why. What was done may have been done all the same.
pub fn apply(
    fault: Option<Fault>,
    bucket: &mut Bucket,
    at: Timestamp,
    request: &Request,
) -> Result<Response, TransportError> {
    let Some(fault) = fault else { return Ok(bucket.handle(at, request)) };
    if fault.is_lost() {
        return Err(lost(fault));
    }
    let head = request.method == Method::Head;
    let fixed = |error: S3Error| Ok(error.into_response(at, FAULT_NUMBER, head));
    if let Some(error) = refusal(fault, at, &bucket.options.name) {
        return fixed(error);
    }
    if fault == Fault::BareUnavailable {
        return Ok(Response { status: 503, ..Response::default() });
    }
    if fault == Fault::UploadExpires {
        let id =
            Asked::read(&bucket.options.name, request).map(|a| a.parameter("uploadId").to_owned());
        bucket.expire_upload(&id.unwrap_or_default());
    }
    if let Ok(asked) = Asked::read(&bucket.options.name, request)
        && fault == Fault::NameTaken
        && !has_uuid(&asked.key)
    {
        bucket.put_by_another(at, &asked.key);
    }
    let response = bucket.handle(at, request);
    match fault {
        Fault::TimeoutAfter => Err(TransportError::Timeout("no answer".to_owned())),
        Fault::ResetAfter => Err(broken("closed by the other side")),
        Fault::TruncatedBody if response.body.is_empty() => Err(broken("the answer is incomplete")),
        Fault::TruncatedBody => {
            let half = response.body.slice(..response.body.len() / 2);
            Ok(with_body(response, half))
        }
        Fault::ErrorIn200AfterAll => fixed(error_in_200()),
        Fault::MalformedBody if !head => Ok(with_body(response, Bytes::from_static(GARBAGE))),
        Fault::EmptyBody => Ok(with_body(response, Bytes::new())),
        Fault::MissingETag => Ok(without_etag(response)),
        Fault::WhitespaceFirst if !response.body.is_empty() => {
            let text = String::from_utf8_lossy(&response.body);
            // After the declaration as well: S3 sends that first, and waits then.
            let text = format!(" \r\n {}", text.replacen("?>\n", "?>\n \n\n   ", 1));
            Ok(with_body(response, text.into()))
        }
        Fault::Html502 => {
            let headers = vec![("Content-Type".to_owned(), "text/html".to_owned())];
            let answer = Response { status: 502, headers, body: Bytes::new() };
            Ok(if head { answer } else { with_body(answer, Bytes::from_static(HTML)) })
        }
        _ => Ok(response),
    }
}

fn lost(fault: Fault) -> TransportError {
    match fault {
        Fault::ConnectError => TransportError::Connect("refused".to_owned()),
        Fault::DnsError => TransportError::Dns("no such name".to_owned()),
        Fault::TlsError => TransportError::Tls("the certificate is not trusted".to_owned()),
        Fault::TimeoutBefore => TransportError::Timeout("no answer".to_owned()),
        Fault::StaleConnection => TransportError::Stale,
        _ => broken("closed by the other side"),
    }
}

fn broken(text: &str) -> TransportError {
    TransportError::Broken(text.to_owned())
}

/// What is answered where nothing is done.
fn refusal(fault: Fault, at: Timestamp, bucket: &str) -> Option<S3Error> {
    let slow_down = || S3Error::new(503, "SlowDown", "Please reduce your request rate.");
    Some(match fault {
        Fault::InternalError => S3Error::new(
            500,
            "InternalError",
            "We encountered an internal error. Please try again.",
        ),
        Fault::SlowDown => slow_down(),
        Fault::SlowDownRetryAfter => slow_down().header("Retry-After", 2),
        Fault::SlowDownAmzRetryAfter => slow_down().header("x-amz-retry-after", 1_500),
        Fault::RequestTimeout => {
            let text = "Your socket connection to the server was not read from or written to \
                        within the timeout period. Idle connections will be closed.";
            S3Error::new(400, "RequestTimeout", text).header("Connection", "close")
        }
        Fault::AccessDenied => S3Error::access_denied(),
        Fault::ExpiredToken => S3Error::new(400, "ExpiredToken", "The provided token has expired."),
        Fault::RequestTimeTooSkewed => {
            let text = "The difference between the request time and the current time is too large.";
            let error = S3Error::new(403, "RequestTimeTooSkewed", text);
            error.detail("ServerTime", at.iso8601())
        }
        Fault::PermanentRedirect => {
            redirect(301, "PermanentRedirect", bucket).header("x-amz-bucket-region", OTHER_REGION)
        }
        Fault::TemporaryRedirect => {
            let location = format!("http://{bucket}.{OTHER_ENDPOINT}/");
            redirect(307, "TemporaryRedirect", bucket).header("Location", location)
        }
        Fault::WrongRegion => {
            let text = format!(
                "The authorization header is malformed; the region is wrong; expecting \
                 '{OTHER_REGION}'"
            );
            S3Error::new(400, "AuthorizationHeaderMalformed", text)
                .detail("Region", OTHER_REGION)
                .header("x-amz-bucket-region", OTHER_REGION)
        }
        Fault::OperationAborted => {
            let text = "A conflicting conditional operation is currently in progress against this \
                        resource. Please try again.";
            S3Error::new(409, "OperationAborted", text)
        }
        Fault::ConditionalRequestConflict => {
            let text = "The conditional request cannot succeed due to a conflicting operation \
                        against this resource.";
            S3Error::new(409, "ConditionalRequestConflict", text)
        }
        Fault::PreconditionFailed => {
            let text = "At least one of the pre-conditions you specified did not hold";
            S3Error::new(412, "PreconditionFailed", text).detail("Condition", "If-None-Match")
        }
        Fault::NoSuchBucket => {
            let error = S3Error::new(404, "NoSuchBucket", "The specified bucket does not exist");
            error.detail("BucketName", bucket)
        }
        Fault::EarlyAnswer => {
            let text = "Your proposed upload exceeds the maximum allowed size";
            S3Error::new(413, "EntityTooLarge", text).header("Connection", "close")
        }
        Fault::ErrorIn200 => error_in_200(),
        _ => return None,
    })
}

fn redirect(status: u16, code: &'static str, bucket: &str) -> S3Error {
    let text = "Please re-send this request to the specified endpoint.";
    let endpoint = format!("{bucket}.{OTHER_ENDPOINT}");
    S3Error::new(status, code, text).detail("Endpoint", endpoint).detail("Bucket", bucket)
}

fn error_in_200() -> S3Error {
    S3Error::new(200, "InternalError", "We encountered an internal error. Please try again.")
}

fn with_body(mut response: Response, body: Bytes) -> Response {
    response.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    response.headers.push(("Content-Length".to_owned(), body.len().to_string()));
    Response { body, ..response }
}

fn without_etag(mut response: Response) -> Response {
    response.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("etag"));
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let found = text.find("<ETag>").zip(text.find("</ETag>"));
    match found {
        Some((from, to)) => {
            let text = format!("{}{}", &text[..from], &text[to + "</ETag>".len()..]);
            with_body(response, text.into())
        }
        None => response,
    }
}

/// Whether a name has a UUID, which no other writer ever makes.
fn has_uuid(name: &str) -> bool {
    let is_one = |text: &[u8]| {
        text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    name.as_bytes().windows(UUID_BYTES).any(is_one)
}

/// How long a UUID is as text.
const UUID_BYTES: usize = 36;

/// The number of every answer that is not the bucket's own.
const FAULT_NUMBER: u64 = 0xFA17;
/// A region where no bucket of these tests is.
pub const OTHER_REGION: &str = "eu-north-1";
const OTHER_ENDPOINT: &str = "s3.eu-north-1.amazonaws.com";
const GARBAGE: &[u8] = b"\x00\xff<Error<Code>>{\"status\": \"ok\"}";
const HTML: &[u8] = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";
