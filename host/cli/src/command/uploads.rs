//! `spillway uploads`: what earlier runs left unfinished in the store, and its end.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::age;
use crate::checkpoint::{
    self, CheckpointError, CheckpointFile, CheckpointSettings, CheckpointStore, bucket,
};
use crate::cut;
use crate::lanes;
use crate::plan::{Destination, PlanError, Request, read};
use anyhow::anyhow;
use serde_json::json;
use spillway::contract::{Ending, IncompleteUpload};
use spillway::sink::{Sink, SinkError};
use tracing::error;

use super::args::{AbortArguments, ListArguments, UploadsCommand};
use super::asking::Asking;
use super::exit::{CliError, Exit};
use super::log::SPILLWAY;
use super::output::{self, outln};
use super::terminal;

pub(crate) async fn uploads(command: UploadsCommand) -> Result<Exit, CliError> {
    match command {
        UploadsCommand::List(arguments) => list(arguments).await,
        UploadsCommand::Abort(arguments) => abort(arguments).await,
    }
}

async fn list(arguments: ListArguments) -> Result<Exit, CliError> {
    let ListArguments { flow, component, older_than, json } = arguments;
    let (mut sink, kept) = open(&flow, component, Whose::Anybodys).await?;
    // There is nothing to clear away.
    let asking = Asking::of(&sink, Duration::ZERO)?;
    let found = async {
        let found = Upload::all(&mut sink).await?;
        close(sink).await?;
        Ok(found)
    };
    let mut found = asking.end(found.await, "listing incomplete uploads")?;
    let in_use = kept.take_out(&mut found);
    found.retain(|upload| upload.is_older_than(older_than.unwrap_or_default()));
    let flow = flow.display();
    if json {
        output::document(&json!({"uploads": found.iter().map(Upload::json).collect::<Vec<_>>()}));
    } else if !found.is_empty() {
        table(&found).iter().for_each(|line| outln!("{line}"));
    } else if let Some(age) = older_than {
        let age = age::show(age);
        outln!(
            "there is no incomplete upload older than {age} under the keys that {flow} may write"
        );
    } else {
        outln!("there is no incomplete upload under the keys that {flow} may write");
    }
    if !json {
        kept.say(in_use);
    }
    Ok(Exit::Done)
}

async fn abort(arguments: AbortArguments) -> Result<Exit, CliError> {
    let whose = if arguments.dry_run { Whose::Anybodys } else { Whose::Ours };
    let (sink, kept) = open(&arguments.flow, arguments.component.clone(), whose).await?;
    let asking = Asking::of(&sink, Duration::ZERO)?;
    let aborted = abort_all(arguments, sink, kept).await;
    asking.end(aborted, "aborting uploads; those that are not listed above may remain")
}

async fn abort_all(
    arguments: AbortArguments,
    mut sink: Sink,
    kept: InUse,
) -> Result<Exit, CliError> {
    let AbortArguments { older_than, dry_run, .. } = arguments;
    let mut in_use = 0;
    let mut met = HashSet::new();
    let (mut ended, mut failed) = (0_u64, 0_u64);
    // A component may list no more than it can hold, so it is asked until there is nothing new.
    let young = loop {
        let mut all = Upload::all(&mut sink).await?;
        in_use = in_use.max(kept.take_out(&mut all));
        let (old, young): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|upload| upload.is_older_than(older_than));
        let new = |upload: &Upload| met.insert(upload.identity());
        let due: Vec<_> = old.into_iter().filter(new).collect();
        if due.is_empty() {
            break young;
        }
        for upload in &due {
            let text = upload.describe();
            if dry_run {
                outln!("would abort {text}");
                continue;
            }
            match sink.abort_upload(&upload.object.object_key, &upload.object.id).await {
                Ok(()) => {
                    ended += 1;
                    outln!("aborted {text}");
                }
                Err(error @ (SinkError::Trap(_) | SinkError::Breach(_) | SinkError::GivenUp)) => {
                    return Err(CliError::Failed(error.into()));
                }
                Err(error) => {
                    failed += 1;
                    error!(target: SPILLWAY, event = "not_aborted", "not aborted: {text}: {error}");
                }
            }
            notices(&mut sink).await?;
        }
        if dry_run {
            break young;
        }
    };
    close(sink).await?;
    let age = age::show(older_than);
    match (dry_run, met.len()) {
        (_, 0) => outln!("there is no incomplete upload older than {age}"),
        (true, due) => outln!("{} would be aborted", count(due as u64)),
        (false, _) => outln!("{} aborted", count(ended)),
    }
    let unknown = young.iter().filter(|upload| upload.object.begun.is_none()).count() as u64;
    let younger = young.len() as u64 - unknown;
    if younger > 0 {
        outln!("skipped: {} younger than that", count(younger));
    }
    if unknown > 0 {
        outln!("skipped: {} of unknown age", count(unknown));
    }
    kept.say(in_use);
    match failed {
        0 => Ok(Exit::Done),
        failed => Err(CliError::Failed(anyhow!("{} could not be aborted", count(failed)))),
    }
}

