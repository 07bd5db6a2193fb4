//! The state that a host keeps with the store.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::admin::StoredState;
use crate::checksum::{Crc, Sum};
use crate::client::call::STATE_BYTES_MAX;
use crate::error::Problem;
use crate::http::Body;

const GET: &str = "GET /bbb/_spillway/flow";
const PUT: &str = "PUT /bbb/_spillway/flow";

#[test]
fn state_is_read_with_its_version_and_age() {
    let mut harness = SinkHarness::new();
    harness.handle(load());
    assert_eq!(harness.next_request(), GET);
    harness.complete(Ok(Response {
        status: 200,
        headers: vec![
            ("ETag".into(), "\"v1\"".into()),
            ("Date".into(), "Fri, 24 May 2013 00:01:00 GMT".into()),
            ("Last-Modified".into(), "Fri, 24 May 2013 00:00:00 GMT".into()),
        ],
        // It looks like an error document, and is what the host has stored.
        body: "<Error><Code>NoSuchKey</Code></Error>".into(),
    }));
    let state = StoredState {
        bytes: "<Error><Code>NoSuchKey</Code></Error>".into(),
        version: "\"v1\"".to_owned(),
        age: Some(Duration::from_secs(60)),
    };
    assert_eq!(harness.reply(), Ok(Reply::Loaded(Some(state))));
}

#[test]
fn only_a_store_that_says_so_has_no_state() {
    let loaded = |answer| {
        let mut harness = SinkHarness::new();
        harness.handle(load());
        harness.respond_to(GET, answer);
        harness.reply()
    };
    assert_eq!(loaded(error(404, "NoSuchKey")), Ok(Reply::Loaded(None)));
    assert!(matches!(loaded(error(403, "AccessDenied")), Err(Error::Denied(text))
        if text.ends_with("allowed s3:GetObject on arn:aws:s3:::bbb/_spillway/flow")));
    assert!(matches!(loaded(error(404, "NoSuchBucket")), Err(Error::Denied(_))));
    assert!(matches!(loaded((404, "<html>".to_owned())), Err(Error::Denied(_))));
    assert!(matches!(loaded(error(503, "SlowDown")), Err(Error::Unavailable(_))));
    // A login page has no ETag.
    assert!(loaded((200, "<html>".to_owned())).is_err());
}

#[test]
fn state_is_replaced_where_it_is_the_expected_one() {
    for (expected, condition) in
        [(None, ("if-none-match", "*")), (Some("\"v1\""), ("if-match", "\"v1\""))]
    {
        let mut harness = SinkHarness::with(
            r#", "storage_class": "GLACIER_IR", "server_side_encryption": "AES256""#,
        );
        harness.handle(store("bytes", expected));
        let (_, request) = harness.requests.front().expect("a request");
        let header = |name: &str| request.headers.iter().find(|(n, _)| n == name);
        assert_eq!(header(condition.0).map(|(_, value)| value.as_str()), Some(condition.1));
        assert!(header("x-amz-checksum-crc64nvme").is_some());
        assert!(header("x-amz-server-side-encryption").is_some(), "it holds events");
        assert!(header("x-amz-storage-class").is_none(), "it is read again");
        assert_eq!(request.body.to_vec(), b"bytes");
        written(&mut harness, "\"v2\"");
        assert_eq!(harness.reply(), stored("\"v2\""));
    }
}

/// The attempt may have been carried out, and its response was lost; or it was made twice, and the
/// second found what the first had stored.
#[test]
fn a_write_in_doubt_is_settled_by_what_is_stored() {
    let lost = Err(TransportError::Broken("reset".to_owned()));
    let (status, body) = error(412, "PreconditionFailed");
    let refused = Ok(Response { status, body: body.into(), ..Response::default() });
    for (outcome, expected) in
        [(&lost, None), (&lost, Some("\"v1\"")), (&refused, None), (&refused, Some("\"v1\""))]
    {
        let doubted = |found: Option<(&str, &str)>| {
            let mut harness = SinkHarness::new();
            harness.handle(store("mine", expected));
            assert_eq!(harness.next_request(), PUT);
            harness.complete(outcome.clone());
            match found {
                Some((bytes, etag)) => read(&mut harness, bytes, etag),
                None => harness.respond_to(GET, error(404, "NoSuchKey")),
            }
            harness.reply()
        };
        assert_eq!(doubted(Some(("mine", "\"v2\""))), stored("\"v2\""));
        assert!(matches!(doubted(Some(("other", "\"v2\""))), Err(Error::Conflict(_))));
        assert!(matches!(doubted(Some(("mine and more", "\"v2\""))), Err(Error::Conflict(_))));
        match expected {
            // Nothing is stored, so nothing has happened.
            None => assert!(!matches!(doubted(None), Ok(_) | Err(Error::Conflict(_)))),
            Some(_) => assert!(matches!(doubted(None), Err(Error::Conflict(_)))),
        }
    }
}

