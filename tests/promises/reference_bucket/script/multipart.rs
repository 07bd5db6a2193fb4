//! Objects that come in parts.

use spillway_core::http::{Body, Method, Request};
use spillway_core::s3::{
    AbortMultipartUpload, Checksum, ChecksumAlgorithm, ChecksumType, CompleteMultipartUpload,
    CompletedPart, CreateMultipartUpload, CreateMultipartUploadResult, HeadObject, Header,
    ListMultipartUploads, ListParts, part_etag,
};
use spillway_simulation::bucket::checksum;

use super::{Run, checksum_header, header};

pub(super) async fn two_parts(run: &mut Run<'_>) {
    let id = &run.create("m", &[header("x-amz-meta-nonce", "abc")]).await;
    let upload = ("m", id.as_str());
    let second = run.part(upload, 2, b"tail".to_vec(), &[]);
    let second = part_etag(&run.step("the second part first", second).await).unwrap();
    let second = CompletedPart { number: 2, etag: second, checksum: None };
    run.taken(upload, 1, b"to be replaced".to_vec()).await;
    let full = run.full(b'a');
    let first = run.taken(upload, 1, full).await;
    let address = &run.address();
    let list = ListParts { address, key: "m", upload_id: id, after: None, headers: &[] };
    run.step("list parts", list.request()).await;
    let head = HeadObject { address, key: "m", checksums: false, headers: &[] }.request();
    run.step("nothing is visible yet", head.clone()).await;
    let list = ListMultipartUploads { address, prefix: "m", after: None, headers: &[] }.request();
    run.step("list uploads", list).await;
    let parts = [first, second];
    let complete = Complete { size: Some(run.part_bytes as u64 + 4), ..Complete::default() };
    let request = run.complete(upload, &parts, &complete);
    run.step("complete", request.clone()).await;
    run.step("head of parts", head).await;
    run.step("complete again", request).await;
    let late = run.part(upload, 3, b"late".to_vec(), &[]);
    run.step("a part after the end", late).await;
    let abort = AbortMultipartUpload { address, key: "m", upload_id: id, headers: &[] };
    run.step("abort after the end", abort.request()).await;
    let get = address.object("m", &[]).request(Method::Get, &[], Body::empty());
    let body = run.side.send(get).await.body;
    assert_eq!((body.len(), &body[run.part_bytes..]), (run.part_bytes + 4, &b"tail"[..]));
}

pub(super) async fn lists_that_do_not_fit(run: &mut Run<'_>) {
    let id = &run.create("l", &[]).await;
    let upload = ("l", id.as_str());
    for (name, number) in [("part 0", 0), ("part 10,001", 10_001)] {
        let part = run.part(upload, number, b"x".to_vec(), &[]);
        run.step(name, part).await;
    }
    let small = run.taken(upload, 1, b"small".to_vec()).await;
    let last = run.taken(upload, 10_000, b"last".to_vec()).await;
    let none = Complete::default();
    let list = |parts: &[&CompletedPart]| parts.iter().map(|p| (*p).clone()).collect::<Vec<_>>();
    let request = run.complete(upload, &[], &none);
    run.step("complete with no part", request).await;
    let request = run.complete(upload, &list(&[&last, &small]), &none);
    run.step("complete out of order", request).await;
    let request = run.complete(upload, &list(&[&small, &last]), &none);
    run.step("complete with a small part", request).await;
    let missing = CompletedPart { number: 7, ..small.clone() };
    let request = run.complete(upload, &[missing], &none);
    run.step("complete with a part that is not there", request).await;
    let full = run.full(b'b');
    let first = run.taken(upload, 1, full).await;
    let parts = list(&[&first, &last]);
    let request = run.complete(upload, &parts, &none);
    run.step("complete with a gap in the numbers", request).await;

    let id = &run.create("s", &[]).await;
    let upload = ("s", id.as_str());
    let parts = [run.taken(upload, 1, b"x".to_vec()).await];
    let request = run.complete(upload, &parts, &Complete { size: Some(7), ..Complete::default() });
    run.step("complete with another size", request).await;

    let there = run.put("there", b"x", &[]);
    run.step("something in the way", there).await;
    let id = &run.create("there", &[]).await;
    let upload = ("there", id.as_str());
    let part = run.taken(upload, 1, b"x".to_vec()).await;
    let conditional = Complete { if_none_match: true, ..Complete::default() };
    let request = run.complete(upload, std::slice::from_ref(&part), &conditional);
    run.step("complete if there is none, and there is", request).await;
    let id = &run.create("l", &[]).await;
    let upload = ("l", id.as_str());
    let part = run.taken(upload, 1, b"x".to_vec()).await;
    let wrong = CompletedPart { etag: "\"0123456789abcdef0123456789abcdef\"".to_owned(), ..part };
    let request = run.complete(upload, &[wrong], &Complete::default());
    run.step("complete with another ETag", request).await;
}

