//! Answers: nothing that a server writes makes the core panic, or take for a success what is none.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use spillway_core::http::Response;
use spillway_core::internals::{Budget, Decision, Flight, History, Offset, classify, decide};
use spillway_core::s3::{
    Completion, CreateMultipartUploadResult, ErrorBody, GetObjectResult, HeadObjectResult,
    ListMultipartUploadsResult, ListPartsResult, Operation, bucket_region, part_etag,
};
use spillway_core::settings::RetrySettings;
use spillway_core::{Class, Timestamp};

// An answer as HTTP has it: a line with the status, headers, an empty line, the body.
fuzz_target!(|data: &[u8]| {
    let response = response(data);
    let (error, completion) = (ErrorBody::parse(&response.body), Completion::parse(&response));
    assert_eq!(error.is_some(), matches!(completion, Ok(Completion::Failed(_))));
    if let Some(error) = &error {
        bounded(error);
    }
    for operation in Operation::ALL {
        for flight in flights() {
            classified(operation, &response, &flight);
        }
    }
    read(&response);
    for cut in [1, response.body.len() / 2, response.body.len().saturating_sub(1)] {
        broken_off(&response, cut);
    }
});

fn response(data: &[u8]) -> Response {
    let mut rest = data;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = rest.get(end + 1..).unwrap_or_default();
        line
    };
    let status = line().trim().parse().unwrap_or(200);
    let mut headers = Vec::new();
    while let Some((name, value)) = line().split_once(':') {
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Response { status, headers, body: rest.to_vec().into() }
}

fn classified(operation: Operation, response: &Response, flight: &Flight) {
    // The content of an object is no error, whatever it looks like.
    let is_content = operation == Operation::GetObject && response.is_success();
    let error = ErrorBody::parse(&response.body).filter(|_| !is_content);
    let verdict = classify(operation, &Ok(response.clone()), flight);
    let done = verdict.class == Class::Done;
    let says_what_it_must = match operation {
        Operation::CompleteMultipartUpload => {
            matches!(Completion::parse(response), Ok(Completion::Completed(_)))
        }
        Operation::CreateMultipartUpload => CreateMultipartUploadResult::parse(response).is_ok(),
        Operation::UploadPart(_) => part_etag(response).is_ok() && is_blank(response),
        Operation::HeadObject => HeadObjectResult::parse(response).is_ok(),
        Operation::PutObject => is_of_s3(response) && is_blank(response),
        Operation::AbortMultipartUpload => is_blank(response),
        Operation::ListMultipartUploads => ListMultipartUploadsResult::parse(response).is_ok(),
        Operation::ListParts => ListPartsResult::parse(response).is_ok(),
        // Content with a checksum is compared with it, which is tested elsewhere.
        Operation::GetObject => {
            GetObjectResult::parse(response).is_ok_and(|object| done || object.checksums.is_empty())
        }
    };
    let expected = response.is_success() && error.is_none() && says_what_it_must;
    assert_eq!(done, expected, "{operation:?} {verdict:?}");
    assert_eq!(done, verdict.answer.is_some(), "{operation:?} {verdict:?}");
    let doubtful = response.is_success() || (500..600).contains(&response.status);
    let is_throttled = verdict.class == Class::Throttled && error.is_some();
    let is_refused = verdict.class == Class::Refused;
    if !is_throttled {
        assert_eq!(verdict.maybe_done, doubtful && !done && !is_refused, "{verdict:?}");
    }
    assert_eq!((verdict.status, &verdict.error), (response.status, &error));
    let signable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    assert!(verdict.region.iter().all(|r| !r.is_empty() && r.chars().all(signable)), "{verdict:?}");
    if let Class::Skewed(offset) = verdict.class {
        assert!(offset.0.abs_diff(flight.offset.0) > 200_000_000_000, "{offset:?}");
    }

    let history = History { attempts: 1, maybe_done: verdict.maybe_done, ..History::default() };
    for jitter in [0.0, 0.5, 0.999] {
        let decision = decide(operation, &verdict, &history, &POLICY, &Budget::new(500), jitter);
        let asks_for_the_end =
            matches!(operation, Operation::AbortMultipartUpload | Operation::ListParts);
        let is_over = asks_for_the_end && verdict.class == Class::NoSuchUpload;
        assert_eq!(decision == Decision::Proceed, done || is_over, "{verdict:?}");
        if let Decision::Retry(wait) = decision {
            let asked = verdict.retry_after.unwrap_or_default();
            assert!(
                wait >= asked.min(Duration::from_secs(1)) && wait < Duration::from_secs(86_400)
            );
        }
    }
}

