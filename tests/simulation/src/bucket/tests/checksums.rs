//! Content-MD5 and checksums.

use spillway_core::s3::{
    Checksum, ChecksumAlgorithm, ChecksumType, CompletedPart, Completion,
    CreateMultipartUploadResult, HeadObjectResult, Header, part_etag,
};

use super::{Claims, Shop, header, is_completed, no, said};
use crate::bucket::{ChecksumSupport, checksum, composite};

const KNOWN: [ChecksumAlgorithm; 3] =
    [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc64Nvme];

#[test]
fn the_check_values_come_out() {
    let values = KNOWN.map(|algorithm| checksum(algorithm, b"123456789").unwrap());
    // cbf43926, e3069283, ae8b14860a799888
    assert_eq!(values, ["y/Q5Jg==", "4waSgw==", "rosUhgp5mIg="]);
}

#[test]
fn a_body_is_compared_with_what_is_said_of_it() {
    let mut shop = Shop::new();
    let id = shop.create("p");
    let none: Vec<(Vec<Header>, _)> = vec![
        (vec![header("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")], no(200, "")),
        (vec![header("content-md5", "YUFAKrxLKna5cZ2REBfFkg==")], no(400, "BadDigest")),
        (vec![header("content-md5", "5d41")], no(400, "InvalidDigest")),
    ];
    for (headers, expected) in &none {
        assert_eq!(said(&shop.part_with("p", &id, 1, "hello", headers)), *expected);
    }
    let mut cases = none;
    for algorithm in KNOWN {
        let (name, value) = (algorithm.header_name(), checksum(algorithm, b"hello").unwrap());
        let other = checksum(algorithm, b"world").unwrap();
        let sdk = header("x-amz-sdk-checksum-algorithm", algorithm.as_str());
        cases.push((vec![header(name, &value)], no(200, "")));
        cases.push((vec![header(name, &value), sdk.clone()], no(200, "")));
        cases.push((vec![header(name, &other)], no(400, "BadDigest")));
        cases.push((vec![header(name, "x")], no(400, "InvalidRequest")));
        cases.push((vec![sdk], no(400, "InvalidRequest")));
    }
    let [crc32, crc32c, _] = KNOWN;
    let both = [crc32, crc32c].map(|a| header(a.header_name(), &checksum(a, b"hello").unwrap()));
    cases.push((both.to_vec(), no(400, "InvalidRequest")));
    for (headers, expected) in cases {
        assert_eq!(said(&shop.put("k", "hello", &headers)), expected, "{headers:?}");
    }
}

#[test]
fn an_object_is_kept_with_its_checksum() {
    let mut shop = Shop::new();
    shop.put("default", "hello", &[]);
    let value = checksum(ChecksumAlgorithm::Crc32, b"hello").unwrap();
    shop.put("given", "hello", &[header("x-amz-checksum-crc32", &value)]);
    for (key, algorithm) in
        [("default", ChecksumAlgorithm::Crc64Nvme), ("given", ChecksumAlgorithm::Crc32)]
    {
        let result = HeadObjectResult::parse(&shop.head(key, true)).unwrap();
        let value = checksum(algorithm, b"hello").unwrap();
        assert_eq!(result.checksums, [Checksum { algorithm, value }]);
        assert_eq!(result.checksum_type, Some(ChecksumType::FullObject));
        let silent = HeadObjectResult::parse(&shop.head(key, false)).unwrap();
        assert_eq!(silent.checksums, []);
    }
}

#[test]
fn a_whole_object_is_compared_at_its_end() {
    for algorithm in KNOWN {
        let mut shop = Shop::new();
        let id = declare(&mut shop, algorithm, "FULL_OBJECT");
        let parts = parts(&mut shop, &id, algorithm);
        let mut complete = |bytes: &[u8], kind| {
            let value = checksum(algorithm, bytes).unwrap();
            let checksum = Some(Checksum { algorithm, value });
            let claims = Claims { checksum, checksum_type: Some(kind), ..Claims::default() };
            shop.complete_with("k", &id, &parts, &claims)
        };
        let full = ChecksumType::FullObject;
        assert_eq!(said(&complete(b"abcdf", full)), no(400, "BadDigest"));
        let composite = ChecksumType::Composite;
        assert_eq!(said(&complete(b"abcde", composite)), no(400, "InvalidRequest"));
        let completed = complete(b"abcde", full);
        let Ok(Completion::Completed(result)) = Completion::parse(&completed) else {
            panic!("{completed:?}")
        };
        let value = checksum(algorithm, b"abcde").unwrap();
        assert_eq!(result.checksums, [Checksum { algorithm, value }]);
        assert_eq!(result.checksum_type, Some(full));
    }
}