pub(super) async fn checksums(run: &mut Run<'_>) {
    for (algorithm, names) in [
        (
            ChecksumAlgorithm::Crc64Nvme,
            [
                "part, CRC-64",
                "whole, CRC-64",
                "head, CRC-64",
                "wrong part, CRC-64",
                "wrong, CRC-64",
            ],
        ),
        (
            ChecksumAlgorithm::Crc32c,
            [
                "part, CRC-32C",
                "whole, CRC-32C",
                "head, CRC-32C",
                "wrong part, CRC-32C",
                "wrong, CRC-32C",
            ],
        ),
    ] {
        let [part, whole, head, wrong_part, wrong] = names;
        let declared = [
            header("x-amz-checksum-algorithm", algorithm.as_str()),
            header("x-amz-checksum-type", "FULL_OBJECT"),
        ];
        let sum = |bytes: &[u8]| Checksum { algorithm, value: checksum(algorithm, bytes).unwrap() };
        for (step, bytes) in [(whole, b"hello"), (wrong, b"world")] {
            let id = &run.create("c", &declared).await;
            let upload = ("c", id.as_str());
            if step == wrong {
                let checksum = checksum_header(&sum(bytes));
                let request = run.part(upload, 1, b"hello".to_vec(), &[checksum]);
                run.step(wrong_part, request).await;
            }
            let checksum = checksum_header(&sum(b"hello"));
            let request = run.part(upload, 1, b"hello".to_vec(), &[checksum]);
            let response = match step == wrong {
                true => run.side.send(request).await,
                false => run.step(part, request).await,
            };
            let etag = part_etag(&response).unwrap();
            let parts = [CompletedPart { number: 1, etag, checksum: None }];
            let complete = Complete { checksum: Some(sum(bytes)), ..Complete::default() };
            let request = run.complete(upload, &parts, &complete);
            run.step(step, request).await;
        }
        let address = &run.address();
        let request = HeadObject { address, key: "c", checksums: true, headers: &[] };
        run.step(head, request.request()).await;
    }
}

pub(super) async fn over_and_unknown(run: &mut Run<'_>) {
    let id = &run.create("x", &[]).await;
    let upload = ("x", id.as_str());
    let part = run.taken(upload, 1, b"x".to_vec()).await;
    let address = &run.address();
    let abort = AbortMultipartUpload { address, key: "x", upload_id: id, headers: &[] };
    run.step("abort", abort.request()).await;
    run.step("abort again", abort.request()).await;
    let again = run.part(upload, 1, b"x".to_vec(), &[]);
    run.step("a part after the abort", again).await;
    let list = ListParts { address, key: "x", upload_id: id, after: None, headers: &[] };
    run.step("list parts after the abort", list.request()).await;
    let parts = [part];
    let request = run.complete(upload, &parts, &Complete::default());
    run.step("complete after the abort", request).await;
    let unknown = ("x", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    let request = run.complete(unknown, &parts, &Complete::default());
    run.step("complete of an unknown upload", request).await;
    let request = run.part(unknown, 1, b"x".to_vec(), &[]);
    run.step("a part of an unknown upload", request).await;
    let abort = AbortMultipartUpload { upload_id: unknown.1, ..abort };
    run.step("abort of an unknown upload", abort.request()).await;
}

/// What is said of the whole object as it is completed.
#[derive(Default)]
struct Complete {
    checksum: Option<Checksum>,
    size: Option<u64>,
    if_none_match: bool,
}

impl Run<'_> {
    async fn create(&mut self, key: &str, headers: &[Header]) -> String {
        let address = &self.address();
        let request = CreateMultipartUpload { address, key, headers }.request();
        let response = self.side.send(request).await;
        CreateMultipartUploadResult::parse(&response).unwrap().upload_id
    }

    fn complete(
        &mut self,
        (key, upload_id): (&str, &str),
        parts: &[CompletedPart],
        complete: &Complete,
    ) -> Request {
        let address = &self.address();
        CompleteMultipartUpload {
            address,
            key,
            upload_id,
            parts,
            checksum: complete.checksum.as_ref(),
            checksum_type: complete.checksum.as_ref().map(|_| ChecksumType::FullObject),
            object_size: complete.size,
            if_none_match: complete.if_none_match,
            headers: &[],
        }
        .request()
    }
}
