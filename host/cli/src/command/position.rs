//! Where a flow with a checkpoint begins, for people.

use crate::checkpoint::{Checkpoint, CheckpointSettings, CheckpointStore, Mark, Marked};
use crate::place::Place;
use crate::plan::{Held, Plan, PlanError, Resume};
use jiff::Timestamp;
use tracing::info;

use super::exit::CliError;
use super::log::SPILLWAY;
use super::view::counted;

/// What `check` says of a checkpoint that was proven. One in the bucket is read if it `asks`, but
/// not those of partitions.
pub(crate) async fn describe(
    settings: &CheckpointSettings,
    plan: &Plan,
    asks: bool,
) -> Result<Option<String>, CliError> {
    let store = &settings.store;
    if let (CheckpointStore::Bucket(bucket), Some(_)) = (store, plan.source.kafka()) {
        let name = &bucket.name;
        let each = format!("`{name}/TOPIC/PARTITION` in the bucket");
        return Ok(Some(format!("Each partition resumes from its own checkpoint, {each}.")));
    }
    let is_in_bucket = store.bucket().is_some();
    if is_in_bucket && !asks {
        return Ok(None);
    }
    let found = store.read(plan.bucket()).await.map_err(PlanError::from)?;
    let found = found.filter(|found| !is_in_bucket || !found.is_beginning());
    Ok(Some(of_found(store, found.as_ref())))
}

/// Where a flow begins that has found this checkpoint.
fn of_found(store: &CheckpointStore, found: Option<&Checkpoint>) -> String {
    match found {
        None => format!("It starts at line 1: there is no checkpoint {store} yet."),
        Some(found) => {
            let from = from(&found.source);
            format!("It resumes from {from}, from the checkpoint {store}.")
        }
    }
}

/// Says that another process may still hold the checkpoint.
pub(crate) fn announce_wait(store: &CheckpointStore, held: &Held) {
    let Held { lease_left, age } = held;
    let age = age.map_or(String::new(), |age| format!(", {} s ago", age.as_secs()));
    let seconds = lease_left.as_secs_f64().ceil();
    info!(
        target: SPILLWAY, event = "waiting", seconds,
        "another process has stored the checkpoint {store}{age}, and may still be at work; waiting \
         {seconds} s, until it has ended (`lease` of [checkpoint])"
    );
}

/// Says where a flow with checkpoints begins.
pub(crate) fn announce(resume: &Resume, is_nothing_to_do: bool) {
    let ((place, _), (store, found)) = (resume.place(), resume.found());
    let line = place.start.line + 1;
    let Some(found) = found else {
        let preposition = if store.file().is_some() { "in" } else { "as" };
        return info!(
            target: SPILLWAY, event = "begun", line,
            "starting at line 1; checkpoints are stored {preposition} {store}"
        );
    };
    let (taken, lines) = (time(found.taken), place.start.line);
    let source = resume.source();
    let source = source.display();
    if is_nothing_to_do {
        return info!(
            target: SPILLWAY, event = "nothing_to_do", line,
            "nothing to do: {source} was finished at {taken}, with {lines} lines, and has no new \
             lines, according to the checkpoint {store}"
        );
    }
    info!(
        target: SPILLWAY, event = "resumed", line,
        "resuming from {}, from the checkpoint {store} of {taken}", from(&found.source)
    );
    if let Some(otherwise) = resume.sink_otherwise() {
        info!(
            target: SPILLWAY, event = "sink_begun",
            "the sink is configured otherwise than at the checkpoint, and begins anew there, since \
             no object was open: {otherwise}"
        );
    }
}

/// A place in the source, as text.
fn from(mark: &Mark) -> String {
    let Place { start, taken, .. } = mark.place();
    let place = match &mark.of {
        Marked::File(_) => format!("line {}", start.line + 1),
        Marked::Files { files, .. } => {
            let files = counted(files.len() as u64, "file");
            format!("{} of {files}", counted(start.line, "line"))
        }
        Marked::Partition { .. } => format!("offset {}", start.line),
    };
    match taken {
        0 => place,
        taken => format!("{place}, after {}", counted(taken, "event")),
    }
}

/// A time for people, in UTC.
pub(crate) fn time(nanoseconds: u64) -> String {
    let seconds = i64::try_from(nanoseconds / 1_000_000_000).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| "?".to_owned(), |time| time.to_string())
}
