//! Where a flow with a checkpoint begins, for people.

use crate::checkpoint::{self, CheckpointSettings, Mark, Marked};
use crate::place::Place;
use crate::plan::{PlanError, Resume};
use jiff::Timestamp;
use tracing::info;

use super::exit::CliError;
use super::log::SPILLWAY;
use super::view::counted;

/// What `check` says of a checkpoint that was proven.
pub(crate) fn describe(settings: &CheckpointSettings) -> Result<String, CliError> {
    let path = settings.path.display();
    let found = checkpoint::read(&settings.path).map_err(PlanError::Checkpoint)?;
    Ok(match found {
        None => format!("It starts at line 1: there is no checkpoint {path} yet."),
        Some(found) => {
            let from = from(&found.source);
            format!("It resumes from {from}, from the checkpoint {path}.")
        }
    })
}

/// Says where a flow with checkpoints begins.
pub(crate) fn announce(resume: &Resume, is_nothing_to_do: bool) {
    let ((place, _), (path, found)) = (resume.place(), resume.found());
    let (path, line) = (path.display(), place.start.line + 1);
    let Some(found) = found else {
        return info!(
            target: SPILLWAY, event = "begun", line,
            "starting at line 1; checkpoints are stored in {path}"
        );
    };
    let (taken, lines) = (time(found.taken), place.start.line);
    let source = resume.source();
    let source = source.display();
    if is_nothing_to_do {
        return info!(
            target: SPILLWAY, event = "nothing_to_do", line,
            "nothing to do: {source} was finished at {taken}, with {lines} lines, and has no new \
             lines, according to the checkpoint {path}"
        );
    }
    info!(
        target: SPILLWAY, event = "resumed", line,
        "resuming from {}, from the checkpoint {path} of {taken}", from(&found.source)
    );
}

/// A place in the source, as text.
fn from(mark: &Mark) -> String {
    let Place { start, taken, .. } = mark.place();
    let place = match &mark.of {
        Marked::File(_) => format!("line {}", start.line + 1),
        Marked::Files { files } => {
            let files = counted(files.len() as u64, "file");
            format!("{} of {files}", counted(start.line, "line"))
        }
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
