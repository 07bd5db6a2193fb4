//! The operations, and what of each answer is compared.

mod multipart;
mod objects;

use spillway_core::http::{Body, Request, Response};
use spillway_core::s3::{
    Address, Checksum, CompletedPart, Condition, ErrorBody, Header, PutObject, UploadPart,
    part_etag,
};

use super::sides::{Side, now};

/// What an answer comes down to.
pub(super) type Said = String;

/// The least that S3 takes for a part that is not the last.
pub(super) const PART_BYTES: usize = 5 << 20;

/// Every operation, and what was answered. The steps have names, to be told apart by.
pub(super) async fn script(side: &mut Side, part_bytes: usize) -> Vec<(&'static str, Said)> {
    let mut run = Run { side, said: Vec::new(), part_bytes };
    objects::put_and_look(&mut run).await;
    objects::what_is_refused(&mut run).await;
    multipart::two_parts(&mut run).await;
    multipart::lists_that_do_not_fit(&mut run).await;
    multipart::checksums(&mut run).await;
    multipart::over_and_unknown(&mut run).await;
    run.said
}

/// A script under way.
struct Run<'a> {
    side: &'a mut Side,
    said: Vec<(&'static str, Said)>,
    part_bytes: usize,
}

impl Run<'_> {
    fn address(&mut self) -> Address {
        self.side.client().address.clone()
    }

    /// Sends, and writes down what was said.
    async fn step(&mut self, name: &'static str, request: Request) -> Response {
        let about_checksums = speaks_of_checksums(&request);
        let response = self.side.send(request).await;
        self.said.push((name, said(&response, about_checksums)));
        response
    }

    /// The same, signed as of so many seconds ago.
    async fn step_late(&mut self, name: &'static str, request: Request, seconds: u64) {
        let response = self.side.send_late(request, seconds).await;
        self.said.push((name, said(&response, false)));
    }

    /// The same, with a change after it was signed.
    async fn forged(
        &mut self,
        name: &'static str,
        request: Request,
        change: impl FnOnce(&mut Request),
    ) {
        let mut signed = self.side.client().sign(request, now());
        change(&mut signed);
        let response = self.side.send_signed(signed).await;
        self.said.push((name, said(&response, false)));
    }

    fn put(&mut self, key: &str, body: &[u8], headers: &[Header]) -> Request {
        let address = &self.address();
        let body = Body::from(body.to_vec());
        PutObject { address, key, condition: Condition::None, headers, body }.request()
    }

    fn part(
        &mut self,
        (key, upload_id): (&str, &str),
        part_number: u32,
        body: Vec<u8>,
        headers: &[Header],
    ) -> Request {
        let address = &self.address();
        let body = Body::from(body);
        UploadPart { address, key, upload_id, part_number, headers, body }.request()
    }

    /// A part that is expected to be taken.
    async fn taken(&mut self, upload: (&str, &str), number: u32, body: Vec<u8>) -> CompletedPart {
        let request = self.part(upload, number, body, &[]);
        let response = self.side.send(request).await;
        CompletedPart { number, etag: part_etag(&response).unwrap(), checksum: None }
    }

    /// The bytes of a part that need not be the last.
    fn full(&self, byte: u8) -> Vec<u8> {
        vec![byte; self.part_bytes]
    }
}

/// Status, code, decisive headers, and what stands in a body. Checksums only where the request
/// speaks of them: S3 computes one unasked, which not every server does. Nor does every server name
/// a type for what was given none.
fn said(response: &Response, about_checksums: bool) -> Said {
    let error = ErrorBody::parse(&response.body);
    let mut said = format!("{}", response.status);
    if let Some(error) = &error {
        said += &format!(" {}", error.code);
    }
    let is_compared = |name: &str| about_checksums || !name.to_lowercase().contains("checksum");
    for name in HEADERS.into_iter().filter(|name| response.is_success() && is_compared(name)) {
        if let Some(value) = response.header(name).filter(|v| *v != "binary/octet-stream") {
            said += &format!(", {name}: {value}");
        }
    }
    let text = String::from_utf8_lossy(&response.body).replace("&quot;", "\"");
    for name in ELEMENTS.into_iter().filter(|name| error.is_none() && is_compared(name)) {
        for rest in text.split(&format!("<{name}>")).skip(1) {
            let value = rest.split('<').next().unwrap_or_default();
            said += &format!(", <{name}> {value}");
        }
    }
    said
}

fn speaks_of_checksums(request: &Request) -> bool {
    request.headers.iter().any(|(name, _)| name.starts_with("x-amz-checksum-"))
}

/// A header.
fn header(name: &'static str, value: &str) -> Header {
    (name.into(), value.to_owned())
}

/// The header that holds a checksum.
fn checksum_header(checksum: &Checksum) -> Header {
    header(checksum.algorithm.header_name(), &checksum.value)
}

const HEADERS: [&str; 6] = [
    "etag",
    "content-type",
    "x-amz-meta-nonce",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-type",
];
const ELEMENTS: [&str; 5] = ["ETag", "ChecksumCRC64NVME", "ChecksumCRC32C", "Size", "IsTruncated"];
