//! Uploads in parts.

use std::time::Duration;

use spillway_core::s3::CompletedPart;

use super::{Claims, Shop, header, is_completed, no, said};
use crate::bucket::multipart_etag;

#[test]
fn parts_become_an_object_at_once() {
    let mut shop = Shop::new();
    let created = shop.create_with("k", &[header("x-amz-meta-nonce", "n")]);
    assert_eq!(created.status, 200);
    let id = shop.bucket.open_uploads().keys().next().cloned().unwrap();
    // The second comes before the first.
    let second = shop.listed("k", &id, 2, "e");
    let first = shop.listed("k", &id, 1, "abcd");
    assert!(shop.bucket.objects().is_empty());
    assert_eq!(shop.head("k", false).status, 404);
    assert!(is_completed(&shop.complete("k", &id, &[first, second])));
    let object = &shop.bucket.objects()["k"];
    assert_eq!(object.bytes, "abcde");
    assert_eq!(object.parts, [(1, 4), (2, 1)]);
    assert_eq!(object.etag, multipart_etag([&b"abcd"[..], b"e"].into_iter()));
    assert!(object.etag.ends_with("-2\""));
    assert_eq!(object.header("x-amz-meta-nonce"), Some("n"));
    assert_eq!(object.upload_id.as_ref(), Some(&id));
    assert!(shop.bucket.open_uploads().is_empty());
}

#[test]
fn the_last_write_of_a_number_wins() {
    let mut shop = Shop::new();
    let id = shop.create("k");
    let old = shop.listed("k", &id, 1, "old");
    let new = shop.listed("k", &id, 1, "new");
    assert_eq!(said(&shop.complete("k", &id, &[old])), no(400, "InvalidPart"));
    assert!(is_completed(&shop.complete("k", &id, &[new])));
    assert_eq!(shop.bytes("k"), b"new");
}

#[test]
fn numbers_have_limits_and_may_have_gaps() {
    let mut shop = Shop::new();
    let id = shop.create("k");
    for number in [0, 10_001] {
        assert_eq!(said(&shop.part("k", &id, number, "x")), no(400, "InvalidArgument"));
    }
    let parts = [1, 7, 10_000].map(|number| shop.listed("k", &id, number, "abcd"));
    // What is not listed is not in the object.
    assert!(is_completed(&shop.complete("k", &id, &[parts[0].clone(), parts[2].clone()])));
    assert_eq!(shop.bytes("k"), b"abcdabcd");
}

#[test]
fn a_list_that_does_not_fit_leaves_the_upload_open() {
    let mut shop = Shop::new();
    let id = shop.create("k");
    let one = shop.listed("k", &id, 1, "abcd");
    let small = shop.listed("k", &id, 2, "abc");
    let three = shop.listed("k", &id, 3, "a");
    let missing = CompletedPart { number: 4, ..one.clone() };
    let wrong = CompletedPart { etag: "\"x\"".to_owned(), ..one.clone() };
    let cases: [(&[CompletedPart], _); 6] = [
        (&[], no(400, "MalformedXML")),
        (&[three.clone(), one.clone()], no(400, "InvalidPartOrder")),
        (&[one.clone(), one.clone()], no(400, "InvalidPartOrder")),
        (&[one.clone(), missing], no(400, "InvalidPart")),
        (&[wrong], no(400, "InvalidPart")),
        (&[one.clone(), small, three.clone()], no(400, "EntityTooSmall")),
    ];
    for (parts, expected) in cases {
        assert_eq!(said(&shop.complete("k", &id, parts)), expected, "{parts:?}");
    }
    let parts = [one, three];
    let sized = |shop: &mut Shop, size| {
        let claims = Claims { object_size: Some(size), ..Claims::default() };
        shop.complete_with("k", &id, &parts, &claims)
    };
    assert_eq!(said(&sized(&mut shop, 6)), no(400, "InvalidRequest"));
    assert!(shop.bucket.objects().is_empty());
    assert_eq!(shop.bucket.open_uploads().len(), 1);
    assert!(is_completed(&sized(&mut shop, 5)));
}

#[test]
fn complete_may_be_repeated_for_a_while() {
    let mut shop = Shop::new();
    let id = shop.create("k");
    let parts = [shop.listed("k", &id, 1, "x")];
    let first = shop.complete("k", &id, &parts);
    shop.put("k", "younger", &[]);
    shop.pass(Duration::from_secs(59 * 60));
    let again = shop.complete("k", &id, &parts);
    assert_eq!(again.body, first.body);
    assert_eq!(shop.bytes("k"), b"younger", "repeating makes no object");
    assert_eq!(said(&shop.part("k", &id, 1, "x")), no(404, "NoSuchUpload"));
    shop.pass(Duration::from_secs(61));
    assert_eq!(said(&shop.complete("k", &id, &parts)), no(404, "NoSuchUpload"));
}

#[test]
fn an_upload_that_is_unknown_or_over_is_none() {
    let mut shop = Shop::new();
    let part = CompletedPart { number: 1, etag: "\"x\"".to_owned(), checksum: None };
    let id = shop.create("k");
    assert_eq!(shop.abort("k", &id).status, 204);
    for (key, id) in [("k", id.as_str()), ("k", "none")] {
        assert_eq!(said(&shop.abort(key, id)), no(404, "NoSuchUpload"));
        assert_eq!(said(&shop.part(key, id, 1, "x")), no(404, "NoSuchUpload"));
        let complete = shop.complete(key, id, std::slice::from_ref(&part));
        assert_eq!(said(&complete), no(404, "NoSuchUpload"));
    }
    let id = shop.create("k");
    assert_eq!(said(&shop.abort("another", &id)), no(404, "NoSuchUpload"));
    shop.bucket.expire_upload(&id);
    assert_eq!(said(&shop.part("k", &id, 1, "x")), no(404, "NoSuchUpload"));
}

#[test]
fn conditions_are_for_what_makes_visible() {
    let mut shop = Shop::new();
    let condition = [header("if-none-match", "*")];
    assert_eq!(said(&shop.create_with("k", &condition)), no(501, "NotImplemented"));
    let id = shop.create("k");
    let part = shop.part_with("k", &id, 1, "x", &condition);
    assert_eq!(said(&part), no(501, "NotImplemented"));
    let parts = [shop.listed("k", &id, 1, "x")];
    let complete = |shop: &mut Shop| {
        let claims = Claims { if_none_match: true, ..Claims::default() };
        shop.complete_with("k", &id, &parts, &claims)
    };
    shop.put("k", "in the way", &[]);
    assert_eq!(said(&complete(&mut shop)), no(412, "PreconditionFailed"));
    assert_eq!(shop.bucket.open_uploads().len(), 1);
    let target = shop.client.address.object("k", &[]);
    let delete = spillway_core::http::Method::Delete;
    shop.send(target.request(delete, &[], Default::default()));
    assert!(is_completed(&complete(&mut shop)));
    assert!(is_completed(&complete(&mut shop)), "a repetition is answered as the first");
    shop.bucket.options.precondition_before_upload = true;
    assert_eq!(said(&complete(&mut shop)), no(412, "PreconditionFailed"));
}
