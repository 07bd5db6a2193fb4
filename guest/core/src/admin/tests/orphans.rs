//! Orphaned uploads, which are looked for when a checkpoint is resumed.

use super::*;
use crate::incomplete::LeftUpload;

const KEEP: &str = r#", "commit": "checkpointed", "max_open_objects": 4, "on_existing": "fail""#;
const ABORT: &str = r#", "commit": "checkpointed", "orphans": "abort", "prefix": "p/""#;

/// A sink that was resumed from a checkpoint of the 24th. The checkpoint contains one upload,
/// `known`.
fn resumed(more: &str) -> Talk {
    let mut talk = Talk::with(more);
    talk.begin_upload("own");
    talk.says(created("known"));
    talk.comes(stored());
    talk.tell(Input::Prepare);
    let state = talk.sink.checkpoint();
    let mut talk = Talk::resume_looking(more, &state).expect("its own state");
    talk.tell(Input::Tick);
    talk
}

fn stored() -> Result<Response, TransportError> {
    let headers = vec![("ETag".to_owned(), "\"e\"".to_owned())];
    Ok(Response { status: 200, headers, body: "".into() })
}

fn left(talk: &Talk) -> Vec<(String, Option<String>)> {
    let pair = |LeftUpload { name, upload_id }| (name, upload_id);
    talk.sink.left_uploads().into_iter().map(pair).collect()
}

#[test]
fn what_was_begun_after_the_checkpoint_is_named_and_ended_when_its_name_is_written_again() {
    let mut talk = resumed(KEEP);
    let list = [("a", "old", "23"), ("a", "1", "24"), ("a", "2", "24"), ("own", "known", "24")];
    talk.says(uploads(&list, None));
    assert_eq!(talk.reply(), Ok(Reply::Looked));
    let notices = talk.notices();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices[0].contains("the upload 1 of `a`"), "{notices:?}");
    assert_eq!(
        (left(&talk).len(), talk.sink.left(), talk.sink.counters().incomplete.orphans),
        (2, 2, 2)
    );
    talk.begin_upload("b");
    talk.hears("POST /bbb/b?uploads=", created("3"));
    talk.comes(stored());
    assert!(talk.asked.is_empty(), "that is another name");
    talk.begin_upload("a");
    talk.hears("POST /bbb/a?uploads=", created("4"));
    talk.hears("DELETE /bbb/a?uploadId=1", aborted());
    talk.hears("DELETE /bbb/a?uploadId=2", error(404, "NoSuchUpload"));
    assert_eq!((talk.sink.left(), talk.sink.counters().incomplete.orphans_aborted), (0, 2));
}

#[test]
fn on_a_prefix_of_its_own_all_are_ended_at_once() {
    let mut talk = resumed(ABORT);
    let list = [("p/a", "old", "20"), ("p/a", "1", "24"), ("p/own", "known", "24")];
    talk.hears("GET /bbb?encoding-type=url&prefix=p%2F&uploads=", uploads(&list, None));
    talk.hears("DELETE /bbb/p/a?uploadId=old", aborted());
    talk.hears("DELETE /bbb/p/a?uploadId=1", aborted());
    assert_eq!(talk.reply(), Ok(Reply::Looked));
    assert_eq!((talk.notices().len(), talk.sink.left()), (2, 0));
    assert_eq!(talk.sink.counters().incomplete.orphans_aborted, 2);
}

#[test]
fn an_upload_whose_id_nobody_was_told_is_looked_for_by_its_name() {
    let mut talk = Talk::with(KEEP);
    talk.begin_upload("lost");
    talk.comes(Err(TransportError::Timeout("no answer".to_owned())));
    talk.tell(Input::Prepare);
    let state = talk.sink.checkpoint();
    let mut talk = Talk::resume_looking(KEEP, &state).expect("its own state");
    talk.tell(Input::Tick);
    talk.says(uploads(&[("lost", "1", "20"), ("other", "2", "20")], None));
    assert_eq!(left(&talk), [("lost".to_owned(), Some("1".to_owned()))]);
}

#[test]
fn where_it_is_not_allowed_to_look_the_flow_goes_on() {
    let mut talk = resumed(KEEP);
    talk.says(error(403, "AccessDenied"));
    assert_eq!(talk.reply(), Ok(Reply::Looked));
    let [notice] = &talk.notices()[..] else { panic!("one notice") };
    assert!(notice.contains("cannot be looked for") && notice.contains("lifecycle"), "{notice}");
}

#[test]
fn what_a_checkpoint_knows_is_in_use() {
    let mut talk = resumed(KEEP);
    talk.says(uploads(&[], None));
    assert_eq!(talk.reply(), Ok(Reply::Looked));
    talk.tell(Input::AbortUpload { name: "own".to_owned(), upload_id: "known".to_owned() });
    assert!(matches!(talk.reply(), Err(Error::Invalid(_))));
    // The abort fails, so the upload stays until the next resume.
    talk.tell(Input::Abort);
    assert!(talk.asked.is_empty() && talk.sink.is_settled());
    talk.tell(Input::IncompleteUploads);
    talk.says(uploads(&[("own", "known", "24")], None));
    assert_eq!(talk.list(), []);
    // The next checkpoint does not contain it, so it is aborted.
    talk.tell(Input::Prepare);
    talk.sink.checkpoint();
    talk.tell(Input::Commit);
    talk.hears("DELETE /bbb/own?uploadId=known", aborted());
}

/// The list returns a thousand uploads. The others are found after the next resume.
#[test]
fn where_there_are_too_many_the_next_life_looks_again() {
    let mut talk = resumed(KEEP);
    let names: Vec<String> = (0..1_001).map(|n| format!("{n:04}")).collect();
    let list: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_str(), "24")).collect();
    talk.says(uploads(&list, None));
    assert_eq!((talk.reply(), talk.sink.left()), (Ok(Reply::Looked), 1_000));
    let notices = talk.notices();
    assert!(
        notices.last().is_some_and(|n| n.starts_with("1000 uploads are unknown")),
        "{notices:?}"
    );
    talk.tell(Input::Prepare);
    let state = talk.sink.checkpoint();
    let mut talk = Talk::resume_looking(KEEP, &state).expect("its own state");
    talk.tell(Input::Tick);
    talk.says(uploads(&[("1000", "1000", "24"), ("a", "older", "20")], None));
    assert_eq!(left(&talk), [("1000".to_owned(), Some("1000".to_owned()))]);
}
