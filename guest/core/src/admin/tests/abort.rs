//! Aborting one upload.

use super::*;

fn discard(talk: &mut Talk, name: &str, upload_id: &str) {
    let (name, upload_id) = (name.to_owned(), upload_id.to_owned());
    talk.tell(Input::AbortUpload { name, upload_id });
}

#[test]
fn it_is_aborted_and_looked_for() {
    let mut talk = Talk::new();
    discard(&mut talk, "a/b", "u+1");
    talk.hears("DELETE /bbb/a/b?uploadId=u%2B1", aborted());
    talk.hears("GET /bbb/a/b?uploadId=u%2B1", error(404, "NoSuchUpload"));
    assert_eq!(talk.reply(), Ok(Reply::Gone));
}

#[test]
fn what_is_gone_already_is_gone() {
    for gone in [error(404, "NoSuchUpload"), (404, String::new())] {
        let mut talk = Talk::new();
        discard(&mut talk, "a", "u");
        talk.says(gone);
        assert_eq!(talk.reply(), Ok(Reply::Gone));
    }
}

#[test]
fn parts_that_come_late_are_aborted_again() {
    let mut talk = Talk::new();
    discard(&mut talk, "a", "u");
    talk.hears("DELETE /bbb/a?uploadId=u", aborted());
    talk.hears("GET /bbb/a?uploadId=u", parts(&[7], None));
    talk.hears("DELETE /bbb/a?uploadId=u", aborted());
    // Some stores list an aborted upload for a while.
    talk.hears("GET /bbb/a?uploadId=u", parts(&[], None));
    assert_eq!(talk.reply(), Ok(Reply::Gone));
}

#[test]
fn one_to_which_parts_keep_coming_is_given_up() {
    let mut talk = Talk::new();
    discard(&mut talk, "a", "u");
    for number in 1..=3 {
        talk.hears("DELETE /bbb/a?uploadId=u", aborted());
        talk.hears("GET /bbb/a?uploadId=u", parts(&[number], None));
    }
    let Err(Error::Unavailable(text)) = talk.reply() else { panic!("it is not gone") };
    assert!(text.contains("aborted 3 times, and still has parts"), "{text}");
}

#[test]
fn who_may_not_look_has_aborted_it_all_the_same() {
    let mut talk = Talk::new();
    discard(&mut talk, "a", "u");
    talk.says(aborted());
    talk.says(error(403, "AccessDenied"));
    assert_eq!(talk.reply(), Ok(Reply::Gone));
    let notices = talk.notices();
    assert!(notices[0].contains("is aborted, but whether a part came too late"), "{notices:?}");
    assert!(
        notices[0].contains("s3:ListMultipartUploadParts on arn:aws:s3:::bbb/a"),
        "{notices:?}"
    );
}

#[test]
fn who_may_not_abort_is_told() {
    let mut talk = Talk::new();
    discard(&mut talk, "a", "u");
    talk.says(error(403, "AccessDenied"));
    let Err(Error::Denied(text)) = talk.reply() else { panic!("it is not gone") };
    assert!(text.contains("s3:AbortMultipartUpload on arn:aws:s3:::bbb/a"), "{text}");
}

/// Without an upload id, the request would delete the object.
#[test]
fn what_names_no_upload_is_never_asked() {
    for (name, id, field) in [("", "u", "object-key"), ("a", "", "id")] {
        let mut talk = Talk::new();
        discard(&mut talk, name, id);
        let Err(Error::Invalid(problems)) = talk.reply() else { panic!("{name:?} {id:?}") };
        assert_eq!(problems[0].field, field);
    }
}

#[test]
fn what_is_not_below_the_prefix_is_not_ours_to_end() {
    let mut talk = Talk::with(r#", "prefix": "logs/""#);
    discard(&mut talk, "other/a", "u");
    let Err(Error::Invalid(problems)) = talk.reply() else { panic!("it is elsewhere") };
    assert_eq!(problems[0].message, "`other/a` is not below `logs/`, where this sink writes");
    discard(&mut talk, "logs/a", "u");
    talk.hears("DELETE /bbb/logs/a?uploadId=u", error(404, "NoSuchUpload"));
}

#[test]
fn one_that_is_in_use_is_refused() {
    let mut talk = Talk::new();
    talk.begin_upload("a");
    // Its id is not known yet, so it may be any upload.
    let (exchange, _) = talk.asked.pop_front().expect("CreateMultipartUpload");
    assert!(is_refused(&mut talk, "a", "mine"));
    assert!(!is_refused(&mut talk, "b", "mine"));
    let body = created("mine").1.into();
    let outcome = Ok(Response { status: 200, headers: vec![], body });
    talk.tell(Input::Answer { exchange, outcome });
    let (exchange, part) = talk.asked.pop_front().expect("UploadPart");
    assert_eq!(part.path_and_query, "/bbb/a?partNumber=1&uploadId=mine");
    assert!(is_refused(&mut talk, "a", "mine"));
    assert!(!is_refused(&mut talk, "a", "another"));
    // The object fails, and its upload is being aborted.
    let body = error(403, "AccessDenied").1.into();
    talk.tell(Input::Answer {
        exchange,
        outcome: Ok(Response { status: 403, headers: vec![], body }),
    });
    let (exchange, abort) = talk.asked.pop_front().expect("AbortMultipartUpload");
    assert_eq!(abort.method.as_str(), "DELETE");
    assert!(is_refused(&mut talk, "a", "mine"));
    // The abort is deferred. Then an administrative call may abort it, and it is forgotten.
    let body = error(500, "InternalError").1.into();
    talk.tell(Input::Answer {
        exchange,
        outcome: Ok(Response { status: 500, headers: vec![], body }),
    });
    assert_eq!(talk.sink.left(), 1);
    assert!(!is_refused(&mut talk, "a", "mine"));
    assert_eq!(talk.sink.left(), 0);
}

/// Tries to abort an upload. The store answers that it was aborted.
fn is_refused(talk: &mut Talk, name: &str, id: &str) -> bool {
    discard(talk, name, id);
    if let Some(reply) = talk.sink.take_reply() {
        let Err(Error::Invalid(problems)) = reply else { panic!("{reply:?}") };
        assert!(problems[0].message.contains("is in use by this sink"), "{problems:?}");
        return true;
    }
    talk.hears(&format!("DELETE /bbb/{name}?uploadId={id}"), error(404, "NoSuchUpload"));
    assert_eq!(talk.reply(), Ok(Reply::Gone));
    false
}
