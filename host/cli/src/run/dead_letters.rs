//! The dead letters of a run, and when they are written.

use std::path::PathBuf;
use std::sync::Arc;

use crate::dead_letters::{DeadLetter, DeadLetters, Failed, LetterTopic, OnFailed};
use crate::layout::Layout;
use crate::map::OnRejected;
use crate::shutdown::Shutdown;
use crate::source::{Partition, TopicWriter};
use spillway::contract::{Rejection, Run};

use super::RunError;

/// Where dead letters go.
pub(super) struct DeadLetterQueue {
    rejected: Option<Rejected>,
    pub(super) failed: Option<Failed>,
    /// How many events were written.
    written: u64,
    /// Nothing is waited for once that is aborted.
    shutdown: Shutdown,
}

/// Where rejected events go.
enum Rejected {
    File(PathBuf, DeadLetters),
    Topic(LetterTopic),
}

impl DeadLetterQueue {
    /// `topic` writes to the topic of `on_rejected`, where that is one.
    pub(super) fn open(
        on_rejected: &OnRejected,
        on_failed: &OnFailed,
        partition: Option<&Arc<Partition>>,
        topic: Option<TopicWriter>,
        shutdown: Shutdown,
    ) -> Result<DeadLetterQueue, RunError> {
        let wrong = |path: &PathBuf| {
            let path = path.clone();
            move |error| RunError::DeadLetters(path, error)
        };
        let rejected = match on_rejected {
            OnRejected::File(path) => {
                let letters = DeadLetters::open(path).map_err(wrong(path))?;
                Some(Rejected::File(path.clone(), letters.of(partition.cloned())))
            }
            OnRejected::Topic(_) => {
                let of = topic.zip(partition.cloned());
                of.map(|(topic, partition)| Rejected::Topic(LetterTopic::of(topic, partition)))
            }
            OnRejected::Stop | OnRejected::Skip => None,
        };
        let failed = match on_failed {
            OnFailed::File(path) => {
                let failed = Failed::open(path).map_err(wrong(path))?;
                Some(failed.of(partition.cloned()))
            }
            OnFailed::Stop => None,
        };
        Ok(DeadLetterQueue { rejected, failed, written: 0, shutdown })
    }

    /// How many events were written, whatever went wrong afterwards.
    pub(super) fn written(&self) -> u64 {
        self.written + self.failed.as_ref().map_or(0, Failed::count)
    }

    /// Writes a rejected event, which is of a record with this key, if it is of one. It must not be
    /// lost because the flow goes on: in a file it is out before the next.
    pub(super) async fn reject(
        &mut self,
        letter: &DeadLetter<'_>,
        key: Option<&[u8]>,
    ) -> Result<(), RunError> {
        match &mut self.rejected {
            None => return Ok(()),
            Some(Rejected::File(path, letters)) => {
                let written = letters.add(letter).and_then(|()| letters.flush());
                written.map_err(|error| RunError::DeadLetters(path.clone(), error))?;
            }
            Some(Rejected::Topic(topic)) => {
                let sent = tokio::select! {
                    biased;
                    // Its offset is not told then.
                    () = self.shutdown.reached(2) => return Ok(()),
                    sent = topic.send(letter, key) => sent,
                };
                sent.map_err(|error| RunError::DeadLetterTopic(topic.name().to_owned(), error))?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// Keeps what the sink has taken, or is to take next, until it is durable: `runs` as they were
    /// read, of which it is given `sunk`.
    pub(super) fn keep(
        &mut self,
        runs: &[Run],
        sunk: &[Run],
        rejections: &[Rejection],
    ) -> Result<(), RunError> {
        self.on_failed(RunError::Keep, |failed| failed.keep(runs, sunk, rejections))
    }

    /// Takes in that the sink rejected events that were kept, by rising positions.
    pub(super) fn drop_kept(&mut self, rejections: &[Rejection]) {
        if let Some(failed) = &mut self.failed {
            failed.drop_kept(rejections);
        }
    }

    /// Writes what failed before `durable`. `layout` has the lines of it.
    pub(super) fn write_until(&mut self, durable: u64, layout: &Layout) -> Result<(), RunError> {
        self.on_failed(RunError::DeadLetters, |failed| failed.write_until(durable, layout))
    }

    /// Writes all that was reported failed, and makes sure that nothing of what was written is lost
    /// in a power cut. Where the run is aborted, it does not wait.
    pub(super) async fn flush_and_sync(&mut self, layout: &Layout) -> Result<(), RunError> {
        self.on_failed(RunError::DeadLetters, |failed| failed.settle_reported(layout))?;
        self.sync().await
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

    /// Syncs written letters to disk, or waits until their topic has stored them: not where the run
    /// is aborted.
    pub(super) async fn sync(&mut self) -> Result<(), RunError> {
        match &mut self.rejected {
            None => {}
            Some(Rejected::File(path, letters)) => {
                letters.sync().map_err(|error| RunError::DeadLetters(path.clone(), error))?;
            }
            Some(Rejected::Topic(topic)) => {
                let stored = tokio::select! {
                    biased;
                    () = self.shutdown.reached(2) => Ok(()),
                    stored = topic.stored() => stored,
                };
                stored
                    .map_err(|error| RunError::DeadLetterTopic(topic.name().to_owned(), error))?;
            }
        }
        self.on_failed(RunError::DeadLetters, Failed::sync)
    }
}
