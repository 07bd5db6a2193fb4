//! The crate `aws-sdk-s3`. It has no writer of streams: parts are cut and sent here, as its guide
//! does.

use anyhow::{Context as _, bail};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::{ACCESS_KEY_ID, Content, Job, PART_BYTES, Proof, REGION, SECRET_ACCESS_KEY};
use crate::role::{Taken, measured};
use crate::server::BUCKET;

/// Writes with it. Building its client is not measured.
///
/// # Errors
///
/// What it says.
pub(super) fn write(runtime: &Runtime, job: &Job) -> anyhow::Result<Taken> {
    let sdk = Sdk { client: client(job), proof: job.proof };
    match job.content {
        Content::Pieces { event_bytes, count, checkpoints: false } => {
            let piece = super::piece(event_bytes);
            measured(|| runtime.block_on(sdk.pieces(&piece, count, job.in_flight)))
        }
        Content::Objects { count, bytes } => {
            measured(|| runtime.block_on(sdk.objects(count, bytes, job.in_flight)))
        }
        _ => bail!("nothing of that kind is measured with it"),
    }
}

fn client(job: &Job) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let key = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "measured");
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .credentials_provider(key)
        .region(Region::new(REGION))
        .endpoint_url(&job.endpoint)
        .force_path_style(true)
        // By itself it adds a CRC-32 to whatever it sends.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    Client::from_conf(config.build())
}

#[derive(Clone)]
struct Sdk {
    client: Client,
    proof: Proof,
}

impl Sdk {
    async fn pieces(&self, piece: &[u8], count: u64, parallel: usize) -> anyhow::Result<()> {
        let upload = self
            .client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(KEY)
            .set_checksum_algorithm(self.checksum())
            .set_checksum_type(self.checksum().map(|_| ChecksumType::FullObject))
            .send()
            .await?;
        let upload = upload.upload_id.context("no id of an upload")?;
        let mut parts = Parts { sdk: self.clone(), upload, sent: JoinSet::new(), done: Vec::new() };
        let mut buffer = BytesMut::with_capacity(PART_BYTES);
        for _ in 0..count {
            let mut rest = piece;
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(PART_BYTES - buffer.len()));
                buffer.extend_from_slice(now);
                rest = later;
                if buffer.len() == PART_BYTES {
                    let next = BytesMut::with_capacity(PART_BYTES);
                    parts.send(std::mem::replace(&mut buffer, next).freeze(), parallel).await?;
                }
            }
        }
        if !buffer.is_empty() {
            parts.send(buffer.freeze(), parallel).await?;
        }
        parts.complete().await
    }

    async fn objects(&self, count: u64, bytes: usize, parallel: usize) -> anyhow::Result<()> {
        let payload = Bytes::from(vec![b'x'; bytes]);
        let mut puts = JoinSet::new();
        for number in 0..count {
            if puts.len() == parallel {
                puts.join_next().await.context("none is in flight")???;
            }
            let (sdk, payload) = (self.clone(), payload.clone());
            puts.spawn(async move { sdk.put(format!("small/{number:08}"), payload).await });
        }
        while let Some(put) = puts.join_next().await {
            put??;
        }
        Ok(())
    }

    async fn put(&self, key: String, body: Bytes) -> anyhow::Result<()> {
        let put = self.client.put_object().bucket(BUCKET).key(key).body(ByteStream::from(body));
        let put = put.set_checksum_algorithm(self.checksum()).customize();
        match self.proof {
            Proof::Signature => put.send().await?,
            Proof::Nothing | Proof::Checksum => put.disable_payload_signing().send().await?,
        };
        Ok(())
    }

    async fn part(self, upload: String, number: i32, body: Bytes) -> anyhow::Result<CompletedPart> {
        let part = self
            .client
            .upload_part()
            .bucket(BUCKET)
            .key(KEY)
            .upload_id(upload)
            .part_number(number)
            .body(ByteStream::from(body))
            .set_checksum_algorithm(self.checksum())
            .customize();
        let stored = match self.proof {
            Proof::Signature => part.send().await?,
            Proof::Nothing | Proof::Checksum => part.disable_payload_signing().send().await?,
        };
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(stored.e_tag)
            .set_checksum_crc64_nvme(stored.checksum_crc64_nvme)
            .build())
    }

    fn checksum(&self) -> Option<ChecksumAlgorithm> {
        (self.proof == Proof::Checksum).then_some(ChecksumAlgorithm::Crc64Nvme)
    }
}

/// The parts of one upload.
struct Parts {
    sdk: Sdk,
    upload: String,
    sent: JoinSet<anyhow::Result<CompletedPart>>,
    done: Vec<CompletedPart>,
}

impl Parts {
    async fn send(&mut self, body: Bytes, parallel: usize) -> anyhow::Result<()> {
        if self.sent.len() == parallel {
            self.done.push(self.sent.join_next().await.context("none is in flight")???);
        }
        let number = i32::try_from(self.done.len() + self.sent.len() + 1)?;
        self.sent.spawn(self.sdk.clone().part(self.upload.clone(), number, body));
        Ok(())
    }

    async fn complete(mut self) -> anyhow::Result<()> {
        while let Some(part) = self.sent.join_next().await {
            self.done.push(part??);
        }
        self.done.sort_unstable_by_key(|part| part.part_number);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.done)).build();
        let complete = self.sdk.client.complete_multipart_upload().bucket(BUCKET).key(KEY);
        complete.upload_id(self.upload).multipart_upload(parts).send().await?;
        Ok(())
    }
}

const KEY: &str = "large";
