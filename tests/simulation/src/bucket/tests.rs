//! Each rule of the bucket.

mod checksums;
mod encryption;
mod listings;
mod multipart;
mod objects;
mod requests;

use std::time::Duration;

use spillway_core::Timestamp;
use spillway_core::http::{Request, Response};
use spillway_core::s3::{
    AbortMultipartUpload, Checksum, ChecksumType, CompleteMultipartUpload, CompletedPart,
    Completion, Condition, CreateMultipartUpload, CreateMultipartUploadResult, ErrorBody,
    HeadObject, Header, PutObject, UploadPart, part_etag,
};

use super::{Bucket, BucketOptions};
use crate::client::Client;

/// A bucket with parts of any size, and somebody to ask it.
struct Shop {
    bucket: Bucket,
    client: Client,
    at: Timestamp,
}

impl Shop {
    fn new() -> Shop {
        Shop::with(BucketOptions { part_bytes_min: 4, ..BucketOptions::default() })
    }

    fn with(options: BucketOptions) -> Shop {
        let client = Client::new(&options, "s3.test");
        Shop { client, bucket: Bucket::new(options), at: Timestamp(1_767_225_600_000_000_000) }
    }

    fn pass(&mut self, duration: Duration) {
        self.at.0 += u64::try_from(duration.as_nanos()).unwrap();
    }

    fn send(&mut self, request: Request) -> Response {
        let signed = self.client.sign(request, self.at);
        self.bucket.handle(self.at, &signed)
    }

    fn put(&mut self, key: &str, body: &str, headers: &[Header]) -> Response {
        let address = &self.client.address.clone();
        let body = body.as_bytes().to_vec().into();
        self.send(PutObject { address, key, condition: Condition::None, headers, body }.request())
    }

    fn put_if_none(&mut self, key: &str) -> Response {
        let address = &self.client.address.clone();
        let body = b"x".to_vec().into();
        self.send(
            PutObject { address, key, condition: Condition::Absent, headers: &[], body }.request(),
        )
    }

    fn head(&mut self, key: &str, checksums: bool) -> Response {
        let address = &self.client.address.clone();
        self.send(HeadObject { address, key, checksums, headers: &[] }.request())
    }

    fn create_with(&mut self, key: &str, headers: &[Header]) -> Response {
        let address = &self.client.address.clone();
        self.send(CreateMultipartUpload { address, key, headers }.request())
    }

    fn create(&mut self, key: &str) -> String {
        let response = self.create_with(key, &[]);
        CreateMultipartUploadResult::parse(&response).unwrap().upload_id
    }

    fn part(&mut self, key: &str, id: &str, number: u32, body: &str) -> Response {
        self.part_with(key, id, number, body, &[])
    }

    fn part_with(
        &mut self,
        key: &str,
        upload_id: &str,
        part_number: u32,
        body: &str,
        headers: &[Header],
    ) -> Response {
        let address = &self.client.address.clone();
        let body = body.as_bytes().to_vec().into();
        self.send(UploadPart { address, key, upload_id, part_number, headers, body }.request())
    }

    /// Sends a part, and returns how it is listed.
    fn listed(&mut self, key: &str, id: &str, number: u32, body: &str) -> CompletedPart {
        let response = self.part(key, id, number, body);
        CompletedPart { number, etag: part_etag(&response).unwrap(), checksum: None }
    }

    fn complete(&mut self, key: &str, id: &str, parts: &[CompletedPart]) -> Response {
        self.complete_with(key, id, parts, &Claims::default())
    }

    fn complete_with(
        &mut self,
        key: &str,
        upload_id: &str,
        parts: &[CompletedPart],
        claims: &Claims,
    ) -> Response {
        let address = &self.client.address.clone();
        let complete = CompleteMultipartUpload {
            address,
            key,
            upload_id,
            parts,
            checksum: claims.checksum.as_ref(),
            checksum_type: claims.checksum_type,
            object_size: claims.object_size,
            if_none_match: claims.if_none_match,
            headers: &[],
        };
        self.send(complete.request())
    }

    fn abort(&mut self, key: &str, upload_id: &str) -> Response {
        let address = &self.client.address.clone();
        self.send(AbortMultipartUpload { address, key, upload_id, headers: &[] }.request())
    }

    fn bytes(&self, key: &str) -> &[u8] {
        &self.bucket.objects()[key].bytes
    }
}

/// What is said of the whole object as it is completed.
#[derive(Default)]
struct Claims {
    checksum: Option<Checksum>,
    checksum_type: Option<ChecksumType>,
    object_size: Option<u64>,
    if_none_match: bool,
}

/// Status and code.
fn said(response: &Response) -> (u16, String) {
    let error = ErrorBody::parse(&response.body);
    (response.status, error.map(|error| error.code).unwrap_or_default())
}

fn no(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn is_completed(response: &Response) -> bool {
    response.status == 200 && matches!(Completion::parse(response), Ok(Completion::Completed(_)))
}

fn header(name: &'static str, value: &str) -> Header {
    (name.into(), value.to_owned())
}
