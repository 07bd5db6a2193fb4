//! The list of incomplete uploads.

use super::*;

const FIRST: &str = "GET /bbb?encoding-type=url&uploads=";

fn ids(list: &[IncompleteUpload]) -> Vec<(&str, Option<u32>)> {
    list.iter().map(|upload| (upload.upload_id.as_str(), upload.parts)).collect()
}

#[test]
fn nothing_is_open() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    harness.respond_to(FIRST, uploads(&[], None));
    assert_eq!(harness.list(), []);
}

#[test]
fn pages_follow_one_another_and_the_oldest_comes_first() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    harness.respond_to(FIRST, uploads(&[("a", "3", "03"), ("b", "1", "01")], Some("b")));
    let next = "GET /bbb?encoding-type=url&key-marker=b&uploads=";
    harness.respond_to(next, uploads(&[("c", "2", "02"), ("d", "?", "never")], None));
    harness.respond_to("GET /bbb/b?uploadId=1", parts(&[1, 2], Some(2)));
    harness.respond_to("GET /bbb/c?uploadId=2", parts(&[], None));
    harness.respond_to("GET /bbb/a?uploadId=3", parts(&[5], None));
    harness.respond_to("GET /bbb/d?uploadId=%3F", parts(&[1], None));
    harness.respond_to("GET /bbb/b?part-number-marker=2&uploadId=1", parts(&[3], None));
    let list = harness.list();
    assert_eq!(ids(&list), [("1", Some(3)), ("2", Some(0)), ("3", Some(1)), ("?", Some(1))]);
    let begun: Vec<_> = list.iter().map(|upload| upload.begun).collect();
    let may = |day: u64| Some(Timestamp(NOW.0 - (24 - day) * 86_400_000_000_000));
    assert_eq!(begun, [may(1), may(2), may(3), None]);
    assert_eq!(list[0].object_key, "b");
    assert_eq!(harness.notices(), Vec::<String>::new());
}

#[test]
fn what_is_not_below_the_prefix_is_left_out() {
    let mut harness = SinkHarness::with(r#", "prefix": "logs/""#);
    harness.handle(Input::IncompleteUploads);
    let first = "GET /bbb?encoding-type=url&prefix=logs%2F&uploads=";
    // This store ignores the prefix.
    harness.respond_to(first, uploads(&[("logs/a", "1", "01"), ("other/a", "2", "01")], None));
    harness.respond(parts(&[], None));
    assert_eq!(ids(&harness.list()), [("1", Some(0))]);
}

#[test]
fn ages_are_by_this_machines_clock() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    let (status, body) = uploads(&[("a", "1", "24")], None);
    // The store's clock is an hour ahead of ours.
    let date = ("Date".to_owned(), "Fri, 24 May 2013 01:00:00 GMT".to_owned());
    harness.complete(Ok(Response { status, headers: vec![date], body: body.into() }));
    harness.respond(parts(&[], None));
    assert_eq!(harness.list()[0].begun, Some(Timestamp(NOW.0 - 3_600_000_000_000)));
}

#[test]
fn what_is_in_use_is_left_out() {
    let mut harness = SinkHarness::new();
    harness.begin_upload("mine");
    harness.respond(created("m"));
    harness.begin_upload("next");
    let of_uploads: Vec<_> = harness.requests.drain(..).collect();
    assert!(of_uploads.iter().any(|(_, request)| request.path_and_query == "/bbb/next?uploads="));
    harness.handle(Input::IncompleteUploads);
    let open =
        [("mine", "m", "01"), ("mine", "old", "01"), ("next", "n", "02"), ("other", "o", "03")];
    harness.respond_to(FIRST, uploads(&open, None));
    harness.respond(parts(&[1], None));
    harness.respond(parts(&[1], None));
    assert_eq!(ids(&harness.list()), [("old", Some(1)), ("o", Some(1))]);
}

#[test]
fn what_a_sink_could_not_abort_is_listed() {
    let mut harness = SinkHarness::new();
    harness.begin_upload("a");
    harness.respond(created("u"));
    harness.respond(error(403, "AccessDenied"));
    harness.respond_to("DELETE /bbb/a?uploadId=u", error(500, "InternalError"));
    harness.handle(Input::IncompleteUploads);
    harness.respond_to(FIRST, uploads(&[("a", "u", "01")], None));
    harness.respond(parts(&[1], None));
    assert_eq!(ids(&harness.list()), [("u", Some(1))]);
}

#[test]
fn one_that_ends_meanwhile_is_left_out() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    harness.respond(uploads(&[("a", "1", "01"), ("b", "2", "02")], None));
    harness.respond(error(404, "NoSuchUpload"));
    harness.respond(parts(&[], None));
    assert_eq!(ids(&harness.list()), [("2", Some(0))]);
    assert_eq!(harness.notices(), Vec::<String>::new());
}

