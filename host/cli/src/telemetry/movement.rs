//! Whether a run moves: when its task last ran, and when its loop last came round.

use std::time::{Duration, Instant};

/// What is written down of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    /// When the task of the run was last polled.
    polled: Instant,
    /// When its loop last came round.
    moved: Instant,
    /// When a sink was first open.
    opened: Option<Instant>,
    every: Option<Duration>,
    checkpointed: Option<Instant>,
}

/// How a run moves, at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Movement {
    /// How long ago the task of the run last ran. It stands still where something blocks it: a
    /// disk that hangs, or a computation without an end.
    pub polled: Duration,
    /// How long ago the loop of the run last came round. It waits in calls of the sink.
    pub moved: Duration,
    /// How long ago the sink was open for the first time, if it was.
    pub opened: Option<Duration>,
    /// How often the run takes checkpoints, where it does.
    pub checkpoints_every: Option<Duration>,
    /// How long ago the last one was stored.
    pub checkpoint_age: Option<Duration>,
}

impl Steps {
    pub(super) fn begin(now: Instant) -> Steps {
        Steps { polled: now, moved: now, opened: None, every: None, checkpointed: None }
    }

    pub(super) fn polled(&mut self, now: Instant) {
        self.polled = now;
    }

    pub(super) fn moved(&mut self, now: Instant) {
        (self.polled, self.moved) = (now, now);
    }

    pub(super) fn opened(&mut self, checkpoints_every: Option<Duration>, now: Instant) {
        self.moved(now);
        self.opened.get_or_insert(now);
        self.every = checkpoints_every;
    }

    pub(super) fn checkpointed(&mut self, now: Instant) {
        self.moved(now);
        self.checkpointed = Some(now);
    }

    pub(super) fn at(&self, now: Instant) -> Movement {
        let ago = |at: Instant| now.saturating_duration_since(at);
        Movement {
            polled: ago(self.polled),
            moved: ago(self.moved),
            opened: self.opened.map(ago),
            checkpoints_every: self.every,
            checkpoint_age: self.checkpointed.map(ago),
        }
    }
}
