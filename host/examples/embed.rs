//! Stores the lines of a file in S3, each of them once, however often it is killed meanwhile.
//!
//! ```text
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… embed CONFIG FILE STATE
//! ```
//!
//! `CONFIG` is a file of JSON, the `[sink.config]` of a flow; it says `"commit": "checkpointed"`,
//! and has a `key_template` whose names do not repeat, such as `"{key}/{first}"`.
//! `STATE` is where this program keeps how far it has come. Start it again with the same three
//! after a crash, or when lines were appended to `FILE`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use spillway::component::{Component, ComponentSource};
use spillway::contract::{Boundaries, Ending, Error, Framing, Payload, Progress, Run};
use spillway::credentials::Environment;
use spillway::egress::{Client, ClientOptions};
use spillway::engine::{Engine, Limits};
use spillway::grants::Grants;
use spillway::sink::{Sink, SinkError};
use tokio::time::timeout;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).map(PathBuf::from).collect();
    let [config, file, state] = arguments.as_slice() else {
        bail!("usage: embed CONFIG FILE STATE")
    };
    let config = std::fs::read_to_string(config).context("cannot read CONFIG")?;

    // The component gets nothing but this: one authority, credentials, and so much of the machine.
    let engine = Engine::new(Engine::default_cache())?;
    let component = Component::load(&engine, &ComponentSource::Embedded)?;
    let limits = Limits::default();
    let grants = Grants {
        egress: component.egress(&config, &limits).await?,
        transport: Arc::new(Client::new(&ClientOptions::default())?),
        credentials: Arc::new(Environment::default()),
        limits,
    };

    // Go on where the last checkpoint was taken: the place in the file and the state of the sink
    // are stored together, so they are of the same moment.
    let (mut place, sink_state) = load(state).context("cannot read STATE")?;
    let mut sink = component.open(&config, sink_state.as_deref(), &grants).await?;
    let mut file = BufReader::new(File::open(file).context("cannot read FILE")?);
    file.seek(SeekFrom::Start(place.byte))?;

    // Before anything is stored: a configuration without checkpoints fails here.
    save(&mut sink, state, place).await?;
    let mut last_saved = place;
    while let Some((run, next)) = next_run(&mut file, place)? {
        write(&mut sink, run, state, place).await?;
        place = next;
        // Reports, and moves on what is due. A source that may be silent for long, such as a
        // socket, calls it every second meanwhile, or as `sink.moved()` says.
        let progress = sink.poll().await?;
        report(&progress)?;
        if progress.wants_checkpoint || place.byte - last_saved.byte >= CHECKPOINT_BYTES {
            save(&mut sink, state, place).await?;
            last_saved = place;
        }
    }

    // Seal what is open. Sealed objects become visible with a commit, so commit until none is left.
    while {
        let progress = sink.flush().await?;
        report(&progress)?;
        progress.wants_checkpoint
    } {
        save(&mut sink, state, place).await?;
    }
    save(&mut sink, state, place).await?;
    let progress = sink.close(Ending::Complete).await?;
    report(&progress)?;
    ensure!(progress.durable == place.line, "{} of {} lines", progress.durable, place.line);
    eprintln!("stored {} lines", place.line);
    Ok(())
}

/// Writes a run. The sink takes all of it or nothing, and nothing where only a commit makes room.
async fn write(sink: &mut Sink, run: Run, state: &Path, place: Place) -> anyhow::Result<()> {
    let run = [run];
    let rejections = loop {
        match sink.write(&run).await {
            Err(SinkError::Refused(Error::Busy)) => save(sink, state, place).await?,
            answer => break answer?,
        }
        // What was committed leaves room once the store has answered.
        let _ = timeout(Duration::from_secs(1), sink.moved().notified()).await;
        report(&sink.poll().await?)?;
    };
    // What the sink can never store: here, a line that is longer than an object may be.
    if let Some(rejection) = rejections.first() {
        bail!("line {}: {}", rejection.position + 1, rejection.reason);
    }
    Ok(())
}

/// Takes a checkpoint of everything before `place`, and makes sealed objects visible.
async fn save(sink: &mut Sink, state: &Path, place: Place) -> anyhow::Result<()> {
    let sink_state = sink.checkpoint().await?;
    store(state, place, &sink_state).context("cannot write STATE")?;
    sink.commit().await?;
    eprintln!("checkpoint before line {}", place.line + 1);
    Ok(())
}

/// Says what has happened. Events that failed would be missing, so this program ends with them:
/// another one keeps them elsewhere, before its next checkpoint.
fn report(progress: &Progress) -> anyhow::Result<()> {
    for notice in &progress.notices {
        eprintln!("{}", notice.message);
    }
    for object in &progress.visible {
        eprintln!("stored {}: {} lines", object.object_key, object.events);
    }
    match progress.failed.first() {
        Some(failure) => bail!("{}: {:?}", failure.object_key, failure.cause),
        None => Ok(()),
    }
}

/// The next lines, about a MiB of them, as one run; and the place behind them. A last line without
/// a line feed is still being written, and left alone.
fn next_run(file: &mut BufReader<File>, place: Place) -> anyhow::Result<Option<(Run, Place)>> {
    let (mut lines, mut count) = (Vec::new(), 0);
    while lines.len() < RUN_BYTES {
        let whole = lines.len();
        file.read_until(b'\n', &mut lines)?;
        if !lines.ends_with(b"\n") || lines.len() == whole {
            lines.truncate(whole);
            break;
        }
        count += 1;
    }
    if count == 0 {
        return Ok(None);
    }
    let next = Place { byte: place.byte + lines.len() as u64, line: place.line + u64::from(count) };
    let run = Run {
        key: "lines".to_owned(),
        first: place.line,
        at: None,
        payload: Payload::Bytes(lines),
        boundaries: Boundaries::Lines(count),
        framing: Framing::Newline,
    };
    Ok(Some((run, next)))
}

/// Replaces the file of the state: after a crash there is the old one or the new one, and whole. It
/// may hold bytes of events, so nobody else reads it.
fn store(path: &Path, place: Place, sink_state: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file =
        File::options().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&place.byte.to_le_bytes())?;
    file.write_all(&place.line.to_le_bytes())?;
    file.write_all(sink_state)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// The state that was stored last, if there is one.
fn load(path: &Path) -> std::io::Result<(Place, Option<Vec<u8>>)> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Place::default(), None)),
        read => read?,
    };
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let (Some(byte), Some(line)) = (number(0), number(8)) else {
        return Err(ErrorKind::UnexpectedEof.into());
    };
    Ok((Place { byte, line }, Some(bytes[16..].to_vec())))
}

/// Between two lines of the file.
#[derive(Clone, Copy, Default)]
struct Place {
    byte: u64,
    line: u64,
}

const RUN_BYTES: usize = 1 << 20;
const CHECKPOINT_BYTES: u64 = 16 << 20;
