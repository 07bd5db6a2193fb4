//! Reads the state that a host keeps with the store.

use super::{AdminCall, Reply, Step, StoredState};
use crate::client::answer::Answer;
use crate::client::call::Call;
use crate::client::verdict::{Class, Verdict};
use crate::error::Error;

/// A read in progress.
pub(super) struct LoadState {
    key: String,
}

impl LoadState {
    pub(super) fn new(key: String) -> LoadState {
        LoadState { key }
    }

    pub(super) fn request(&self) -> Call {
        Call::GetObject { key: self.key.clone() }
    }

    pub(super) fn on_answer(self, answer: Option<Answer>) -> Step {
        match answer {
            Some(Answer::Read(object)) => {
                Step::Reply(Ok(Reply::Loaded(Some(StoredState::from(object)))))
            }
            _ => Step::Ask(AdminCall::LoadState(self), Vec::new()),
        }
    }

    pub(super) fn on_error(self, cause: Error, verdict: Option<&Verdict>) -> Step {
        Step::Reply(match verdict {
            Some(verdict) if verdict.class == Class::NotFound => Ok(Reply::Loaded(None)),
            _ => Err(cause),
        })
    }
}
