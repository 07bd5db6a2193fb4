//! Classify, decide: what an answer means, and what is done about it. Both are pure functions.

use std::fmt;
use std::time::Duration;

use crate::http::Response;
use crate::s3::{Completion, ErrorBody};
use crate::settings::RetrySettings;
use crate::upload::Operation;

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
    /// The connection ended before the answer did, or something came that is not HTTP.
    Broken(String),
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
        }
    }
}

/// An attempt's outcome, sorted by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// The store did what was asked.
    Done,
    /// It may well go better the next time.
    Transient,
    /// The store asked to be spared for a while.
    Throttled,
    /// The credentials are no longer good, others may be.
    Expired,
    /// The store does not know the upload.
    NoSuchUpload,
    /// Nothing will change until somebody changes something.
    Refused,
    /// The endpoint cannot be reached, and will not be until somebody changes something.
    Unreachable,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request is done.
    Proceed,
    /// The same request again, signed afresh, after this long.
    Retry(Duration),
    /// Fresh credentials first, then the same request again.
    Refresh,
    /// The object fails.
    Fail,
}

/// An attempt's outcome with what is needed to explain it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What kind of outcome it is.
    pub class: Class,
    /// The status, and 0 where there was no answer.
    pub status: u16,
    /// What the store, or the transport, said.
    pub error: Option<ErrorBody>,
    /// Why there was no answer.
    pub transport: Option<TransportError>,
    /// How long the store asked to wait.
    pub retry_after: Option<Duration>,
}

/// Sorts one attempt's outcome. A success whose body is an error is an error:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
pub fn classify(operation: Operation, outcome: &Result<Response, TransportError>) -> Verdict {
    let response = match outcome {
        Ok(response) => response,
        Err(transport) => {
            let class = match transport {
                TransportError::Denied | TransportError::Tls(_) => Class::Unreachable,
                _ => Class::Transient,
            };
            let transport = Some(transport.clone());
            return Verdict { class, status: 0, error: None, transport, retry_after: None };
        }
    };
    let error = ErrorBody::parse(&response.body);
    let code = error.as_ref().map(|e| e.code.as_str()).unwrap_or_default();
    let whole = match operation {
        Operation::CompleteMultipartUpload => Completion::parse(response).is_ok(),
        _ => true,
    };
    let class = match (response.status, code) {
        (200..=299, "") if error.is_none() && whole => Class::Done,
        (_, "SlowDown" | "Throttling" | "TooManyRequests" | "RequestLimitExceeded") => {
            Class::Throttled
        }
        (_, "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired") => Class::Expired,
        // What was to be ended is over.
        (_, "NoSuchUpload") if operation == Operation::AbortMultipartUpload => Class::Done,
        (_, "NoSuchUpload") => Class::NoSuchUpload,
        (_, "RequestTimeout" | "InternalError" | "OperationAborted" | "ServiceUnavailable") => {
            Class::Transient
        }
        (429 | 503, _) => Class::Throttled,
        (200..=299 | 408 | 499 | 500..=599, _) => Class::Transient,
        _ => Class::Refused,
    };
    let retry_after = retry_after(response);
    Verdict { class, status: response.status, error, transport: None, retry_after }
}

/// What is done about an outcome after `attempts` attempts; `jitter` is drawn evenly from 0 to 1.
pub fn decide(verdict: &Verdict, attempts: u32, policy: &RetrySettings, jitter: f64) -> Decision {
    match verdict.class {
        Class::Done => Decision::Proceed,
        Class::Refused | Class::Unreachable | Class::NoSuchUpload => Decision::Fail,
        _ if attempts >= policy.attempts_max => Decision::Fail,
        Class::Expired => Decision::Refresh,
        Class::Transient => Decision::Retry(wait(verdict, attempts, policy, jitter, 1)),
        Class::Throttled => {
            Decision::Retry(wait(verdict, attempts, policy, jitter, THROTTLED_FACTOR))
        }
    }
}

