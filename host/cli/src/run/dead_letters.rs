//! The dead letters of a run, and when they are written.

use std::path::PathBuf;

use crate::dead_letters::{DeadLetter, DeadLetters, Failed, OnFailed};
use crate::layout::Layout;
use crate::map::OnRejected;
use spillway::contract::{Rejection, Run};

use super::RunError;

/// Where dead letters go.
pub(super) struct DeadLetterQueue {
    rejected: Option<(PathBuf, DeadLetters)>,
    pub(super) failed: Option<Failed>,
    /// How many events were written.
    written: u64,
}

impl DeadLetterQueue {
    pub(super) fn open(
        on_rejected: &OnRejected,
        on_failed: &OnFailed,
    ) -> Result<DeadLetterQueue, RunError> {
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
        Ok(DeadLetterQueue { rejected, failed, written: 0 })
    }

    /// How many events were written, whatever went wrong afterwards.
    pub(super) fn written(&self) -> u64 {
        self.written + self.failed.as_ref().map_or(0, Failed::count)
    }

    /// Writes a rejected event. It must not be lost because the flow goes on: it is out before the
    /// next.
    pub(super) fn reject(&mut self, letter: &DeadLetter<'_>) -> Result<(), RunError> {
        let Some((path, letters)) = &mut self.rejected else { return Ok(()) };
        let written = letters.add(letter).and_then(|()| letters.flush());
        written.map_err(|error| RunError::DeadLetters(path.clone(), error))?;
        self.written += 1;
        Ok(())
    }

    /// Keeps what the sink has taken until it is durable: `runs` as they were read, of which it was
    /// given `sunk`.
    pub(super) fn keep(
        &mut self,
        runs: &[Run],
        sunk: &[Run],
        rejections: &[Rejection],
    ) -> Result<(), RunError> {
        self.on_failed(RunError::Keep, |failed| failed.keep(runs, sunk, rejections))
    }

    /// Writes what failed before `durable`. `layout` has the lines of it.
    pub(super) fn write_until(&mut self, durable: u64, layout: &Layout) -> Result<(), RunError> {
        self.on_failed(RunError::DeadLetters, |failed| failed.write_until(durable, layout))
    }

    /// Writes all that was reported failed, and makes sure that nothing of what was written is lost
    /// in a power cut.
    pub(super) fn flush_and_sync(&mut self, layout: &Layout) -> Result<(), RunError> {
        self.on_failed(RunError::DeadLetters, |failed| failed.settle_reported(layout))?;
        self.sync()
    }

    /// After an error nothing more is set aside: what still fails is an error of its own.
    fn on_failed(
        &mut self,
        error: fn(PathBuf, std::io::Error) -> RunError,
        f: impl FnOnce(&mut Failed) -> std::io::Result<()>,
    ) -> Result<(), RunError> {
        let Some(failed) = &mut self.failed else { return Ok(()) };
        let done = f(failed).map_err(|cause| error(failed.path().to_owned(), cause));
        if done.is_err() {
            self.written += failed.count();
            self.failed = None;
        }
        done
    }

    /// Syncs written letters to disk.
    pub(super) fn sync(&mut self) -> Result<(), RunError> {
        if let Some((path, letters)) = &mut self.rejected {
            letters.sync().map_err(|error| RunError::DeadLetters(path.clone(), error))?;
        }
        self.on_failed(RunError::DeadLetters, Failed::sync)
    }
}
