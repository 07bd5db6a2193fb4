//! What the sink has reported and the caller has not heard yet: where a batch finds no room, the
//! sink ends its objects, and only the next progress of the chain can say what became of them.

use crate::bindings::spillway::sink::types::{Failure, Notice, Progress, VisibleObject};

/// The lists of one progress or more, the oldest first.
#[derive(Default)]
pub(crate) struct Untold {
    visible: Vec<VisibleObject>,
    /// Part of a checkpoint: the sink itself reports them no more.
    pub(crate) failed: Vec<Failure>,
    notices: Vec<Notice>,
    notices_dropped: u64,
}

impl Untold {
    /// Failures that a checkpoint knows to be reported.
    pub(crate) fn of(failed: Vec<Failure>) -> Untold {
        Untold { failed, ..Untold::default() }
    }

    /// Keeps what `progress` reports.
    pub(crate) fn keep(&mut self, progress: Progress) {
        let Progress { visible, failed, notices, notices_dropped, .. } = progress;
        self.visible.extend(visible);
        self.failed.extend(failed);
        self.notices.extend(notices);
        let dropped = self.notices.len().saturating_sub(NOTICES_MAX);
        self.notices.drain(..dropped);
        self.notices_dropped += notices_dropped + dropped as u64;
    }

    /// Puts all that was kept before what `progress` reports, and keeps nothing.
    pub(crate) fn tell(&mut self, progress: Progress) -> Progress {
        let Progress { durable, wants_checkpoint, .. } = progress;
        self.keep(progress);
        let Untold { visible, failed, notices, notices_dropped } = std::mem::take(self);
        Progress { durable, visible, failed, wants_checkpoint, notices, notices_dropped }
    }
}

/// The contract allows as many for one call.
const NOTICES_MAX: usize = 1_000;
