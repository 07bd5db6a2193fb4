//! What holds for every request: signature, region, time, length, rights.

use std::time::Duration;

use serde_json::Value;
use spillway_core::Timestamp;
use spillway_core::http::{Body, Method, Request, Scheme};
use spillway_core::s3::{ErrorBody, HeadBucket, bucket_region};
use spillway_core::sigv4::uri_encode_path;

use super::{Shop, header, no, said};
use crate::bucket::{Action, Bucket, BucketOptions, KeyPair, WrongRegion};

#[test]
fn every_answer_has_a_date_and_a_number() {
    let mut shop = Shop::new();
    for response in [shop.put("k", "x", &[]), shop.head("none", false), shop.abort("k", "none")] {
        assert_eq!(response.header("date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
        assert!(response.header("x-amz-request-id").is_some());
    }
}

#[test]
fn the_published_signatures_are_good() {
    let file: Value = serde_json::from_str(EXAMPLES).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = KeyPair {
        secret_access_key: text(&file["secret_key"]),
        ..KeyPair::new(&text(&file["access_key"]))
    };
    let name = "examplebucket".to_owned();
    let options = BucketOptions { name, keys: vec![key], ..BucketOptions::default() };
    let at = Timestamp::parse_http_date("Fri, 24 May 2013 00:00:00 GMT").unwrap();
    let mut seen = 0;
    for case in file["vectors"].as_array().unwrap() {
        let hash = text(&case["payload_hash"]);
        if case["signature"].is_null() || hash.starts_with("STREAMING-") {
            continue;
        }
        let put = case["method"] == "PUT";
        let mut request = example(case, if put { "Welcome to Amazon S3." } else { "" });
        let mut names: Vec<_> = request.headers.iter().map(|(name, _)| name.to_string()).collect();
        names.push("host".to_owned());
        names.sort();
        let (id, signed) = (text(&file["access_key"]), names.join(";"));
        let signature = text(&case["signature"]);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={id}/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders={signed},Signature={signature}"
        );
        request.headers.push(header("authorization", &authorization));
        if put {
            request.headers.push(header("content-length", "21"));
        }
        let mut bucket = Bucket::new(options.clone());
        let (status, code) = said(&bucket.handle(at, &request));
        assert!([200, 404, 501].contains(&status), "{}: {status} {code}", case["name"]);
        request.authority.push('x');
        let (status, _) = said(&bucket.handle(at, &request));
        assert_eq!(status, 403, "{}", case["name"]);
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn what_is_not_signed_or_signed_wrongly_is_refused() {
    let mut shop = Shop::new();
    let good = shop.client.sign(put("k"), shop.at);
    let with = |change: &dyn Fn(&mut Request)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let cases: [(&str, Request, _); 8] = [
        ("as it is", with(&|_| {}), no(200, "")),
        ("no signature", put("k"), no(403, "AccessDenied")),
        ("another key", with(&|r| r.path_and_query.push('x')), no(403, "SignatureDoesNotMatch")),
        ("another method", with(&|r| r.method = Method::Get), no(403, "SignatureDoesNotMatch")),
        ("a query", with(&|r| r.path_and_query += "?x="), no(403, "SignatureDoesNotMatch")),
        (
            "a header more",
            with(&|r| r.headers.push(header("x-amz-meta-a", "b"))),
            no(403, "AccessDenied"),
        ),
        (
            "another body",
            with(&|r| r.body = Body::from(b"abd".to_vec())),
            no(400, "XAmzContentSHA256Mismatch"),
        ),
        (
            "no hash",
            with(&|r| r.headers.retain(|(name, _)| name != "x-amz-content-sha256")),
            no(400, "AuthorizationHeaderMalformed"),
        ),
    ];
    for (name, request, expected) in cases {
        assert_eq!(said(&shop.bucket.handle(shop.at, &request)), expected, "{name}");
    }
    shop.client.signs_payload = false;
    assert_eq!(said(&shop.send(put("k"))), no(200, ""));
}

#[test]
fn keys_have_names_tokens_and_an_end() {
    let mut shop = Shop::new();
    let end = Timestamp(shop.at.0 + 1_000_000_000);
    let temporary = KeyPair::temporary("ASIATEMP", end);
    shop.bucket.options.keys.push(temporary.clone());
    shop.client.credentials = temporary.credentials();
    assert_eq!(said(&shop.send(put("k"))), no(200, ""));
    shop.client.credentials.session_token = None;
    assert_eq!(said(&shop.send(put("k"))), no(400, "InvalidToken"));
    shop.client.credentials = temporary.credentials();
    shop.pass(Duration::from_secs(1));
    assert_eq!(said(&shop.send(put("k"))), no(400, "ExpiredToken"));
    shop.client.credentials = KeyPair::new("AKIANOBODY").credentials();
    assert_eq!(said(&shop.send(put("k"))), no(403, "InvalidAccessKeyId"));
    let forged = KeyPair { secret_access_key: "a guess".to_owned(), ..KeyPair::new("AKIATEST") };
    shop.client.credentials = forged.credentials();
    assert_eq!(said(&shop.send(put("k"))), no(403, "SignatureDoesNotMatch"));
}

#[test]
fn clocks_may_differ_by_a_quarter_of_an_hour() {
    let mut shop = Shop::new();
    let minutes = |n: u64| n * 60_000_000_000;
    let at = shop.at;
    for (signed_at, expected) in [
        (Timestamp(at.0 - minutes(15)), no(200, "")),
        (Timestamp(at.0 + minutes(15)), no(200, "")),
        (Timestamp(at.0 - minutes(16)), no(403, "RequestTimeTooSkewed")),
        (Timestamp(at.0 + minutes(16)), no(403, "RequestTimeTooSkewed")),
    ] {
        let request = shop.client.sign(put("k"), signed_at);
        let response = shop.bucket.handle(at, &request);
        assert_eq!(said(&response), expected);
        if response.status == 403 {
            let error = ErrorBody::parse(&response.body).unwrap();
            assert_eq!(error.server_time, Some(at));
        }
    }
}

#[test]
fn another_region_is_named() {
    let mut shop = Shop::new();
    shop.client.set_region("eu-west-1");
    let response = shop.send(put("k"));
    assert_eq!(said(&response), no(400, "AuthorizationHeaderMalformed"));
    assert_eq!(ErrorBody::parse(&response.body).unwrap().region.as_deref(), Some("us-east-1"));
    shop.bucket.options.wrong_region = WrongRegion::PermanentRedirect;
    let response = shop.send(put("k"));
    assert_eq!(said(&response), no(301, "PermanentRedirect"));
    assert_eq!(bucket_region(&response), Some("us-east-1"));
    shop.bucket.options.region = String::new();
    assert_eq!(said(&shop.send(put("k"))), no(200, ""));
}

#[test]
fn a_body_has_the_length_that_was_announced() {
    let mut shop = Shop::new();
    let mut request = put("k");
    request.headers.retain(|(name, _)| name != "content-length");
    assert_eq!(said(&shop.send(request.clone())), no(411, "MissingContentLength"));
    request.headers.push(header("content-length", "4"));
    assert_eq!(said(&shop.send(request)), no(400, "IncompleteBody"));
}

#[test]
fn names_are_looked_at() {
    let mut shop = Shop::new();
    let mut other = put("k");
    other.path_and_query = "/elsewhere/k".to_owned();
    assert_eq!(said(&shop.send(other)), no(404, "NoSuchBucket"));
    assert_eq!(said(&shop.put(&"k".repeat(1_024), "", &[])), no(200, ""));
    assert_eq!(said(&shop.put(&"k".repeat(1_025), "", &[])), no(400, "KeyTooLongError"));
    let mut broken = put("k");
    broken.path_and_query = "/bucket/%zz".to_owned();
    assert_eq!(said(&shop.send(broken)), no(400, "InvalidURI"));
    let mut virtual_host = put("k");
    virtual_host.authority = "bucket.s3.test".to_owned();
    virtual_host.path_and_query = "/a/b".to_owned();
    assert_eq!(said(&shop.send(virtual_host)), no(200, ""));
    assert_eq!(shop.bytes("a/b"), b"abc");
}

#[test]
fn any_text_is_a_key() {
    let mut shop = Shop::new();
    for key in ["a b+c", "//", "a/../b", "%41", "é😀", "!'()*~", "\u{1}", "?&=#"] {
        assert_eq!(said(&shop.put(key, "x", &[])), no(200, ""), "{key:?}");
        assert_eq!(shop.head(key, false).status, 200, "{key:?}");
        assert!(shop.bucket.objects().contains_key(key));
    }
}

#[test]
fn rights_are_looked_at() {
    let mut shop = Shop::new();
    shop.bucket.options.denied = vec![Action::PutObject, Action::ListBucket];
    assert_eq!(said(&shop.put("k", "x", &[])), no(403, "AccessDenied"));
    assert_eq!(shop.head("k", false).status, 403, "a missing object is not told of");
    assert_eq!(said(&shop.abort("k", "none")), no(404, "NoSuchUpload"));
    let address = shop.client.address.clone();
    let head = HeadBucket { address: &address, headers: &[] };
    assert_eq!(shop.send(head.request()).status, 403);
    shop.bucket.options.denied.clear();
    assert_eq!(shop.send(head.request()).status, 200);
}

fn put(key: &str) -> Request {
    Request {
        method: Method::Put,
        scheme: Scheme::Http,
        authority: "s3.test".to_owned(),
        path_and_query: format!("/bucket/{}", uri_encode_path(key)),
        headers: vec![header("content-length", "3")],
        body: Body::from(b"abc".to_vec()),
    }
}

fn example(case: &Value, body: &str) -> Request {
    let headers = case["headers"].as_object().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let given = headers.iter().filter(|(name, _)| *name != "host");
    let (path, query) = (text(&case["path"]), text(&case["query"]));
    Request {
        method: if case["method"] == "PUT" { Method::Put } else { Method::Get },
        scheme: Scheme::Https,
        authority: text(&headers["host"]),
        path_and_query: if query.is_empty() { path } else { format!("{path}?{query}") },
        headers: given.map(|(name, value)| (name.clone().into(), text(value))).collect(),
        body: body.as_bytes().to_vec().into(),
    }
}

const EXAMPLES: &str = include_str!("../../../../vectors/sigv4-s3.json");
