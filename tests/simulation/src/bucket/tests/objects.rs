//! PutObject, GetObject, HeadObject, DeleteObject.

use spillway_core::http::{Body, Method};
use spillway_core::s3::HeadObjectResult;

use super::{Shop, header, no, said};

#[test]
fn an_object_is_what_was_put_with_all_that_was_said() {
    let mut shop = Shop::new();
    let given = [
        header("content-type", "text/plain"),
        header("x-amz-meta-nonce", "abc"),
        header("x-amz-storage-class", "STANDARD_IA"),
        header("x-amz-tagging", "a=1&b=2"),
    ];
    let put = shop.put("k", "hello", &given);
    assert_eq!(put.header("etag"), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    let head = shop.head("k", false);
    assert!(head.body.is_empty());
    let result = HeadObjectResult::parse(&head).unwrap();
    assert_eq!((result.size, result.metadata("nonce")), (5, Some("abc")));
    assert_eq!(result.etag.as_deref(), put.header("etag"));
    assert_eq!(head.header("content-type"), Some("text/plain"));
    assert_eq!(head.header("x-amz-storage-class"), Some("STANDARD_IA"));
    assert_eq!(head.header("x-amz-tagging-count"), Some("2"));
    let object = &shop.bucket.objects()["k"];
    assert_eq!(object.header("x-amz-tagging"), Some("a=1&b=2"));
    assert_eq!(object.headers.len(), 4, "{:?}", object.headers);
}

#[test]
fn the_last_put_is_seen() {
    let mut shop = Shop::new();
    shop.put("k", "one", &[]);
    shop.put("k", "two", &[]);
    assert_eq!(shop.bytes("k"), b"two");
    assert_eq!(shop.bucket.objects()["k"].overwritten, 1);
    let history: Vec<_> = shop.bucket.visible_history().iter().collect();
    assert_eq!(history.len(), 2);
    assert_eq!((history[0].key.as_str(), &history[0].object.bytes[..]), ("k", &b"one"[..]));
}

#[test]
fn if_none_match_keeps_what_is_there() {
    let mut shop = Shop::new();
    assert_eq!(said(&shop.put_if_none("k")), no(200, ""));
    assert_eq!(said(&shop.put_if_none("k")), no(412, "PreconditionFailed"));
    assert_eq!(shop.bucket.visible_history().len(), 1);
    let other = shop.put("k", "x", &[header("if-none-match", "\"etag\"")]);
    assert_eq!(said(&other), no(501, "NotImplemented"));
}

#[test]
fn if_match_replaces_what_is_known() {
    let mut shop = Shop::new();
    let named = |shop: &mut Shop, body: &str, etag: &str| {
        let answer = shop.put("k", body, &[header("if-match", etag)]);
        (said(&answer), answer.header("etag").unwrap_or_default().to_owned())
    };
    assert_eq!(named(&mut shop, "a", "\"e\"").0, no(404, "NoSuchKey"));
    let first = shop.put("k", "a", &[]).header("etag").unwrap().to_owned();
    let (said, second) = named(&mut shop, "b", &first);
    assert_eq!((said, shop.bytes("k")), (no(200, ""), &b"b"[..]));
    assert_eq!(named(&mut shop, "c", &first).0, no(412, "PreconditionFailed"));
    assert_eq!(named(&mut shop, "c", &second).0, no(200, ""));
    shop.bucket.options.ignored_conditions = vec!["if-match"];
    assert_eq!(named(&mut shop, "d", &first).0, no(200, ""));
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut shop = Shop::new();
    let head = shop.head("k", false);
    assert_eq!((head.status, head.body.len()), (404, 0));
    let target = shop.client.address.object("k", &[]);
    let get = |method| target.clone().request(method, &[], Body::empty());
    assert_eq!(said(&shop.send(get(Method::Get))), no(404, "NoSuchKey"));
    shop.put("k", "x", &[]);
    assert_eq!(shop.send(get(Method::Get)).body, "x");
    assert_eq!(shop.send(get(Method::Delete)).status, 204);
    assert_eq!(shop.send(get(Method::Delete)).status, 204);
    assert_eq!(shop.head("k", false).status, 404);
}
