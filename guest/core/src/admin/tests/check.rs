//! Checking whether the bucket can be written.

use super::*;

/// The path of the test object, whose name depends on the sink's seed.
fn path(talk: &Talk) -> String {
    let next = talk.next();
    let path = next.strip_prefix("POST ").and_then(|next| next.strip_suffix("?uploads="));
    let path = path.unwrap_or_else(|| panic!("{next}"));
    assert!(path.starts_with("/bbb/spillway-check-"), "{path}");
    path.to_owned()
}

#[test]
fn an_upload_is_begun_and_ended() {
    let mut talk = Talk::new();
    talk.tell(Input::Check);
    let path = path(&talk);
    assert!(!talk.sink.has_reply());
    talk.says(created("u"));
    talk.hears(&format!("DELETE {path}?uploadId=u"), aborted());
    assert_eq!(talk.reply(), Ok(Reply::Writable));
    assert_eq!((talk.sink.left(), talk.notices()), (0, vec![]));
    assert!(talk.sink.is_settled());
}

#[test]
fn it_says_of_itself_what_uploads_say() {
    let mut talk = Talk::new();
    talk.tell(Input::Check);
    talk.begin_upload("a");
    let names = |request: &Request| -> Vec<_> {
        request.headers.iter().map(|(name, _)| name.to_string()).collect()
    };
    let [(_, probe), (_, upload)] = talk.asked.make_contiguous() else { panic!("two requests") };
    assert_eq!(names(probe), names(upload));
    assert!(names(probe).contains(&"x-amz-checksum-algorithm".to_owned()));
}

#[test]
fn its_name_is_one_that_may_be_written() {
    let mut talk = Talk::with(r#", "prefix": "logs/", "key_template": "new/{key}""#);
    talk.tell(Input::Check);
    assert!(talk.next().starts_with("POST /bbb/logs/new/spillway-check-"), "{}", talk.next());
    let long = "é".repeat(511);
    let mut talk = Talk::with(&format!(r#", "prefix": "{long}""#));
    talk.tell(Input::Check);
    assert!(talk.next().ends_with("%C3%A9sp?uploads="), "{}", talk.next());
}

#[test]
fn two_checks_do_not_meet() {
    let mut talk = Talk::new();
    talk.tell(Input::Check);
    let first = path(&talk);
    talk.says(error(404, "NoSuchBucket"));
    assert!(talk.reply().is_err());
    talk.tell(Input::Check);
    assert_ne!(path(&talk), first);
}

#[test]
fn what_is_refused_is_explained() {
    let mut talk = Talk::new();
    talk.tell(Input::Check);
    talk.says(error(403, "AccessDenied"));
    let Err(Error::Denied(text)) = talk.reply() else { panic!("it may not write") };
    assert!(text.starts_with("the credentials do not allow to write: Create"), "{text}");
    assert!(text.contains("allowed s3:PutObject on arn:aws:s3:::bbb/spillway-check-"), "{text}");
}

#[test]
fn what_cannot_be_ended_is_named_and_remembered() {
    for (answer, is_denied) in [(error(403, "AccessDenied"), true), (error(500, "Oops"), false)] {
        let mut talk = Talk::new();
        talk.tell(Input::Check);
        talk.says(created("the-id"));
        talk.says(answer);
        let error = talk.reply().expect_err("something is left");
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
        assert_eq!((talk.sink.left(), talk.sink.counters().incomplete.aborts_failed), (1, 1));
        talk.tell(Input::RetryAborts);
        assert!(talk.next().ends_with("?uploadId=the-id"), "it is tried again");
        talk.says(aborted());
        assert_eq!(talk.sink.left(), 0);
    }
}

#[test]
fn one_whose_id_is_lost_may_be_left() {
    let mut talk = Talk::new();
    talk.tell(Input::Check);
    talk.comes(Err(TransportError::Timeout("no answer".to_owned())));
    let Err(Error::Unavailable(text)) = talk.reply() else { panic!("nobody knows") };
    assert!(text.starts_with("the store does not answer: "), "{text}");
    assert_eq!(talk.sink.left(), 1);
    let notices = talk.notices();
    assert!(notices[0].contains("may have been left behind"), "{notices:?}");
}

#[test]
fn one_that_is_gone_already_is_ended() {
    let mut talk = Talk::new();
    talk.tell(Input::Check);
    talk.says(created("u"));
    talk.says(error(404, "NoSuchUpload"));
    assert_eq!(talk.reply(), Ok(Reply::Writable));
}

#[test]
fn without_credentials_there_is_nothing_to_ask() {
    let mut talk = Talk::new();
    talk.has_credentials = false;
    talk.tell(Input::Check);
    let wanted = "no credentials are configured: no key".to_owned();
    assert_eq!(talk.reply(), Err(Error::Denied(wanted)));
}

#[test]
fn without_credentials_for_its_end_an_upload_is_remembered() {
    let mut talk = Talk::new();
    talk.tell(Input::Check);
    talk.begin_upload("a");
    let (exchange, _) = talk.asked.pop_back().expect("of the upload");
    talk.has_credentials = false;
    let body = error(400, "ExpiredToken").1.into();
    let outcome = Ok(Response { status: 400, headers: vec![], body });
    talk.tell(Input::Answer { exchange, outcome });
    assert!(!talk.sink.has_reply(), "its request is under way");
    talk.says(created("u"));
    let text = talk.reply().expect_err("it is not ended").to_string();
    assert!(text.contains("no credentials are configured"), "{text}");
    assert_eq!(talk.sink.left_uploads()[0].upload_id.as_deref(), Some("u"));
}