/// Whether an answer has an ETag, or another header of S3 where a store has no ETag to give.
fn is_of_s3(response: &Response) -> bool {
    let mut names = response.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    let has_etag = response.header("etag").is_some_and(|etag| !etag.trim().is_empty());
    has_etag || names.any(|name| name.starts_with("x-amz-"))
}

/// Whether an answer has no page that would be somebody else's.
fn is_blank(response: &Response) -> bool {
    response.body.trim_ascii().is_empty()
}

/// What is read of an answer can be used.
fn read(response: &Response) {
    if let Ok(created) = CreateMultipartUploadResult::parse(response) {
        assert!(!created.upload_id.is_empty());
    }
    if let Ok(page) = ListMultipartUploadsResult::parse(response) {
        assert!(page.uploads.iter().all(|u| !u.key.is_empty() && !u.upload_id.is_empty()));
        assert!(page.next.is_none_or(|next| !next.key.is_empty()));
    }
    if let Ok(page) = ListPartsResult::parse(response) {
        assert!(page.parts.iter().all(|part| !part.etag.is_empty()));
    }
    if let Ok(object) = HeadObjectResult::parse(response) {
        assert!(object.metadata.iter().all(|(name, _)| *name == name.to_ascii_lowercase()));
    }
    assert!(bucket_region(response).is_none_or(|region| !region.is_empty()));
    assert!(part_etag(response).is_ok_and(|etag| !etag.is_empty()) || part_etag(response).is_err());
    for value in response.headers.iter().map(|(_, value)| value) {
        for time in [Timestamp::parse_http_date(value), Timestamp::parse_iso8601(value)] {
            let Some(time) = time else { continue };
            let second = Timestamp(time.0 - time.0 % 1_000_000_000);
            assert_eq!(Timestamp::parse_iso8601(&second.iso8601()), Some(second), "{value}");
        }
    }
}

/// The beginning of an answer never says more than the whole, and never anything else.
fn broken_off(response: &Response, cut: usize) {
    let half = response.body.slice(..cut.min(response.body.len()));
    let half = Response { body: half, ..response.clone() };
    if let Ok(Completion::Completed(early)) = Completion::parse(&half) {
        assert_eq!(Completion::parse(response), Ok(Completion::Completed(early)));
    }
    if let Some(early) = ErrorBody::parse(&half.body) {
        let whole = ErrorBody::parse(&response.body).expect("it began as an error");
        let kept = |early: &str, whole: &str| early.is_empty() || early == whole;
        assert!(kept(&early.code, &whole.code), "{early:?} {whole:?}");
        assert!(kept(&early.message, &whole.message), "{early:?} {whole:?}");
        assert!(early.region.is_none() || early.region == whole.region, "{early:?} {whole:?}");
    }
}

fn bounded(error: &ErrorBody) {
    let ErrorBody { code, message, region, endpoint, resource, request_id, host_id, .. } = error;
    let others = [region, endpoint, resource, request_id, host_id, &error.argument];
    let texts = others.into_iter().flatten();
    assert!(texts.chain([code, message]).all(|text| text.len() <= TEXT_BYTES_MAX));
    // A control character of one byte is shown as `\u{1}`, or with one digit more.
    assert!(format!("{error:?}").len() <= 8 * 6 * TEXT_BYTES_MAX + 1_000);
}

/// An attempt of which nothing is known, one of the time that the seeds are from, and one that was
/// signed with a clock found wrong before.
fn flights() -> [Flight; 3] {
    let (sent, received) = (Timestamp(MAY_24), Timestamp(MAY_24 + 1_000_000_000));
    let late = Flight { sent, received, offset: Offset(0) };
    [Flight::default(), late, Flight { offset: Offset(3_600_000_000_000), ..late }]
}

const POLICY: RetrySettings = RetrySettings {
    attempts_max: 5,
    time_max: Duration::from_secs(600),
    budget: 500,
    backoff_base: Duration::from_millis(100),
    backoff_max: Duration::from_secs(20),
};
const TEXT_BYTES_MAX: usize = 1024;
/// Fri, 24 May 2013 00:00:00 GMT
const MAY_24: u64 = 1_369_353_600_000_000_000;
