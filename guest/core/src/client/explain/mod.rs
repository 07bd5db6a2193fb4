//! Messages: what was requested, what the store answered, and what to check.

mod advice;

use std::time::Duration;

use crate::client::retry::{History, Spent};
use crate::client::verdict::{Class, Said, Verdict};
use crate::credentials::CredentialsError;
use crate::error::Error;
use crate::quote::Quote;
use crate::s3::Operation;
use crate::settings::{RetrySettings, Settings};

pub use advice::NO_TLS;

/// The subject of a request.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The object's name. For a list, the prefix of names.
    pub(crate) name: &'a str,
    /// The operation.
    pub(crate) operation: Operation,
}

/// Describes one attempt and its outcome.
pub(crate) fn attempt(settings: &Settings, subject: &Subject, verdict: &Verdict) -> String {
    format!("{}: {}", request(settings, subject), outcome(verdict))
}

/// Describes why a request failed. `spent` is the limit that prevented a retry, if a retry might
/// have helped.
pub(crate) fn failure(
    settings: &Settings,
    subject: &Subject,
    history: &History,
    spent: Option<Spent>,
    verdict: &Verdict,
) -> Error {
    let mut text = attempt(settings, subject, verdict);
    if let Some(advice) = advice::of(settings, subject, verdict) {
        text = format!("{text}; {advice}");
    }
    match verdict.class {
        Class::Transient | Class::Stale | Class::Throttled | Class::Garbled | Class::Conflict => {
            Error::Unavailable(text + &gave_up(settings, history, spent, verdict.retry_after))
        }
        Class::NoSuchUpload => Error::Unavailable(text),
        _ => Error::Denied(text),
    }
}

/// Describes after how many attempts a request failed, and names the field that limits them.
/// `asked` is the delay that the store requested.
fn gave_up(
    settings: &Settings,
    history: &History,
    spent: Option<Spent>,
    asked: Option<Duration>,
) -> String {
    let attempts = match history.attempts {
        0 | 1 => "1 attempt".to_owned(),
        attempts => format!("{attempts} attempts"),
    };
    let (retry, seconds) = (&settings.client.retry, history.elapsed.as_secs());
    let limit = match spent {
        Some(Spent::Attempts) => format!(": `attempts_max` is {}", retry.attempts_max),
        Some(Spent::Budget) => format!(": `retry_budget`, which is {}, is spent", retry.budget),
        Some(Spent::Time) => {
            let asked = asked.filter(|_| history.elapsed < retry.time_max).unwrap_or_default();
            let asks = match asked.as_secs() {
                0 => String::new(),
                asked => format!(", and the store asks to wait {asked} s"),
            };
            // An administrative call has a shorter limit than `retry_time_max_ms`.
            let limit = match history.elapsed.saturating_add(asked) >= retry.time_max {
                true => format!(": `retry_time_max_ms` is {}", retry.time_max.as_millis()),
                false => String::new(),
            };
            format!(" in {seconds} s{asks}{limit}")
        }
        None if history.attempts < 2 => return String::new(),
        None => String::new(),
    };
    format!(" (gave up after {attempts}{limit})")
}

/// Describes an outage of the store, and how long requests wait for it according to `policy`.
pub(crate) fn away(settings: &Settings, policy: &RetrySettings, attempt: &str) -> String {
    let often = match policy.attempts_max {
        0 => String::new(),
        max => format!(", {max} times at most"),
    };
    let (what, by) = if policy.time_max == settings.client.retry.time_max {
        ("each request", " (`retry_time_max_ms`)")
    } else {
        ("it", "")
    };
    let seconds = policy.time_max.as_secs();
    format!(
        "waiting for the store: {attempt}; {what} is tried again for up to {seconds} s{by}{often}"
    )
}

/// The error if there are no credentials.
pub(crate) fn credentials(error: &CredentialsError) -> Error {
    match error {
        CredentialsError::NotConfigured(text) => {
            Error::Denied(format!("no credentials are configured: {text}"))
        }
        CredentialsError::Failed(text) => {
            Error::Unavailable(format!("the credentials could not be loaded: {text}"))
        }
    }
}

fn request(settings: &Settings, subject: &Subject) -> String {
    let part = match subject.operation {
        Operation::UploadPart(number) => format!(" {number}"),
        _ => String::new(),
    };
    let address = &settings.store.address;
    let (scheme, authority) = (address.scheme.as_str(), &address.authority);
    let (bucket, object) = (&address.bucket, subject.name);
    let operation = subject.operation.name();
    format!("{operation}{part} s3://{bucket}/{object} at {scheme}://{authority}")
}

