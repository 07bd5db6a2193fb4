//! How a command ends: its exit code, and what it says on the way out.

use std::process::ExitCode;

use spillway::problem::Problem;

use super::say::report;

/// The exit codes, all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// It failed on the way.
    Failed = 1,
    /// It was asked for wrongly: arguments, flow or configuration.
    WrongUse = 2,
    /// It was interrupted; what was open is aborted, as far as the store let it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command stopped short.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something is wrong with what was asked for.
    WrongUse(anyhow::Error),
    /// These things are wrong with a flow.
    Problems(String, Vec<Problem>),
    /// It failed on the way.
    Failed(anyhow::Error),
}

impl Stop {
    /// Says why on standard error, and returns the code to exit with.
    pub(crate) fn report(self) -> Exit {
        match self {
            Stop::WrongUse(error) => {
                report(&error);
                Exit::WrongUse
            }
            Stop::Failed(error) => {
                report(&error);
                Exit::Failed
            }
            Stop::Problems(flow, problems) => {
                let count = problems.len();
                let things = if count == 1 { "one thing is" } else { "these things are" };
                report!("error: {things} wrong with {flow}");
                for problem in problems {
                    // Lines below the first show a place in a text, and keep their distance.
                    report!("  {}", problem.to_string().replace('\n', "\n  "));
                }
                Exit::WrongUse
            }
        }
    }
}

fn report(error: &anyhow::Error) {
    report!("error: {error}");
    let causes: Vec<_> = error.chain().skip(1).map(ToString::to_string).collect();
    causes.iter().for_each(|cause| report!("  because: {cause}"));
}
