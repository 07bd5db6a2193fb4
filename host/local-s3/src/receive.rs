//! The body of a request, on its way into a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{ChecksumAlgorithm, StreamingBlob};
use s3s::{Body, S3Error, S3ErrorCode, S3Result, StdError, TrailingHeaders, s3_error};
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt as _, BufWriter};

use super::about::Sums;
use super::shared::storage_error;

/// What a PutObject or an UploadPart says of its body.
#[derive(Default)]
pub(super) struct Claim {
    pub(super) content_md5: Option<String>,
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    pub(super) sums: Sums,
    /// They follow the body, and may have further checksums.
    pub(super) trailers: Option<TrailingHeaders>,
}

macro_rules! claim {
    ($request:expr) => {{
        let mut claim = Claim {
            content_md5: $request.input.content_md5.take(),
            algorithm: $request.input.checksum_algorithm.take(),
            trailers: $request.trailing_headers.take(),
            ..Claim::default()
        };
        move_sums!($request.input => claim.sums);
        claim
    }};
}

pub(super) use claim;

/// What a body turned out to be.
pub(super) struct Received {
    /// The MD5 of the bytes, in hexadecimal digits: the ETag of a part, and of an object that was
    /// put at once.
    pub(super) e_tag: String,
    pub(super) size: u64,
    /// Of the algorithms that the claim names.
    pub(super) sums: Sums,
}

/// Writes a body into a new file, and checks what is claimed of it.
pub(super) async fn receive(
    body: Option<StreamingBlob>,
    file: &TempPath,
    mut claim: Claim,
) -> S3Result<Received> {
    let mut body = Body::from(body.ok_or_else(|| s3_error!(IncompleteBody))?);
    let file = File::create_new(file).await.map_err(storage_error)?;
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, file);
    let algorithm = claim.algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    let (mut md5, mut hasher, mut size) = (Md5::new(), claim.sums.hasher(algorithm), 0);
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.map_err(broken)?.into_data() else { continue };
        md5.update(&bytes);
        hasher.update(&bytes);
        file.write_all(&bytes).await.map_err(storage_error)?;
        size += bytes.len() as u64;
    }
    file.flush().await.map_err(storage_error)?;
    let (md5, mut sums) = (md5.finalize(), Sums::from(hasher.finalize()));
    if claim.content_md5.is_some_and(|claimed| claimed != STANDARD.encode(md5)) {
        return Err(s3_error!(BadDigest, "The Content-MD5 is not the one of the body"));
    }
    if let Some(trailers) = claim.trailers.and_then(|trailers| trailers.take()) {
        for (name, sum) in claim.sums.by_name() {
            let name = format!("x-amz-checksum-{}", name.to_ascii_lowercase());
            let text = trailers.get(name).and_then(|value| value.to_str().ok());
            *sum = text.map(str::to_owned).or(sum.take());
        }
    }
    match claim.sums.mismatch(&mut sums) {
        Some(name) => Err(s3_error!(BadDigest, "The {name} is not the one of the body")),
        None => Ok(Received { e_tag: hex(&md5), size, sums }),
    }
}

/// The bytes in lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn broken(error: StdError) -> S3Error {
    S3Error::with_source(S3ErrorCode::InternalError, error)
}

const BUFFER_BYTES: usize = 256 * 1_024;
