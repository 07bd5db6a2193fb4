//! What a run sets aside, and when it is written.

use std::path::PathBuf;

use crate::contract::{Rejection, Run};
use crate::dead_letters::{DeadLetter, DeadLetters, Failed, OnFailed};
use crate::map::OnRejected;

use super::RunError;

/// Where dead letters go.
pub(super) struct SetAside {
    rejected: Option<(PathBuf, DeadLetters)>,
    pub(super) failed: Option<Failed>,
}

impl SetAside {
    pub(super) fn open(
        on_rejected: &OnRejected,
        on_failed: &OnFailed,
    ) -> Result<SetAside, RunError> {
        let wrong = |path: &PathBuf| {
            let path = path.clone();
            move |error| RunError::DeadLetters(path, error)
        };
        let rejected = match on_rejected {
            OnRejected::File(path) => {
                Some((path.clone(), DeadLetters::open(path).map_err(wrong(path))?))
            }
            OnRejected::Stop | OnRejected::Skip => None,
        };
        let failed = match on_failed {
            OnFailed::File(path) => Some(Failed::open(path).map_err(wrong(path))?),
            OnFailed::Stop => None,
        };
        Ok(SetAside { rejected, failed })
    }

    /// Writes a rejected event. It must not be lost because the flow goes on: it is out before the
    /// next. Returns how many were written.
    pub(super) fn reject(&mut self, letter: &DeadLetter<'_>) -> Result<u64, RunError> {
        let Some((path, letters)) = &mut self.rejected else { return Ok(0) };
        let written = letters.add(letter).and_then(|()| letters.flush());
        written.map(|()| 1).map_err(|error| RunError::DeadLetters(path.clone(), error))
    }

    /// Keeps what the sink has taken until it is durable.
    pub(super) fn keep(&mut self, runs: &[Run], rejections: &[Rejection]) -> Result<(), RunError> {
        self.on_failed(RunError::Keep, |failed| failed.keep(runs, rejections))
    }

    /// Writes what failed before `durable`. Returns how many events were written.
    pub(super) fn settle(&mut self, durable: u64) -> Result<u64, RunError> {
        self.on_failed(RunError::DeadLetters, |failed| failed.settle(durable))
    }

    /// Writes all that was reported failed, and makes sure that nothing of what was written is lost
    /// in a power cut. Returns how many events were written.
    pub(super) fn secure(&mut self) -> Result<u64, RunError> {
        let written = self.on_failed(RunError::DeadLetters, Failed::settle_reported)?;
        self.sync().map(|()| written)
    }

    /// After an error nothing more is set aside: what still fails is an error of its own.
    fn on_failed<T: Default>(
        &mut self,
        error: fn(PathBuf, std::io::Error) -> RunError,
        f: impl FnOnce(&mut Failed) -> std::io::Result<T>,
    ) -> Result<T, RunError> {
        let Some(failed) = &mut self.failed else { return Ok(T::default()) };
        let done = f(failed).map_err(|cause| error(failed.path().to_owned(), cause));
        if done.is_err() {
            self.failed = None;
        }
        done
    }

    /// Makes sure that what was written outlives a power cut.
    pub(super) fn sync(&mut self) -> Result<(), RunError> {
        if let Some((path, letters)) = &mut self.rejected {
            letters.sync().map_err(|error| RunError::DeadLetters(path.clone(), error))?;
        }
        self.on_failed(RunError::DeadLetters, Failed::sync)
    }
}
