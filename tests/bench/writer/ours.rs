//! The component, through its host library.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::json;
use spillway::component::{Component, ComponentSource};
use spillway::contract::{Boundaries, Ending, Error, Framing, Payload, Progress, Run};
use spillway::credentials::{Credentials, Secret};
use spillway::egress::{Client, ClientOptions};
use spillway::engine::{Engine, Limits};
use spillway::grants::Grants;
use spillway::sink::{Sink, SinkError};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::{ACCESS_KEY_ID, Content, Job, PART_BYTES, PIECE_BYTES, Proof, SECRET_ACCESS_KEY};
use crate::role::{Taken, measured};
use crate::server::BUCKET;

/// Writes with it. Loading and opening it is not measured.
///
/// # Errors
///
/// What the sink says, and where not all was stored.
pub(super) fn write(runtime: &Runtime, job: &Job) -> anyhow::Result<Taken> {
    let mut sink = runtime.block_on(open(job))?;
    match job.content {
        Content::Pieces { event_bytes, count, checkpoints } => {
            let events = u32::try_from(PIECE_BYTES / event_bytes)?;
            let run = run("large".to_owned(), super::piece(event_bytes), events);
            let interval = checkpoints.then_some(CHECKPOINT_INTERVAL);
            measured(|| runtime.block_on(pieces(&mut sink, run, count, interval)))
        }
        Content::Objects { count, bytes } => {
            measured(|| runtime.block_on(objects(&mut sink, count, bytes)))
        }
        Content::File(_) | Content::Mapped(_) => bail!("files are read by the command"),
    }
}

async fn open(job: &Job) -> anyhow::Result<Sink> {
    let engine = Engine::new(Some(job.cache.clone()))?;
    let component = Component::load(&engine, &ComponentSource::Embedded)?;
    let is_checkpointed = matches!(job.content, Content::Pieces { checkpoints: true, .. });
    let config = json!({
        "bucket": BUCKET,
        "endpoint": job.endpoint,
        "part_bytes": PART_BYTES,
        "requests_in_flight_max": job.in_flight,
        "checksum": if job.proof == Proof::Checksum { "crc64nvme" } else { "none" },
        "payload_signing": if job.proof == Proof::Signature { "signed" } else { "unsigned" },
        "commit": if is_checkpointed { "checkpointed" } else { "sealed" },
    });
    let config = config.to_string();
    let limits = Limits::default();
    let grants = Grants {
        egress: component.egress(&config, &limits).await?,
        transport: Arc::new(Client::new(&ClientOptions::default())?),
        credentials: Arc::new(Credentials {
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: Secret::new(SECRET_ACCESS_KEY),
            session_token: None,
            expires_at: None,
        }),
        limits,
    };
    Ok(component.open(&config, None, &grants).await?)
}

fn run(key: String, payload: Vec<u8>, events: u32) -> Run {
    Run {
        key,
        first: 0,
        at: None,
        payload: Payload::Bytes(payload),
        boundaries: Boundaries::Lines(events),
        framing: Framing::Newline,
    }
}

async fn pieces(
    sink: &mut Sink,
    run: Run,
    count: u64,
    checkpoints: Option<Duration>,
) -> anyhow::Result<()> {
    let Boundaries::Lines(events) = run.boundaries else { bail!("a run is of lines") };
    let mut batch = [run];
    let mut last_checkpoint = Instant::now();
    for _ in 0..count {
        take(sink, &batch).await?;
        batch[0].first += u64::from(events);
        if checkpoints.is_some_and(|interval| last_checkpoint.elapsed() >= interval) {
            save(sink).await?;
            last_checkpoint = Instant::now();
        }
    }
    if checkpoints.is_some() {
        while reported(&sink.flush().await?)?.wants_checkpoint {
            save(sink).await?;
        }
    }
    close(sink, batch[0].first).await
}

/// Each object has one event: another key ends the object before.
async fn objects(sink: &mut Sink, count: u64, bytes: usize) -> anyhow::Result<()> {
    let mut payload = vec![b'x'; bytes - 1];
    payload.push(b'\n');
    let mut number = 0;
    while number < count {
        let end = count.min(number + (PIECE_BYTES / bytes) as u64);
        let runs = (number..end).map(|first| {
            let key = format!("small/{first:08}");
            Run { first, ..run(key, payload.clone(), 1) }
        });
        take(sink, &runs.collect::<Vec<_>>()).await?;
        number = end;
    }
    close(sink, count).await
}

async fn take(sink: &mut Sink, batch: &[Run]) -> anyhow::Result<()> {
    let rejected = loop {
        match sink.write(batch).await {
            Err(SinkError::Refused(Error::Busy)) => {
                save(sink).await?;
                let _ = timeout(Duration::from_secs(1), sink.moved().notified()).await;
            }
            answer => break answer?,
        }
    };
    ensure!(rejected.is_empty(), "{} events were rejected", rejected.len());
    reported(&sink.poll().await?).map(drop)
}

/// A state is stored as a host would, in a file that survives a crash.
async fn save(sink: &mut Sink) -> anyhow::Result<()> {
    use std::io::Write as _;

    let state = sink.checkpoint().await?;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(&state)?;
    file.as_file().sync_all()?;
    sink.commit().await?;
    Ok(())
}

async fn close(sink: &mut Sink, events: u64) -> anyhow::Result<()> {
    let progress = sink.close(Ending::Complete).await?;
    let durable = reported(&progress)?.durable;
    ensure!(durable == events, "{durable} of {events} events were stored");
    Ok(())
}

fn reported(progress: &Progress) -> anyhow::Result<&Progress> {
    match progress.failed.first() {
        Some(failure) => bail!("{}: {:?}", failure.object_key, failure.cause),
        None => Ok(progress),
    }
}

const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
