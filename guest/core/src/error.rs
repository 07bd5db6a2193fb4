//! Errors, by what the caller must do about them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One problem of a configuration or a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The field, with dots between levels.
    pub field: String,
    /// What was seen, and what is allowed.
    pub message: String,
}

impl Problem {
    /// A problem of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { field: field.into(), message: message.into() }
    }
}

/// Why a call failed. The variants are those of the contract's `error`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Error {
    /// The configuration or the call is wrong.
    Invalid(Vec<Problem>),
    /// The store refused. A retry does not help until something else changes.
    Denied(String),
    /// The store could not be reached, and all retries are used up.
    Unavailable(String),
    /// The caller closed the sink before the events were stored.
    Aborted,
    /// The state of a checkpoint is damaged, or belongs to another configuration or version.
    UnknownState(String),
    /// What is stored is not what was expected: another writer has replaced it.
    Conflict(String),
    /// The store does not do what was asked.
    Unsupported(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Denied(text)
            | Error::Unavailable(text)
            | Error::UnknownState(text)
            | Error::Conflict(text)
            | Error::Unsupported(text) => f.write_str(text),
            Error::Aborted => f.write_str("the sink was closed before the events were stored"),
            Error::Invalid(problems) => {
                for (i, problem) in problems.iter().enumerate() {
                    let separator = if i == 0 { "" } else { "; " };
                    write!(f, "{separator}{}: {}", problem.field, problem.message)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Error {}
