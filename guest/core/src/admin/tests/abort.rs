//! Aborting one upload.

use super::*;

fn abort(harness: &mut SinkHarness, object_key: &str, upload_id: &str) {
    let (object_key, upload_id) = (object_key.to_owned(), upload_id.to_owned());
    harness.handle(Input::AbortUpload { object_key, upload_id });
}

#[test]
fn it_is_aborted_and_looked_for() {
    let mut harness = SinkHarness::new();
    abort(&mut harness, "a/b", "u+1");
    harness.respond_to("DELETE /bbb/a/b?uploadId=u%2B1", aborted());
    harness.respond_to("GET /bbb/a/b?uploadId=u%2B1", error(404, "NoSuchUpload"));
    assert_eq!(harness.reply(), Ok(Reply::Gone));
}

#[test]
fn what_is_gone_already_is_gone() {
    for gone in [error(404, "NoSuchUpload"), (404, String::new())] {
        let mut harness = SinkHarness::new();
        abort(&mut harness, "a", "u");
        harness.respond(gone);
        assert_eq!(harness.reply(), Ok(Reply::Gone));
    }
}

#[test]
fn parts_that_come_late_are_aborted_again() {
    let mut harness = SinkHarness::new();
    abort(&mut harness, "a", "u");
    harness.respond_to("DELETE /bbb/a?uploadId=u", aborted());
    harness.respond_to("GET /bbb/a?uploadId=u", parts(&[7], None));
    harness.respond_to("DELETE /bbb/a?uploadId=u", aborted());
    // Some stores list an aborted upload for a while.
    harness.respond_to("GET /bbb/a?uploadId=u", parts(&[], None));
    assert_eq!(harness.reply(), Ok(Reply::Gone));
}

#[test]
fn one_to_which_parts_keep_coming_is_given_up() {
    let mut harness = SinkHarness::new();
    abort(&mut harness, "a", "u");
    for number in 1..=3 {
        harness.respond_to("DELETE /bbb/a?uploadId=u", aborted());
        harness.respond_to("GET /bbb/a?uploadId=u", parts(&[number], None));
    }
    let Err(Error::Unavailable(text)) = harness.reply() else { panic!("it is not gone") };
    assert!(text.contains("aborted 3 times, and still has parts"), "{text}");
}

#[test]
fn who_may_not_look_has_aborted_it_all_the_same() {
    let mut harness = SinkHarness::new();
    abort(&mut harness, "a", "u");
    harness.respond(aborted());
    harness.respond(error(403, "AccessDenied"));
    assert_eq!(harness.reply(), Ok(Reply::Gone));
    let notices = harness.notices();
    assert!(notices[0].contains("is aborted, but whether a part came too late"), "{notices:?}");
    assert!(
        notices[0].contains("s3:ListMultipartUploadParts on arn:aws:s3:::bbb/a"),
        "{notices:?}"
    );
}

#[test]
fn who_may_not_abort_is_told() {
    let mut harness = SinkHarness::new();
    abort(&mut harness, "a", "u");
    harness.respond(error(403, "AccessDenied"));
    let Err(Error::Denied(text)) = harness.reply() else { panic!("it is not gone") };
    assert!(text.contains("s3:AbortMultipartUpload on arn:aws:s3:::bbb/a"), "{text}");
}

/// Without an upload id, the request would delete the object.
#[test]
fn what_names_no_upload_is_never_asked() {
    for (name, id, field) in [("", "u", "object-key"), ("a", "", "id")] {
        let mut harness = SinkHarness::new();
        abort(&mut harness, name, id);
        let Err(Error::Invalid(problems)) = harness.reply() else { panic!("{name:?} {id:?}") };
        assert_eq!(problems[0].field, field);
    }
}

#[test]
fn what_is_not_below_the_prefix_is_not_ours_to_end() {
    let mut harness = SinkHarness::with(r#", "prefix": "logs/""#);
    abort(&mut harness, "other/a", "u");
    let Err(Error::Invalid(problems)) = harness.reply() else { panic!("it is elsewhere") };
    assert_eq!(problems[0].message, "`other/a` is not below `logs/`, where this sink writes");
    abort(&mut harness, "logs/a", "u");
    harness.respond_to("DELETE /bbb/logs/a?uploadId=u", error(404, "NoSuchUpload"));
}

#[test]
fn one_that_is_in_use_is_refused() {
    let mut harness = SinkHarness::new();
    harness.begin_upload("a");
    // Its id is not known yet, so it may be any upload.
    let (exchange, _) = harness.requests.pop_front().expect("CreateMultipartUpload");
    assert!(is_refused(&mut harness, "a", "mine"));
    assert!(!is_refused(&mut harness, "b", "mine"));
    let body = created("mine").1.into();
    let outcome = Ok(Response { status: 200, headers: vec![], body });
    harness.handle(Input::Answer { exchange, outcome });
    let (exchange, part) = harness.requests.pop_front().expect("UploadPart");
    assert_eq!(part.path_and_query, "/bbb/a?partNumber=1&uploadId=mine");
    assert!(is_refused(&mut harness, "a", "mine"));
    assert!(!is_refused(&mut harness, "a", "another"));
    // The object fails, and its upload is being aborted.
    let body = error(403, "AccessDenied").1.into();
    harness.handle(Input::Answer {
        exchange,
        outcome: Ok(Response { status: 403, headers: vec![], body }),
    });
    let (exchange, abort) = harness.requests.pop_front().expect("AbortMultipartUpload");
    assert_eq!(abort.method.as_str(), "DELETE");
    assert!(is_refused(&mut harness, "a", "mine"));
    // The abort is deferred. Then an administrative call may abort it, and it is forgotten.
    let body = error(500, "InternalError").1.into();
    harness.handle(Input::Answer {
        exchange,
        outcome: Ok(Response { status: 500, headers: vec![], body }),
    });
    assert_eq!(harness.sink.left(), 1);
    assert!(!is_refused(&mut harness, "a", "mine"));
    assert_eq!(harness.sink.left(), 0);
}

/// Tries to abort an upload. The store answers that it was aborted.
fn is_refused(harness: &mut SinkHarness, name: &str, id: &str) -> bool {
    abort(harness, name, id);
    if let Some(reply) = harness.sink.take_reply() {
        let Err(Error::Invalid(problems)) = reply else { panic!("{reply:?}") };
        assert!(problems[0].message.contains("is in use by this sink"), "{problems:?}");
        return true;
    }
    harness.respond_to(&format!("DELETE /bbb/{name}?uploadId={id}"), error(404, "NoSuchUpload"));
    assert_eq!(harness.reply(), Ok(Reply::Gone));
    false
}