/// Full jitter over an exponential ceiling, and never less than the store asked for:
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
fn wait(
    verdict: &Verdict,
    attempts: u32,
    policy: &RetrySettings,
    jitter: f64,
    factor: u32,
) -> Duration {
    let doublings = attempts.saturating_sub(1).min(DOUBLINGS_MAX);
    let ceiling = policy.backoff_base.saturating_mul(factor << doublings).min(policy.backoff_max);
    let asked = verdict.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    ceiling.mul_f64(jitter).max(asked)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let millis = response.header("x-amz-retry-after").and_then(|v| v.trim().parse().ok());
    let seconds = response.header("retry-after").and_then(|v| v.trim().parse().ok());
    millis.map(Duration::from_millis).or(seconds.map(Duration::from_secs))
}

/// Throttling wants a longer pause than a blip.
const THROTTLED_FACTOR: u32 = 10;
/// Keeps the shift in range; the ceiling is reached long before.
const DOUBLINGS_MAX: u32 = 20;
/// A server may not put the sink to sleep for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetrySettings = RetrySettings {
        attempts_max: 3,
        backoff_base: Duration::from_millis(100),
        backoff_max: Duration::from_secs(2),
    };

    const PART: Operation = Operation::UploadPart(1);

    fn answer(status: u16, code: &str) -> Result<Response, TransportError> {
        let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        let body = if code.is_empty() { String::new() } else { body };
        Ok(Response { status, headers: vec![], body: body.into() })
    }

    #[test]
    fn answers_are_sorted_by_what_can_be_done() {
        let cases = [
            (answer(200, ""), Class::Done),
            (answer(204, ""), Class::Done),
            (answer(200, "InternalError"), Class::Transient),
            (answer(200, "SlowDown"), Class::Throttled),
            (answer(400, "RequestTimeout"), Class::Transient),
            (answer(400, "ExpiredToken"), Class::Expired),
            (answer(400, "InvalidPart"), Class::Refused),
            (answer(403, "AccessDenied"), Class::Refused),
            (answer(404, "NoSuchUpload"), Class::NoSuchUpload),
            (answer(404, "NoSuchBucket"), Class::Refused),
            (answer(409, "OperationAborted"), Class::Transient),
            (answer(429, ""), Class::Throttled),
            (answer(503, "SlowDown"), Class::Throttled),
            (answer(502, ""), Class::Transient),
            (Err(TransportError::Denied), Class::Unreachable),
            (Err(TransportError::Tls(String::new())), Class::Unreachable),
            (Err(TransportError::Timeout(String::new())), Class::Transient),
        ];
        for (outcome, class) in cases {
            assert_eq!(classify(PART, &outcome).class, class, "{outcome:?}");
        }
    }

    #[test]
    fn a_complete_that_says_neither_yes_nor_no_is_no_yes() {
        for body in ["", "<html>", "<CompleteMultipartUploadResult><ETag>", "  <Error>"] {
            let response = Response { status: 200, headers: vec![], body: body.into() };
            let class = classify(Operation::CompleteMultipartUpload, &Ok(response)).class;
            assert_eq!(class, Class::Transient, "{body}");
        }
    }

    #[test]
    fn attempts_run_out() {
        let verdict = classify(PART, &answer(500, ""));
        assert!(matches!(decide(&verdict, 2, &POLICY, 0.5), Decision::Retry(_)));
        assert_eq!(decide(&verdict, 3, &POLICY, 0.5), Decision::Fail);
    }

    #[test]
    fn waits_double_up_to_a_limit_and_heed_the_store() {
        let blip = classify(PART, &answer(500, ""));
        let wait = |verdict: &Verdict, attempts| match decide(verdict, attempts, &policy(50), 1.0) {
            Decision::Retry(wait) => wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(&blip, 1), Duration::from_millis(100));
        assert_eq!(wait(&blip, 3), Duration::from_millis(400));
        assert_eq!(wait(&blip, 40), Duration::from_secs(2));
        assert_eq!(wait(&classify(PART, &answer(503, "")), 1), Duration::from_secs(1));
        let mut slow = answer(503, "").expect("an answer");
        slow.headers.push(("Retry-After".into(), "7".into()));
        assert_eq!(wait(&classify(PART, &Ok(slow.clone())), 1), Duration::from_secs(7));
        slow.headers.push(("x-amz-retry-after".into(), "9500".into()));
        assert_eq!(wait(&classify(PART, &Ok(slow)), 1), Duration::from_millis(9500));
    }

    fn policy(attempts_max: u32) -> RetrySettings {
        RetrySettings { attempts_max, ..POLICY }
    }
}
