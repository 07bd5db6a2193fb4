//! Orphaned uploads, which are looked for when a checkpoint is resumed.

use super::*;
use crate::incomplete::LeftUpload;

const KEEP: &str = r#", "commit": "checkpointed", "max_open_objects": 4, "on_existing": "fail""#;
const ABORT: &str = r#", "commit": "checkpointed", "orphans": "abort", "prefix": "p/",
    "on_existing": "overwrite""#;

/// A sink that was resumed from a checkpoint of the 24th. The checkpoint contains one upload,
/// `known`.
fn resumed(more: &str) -> SinkHarness {
    let mut harness = SinkHarness::with(more);
    harness.begin_upload("own");
    harness.respond(created("known"));
    harness.complete(stored());
    harness.handle(Input::Prepare);
    let state = harness.sink.checkpoint();
    let mut harness = SinkHarness::resume_looking(more, &state).expect("its own state");
    harness.handle(Input::Tick);
    harness
}

fn stored() -> Result<Response, TransportError> {
    let headers = vec![("ETag".to_owned(), "\"e\"".to_owned())];
    Ok(Response { status: 200, headers, body: "".into() })
}

fn left(harness: &SinkHarness) -> Vec<(String, Option<String>)> {
    let pair = |LeftUpload { object_key, upload_id }| (object_key, upload_id);
    harness.sink.left_uploads().into_iter().map(pair).collect()
}

#[test]
fn what_was_begun_after_the_checkpoint_is_named_and_ended_when_its_name_is_written_again() {
    let mut harness = resumed(KEEP);
    let list = [("a", "old", "23"), ("a", "1", "24"), ("a", "2", "24"), ("own", "known", "24")];
    harness.respond(uploads(&list, None));
    assert_eq!(harness.reply(), Ok(Reply::Looked));
    let notices = harness.notices();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices[0].contains("the upload 1 of `a`"), "{notices:?}");
    assert_eq!(
        (left(&harness).len(), harness.sink.left(), harness.sink.counters().incomplete.orphans),
        (2, 2, 2)
    );
    harness.begin_upload("b");
    harness.respond_to("POST /bbb/b?uploads=", created("3"));
    harness.complete(stored());
    assert!(harness.requests.is_empty(), "that is another name");
    harness.begin_upload("a");
    harness.respond_to("POST /bbb/a?uploads=", created("4"));
    harness.respond_to("DELETE /bbb/a?uploadId=1", aborted());
    harness.respond_to("DELETE /bbb/a?uploadId=2", error(404, "NoSuchUpload"));
    assert_eq!((harness.sink.left(), harness.sink.counters().incomplete.orphans_aborted), (0, 2));
}

#[test]
fn on_a_prefix_of_its_own_all_are_ended_at_once() {
    let mut harness = resumed(ABORT);
    let list = [("p/a", "old", "20"), ("p/a", "1", "24"), ("p/own", "known", "24")];
    harness.respond_to("GET /bbb?encoding-type=url&prefix=p%2F&uploads=", uploads(&list, None));
    harness.respond_to("DELETE /bbb/p/a?uploadId=old", aborted());
    harness.respond_to("DELETE /bbb/p/a?uploadId=1", aborted());
    assert_eq!(harness.reply(), Ok(Reply::Looked));
    assert_eq!((harness.notices().len(), harness.sink.left()), (2, 0));
    assert_eq!(harness.sink.counters().incomplete.orphans_aborted, 2);
}

#[test]
fn an_upload_whose_id_nobody_was_told_is_looked_for_by_its_name() {
    let mut harness = SinkHarness::with(KEEP);
    harness.begin_upload("lost");
    harness.complete(Err(TransportError::Timeout("no answer".to_owned())));
    harness.handle(Input::Prepare);
    let state = harness.sink.checkpoint();
    let mut harness = SinkHarness::resume_looking(KEEP, &state).expect("its own state");
    harness.handle(Input::Tick);
    harness.respond(uploads(&[("lost", "1", "20"), ("other", "2", "20")], None));
    assert_eq!(left(&harness), [("lost".to_owned(), Some("1".to_owned()))]);
}

#[test]
fn where_it_is_not_allowed_to_look_the_flow_goes_on() {
    let mut harness = resumed(KEEP);
    harness.respond(error(403, "AccessDenied"));
    assert_eq!(harness.reply(), Ok(Reply::Looked));
    let [notice] = &harness.notices()[..] else { panic!("one notice") };
    assert!(notice.contains("cannot be looked for") && notice.contains("lifecycle"), "{notice}");
}

#[test]
fn what_a_checkpoint_knows_is_in_use() {
    let mut harness = resumed(KEEP);
    harness.respond(uploads(&[], None));
    assert_eq!(harness.reply(), Ok(Reply::Looked));
    harness
        .handle(Input::AbortUpload { object_key: "own".to_owned(), upload_id: "known".to_owned() });
    assert!(matches!(harness.reply(), Err(Error::Invalid(_))));
    // The abort fails, so the upload stays until the next resume.
    harness.handle(Input::Abort);
    assert!(harness.requests.is_empty() && harness.sink.is_settled());
    harness.handle(Input::IncompleteUploads);
    harness.respond(uploads(&[("own", "known", "24")], None));
    assert_eq!(harness.list(), []);
    // The next checkpoint does not contain it, so it is aborted.
    harness.handle(Input::Prepare);
    harness.sink.checkpoint();
    harness.handle(Input::Commit);
    harness.respond_to("DELETE /bbb/own?uploadId=known", aborted());
}

/// The list returns a thousand uploads. The others are found after the next resume.
#[test]
fn where_there_are_too_many_the_next_life_looks_again() {
    let mut harness = resumed(KEEP);
    let names: Vec<String> = (0..1_001).map(|n| format!("{n:04}")).collect();
    let list: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_str(), "24")).collect();
    harness.respond(uploads(&list, None));
    assert_eq!((harness.reply(), harness.sink.left()), (Ok(Reply::Looked), 1_000));
    let notices = harness.notices();
    assert!(
        notices.last().is_some_and(|n| n.starts_with("1000 uploads are unknown")),
        "{notices:?}"
    );
    harness.handle(Input::Prepare);
    let state = harness.sink.checkpoint();
    let mut harness = SinkHarness::resume_looking(KEEP, &state).expect("its own state");
    harness.handle(Input::Tick);
    harness.respond(uploads(&[("1000", "1000", "24"), ("a", "older", "20")], None));
    assert_eq!(left(&harness), [("1000".to_owned(), Some("1000".to_owned()))]);
}