#[test]
fn a_refused_write_is_a_conflict_if_another_has_written() {
    let refused = |answer| {
        let mut harness = SinkHarness::new();
        harness.handle(store("mine", Some("\"v1\"")));
        harness.respond_to(PUT, answer);
        read(&mut harness, "other", "\"v7\"");
        harness.reply()
    };
    let text = "`_spillway/flow` was replaced by another writer: its ETag is \"v7\", not \"v1\"";
    let conflict = Err(Error::Conflict(text.to_owned()));
    assert_eq!(refused(error(412, "PreconditionFailed")), conflict);
    // S3 answers so where the object was removed.
    assert_eq!(refused(error(404, "NoSuchKey")), conflict);
}

/// A response whose content was changed on its way says nothing of what is stored.
#[test]
fn content_that_was_changed_on_its_way_is_no_conflict() {
    let answers = |harness: &mut SinkHarness, content: &'static str| {
        assert_eq!(harness.next_request(), GET);
        let (_, request) = harness.requests.front().expect("a request");
        let mode = ("x-amz-checksum-mode".into(), "ENABLED".to_owned());
        assert!(request.headers.contains(&mode));
        let sum = Sum::of(Crc::Crc64Nvme, &Body::from(b"mine".to_vec())).s3();
        let sum = (sum.algorithm.header_name().to_owned(), sum.value);
        let headers = vec![("ETag".to_owned(), "\"v2\"".to_owned()), sum];
        harness.complete(Ok(Response { status: 200, headers, body: content.into() }));
        harness.reply()
    };
    let doubted = |content| {
        let mut harness = SinkHarness::new();
        harness.handle(store("mine", Some("\"v1\"")));
        harness.complete(Err(TransportError::Timeout("no answer".to_owned())));
        answers(&mut harness, content)
    };
    assert_eq!(doubted("mine"), stored("\"v2\""));
    for content in ["", " mine", "min"] {
        assert!(matches!(doubted(content), Err(Error::Unavailable(_))), "{content:?}");
        let mut harness = SinkHarness::new();
        harness.handle(load());
        assert!(matches!(answers(&mut harness, content), Err(Error::Unavailable(_))));
    }
}

/// What is stored is still what was expected, so nothing has happened.
#[test]
fn a_write_without_effect_may_be_made_again() {
    let mut harness = SinkHarness::new();
    harness.handle(store("mine", Some("\"v1\"")));
    harness.complete(Err(TransportError::Timeout("no answer".to_owned())));
    read(&mut harness, "before", "\"v1\"");
    assert!(matches!(harness.reply(), Err(Error::Unavailable(_))));
    harness.handle(store("mine", Some("\"v1\"")));
    harness.complete(Err(TransportError::Timeout("no answer".to_owned())));
    harness.respond_to(GET, error(500, "InternalError"));
    assert!(matches!(harness.reply(), Err(Error::Unavailable(_))), "it cannot be told");
    harness.handle(store("mine", Some("\"v1\"")));
    written(&mut harness, "\"v2\"");
    assert_eq!(harness.reply(), stored("\"v2\""));
}

