//! Checking whether the bucket can be written.

use super::*;

/// The path of the test object, whose name depends on the sink's seed.
fn path(harness: &SinkHarness) -> String {
    let next = harness.next_request();
    let path = next.strip_prefix("POST ").and_then(|next| next.strip_suffix("?uploads="));
    let path = path.unwrap_or_else(|| panic!("{next}"));
    assert!(path.starts_with("/bbb/spillway-check-"), "{path}");
    path.to_owned()
}

#[test]
fn an_upload_is_begun_and_ended() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::Check);
    let path = path(&harness);
    assert!(!harness.sink.has_reply());
    harness.respond(created("u"));
    harness.respond_to(&format!("DELETE {path}?uploadId=u"), aborted());
    assert_eq!(harness.reply(), Ok(Reply::Writable));
    assert_eq!((harness.sink.left(), harness.notices()), (0, vec![]));
    assert!(harness.sink.is_settled());
}

#[test]
fn it_says_of_itself_what_uploads_say() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::Check);
    harness.begin_upload("a");
    let names = |request: &Request| -> Vec<_> {
        request.headers.iter().map(|(name, _)| name.to_string()).collect()
    };
    let [(_, probe), (_, upload)] = harness.requests.make_contiguous() else {
        panic!("two requests")
    };
    assert_eq!(names(probe), names(upload));
    assert!(names(probe).contains(&"x-amz-checksum-algorithm".to_owned()));
}

#[test]
fn its_name_is_one_that_may_be_written() {
    let mut harness = SinkHarness::with(r#", "prefix": "logs/", "key_template": "new/{key}""#);
    harness.handle(Input::Check);
    assert!(
        harness.next_request().starts_with("POST /bbb/logs/new/spillway-check-"),
        "{}",
        harness.next_request()
    );
    let long = "é".repeat(511);
    let mut harness = SinkHarness::with(&format!(r#", "prefix": "{long}""#));
    harness.handle(Input::Check);
    assert!(harness.next_request().ends_with("%C3%A9sp?uploads="), "{}", harness.next_request());
}

#[test]
fn two_checks_do_not_meet() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::Check);
    let first = path(&harness);
    harness.respond(error(404, "NoSuchBucket"));
    assert!(harness.reply().is_err());
    harness.handle(Input::Check);
    assert_ne!(path(&harness), first);
}

#[test]
fn what_is_refused_is_explained() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::Check);
    harness.respond(error(403, "AccessDenied"));
    let Err(Error::Denied(text)) = harness.reply() else { panic!("it may not write") };
    assert!(text.starts_with("the credentials do not allow to write: Create"), "{text}");
    assert!(text.contains("allowed s3:PutObject on arn:aws:s3:::bbb/spillway-check-"), "{text}");
}

#[test]
fn what_cannot_be_ended_is_named_and_remembered() {
    for (answer, is_denied) in [(error(403, "AccessDenied"), true), (error(500, "Oops"), false)] {
        let mut harness = SinkHarness::new();
        harness.handle(Input::Check);
        harness.respond(created("the-id"));
        harness.respond(answer);
        let error = harness.reply().expect_err("something is left");
        let text = error.to_string();
        assert_eq!(matches!(error, Error::Denied(_)), is_denied, "{text}");
        assert!(
            text.starts_with("uploads can be begun in the bucket, but not aborted: "),
            "{text}"
        );
        assert!(text.contains("the upload the-id stays"), "{text}");
        if is_denied {
            assert!(
                text.contains("s3:AbortMultipartUpload on arn:aws:s3:::bbb/spillway"),
                "{text}"
            );
        }
        assert_eq!((harness.sink.left(), harness.sink.counters().incomplete.aborts_failed), (1, 1));
        harness.handle(Input::RetryAborts);
        assert!(harness.next_request().ends_with("?uploadId=the-id"), "it is tried again");
        harness.respond(aborted());
        assert_eq!(harness.sink.left(), 0);
    }
}

#[test]
fn one_whose_id_is_lost_may_be_left() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::Check);
    harness.complete(Err(TransportError::Timeout("no answer".to_owned())));
    let Err(Error::Unavailable(text)) = harness.reply() else { panic!("nobody knows") };
    assert!(text.starts_with("the store does not answer: "), "{text}");
    assert_eq!(harness.sink.left(), 1);
    let notices = harness.notices();
    assert!(notices[0].contains("may have been left behind"), "{notices:?}");
}

#[test]
fn one_that_is_gone_already_is_ended() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::Check);
    harness.respond(created("u"));
    harness.respond(error(404, "NoSuchUpload"));
    assert_eq!(harness.reply(), Ok(Reply::Writable));
}

#[test]
fn without_credentials_there_is_nothing_to_ask() {
    let mut harness = SinkHarness::new();
    harness.has_credentials = false;
    harness.handle(Input::Check);
    let wanted = "no credentials are configured: no key".to_owned();
    assert_eq!(harness.reply(), Err(Error::Denied(wanted)));
}

#[test]
fn without_credentials_for_its_end_an_upload_is_remembered() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::Check);
    harness.begin_upload("a");
    let (exchange, _) = harness.requests.pop_back().expect("of the upload");
    harness.has_credentials = false;
    let body = error(400, "ExpiredToken").1.into();
    let outcome = Ok(Response { status: 400, headers: vec![], body });
    harness.handle(Input::Answer { exchange, outcome });
    assert!(!harness.sink.has_reply(), "its request is under way");
    harness.respond(created("u"));
    let text = harness.reply().expect_err("it is not ended").to_string();
    assert!(text.contains("no credentials are configured"), "{text}");
    assert_eq!(harness.sink.left_uploads()[0].upload_id.as_deref(), Some("u"));
}
