//! Objects that come at once, and what holds for every request.

use spillway_core::http::{Body, Method};
use spillway_core::s3::{
    Checksum, ChecksumAlgorithm, Condition, HeadBucket, HeadObject, PutObject,
};
use spillway_simulation::bucket::{KeyPair, checksum};

use super::{Run, checksum_header, header};

pub(super) async fn put_and_look(run: &mut Run<'_>) {
    let sum = sum(ChecksumAlgorithm::Crc64Nvme, b"hello");
    let said = [
        header("content-type", "text/plain"),
        header("x-amz-meta-nonce", "abc"),
        header("x-amz-sdk-checksum-algorithm", "CRC64NVME"),
        checksum_header(&sum),
    ];
    let put = run.put("a", b"hello", &said);
    run.step("put with all that is said", put).await;
    let address = &run.address();
    let head = |key, checksums| HeadObject { address, key, checksums, headers: &[] }.request();
    run.step("head", head("a", false)).await;
    run.step("head with checksums", head("a", true)).await;
    run.step("head of nothing", head("none", false)).await;
    let get = |key| address.object(key, &[]).request(Method::Get, &[], Body::empty());
    let got = run.step("get", get("a")).await;
    assert_eq!(got.body, "hello");
    run.step("get of nothing", get("none")).await;
    let put = run.put("empty", b"", &[]);
    run.step("put of no bytes", put).await;
    let put = run.put("a", b"younger", &[]);
    run.step("put again", put).await;
    let got = run.step("get again", get("a")).await;
    assert_eq!(got.body, "younger");
    for (name, key) in [
        ("a key with a space", "a b"),
        ("a key with a plus", "a+b"),
        ("a key with a percent", "a%41"),
        ("a key with two slashes", "a//b"),
        ("a key with dots", "a/../b"),
        ("a key with letters", "é😀"),
        ("a key with marks", "!'()*~&?#="),
    ] {
        let put = run.put(key, key.as_bytes(), &[]);
        run.step(name, put).await;
        assert_eq!(run.side.send(get(key)).await.body, key);
    }
    let bucket = HeadBucket { address, headers: &[] };
    run.step("head of the bucket", bucket.request()).await;
    let elsewhere =
        spillway_core::s3::Address { bucket: "elsewhere".to_owned(), ..address.clone() };
    let bucket = HeadBucket { address: &elsewhere, headers: &[] };
    run.step("head of no bucket", bucket.request()).await;
    let put = PutObject {
        address: &elsewhere,
        key: "k",
        condition: Condition::None,
        headers: &[],
        body: Body::empty(),
    };
    run.step("put into no bucket", put.request()).await;
    let delete = |key| address.object(key, &[]).request(Method::Delete, &[], Body::empty());
    run.step("delete", delete("empty")).await;
}

pub(super) async fn what_is_refused(run: &mut Run<'_>) {
    let put = run.put("k", b"hello", &[header("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")]);
    run.step("the right Content-MD5", put).await;
    let put = run.put("k", b"hello", &[header("content-md5", "YUFAKrxLKna5cZ2REBfFkg==")]);
    run.step("another Content-MD5", put).await;
    for (name, algorithm) in [
        ("another CRC-32", ChecksumAlgorithm::Crc32),
        ("another CRC-32C", ChecksumAlgorithm::Crc32c),
        ("another CRC-64/NVME", ChecksumAlgorithm::Crc64Nvme),
    ] {
        let put = run.put("k", b"hello", &[checksum_header(&sum(algorithm, b"world"))]);
        run.step(name, put).await;
    }
    let address = &run.address();
    let conditional = |key, condition| {
        let body = Body::from(b"x".to_vec());
        PutObject { address, key, condition, headers: &[], body }.request()
    };
    run.step("if there is none, and there is", conditional("k", Condition::Absent)).await;
    run.step("if there is none, and there is none", conditional("new", Condition::Absent)).await;
    // The MD5 of an x.
    let same = Condition::Etag("\"9dd4e461268c8034f5c8564e155c67a6\"");
    run.step("if it is this one, and it is", conditional("new", same)).await;
    let other = Condition::Etag("\"00000000000000000000000000000000\"");
    run.step("if it is this one, and it is not", conditional("new", other)).await;
    run.step("if it is this one, and there is none", conditional("none", same)).await;

    let put = run.put("k", b"hello", &[]);
    run.step_late("signed an hour ago", put.clone(), 3_600).await;
    run.step_late("signed ten minutes ago", put.clone(), 600).await;
    run.forged("another body", put.clone(), |request| {
        request.body = Body::from(b"world".to_vec());
    })
    .await;
    run.forged("another path", put.clone(), |request| request.path_and_query.push('x')).await;
    run.forged("no signature", put.clone(), |request| {
        request.headers.retain(|(name, _)| name != "authorization");
    })
    .await;
    run.side.client().signs_payload = false;
    run.step("a body that is not signed", put.clone()).await;
    run.side.client().signs_payload = true;
    let good = run.side.client().credentials.clone();
    run.side.client().credentials =
        KeyPair { secret_access_key: "a guess".to_owned(), ..KeyPair::new("AKIATEST") }
            .credentials();
    run.step("another secret", put.clone()).await;
    run.side.client().credentials = KeyPair::new("AKIANOBODY").credentials();
    run.step("another key", put.clone()).await;
    run.side.client().credentials = good;
    run.side.client().set_region("eu-west-1");
    run.step("another region", put.clone()).await;
    run.side.client().set_region("us-east-1");
    run.step("as it should be", put).await;
}

fn sum(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Checksum {
    Checksum { algorithm, value: checksum(algorithm, bytes).unwrap() }
}