#[test]
fn the_version_is_looked_up_where_the_store_does_not_name_it() {
    let mut harness = SinkHarness::new();
    harness.handle(store("mine", None));
    let headers = vec![("x-amz-request-id".to_owned(), "1".to_owned())];
    harness.complete(Ok(Response { status: 200, headers, ..Response::default() }));
    read(&mut harness, "mine", "\"v1\"");
    assert_eq!(harness.reply(), stored("\"v1\""));
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let mut harness = SinkHarness::new();
    let name = "a/../b".to_owned();
    harness.handle(Input::StoreState { name, bytes: Bytes::new(), expected: None });
    assert!(
        matches!(harness.reply(), Err(Error::Invalid(problems)) if problems[0].field == "name")
    );
    let bytes = Bytes::from(vec![0; STATE_BYTES_MAX + 1]);
    harness.handle(Input::StoreState { name: "a".to_owned(), bytes, expected: None });
    let problem = Problem::new("bytes", "1140850689 bytes; the limit is 1140850688");
    assert_eq!(harness.reply(), Err(Error::Invalid(vec![problem])));
}

#[test]
fn a_store_that_evaluates_conditions_is_told_from_one_that_does_not() {
    let refusal = || error(412, "PreconditionFailed");
    // There is state.
    let mut harness = SinkHarness::new();
    harness.handle(check());
    read(&mut harness, "state", "\"v1\"");
    for condition in ["if-match", "if-none-match"] {
        let (_, request) = harness.requests.front().expect("a request");
        assert!(request.headers.iter().any(|(name, _)| name == condition));
        assert_eq!(request.body.to_vec(), b"state", "nothing else may be stored");
        harness.respond_to(PUT, refusal());
    }
    assert_eq!(harness.reply(), Ok(Reply::Compares));
    for ignored in 0..2 {
        harness.handle(check());
        read(&mut harness, "state", "\"v1\"");
        (0..ignored).for_each(|_| harness.respond_to(PUT, refusal()));
        written(&mut harness, "\"v2\"");
        let Err(Error::Unsupported(text)) = harness.reply() else { panic!("{ignored}") };
        assert!(text.contains(["`If-Match`", "`If-None-Match`"][ignored]), "{text}");
    }
    // There is none.
    harness.handle(check());
    harness.respond_to(GET, error(404, "NoSuchKey"));
    harness.respond_to(PUT, error(404, "NoSuchKey"));
    assert_eq!(harness.reply(), Ok(Reply::Compares));
    harness.handle(check());
    harness.respond_to(GET, error(404, "NoSuchKey"));
    harness.respond_to(PUT, error(501, "NotImplemented"));
    assert!(matches!(harness.reply(), Err(Error::Unsupported(_))));
    // It cannot be read, so nothing is tried.
    harness.handle(check());
    harness.respond_to(GET, error(403, "AccessDenied"));
    assert!(matches!(harness.reply(), Err(Error::Denied(_))));
}

#[test]
fn no_event_is_stored_where_hosts_keep_state() {
    let mut harness = SinkHarness::new();
    harness.sink.handle(harness.now, Input::Events(harness.run("_spillway/flow", "x")));
    match harness.sink.poll() {
        Some(crate::sink::Output::Rejected { reason, .. }) => assert_eq!(
            reason,
            "the object's name is below `_spillway/`, which `state_prefix` reserves"
        ),
        other => panic!("{other:?}"),
    }
}

fn load() -> Input {
    Input::LoadState { name: "flow".to_owned() }
}

fn check() -> Input {
    Input::CheckState { name: "flow".to_owned() }
}

fn store(bytes: &'static str, expected: Option<&str>) -> Input {
    let expected = expected.map(str::to_owned);
    Input::StoreState { name: "flow".to_owned(), bytes: bytes.into(), expected }
}

fn stored(version: &str) -> Result<Reply, Error> {
    Ok(Reply::Stored { version: version.to_owned() })
}

fn written(harness: &mut SinkHarness, etag: &str) {
    assert_eq!(harness.next_request(), PUT);
    let headers = vec![("ETag".to_owned(), etag.to_owned())];
    harness.complete(Ok(Response { status: 200, headers, ..Response::default() }));
}

fn read(harness: &mut SinkHarness, bytes: &str, etag: &str) {
    assert_eq!(harness.next_request(), GET);
    let headers = vec![("ETag".to_owned(), etag.to_owned())];
    let body = bytes.to_owned().into();
    harness.complete(Ok(Response { status: 200, headers, body }));
}
