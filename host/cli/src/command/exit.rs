//! How a command ends: its exit code, and what it says on the way out.

use std::process::ExitCode;

use crate::checkpoint::CheckpointError;
use crate::escape;
use crate::plan::{PlanError, is_shortage};
use crate::run::RunError;
use crate::source::SourceError;
use spillway::component::LoadError;
use spillway::problem::Problem;
use tracing::{error, info};

use super::log::SPILLWAY;

/// The exit codes, all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// It failed at run time.
    Failed = 1,
    /// Wrong use: arguments, flow or configuration.
    Usage = 2,
    /// Interrupted. Open uploads were aborted if the store let it, except those of a checkpoint.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The arguments, the flow or its files are wrong.
    Usage(anyhow::Error),
    /// These things are wrong with a flow.
    Problems(String, Vec<Problem>),
    /// It failed at run time.
    Failed(anyhow::Error),
    /// A signal ended it. The text says what it was doing.
    Interrupted(String),
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> CliError {
        match error {
            PlanError::Problems { flow, problems } => CliError::Problems(flow, problems),
            PlanError::Flow(error) => CliError::Usage(error.into()),
            PlanError::Checkpoint(
                error @ (CheckpointError::InUse { .. }
                | CheckpointError::TakenOver { .. }
                | CheckpointError::Refused { .. }
                | CheckpointError::Unavailable { .. }),
            ) => CliError::Failed(error.into()),
            PlanError::Checkpoint(error) => CliError::Usage(error.into()),
            PlanError::Moved(error) => CliError::Usage(error.into()),
            PlanError::Source(error @ SourceError::MapThread { .. }) => {
                CliError::Failed(error.into())
            }
            PlanError::Source(error) => CliError::Usage(error.into()),
            error @ PlanError::Compile { .. } => CliError::Failed(error.into()),
            PlanError::Sink(error) => CliError::Failed(error.into()),
            PlanError::Machine(error) => CliError::Failed(error),
        }
    }
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> CliError {
        match error.is_limit() {
            true => CliError::Failed(error.into()),
            false => CliError::Usage(error.into()),
        }
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> CliError {
        match error {
            // What is wrong with the input was seen before any of it was taken.
            RunError::Source(
                error @ (SourceError::NoLines { .. }
                | SourceError::OtherEvents { .. }
                | SourceError::OtherCount { .. }),
            ) => CliError::Usage(error.into()),
            error => CliError::Failed(error.into()),
        }
    }
}

impl CliError {
    /// Says why on standard error, and returns the code to exit with.
    pub(crate) fn report(self) -> Exit {
        match self {
            // The flow names the right thing, and the machine cannot have it now.
            CliError::Usage(error) if error.chain().any(is_shortage) => {
                CliError::Failed(error).report()
            }
            CliError::Usage(error) => {
                report(&error);
                Exit::Usage
            }
            CliError::Interrupted(doing) => {
                info!(target: SPILLWAY, event = "interrupted", "interrupted: {doing}");
                Exit::Interrupted
            }
            CliError::Failed(error) => {
                report(&error);
                Exit::Failed
            }
            CliError::Problems(flow, problems) => {
                let things = if problems.len() == 1 { "one thing is" } else { "these things are" };
                let problems =
                    problems.iter().map(|problem| escape::paragraph(&problem.to_string()));
                let problems = problems.collect::<Vec<_>>().join("\n");
                error!(target: SPILLWAY, event = "error", problems, "{things} wrong with {flow}");
                Exit::Usage
            }
        }
    }
}

fn report(error: &anyhow::Error) {
    let causes = error.chain().skip(1).map(|cause| escape::line(&cause.to_string()).into_owned());
    match causes.collect::<Vec<_>>().join("\n") {
        none if none.is_empty() => error!(target: SPILLWAY, event = "error", "{error}"),
        causes => error!(target: SPILLWAY, event = "error", causes, "{error}"),
    }
}
