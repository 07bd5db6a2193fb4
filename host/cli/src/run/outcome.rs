//! How a run came to its end.

use std::path::PathBuf;

use crate::checkpoint::{CheckpointError, StoreError};
use crate::layout::{Between, Spot};
use crate::source::{NotWritten, SourceError};
use crate::totals::Totals;
use spillway::contract::{Failure, VisibleObject};
use spillway::sink::{SinkError, explain};

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The source is through.
    Complete,
    /// It is to go on with another flow, from its last checkpoint.
    Reloading,
    /// The source was through before, and everything is visible.
    NothingToDo,
    /// It was told to stop before it knew where to begin.
    NotBegun,
    /// It was told to stop, and completed what was open, or kept it by a checkpoint.
    Stopped,
    /// It was told to stop at once, and aborted what was open and no checkpoint knows.
    Aborted,
    /// It was told to stop at once, and the sink did not come to its end in the time it was given.
    /// What it had begun in the store may be left there.
    GivenUp,
}

/// What a run did, and how it ended.
pub struct Ran {
    /// All that it did.
    pub totals: Totals,
    /// What it had done when its last checkpoint was stored, or before it began: what counts where
    /// the run is resumed from there.
    pub checkpointed: Totals,
    /// Objects that became visible while that checkpoint was stored. They are not counted in
    /// `checkpointed`: the state may know them, and a sink that resumes reports them again.
    pub visible: Vec<VisibleObject>,
    /// How it ended.
    pub result: Result<End, RunError>,
}

impl Ran {
    /// A run that ended before it had a sink.
    pub fn without_a_sink(before: Totals, result: Result<End, RunError>) -> Ran {
        Ran { totals: before.clone(), checkpointed: before, visible: Vec::new(), result }
    }
}

/// Why a run failed. What was accepted before is stored, counted as failed, or, where the run takes
/// checkpoints, left for the next run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The source could not be read on.
    #[error("the source failed")]
    Source(#[from] SourceError),
    /// The sink failed as a whole.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A transform failed as a whole.
    #[error("transform[{index}] failed")]
    Transform {
        /// Which of the flow's transforms it is, from 0.
        index: usize,
        /// Why.
        source: SinkError,
    },
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
    /// Dead letters could not be stored in the topic that the flow names.
    #[error("dead letters cannot be written to the topic {0}")]
    DeadLetterTopic(String, #[source] NotWritten),
    /// Events could not be kept for the time that their object may fail.
    #[error("events cannot be spooled beside {path}", path = .0.display())]
    Keep(PathBuf, #[source] std::io::Error),
    /// An object could not be stored.
    #[error("{}", failed(.0, .1))]
    Failed(Box<Failure>, Between),
    /// An object could not be stored that an earlier run had begun, and events are to be set aside
    /// that this one has not read again.
    #[error(
        "{}. An earlier run began it, and its events before line {line} cannot become dead \
         letters until they are read again. Nothing was skipped; start the flow once more",
        failed(.failure, .lines)
    )]
    NotKept {
        /// What could not be stored.
        failure: Box<Failure>,
        /// Between which lines it lies.
        lines: Between,
        /// The number of the line that this run went on from, from 1.
        line: u64,
    },
    /// The sink is full, and no checkpoint makes room in it.
    #[error(
        "the sink is still full after {checkpoints} checkpoints in a row, without a request, an \
         object or an event that became durable"
    )]
    NoProgress {
        /// How many checkpoints were stored since something changed.
        checkpoints: u32,
    },
    /// The sink was closed, and has not said of all events that they are stored, rejected or
    /// failed.
    #[error(
        "the sink was closed without an error, but {lines} are not reported as stored, rejected or \
         failed"
    )]
    NotDurable {
        /// Between which lines they are.
        lines: Between,
    },
    /// The sink was closed, and says that all events are durable without having stored any.
    #[error(
        "the sink reports all of its {events} events as durable, but none of them is in an object, \
         and none is reported as failed"
    )]
    NothingStored {
        /// How many it took.
        events: u64,
    },
    /// A checkpoint could not be stored.
    #[error("no checkpoint could be stored")]
    Checkpoint(#[from] CheckpointError),
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> RunError {
        match error {
            StoreError::Checkpoint(error) => error.into(),
            StoreError::Sink(error) => error.into(),
        }
    }
}

/// What could not be stored, between which lines it lies, and why, as a sentence.
pub fn failed(failure: &Failure, lines: &Between) -> String {
    let Failure { object_key, events, cause, .. } = failure;
    let events = if *events == 1 { "1 event".to_owned() } else { format!("{events} events") };
    format!("the object `{object_key}` was not stored ({events}, {lines}): {}", explain(cause))
}
