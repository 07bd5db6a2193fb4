//! Why a call on a component failed.

use crate::bounds::Breach;
use crate::contract;
use crate::trap::Trap;

/// Why a call on a sink failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SinkError {
    /// The component answered with an error.
    #[error("{}", explain(.0))]
    Refused(contract::Error),
    /// The component broke a bound of the contract, and was ended. Its sink is gone.
    #[error("the component broke the contract: {0}")]
    Breach(Breach),
    /// It was still at work when it was [given up](crate::egress::Gate::shut_within). Its sink is
    /// gone.
    #[error("the component was stopped during a call")]
    GivenUp,
    /// The component trapped, or was ended at a limit of [`Limits`](crate::engine::Limits). Its
    /// sink is gone: open another one.
    #[error("{0}")]
    Trap(Trap),
}

impl From<Breach> for SinkError {
    fn from(breach: Breach) -> SinkError {
        SinkError::Breach(breach)
    }
}

/// The error as a sentence.
pub fn explain(error: &contract::Error) -> String {
    match error {
        contract::Error::Invalid(problems) => {
            let lines = problems.iter().map(|p| format!("{}: {}", p.field, p.message));
            lines.collect::<Vec<_>>().join("; ")
        }
        contract::Error::Denied(text)
        | contract::Error::Unavailable(text)
        | contract::Error::UnknownState(text)
        | contract::Error::Conflict(text)
        | contract::Error::Unsupported(text) => text.clone(),
        contract::Error::Busy => "the sink is full until a checkpoint is committed".to_owned(),
        contract::Error::Closed => "the sink is closed".to_owned(),
        contract::Error::Aborted => "the sink was closed before the events were stored".to_owned(),
    }
}
