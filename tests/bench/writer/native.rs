//! The crate `object_store`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path as FilePath;
use std::sync::Arc;

use anyhow::ensure;
use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload, WriteMultipart};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::{
    ACCESS_KEY_ID, Content, Job, PART_BYTES, PIECE_BYTES, Proof, REGION, SECRET_ACCESS_KEY,
};
use crate::role::{Taken, measured};
use crate::server::BUCKET;

/// Writes with it. Building its client is not measured.
///
/// # Errors
///
/// What it says.
pub(super) fn write(runtime: &Runtime, job: &Job) -> anyhow::Result<Taken> {
    let store = Arc::new(client(job)?);
    let parallel = job.in_flight;
    match &job.content {
        Content::Pieces { event_bytes, count, checkpoints } => {
            ensure!(!checkpoints, "it has no checkpoints");
            let (piece, count) = (super::piece(*event_bytes), *count);
            measured(|| runtime.block_on(pieces(&store, &piece, count, parallel)))
        }
        Content::Objects { count, bytes } => {
            measured(|| runtime.block_on(objects(store, *count, *bytes, parallel)))
        }
        Content::File(path) => measured(|| runtime.block_on(file(&store, path, parallel))),
        Content::Mapped(path) => measured(|| runtime.block_on(mapped(&store, path, parallel))),
    }
}

fn client(job: &Job) -> anyhow::Result<AmazonS3> {
    // Its HTTP client wants one, also where nothing is encrypted.
    let provider = rustls::crypto::ring::default_provider();
    provider.install_default().map_err(|_| anyhow::anyhow!("there is a provider already"))?;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(BUCKET)
        .with_endpoint(&job.endpoint)
        .with_allow_http(true)
        .with_region(REGION)
        .with_access_key_id(ACCESS_KEY_ID)
        .with_secret_access_key(SECRET_ACCESS_KEY)
        .with_unsigned_payload(job.proof != Proof::Signature);
    if job.proof == Proof::Checksum {
        builder = builder.with_checksum_algorithm(Checksum::CRC64NVME);
    }
    Ok(builder.build()?)
}

async fn begin(store: &AmazonS3, key: &str) -> anyhow::Result<WriteMultipart> {
    let upload = store.put_multipart(&Path::from(key)).await?;
    Ok(WriteMultipart::new_with_chunk_size(upload, PART_BYTES))
}

async fn pieces(store: &AmazonS3, piece: &[u8], count: u64, parallel: usize) -> anyhow::Result<()> {
    let mut writer = begin(store, "large").await?;
    for _ in 0..count {
        writer.wait_for_capacity(parallel).await?;
        writer.write(piece);
    }
    writer.finish().await?;
    Ok(())
}

async fn objects(
    store: Arc<AmazonS3>,
    count: u64,
    bytes: usize,
    parallel: usize,
) -> anyhow::Result<()> {
    let payload = Bytes::from(vec![b'x'; bytes]);
    let mut puts = JoinSet::new();
    for number in 0..count {
        if puts.len() == parallel {
            puts.join_next().await.expect("some are in flight")??;
        }
        let (store, payload) = (store.clone(), PutPayload::from(payload.clone()));
        let path = Path::from(format!("small/{number:08}"));
        puts.spawn(async move { store.put(&path, payload).await });
    }
    while let Some(put) = puts.join_next().await {
        put??;
    }
    Ok(())
}

async fn file(store: &AmazonS3, path: &FilePath, parallel: usize) -> anyhow::Result<()> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut writer = begin(store, "lines").await?;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        writer.wait_for_capacity(parallel).await?;
        writer.write(&piece[..read]);
    }
    writer.finish().await?;
    Ok(())
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// What `.key` and `.payload` are to the command, as a program for this one form of lines has it.
async fn mapped(store: &AmazonS3, path: &FilePath, parallel: usize) -> anyhow::Result<()> {
    let mut lines = BufReader::with_capacity(PIECE_BYTES, File::open(path)?);
    let mut writers = BTreeMap::<String, WriteMultipart>::new();
    let mut text = Vec::new();
    while lines.read_until(b'\n', &mut text)? > 0 {
        let line: Line<'_> = serde_json::from_slice(&text)?;
        let writer = match writers.get_mut(&*line.key) {
            Some(writer) => writer,
            None => {
                let writer = begin(store, &line.key).await?;
                writers.entry(line.key.into_owned()).or_insert(writer)
            }
        };
        writer.wait_for_capacity(parallel).await?;
        writer.write(line.payload.get().as_bytes());
        writer.write(b"\n");
        text.clear();
    }
    for writer in writers.into_values() {
        writer.finish().await?;
    }
    Ok(())
}
