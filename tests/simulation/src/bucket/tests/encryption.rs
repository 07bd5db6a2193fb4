//! Encryption, locks, and whose bucket it is.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use spillway_core::http::{Body, Method, Response};
use spillway_core::s3::{
    CompleteMultipartUpload, CompletedPart, CreateMultipartUploadResult, HeadObject, Header,
    part_etag,
};

use super::{Shop, header, is_completed, no, said};

const DENIED: (u16, &str) = (403, "AccessDenied");
const INVALID: (u16, &str) = (400, "InvalidRequest");
const ARGUMENT: (u16, &str) = (400, "InvalidArgument");

#[test]
fn who_has_not_the_key_does_not_read() {
    let mut shop = Shop::new();
    let put = shop.put("k", "hello", &key(1));
    assert_eq!(put.status, 200);
    assert_ne!(put.header("etag"), Some("\"5d41402abc4b2a76b9719d911017c592\""), "no MD5");
    for (headers, status) in [(key(1), 200), (key(2), 403), (vec![], 400)] {
        assert_eq!(head(&mut shop, &headers).status, status);
    }
    let object = &shop.bucket.objects()["k"];
    assert!(object.headers.iter().all(|(_, value)| *value != key(1)[1].1), "the key is not kept");
    shop.put("k", "hello", &[]);
    assert_eq!(head(&mut shop, &key(1)).status, 400);
}

#[test]
fn every_request_of_an_upload_brings_its_key() {
    for (part_key, complete_key, part, complete) in [
        (key(1), key(1), (200, ""), (200, "")),
        (vec![], key(1), INVALID, INVALID),
        (key(2), key(1), INVALID, INVALID),
        (key(1), vec![], (200, ""), INVALID),
        (key(1), key(2), (200, ""), INVALID),
    ] {
        let mut shop = Shop::new();
        let mut headers = key(1);
        headers.push(header("x-amz-checksum-algorithm", "CRC64NVME"));
        let created = shop.create_with("k", &headers);
        let id = CreateMultipartUploadResult::parse(&created).unwrap().upload_id;
        let stored = shop.part_with("k", &id, 1, "part", &part_key);
        assert_eq!(said(&stored), no(part.0, part.1));
        let etag = part_etag(&stored).unwrap_or_default();
        let parts = [CompletedPart { number: 1, etag, checksum: None }];
        let completed = complete_with(&mut shop, &id, &parts, &complete_key);
        if part.0 == 200 {
            assert_eq!(said(&completed), no(complete.0, complete.1));
        }
        assert_eq!(shop.bucket.objects().len(), usize::from(is_completed(&completed)));
    }
    let mut shop = Shop::new();
    let id = shop.create("k");
    assert_eq!(said(&shop.part_with("k", &id, 1, "part", &key(1))), no(400, "InvalidRequest"));
}

#[test]
fn a_key_comes_with_its_algorithm_and_its_md5() {
    let mut shop = Shop::new();
    for change in 0..3 {
        let mut headers = key(1);
        headers.remove(change);
        assert_eq!(said(&shop.put("k", "x", &headers)), no(ARGUMENT.0, ARGUMENT.1), "{change}");
        let mut headers = key(1);
        headers[change].1 = "AAAA".to_owned();
        assert_eq!(said(&shop.put("k", "x", &headers)), no(ARGUMENT.0, ARGUMENT.1), "{change}");
    }
}

#[test]
fn encryption_is_spoken_of_only_where_it_means_something() {
    let mut shop = Shop::new();
    let kms = [header("x-amz-server-side-encryption", "aws:kms")];
    shop.put("k", "x", &kms);
    assert_eq!(shop.bucket.objects()["k"].header("x-amz-server-side-encryption"), Some("aws:kms"));
    assert_eq!(head(&mut shop, &kms).status, 400);
    let id = shop.create("k");
    assert_eq!(said(&shop.part_with("k", &id, 1, "part", &kms)), no(ARGUMENT.0, ARGUMENT.1));
    let target = shop.client.address.object("k", &[("uploadId", &id)]);
    let abort = target.request(Method::Delete, &key(1), Body::empty());
    assert_eq!(said(&shop.send(abort)), no(ARGUMENT.0, ARGUMENT.1));
}

