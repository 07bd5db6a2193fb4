//! How a run came to its end, and what it did before.

use std::path::PathBuf;

use crate::checkpoint::CheckpointError;
use crate::layout::{Lines, Spot};
use crate::source::SourceError;
use spillway::contract::Failure;
use spillway::sink::{SinkError, explain};

/// What a run has done so far.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Totals {
    /// Lines read, of whatever fate.
    pub lines: u64,
    /// Those of them that have several events.
    pub lines_of_several_events: u64,
    /// Bytes read.
    pub input_bytes: u64,
    /// Events that the sink accepted.
    pub events: u64,
    /// Events that were rejected.
    pub rejected: u64,
    /// Lines that the map's expressions filtered out.
    pub filtered: u64,
    /// Events in objects that became visible.
    pub stored_events: u64,
    /// Objects that became visible.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Objects that could not be stored.
    pub failed_objects: u64,
    /// The events in them.
    pub failed_events: u64,
    /// Between which lines all events lie that are neither stored nor set aside, where there are
    /// any; events between them may be stored. Where the run takes checkpoints, what the next one
    /// reads again is not among them.
    pub not_stored: Option<Lines>,
    /// Rejected and failed events that were written to a file.
    pub dead_letters: u64,
    /// What it has kept for the next run, where it takes checkpoints.
    #[serde(flatten)]
    pub kept: Option<Kept>,
}

/// What a run with checkpoints has kept for the next one.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Kept {
    /// How many checkpoints it has stored.
    pub checkpoints: u64,
    /// The number of the line that it went on from, from 1; nothing where it began anew.
    pub resumed_from_line: Option<u64>,
    /// The number of the line that the next run begins with, from 1.
    pub next_line: u64,
    /// How many events of that line are taken, behind which the next run begins.
    pub next_line_taken: u64,
    /// How many bytes the source has behind it of a last line without a line feed, which waits for
    /// the next run.
    pub unfinished_bytes: u64,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The source is through.
    Complete,
    /// The source was through before, and everything is visible.
    NothingToDo,
    /// It was told to stop, and completed what was open, or kept it by a checkpoint.
    Stopped,
    /// It was told to stop at once, and aborted what was open and no checkpoint knows.
    Aborted,
    /// It was told to stop at once, and the sink did not come to its end in the time it was given.
    /// What it had begun in the store may be left there.
    GivenUp,
}

/// Why a run failed. What was accepted before is stored, counted as failed, or, where the run takes
/// checkpoints, left for the next run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The source could not be read on.
    #[error("the source failed")]
    Source(#[from] SourceError),
    /// The sink failed as a whole.
    #[error("the sink failed")]
    Sink(#[from] SinkError),
    /// An event was rejected, and the flow says to stop then.
    #[error("{spot} was rejected: {reason}")]
    Rejected {
        /// Where it stands.
        spot: Spot,
        /// Why.
        reason: String,
    },
    /// Dead letters could not be written where the flow says.
    #[error("dead letters cannot be written to {path}", path = .0.display())]
    DeadLetters(PathBuf, #[source] std::io::Error),
    /// Events could not be kept for the time that their object may fail.
    #[error("events cannot be kept beside {path} until they are stored", path = .0.display())]
    Keep(PathBuf, #[source] std::io::Error),
    /// An object could not be stored.
    #[error("{}", failed(.0, *.1))]
    Failed(Box<Failure>, Lines),
    /// An object could not be stored that an earlier run had begun, and events are to be set aside
    /// that this one has not read again.
    #[error(
        "{}. It was begun by an earlier run, and what came before line {line} cannot be set aside \
         before it is read again: nothing was skipped; start the flow once more",
        failed(.failure, *.lines)
    )]
    NotKept {
        /// What could not be stored.
        failure: Box<Failure>,
        /// Between which lines it lies.
        lines: Lines,
        /// The number of the line that this run went on from, from 1.
        line: u64,
    },
    /// A checkpoint could not be stored.
    #[error("no checkpoint could be taken")]
    Checkpoint(#[from] CheckpointError),
}

/// What could not be stored, between which lines it lies, and why, as a sentence.
pub fn failed(failure: &Failure, lines: Lines) -> String {
    let Failure { name, events, cause, .. } = failure;
    let events = if *events == 1 { "1 event".to_owned() } else { format!("{events} events") };
    format!("the object `{name}` was not stored ({events}, {lines}): {}", explain(cause))
}