/// Describes the outcome of one attempt.
pub(crate) fn outcome(verdict: &Verdict) -> String {
    let Said { quote, server, location, missing } = &verdict.said;
    let mut text = match (&verdict.transport, &verdict.error) {
        (Some(transport), _) => return transport.to_string(),
        (None, Some(error)) => {
            let code = match error.code.as_str() {
                "" => format!("status {}", verdict.status),
                code => format!("{} {code}", verdict.status),
            };
            // The text continues after it.
            match error.message.trim_end_matches('.') {
                "" => code,
                message => format!("{code}: {message}"),
            }
        }
        (None, None) => format!("status {}", verdict.status),
    };
    if let Some(missing) = missing {
        text += &format!(" without {missing}");
    }
    match quote {
        Some(Quote { is_page: true, text: title }) => {
            text += &format!(", an HTML page: \"{title}\"")
        }
        Some(Quote { is_page: false, text: line }) => {
            text += &format!(", no answer of S3: \"{line}\"")
        }
        None => {}
    }
    if let Some(location) = location {
        text += &format!(", to {location}");
    }
    // The server's name tells nothing new if it answers like S3.
    if let Some(server) = server.as_ref().filter(|_| verdict.error.is_none()) {
        text += &format!(" (server: {server})");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::classify::classify;
    use crate::client::clock::Flight;
    use crate::client::verdict::TransportError;
    use crate::http::Response;

    fn explained(status: u16, code: &str) -> String {
        let settings = Settings::parse(r#"{"bucket": "bbb", "endpoint": "http://s3.test"}"#);
        let subject = Subject { name: "a/b", operation: Operation::UploadPart(3) };
        let body = format!("<Error><Code>{code}</Code><Message>Said so.</Message></Error>");
        let response = Response { status, headers: vec![], body: body.into() };
        let verdict = classify(subject.operation, &Ok(response), &Flight::default());
        let history = History { attempts: 2, ..History::default() };
        failure(&settings.unwrap(), &subject, &history, None, &verdict).to_string()
    }

    fn told(operation: Operation, status: u16, headers: &[(&str, &str)], body: &str) -> String {
        let headers = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        let response = Response { status, headers, body: body.to_owned().into() };
        outcome(&classify(operation, &Ok(response), &Flight::default()))
    }

    #[test]
    fn who_answered_in_the_place_of_a_store_is_quoted() {
        let put = |status, headers, body| told(Operation::PutObject, status, headers, body);
        let page = "<html><head><title>413 Too Large</title></head></html>";
        let said = put(413, &[("Server", "nginx")][..], page);
        assert_eq!(said, "status 413, an HTML page: \"413 Too Large\" (server: nginx)");
        let said = put(404, &[], "\n no route for this\n at all");
        assert_eq!(said, "status 404, no answer of S3: \"no route for this\"");
        let said = put(200, &[], "<!doctype html>\n<title>Console</title>");
        assert_eq!(said, "status 200 without ETag, an HTML page: \"Console\"");
        assert_eq!(put(200, &[], ""), "status 200 without ETag");
        let moved = [("Location", "https://sso.test/"), ("Server", "gate")];
        assert_eq!(put(302, &moved, ""), "status 302, to https://sso.test/ (server: gate)");
        let error = "<Error><Code>PermanentRedirect</Code><Endpoint>b.s3.test</Endpoint></Error>";
        assert_eq!(put(301, &[("Server", "s3")], error), "301 PermanentRedirect, to b.s3.test");
        let said = told(Operation::UploadPart(2), 200, &[], "");
        assert_eq!(said, "status 200 without ETag");
        let nameless = "<Error><Message>No.</Message></Error>";
        assert_eq!(put(403, &[], nameless), "status 403: No");
        assert_eq!(put(403, &[], "<Error><Code>"), "status 403");
        let broken =
            classify(Operation::PutObject, &Err(TransportError::NotHttp), &Flight::default());
        assert_eq!(outcome(&broken), "what came back is not HTTP");
    }

    #[test]
    fn the_limit_that_is_spent_is_named_with_its_value() {
        let config = r#"{"bucket": "bbb", "attempts_max": 7, "retry_budget": 40,
                         "retry_time_max_ms": 90000}"#;
        let settings = Settings::parse(config).expect("a configuration");
        let said = |attempts, seconds, spent| {
            let elapsed = Duration::from_secs(seconds);
            gave_up(&settings, &History { attempts, elapsed, ..History::default() }, spent, None)
        };
        let attempts = said(7, 5, Some(Spent::Attempts));
        assert_eq!(attempts, " (gave up after 7 attempts: `attempts_max` is 7)");
        let budget = said(1, 5, Some(Spent::Budget));
        assert_eq!(budget, " (gave up after 1 attempt: `retry_budget`, which is 40, is spent)");
        let time = said(6, 91, Some(Spent::Time));
        assert_eq!(time, " (gave up after 6 attempts in 91 s: `retry_time_max_ms` is 90000)");
        let person = said(6, 10, Some(Spent::Time));
        assert_eq!(person, " (gave up after 6 attempts in 10 s)", "a person waits");
        let asked = |seconds| {
            let history = History { attempts: 1, ..History::default() };
            let asked = Some(Duration::from_secs(seconds));
            gave_up(&settings, &history, Some(Spent::Time), asked)
        };
        let longer = " (gave up after 1 attempt in 0 s, and the store asks to wait 3600 s: \
                      `retry_time_max_ms` is 90000)";
        assert_eq!(asked(3600), longer);
        let person = " (gave up after 1 attempt in 0 s, and the store asks to wait 60 s)";
        assert_eq!(asked(60), person, "a person waits less than that");
        assert_eq!(
            (said(5, 1, None).as_str(), said(1, 1, None).as_str()),
            (" (gave up after 5 attempts)", "")
        );
    }

    #[test]
    fn a_failure_says_what_was_done_what_was_said_and_what_to_check() {
        assert_eq!(
            explained(403, "AccessDenied"),
            "UploadPart 3 s3://bbb/a/b at http://s3.test: 403 AccessDenied: Said so; check that \
             the credentials are allowed s3:PutObject on arn:aws:s3:::bbb/a/b"
        );
        assert!(
            explained(404, "NoSuchBucket")
                .ends_with("create the bucket `bbb`, or correct `bucket`")
        );
        assert!(explained(500, "InternalError").ends_with("Said so (gave up after 2 attempts)"));
    }
}