/// An upload with its age, as it was when it was listed.
struct Upload {
    object: IncompleteUpload,
    /// Nothing where the store does not tell.
    age: Option<Duration>,
}

impl Upload {
    /// What is unfinished, the oldest first, those of unknown age last.
    async fn all(sink: &mut Sink) -> Result<Vec<Upload>, CliError> {
        let listed = sink.incomplete_uploads().await;
        notices(sink).await?;
        let listed = listed.map_err(|error| {
            CliError::Failed(
                anyhow::Error::new(error).context("incomplete uploads could not be listed"),
            )
        })?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let age = |begun| now.saturating_sub(Duration::from_nanos(begun));
        let upload = |object: IncompleteUpload| Upload { age: object.begun.map(age), object };
        let mut uploads: Vec<_> = listed.into_iter().map(upload).collect();
        uploads.sort_by_key(|upload| Reverse(upload.age));
        Ok(uploads)
    }

    /// Whether it is known to be at least so old. Everything is older than nothing.
    fn is_older_than(&self, age: Duration) -> bool {
        age.is_zero() || self.age.is_some_and(|is| is >= age)
    }

    fn identity(&self) -> (String, String) {
        (self.object.object_key.clone(), self.object.id.clone())
    }

    fn cells(&self) -> [String; 4] {
        let IncompleteUpload { object_key, id, parts, .. } = &self.object;
        let age = self.age.map_or_else(|| UNKNOWN.to_owned(), age::show);
        let parts = parts.map_or_else(|| UNKNOWN.to_owned(), |parts| parts.to_string());
        [cut::name(object_key), age, parts, cut::name(id)]
    }

    fn describe(&self) -> String {
        let [name, age, parts, id] = self.cells();
        format!("{name} (age {age}, parts {parts}, id {id})")
    }

    fn json(&self) -> serde_json::Value {
        let IncompleteUpload { object_key, id, begun, parts } = &self.object;
        json!({
            "object_key": object_key,
            "id": id,
            "begun": begun.map(|nanoseconds| nanoseconds / 1_000_000_000),
            "age_seconds": self.age.map(|age| age.as_secs()),
            "parts": parts,
        })
    }
}

/// The uploads below a head, in columns.
fn table(uploads: &[Upload]) -> Vec<String> {
    let mut rows = vec![["OBJECT KEY", "AGE", "PARTS", "ID"].map(str::to_owned)];
    rows.extend(uploads.iter().map(Upload::cells));
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or_default().min(WIDTH_MAX)
    };
    let (name_width, age_width, parts_width) = (width(0), width(1), width(2));
    let line = |[name, age, parts, id]: &[String; 4]| {
        format!("{name:name_width$}  {age:>age_width$}  {parts:>parts_width$}  {id}")
    };
    rows.iter().map(line).collect()
}

fn count(uploads: u64) -> String {
    format!("{uploads} {}", if uploads == 1 { "upload" } else { "uploads" })
}

/// Uploads that are in the checkpoint of the flow. The next run continues them.
#[derive(Default)]
struct InUse {
    store: Option<CheckpointStore>,
    ids: HashSet<String>,
    /// Keeps away runs, which begin uploads that are not known here.
    _held: Option<CheckpointFile>,
}

/// Whose a checkpoint is while it is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// A run may be using it.
    Anybodys,
    /// Nobody else's.
    Ours,
}