#[test]
fn a_composite_is_made_of_those_of_the_parts() {
    let algorithm = ChecksumAlgorithm::Crc32c;
    let mut shop = Shop::new();
    let id = declare(&mut shop, algorithm, "COMPOSITE");
    let bare = shop.part("k", &id, 1, "abcd");
    assert_eq!(said(&bare), no(400, "InvalidRequest"), "each part has to have its checksum");
    let mut parts = parts(&mut shop, &id, algorithm);
    assert_eq!(said(&shop.complete("k", &id, &parts)), no(400, "InvalidRequest"));
    for (part, bytes) in parts.iter_mut().zip([&b"abcd"[..], b"e"]) {
        let value = checksum(algorithm, bytes).unwrap();
        part.checksum = Some(Checksum { algorithm, value });
    }
    assert!(is_completed(&shop.complete("k", &id, &parts)));
    let (_, kind, value) = shop.bucket.objects()["k"].checksum.clone().unwrap();
    assert_eq!(kind, ChecksumType::Composite);
    assert_eq!(Some(value), composite(algorithm, [&b"abcd"[..], b"e"].into_iter()));
}

#[test]
fn what_is_declared_has_to_be_possible_and_kept_to() {
    let mut shop = Shop::new();
    let declare = |shop: &mut Shop, algorithm, kind| {
        let headers =
            [header("x-amz-checksum-algorithm", algorithm), header("x-amz-checksum-type", kind)];
        said(&shop.create_with("k", &headers))
    };
    assert_eq!(declare(&mut shop, "CRC64NVME", "COMPOSITE"), no(400, "InvalidRequest"));
    assert_eq!(declare(&mut shop, "CRC64", "FULL_OBJECT"), no(400, "InvalidRequest"));
    assert_eq!(declare(&mut shop, "CRC32", "WHOLE"), no(400, "InvalidRequest"));
    let alone = shop.create_with("k", &[header("x-amz-checksum-type", "FULL_OBJECT")]);
    assert_eq!(said(&alone), no(400, "InvalidRequest"));
    let id = shop.create("k");
    let value = checksum(ChecksumAlgorithm::Crc32, b"x").unwrap();
    let undeclared = shop.part_with("k", &id, 1, "x", &[header("x-amz-checksum-crc32", &value)]);
    assert_eq!(said(&undeclared), no(400, "InvalidRequest"));
}

#[test]
fn a_server_may_not_know_of_checksums() {
    let mut shop = Shop::new();
    let wrong = [header("x-amz-checksum-crc32", "AAAAAA==")];
    shop.bucket.options.checksums = ChecksumSupport::Refused;
    assert_eq!(said(&shop.put("k", "x", &wrong)), no(501, "NotImplemented"));
    let declared = [header("x-amz-checksum-algorithm", "CRC64NVME")];
    assert_eq!(said(&shop.create_with("k", &declared)), no(501, "NotImplemented"));
    shop.bucket.options.checksums = ChecksumSupport::Ignored;
    assert_eq!(said(&shop.put("k", "x", &wrong)), no(200, ""));
    assert_eq!(HeadObjectResult::parse(&shop.head("k", true)).unwrap().checksums, []);
}

fn declare(shop: &mut Shop, algorithm: ChecksumAlgorithm, kind: &str) -> String {
    let headers = [
        header("x-amz-checksum-algorithm", algorithm.as_str()),
        header("x-amz-checksum-type", kind),
    ];
    let created = shop.create_with("k", &headers);
    CreateMultipartUploadResult::parse(&created).unwrap().upload_id
}

fn parts(shop: &mut Shop, id: &str, algorithm: ChecksumAlgorithm) -> Vec<CompletedPart> {
    let part = |(number, body): (u32, &str)| {
        let value = checksum(algorithm, body.as_bytes()).unwrap();
        let headers = [header(algorithm.header_name(), &value)];
        let response = shop.part_with("k", id, number, body, &headers);
        CompletedPart { number, etag: part_etag(&response).unwrap(), checksum: None }
    };
    [(1, "abcd"), (2, "e")].into_iter().map(part).collect()
}
