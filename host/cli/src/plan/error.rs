//! Why a flow cannot be run.

use std::error::Error;
use std::io;

use crate::checkpoint::{CheckpointError, Moved, StoreError};
use crate::flow::FlowError;
use crate::source::SourceError;
use spillway::problem::Problem;
use spillway::sink::SinkError;

/// Why a flow cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// These things are wrong with it.
    #[error("{flow} has {} problems", problems.len())]
    Problems {
        /// The flow, as it is called in messages.
        flow: String,
        /// What is wrong, with the field of each.
        problems: Vec<Problem>,
    },
    /// Its file cannot be read, or is not TOML.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// Its checkpoint cannot be read, or is in use.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its source is not the one of the checkpoint.
    #[error(transparent)]
    Moved(#[from] Moved),
    /// Its source cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A component is too large or too slow to compile. The flow may be right.
    #[error("{field} cannot be compiled")]
    Compile {
        /// The setting that names it.
        field: String,
        /// The limit that it has reached.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Its component failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// This machine failed, or is short of something. The flow may be right.
    #[error(transparent)]
    Machine(#[from] anyhow::Error),
}

impl From<StoreError> for PlanError {
    fn from(error: StoreError) -> PlanError {
        match error {
            StoreError::Checkpoint(error) => error.into(),
            StoreError::Sink(error) => error.into(),
        }
    }
}

/// Why something that a flow names cannot be used, if so. Where the machine is short of what that
/// needs, the flow is not what is wrong.
pub(super) fn unusable<E>(checked: Result<(), E>) -> Result<Option<String>, PlanError>
where
    E: Error + Send + Sync + 'static,
{
    let Err(error) = checked else { return Ok(None) };
    let text = chain(&error);
    let error = anyhow::Error::new(error);
    if error.chain().any(is_shortage) { Err(error.into()) } else { Ok(Some(text)) }
}

/// The error and its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some say what their cause says.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// Whether the machine is short of something, or broken: files that may be open, memory, room on a
/// disk. Asked for later, the same may do.
pub(crate) fn is_shortage(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{FileTooLarge, OutOfMemory, QuotaExceeded, StorageFull};
    let Some(error) = error.downcast_ref::<io::Error>() else { return false };
    matches!(error.kind(), FileTooLarge | OutOfMemory | QuotaExceeded | StorageFull)
        || error.raw_os_error().is_some_and(|number| NUMBERS_OF_SHORTAGE.contains(&number))
}

/// EIO, ENFILE and EMFILE, which have no kind; the same on every Unix.
const NUMBERS_OF_SHORTAGE: [i32; 3] = [5, 23, 24];