#[test]
fn only_the_owner_that_is_expected_answers() {
    let mut shop = Shop::new();
    let owner = |owner| [header("x-amz-expected-bucket-owner", owner)];
    assert_eq!(said(&shop.put("k", "x", &owner("111122223333"))), no(200, ""));
    assert_eq!(said(&shop.put("k", "x", &owner("999999999999"))), no(DENIED.0, DENIED.1));
    shop.bucket.options.requester_pays = true;
    assert_eq!(said(&shop.put("k", "x", &[])), no(DENIED.0, DENIED.1));
    let pays = [header("x-amz-request-payer", "requester")];
    assert_eq!(said(&shop.put("k", "x", &pays)), no(200, ""));
}

#[test]
fn what_is_locked_is_locked_until_later_and_compared() {
    let mut shop = Shop::new();
    let mode = || header("x-amz-object-lock-mode", "GOVERNANCE");
    let until = |text| header("x-amz-object-lock-retain-until-date", text);
    let md5 = || header("content-md5", &BASE64_STANDARD.encode(Md5::digest(b"x")));
    let (soon, past) = ("2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z");
    for (headers, expected) in [
        (vec![mode(), until(soon), md5()], (200, "")),
        (vec![mode(), until(soon)], INVALID),
        (vec![header("x-amz-object-lock-legal-hold", "ON")], INVALID),
        (vec![mode(), until(past), md5()], ARGUMENT),
        (vec![mode(), until("tomorrow"), md5()], ARGUMENT),
        (vec![mode(), md5()], ARGUMENT),
        (vec![until(soon), md5()], ARGUMENT),
    ] {
        assert_eq!(said(&shop.put("k", "x", &headers)), no(expected.0, expected.1), "{headers:?}");
    }
    let created = shop.create_with("k", &[mode(), until(soon)]);
    let id = CreateMultipartUploadResult::parse(&created).unwrap().upload_id;
    assert_eq!(said(&shop.part_with("k", &id, 1, "x", &[])), no(INVALID.0, INVALID.1));
    assert_eq!(said(&shop.part_with("k", &id, 1, "x", &[md5()])), no(200, ""));
}

#[test]
fn parts_that_must_be_equal_are() {
    for (sizes, is_taken) in [
        (&["aaaa", "bbbb", "c"][..], true),
        (&["aaaa", "bbbb"], true),
        (&["aa"], true),
        (&["aaaa", "bbbbb", "c"], false),
        (&["aaaa", "bbbbb"], false),
    ] {
        let mut shop = Shop::new();
        shop.bucket.options.equal_parts = true;
        let id = shop.create("k");
        let parts: Vec<_> = sizes
            .iter()
            .zip(1..)
            .map(|(body, number)| shop.listed("k", &id, number, body))
            .collect();
        assert_eq!(is_completed(&shop.complete("k", &id, &parts)), is_taken, "{sizes:?}");
    }
}

/// The three headers of a key that is that byte again and again.
fn key(byte: u8) -> Vec<Header> {
    let key = [byte; 32];
    vec![
        header("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        header("x-amz-server-side-encryption-customer-key", &BASE64_STANDARD.encode(key)),
        header(
            "x-amz-server-side-encryption-customer-key-md5",
            &BASE64_STANDARD.encode(Md5::digest(key)),
        ),
    ]
}

fn head(shop: &mut Shop, headers: &[Header]) -> Response {
    let address = &shop.client.address.clone();
    shop.send(HeadObject { address, key: "k", checksums: false, headers }.request())
}

fn complete_with(
    shop: &mut Shop,
    upload_id: &str,
    parts: &[CompletedPart],
    headers: &[Header],
) -> Response {
    let address = &shop.client.address.clone();
    let complete = CompleteMultipartUpload {
        address,
        key: "k",
        upload_id,
        parts,
        checksum: None,
        checksum_type: None,
        object_size: None,
        if_none_match: false,
        headers,
    };
    shop.send(complete.request())
}