#[test]
fn who_may_not_count_parts_is_told_once() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    let names: Vec<String> = (0..9).map(|n| n.to_string()).collect();
    let open: Vec<_> = names.iter().map(|n| ("a", n.as_str(), "01")).collect();
    harness.respond(uploads(&open, None));
    let asked = harness.requests.len();
    assert!(asked < open.len(), "so many at once");
    (0..asked).for_each(|_| harness.respond(error(403, "AccessDenied")));
    let list = harness.list();
    assert_eq!(list.len(), open.len());
    assert!(list.iter().all(|upload| upload.parts.is_none()));
    let notices = harness.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(
        notices[0].contains("s3:ListMultipartUploadParts on arn:aws:s3:::bbb/a"),
        "{notices:?}"
    );
}

#[test]
fn who_may_not_list_is_told() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    harness.respond(error(403, "AccessDenied"));
    let Err(Error::Denied(text)) = harness.reply() else { panic!("it may not") };
    let wanted = "allowed s3:ListBucketMultipartUploads on arn:aws:s3:::bbb";
    assert!(text.ends_with(wanted), "{text}");
}

#[test]
fn a_store_that_cannot_list_is_told_from_one_that_fails() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    harness.respond(error(501, "NotImplemented"));
    let Err(Error::Denied(text)) = harness.reply() else { panic!("it never will") };
    assert!(text.contains("this store does not tell which uploads are open"), "{text}");
    harness.handle(Input::IncompleteUploads);
    harness.respond(error(500, "InternalError"));
    assert!(matches!(harness.reply(), Err(Error::Unavailable(_))));
}

#[test]
fn a_list_that_goes_in_circles_ends() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    harness.respond(uploads(&[("a", "1", "01")], Some("a")));
    harness.respond(uploads(&[("a", "1", "01")], Some("a")));
    let Err(Error::Unavailable(text)) = harness.reply() else { panic!("it has no end") };
    assert!(text.contains("does not end"), "{text}");
    harness.handle(Input::IncompleteUploads);
    for page in 0.. {
        if harness.sink.has_reply() {
            assert_eq!(page, 1_000);
            break;
        }
        harness.respond(uploads(&[], Some(&page.to_string())));
    }
    assert!(matches!(harness.reply(), Err(Error::Unavailable(_))));
}

#[test]
fn parts_that_go_in_circles_are_not_counted() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    harness.respond(uploads(&[("a", "1", "01"), ("b", "2", "02")], None));
    harness.respond(parts(&[1], Some(1)));
    harness.respond(parts(&[1], Some(1)));
    harness.respond(parts(&[1], Some(1)));
    harness.respond(parts(&[2], None));
    assert_eq!(ids(&harness.list()), [("1", None), ("2", Some(2))]);
}

#[test]
fn the_oldest_are_kept_where_there_are_too_many() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    for page in 0..3 {
        let names: Vec<String> = (0..500).map(|n| format!("{page}-{n:03}")).collect();
        // The middle page has the youngest uploads.
        let day = ["02", "03", "01"][page];
        let open: Vec<_> = names.iter().map(|n| (n.as_str(), n.as_str(), day)).collect();
        let next = format!("marker {page}");
        harness.respond(uploads(&open, (page < 2).then_some(next.as_str())));
    }
    while !harness.sink.has_reply() {
        harness.respond(parts(&[], None));
    }
    let list = harness.list();
    assert_eq!(list.len(), 1_000);
    let pages = |page: &str| list.iter().filter(|u| u.object_key.starts_with(page)).count();
    assert_eq!([pages("0"), pages("1"), pages("2")], [500, 0, 500]);
    assert_eq!((list[0].object_key.as_str(), list[999].object_key.as_str()), ("2-000", "0-499"));
    let notices = harness.notices();
    assert!(notices[0].starts_with("1500 uploads are open; only the 1000 oldest"), "{notices:?}");
}

#[test]
fn credentials_that_are_gone_leave_parts_uncounted() {
    let mut harness = SinkHarness::new();
    harness.handle(Input::IncompleteUploads);
    let names: Vec<String> = (0..6).map(|n| n.to_string()).collect();
    let open: Vec<_> = names.iter().map(|n| ("a", n.as_str(), "01")).collect();
    harness.respond(uploads(&open, None));
    harness.has_credentials = false;
    harness.respond(error(400, "ExpiredToken"));
    while !harness.requests.is_empty() {
        assert!(!harness.sink.has_reply(), "some are under way");
        harness.respond(parts(&[1], None));
    }
    let list = harness.list();
    let counted = list.iter().filter(|upload| upload.parts == Some(1)).count();
    assert_eq!((list.len(), counted), (6, 3));
    let notices = harness.notices();
    assert!(notices.iter().any(|n| n.contains("no credentials are configured")), "{notices:?}");
}