impl InUse {
    async fn of(
        checkpoint: Option<CheckpointSettings>,
        destination: &Destination,
        whose: Whose,
    ) -> Result<InUse, CliError> {
        let Some(CheckpointSettings { store, .. }) = checkpoint else {
            return Ok(InUse::default());
        };
        let Destination { sink, grants, .. } = destination;
        let held = match (&store, whose) {
            (CheckpointStore::File(path), Whose::Ours) => hold(path)?,
            _ => None,
        };
        // What is in use cannot be told from what cannot be read, so nothing is touched.
        let read = match &store {
            CheckpointStore::File(path) => {
                checkpoint::read(path).map_err(|error| CliError::Usage(error.into()))?
            }
            CheckpointStore::Bucket(settings) => {
                let found = bucket::load(destination.bucket(), settings).await;
                let found = found.map_err(PlanError::from)?;
                let left = found.lease_left().as_secs();
                if whose == Whose::Ours && left > 0 {
                    let error = anyhow!(
                        "a run holds the checkpoint {store} for {left} s more, and begins uploads \
                         that are not known here; stop it, or try again then"
                    );
                    return Err(CliError::Failed(error));
                }
                found.known().map_err(PlanError::from)?
            }
        };
        let read = read.filter(|read| !read.state.is_empty());
        let Some(read) = read else { return Ok(InUse { _held: held, ..InUse::default() }) };
        let saved = lanes::inspect(sink, &read.state, &grants.limits).await;
        let saved = saved.map_err(|error| CliError::Usage(error.into()))?;
        let ids = saved.objects.into_iter().filter_map(|object| object.id).collect();
        Ok(InUse { store: Some(store), ids, _held: held })
    }

    /// Takes out what is in use, and returns how many that were.
    fn take_out(&self, uploads: &mut Vec<Upload>) -> u64 {
        let all = uploads.len();
        uploads.retain(|upload| !self.ids.contains(&upload.object.id));
        (all - uploads.len()) as u64
    }

    fn say(&self, in_use: u64) {
        if let (Some(store), true) = (&self.store, in_use > 0) {
            outln!("skipped: {}, which the checkpoint {store} needs", count(in_use));
        }
    }
}

/// Locks the checkpoint for this process. If its folder does not exist, no run uses it either.
fn hold(path: &Path) -> Result<Option<CheckpointFile>, CliError> {
    match CheckpointFile::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(CheckpointError::Lock(_, error)) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PlanError::Checkpoint(error).into()),
    }
}

/// The sink of a flow, whatever is the matter with its source, and what its checkpoint needs.
async fn open(
    flow: &Path,
    component: Option<PathBuf>,
    whose: Whose,
) -> Result<(Sink, InUse), CliError> {
    let request = Request::of(flow, component);
    let mut draft = request.parse(&read(flow)?)?;
    let checkpoint = draft.checkpoint.take();
    let has_partitions = draft.source.as_ref().is_some_and(|source| source.kafka().is_some());
    if has_partitions && checkpoint.is_some() && whose == Whose::Ours {
        return Err(CliError::Usage(anyhow!("{OF_PARTITIONS}")));
    }
    let checkpoint = checkpoint.filter(|_| !has_partitions);
    let destination = request.destination(draft).await?;
    let in_use = InUse::of(checkpoint, &destination, whose).await?;
    Ok((destination.open().await?, in_use))
}

async fn notices(sink: &mut Sink) -> Result<(), CliError> {
    let progress = sink.poll().await.map_err(|error| CliError::Failed(error.into()))?;
    progress.notices.iter().for_each(terminal::say_notice);
    Ok(())
}

async fn close(mut sink: Sink) -> Result<(), CliError> {
    let progress = sink.close(Ending::Abort).await.map_err(|e| CliError::Failed(e.into()))?;
    progress.notices.iter().for_each(terminal::say_notice);
    Ok(())
}

const OF_PARTITIONS: &str = "each partition has a checkpoint of its own, and needs the uploads in \
                             it: leave incomplete uploads to a lifecycle rule of the bucket";
/// What a store does not tell.
const UNKNOWN: &str = "?";
/// A longer key pushes only its own row out of line.
const WIDTH_MAX: usize = 60;
