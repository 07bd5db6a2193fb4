//! Classifies the outcome of an attempt: one pure function.

use std::time::Duration;

use super::answer::Answer;
use super::clock::Flight;
use super::verdict::{Class, Said, TransportError, Verdict};
use crate::http::Response;
use crate::quote::{Quote, one_line};
use crate::s3::{ErrorBody, Meaning, Operation, bucket_region, is_region, meaning};
use crate::time::Timestamp;

/// Classifies the outcome of an attempt. A success status with an error document is an error. A
/// success status with a body of neither kind is not a success:
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
    // The content of an object is no error document, whatever it looks like.
    let is_content = operation == Operation::GetObject && response.is_success();
    let error = if is_content { None } else { ErrorBody::parse(&response.body) };
    let read = match error {
        None if response.is_success() => Some(Answer::parse(operation, response)),
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
        // S3 names the target in its error document, and often nowhere else.
        location: header("location")
            .filter(|_| is_redirect)
            .or_else(|| error.and_then(|error| error.endpoint.as_deref()).map(one_line)),
        missing,
    }
}

/// Whether the request may have taken effect. It has not if the store refused or throttled it.
/// Otherwise it may have, if the response is a success or a server error that does not tell.
fn is_doubtful(response: &Response, error: Option<&ErrorBody>, class: Class) -> bool {
    matches!(response.status, 200..=299 | 500..=599)
        && !matches!(class, Class::Done | Class::Refused)
        && !error.is_some_and(|error| meaning(&error.code) == Some(Meaning::Throttled))
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
    // Some stores report a wrong clock as such, others as a wrong signature.
    let may_be_skewed = matches!(meaning(code), Some(Meaning::Clock | Meaning::Signature));
    if may_be_skewed || (code.is_empty() && response.status == 403) {
        return flight.correction(response).map_or(Class::Refused, Class::Skewed);
    }
    match response.status {
        404 if meaning(code) == Some(Meaning::NoSuchKey) => Class::NotFound,
        404 if operation == Operation::HeadObject => Class::NotFound,
        // A web page with status 404 is not an answer of a store.
        404 if operation.is_of_upload() && code.is_empty() && response.is_blank() => {
            Class::NoSuchUpload
        }
        301 | 307 => Class::WrongRegion,
        // Responses to HEAD have no error document. These are the usual causes.
        400 if operation == Operation::HeadObject && names_region(response) => Class::WrongRegion,
        400 if operation == Operation::HeadObject => Class::Expired,
        429 | 503 => Class::Throttled,
        200..=299 if error.is_none() => Class::Garbled,
        // A retry gets the same status: not implemented, unsupported HTTP version, network login
        // required.
        501 | 505 | 511 => Class::Refused,
        200..=299 | 408 | 499 | 500..=599 => Class::Transient,
        412 => Class::Exists,
        _ => Class::Refused,
    }
}

/// The class of an error code, whatever the status.
fn by_code(code: &str) -> Option<Class> {
    Some(match meaning(code)? {
        Meaning::Throttled => Class::Throttled,
        Meaning::Transient => Class::Transient,
        Meaning::Expired => Class::Expired,
        Meaning::WrongRegion => Class::WrongRegion,
        Meaning::NoSuchUpload => Class::NoSuchUpload,
        Meaning::InvalidPart => Class::InvalidPart,
        Meaning::Conflict => Class::Conflict,
        Meaning::Exists => Class::Exists,
        Meaning::NotImplemented => Class::Refused,
        _ => return None,
    })
}

fn names_region(response: &Response) -> bool {
    region(response, None).is_some()
}

/// The region that the response names, if it is valid. It becomes part of signatures.
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

#[cfg(test)]
mod tests;
