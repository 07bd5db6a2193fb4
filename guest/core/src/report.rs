//! What a sink has to tell its caller.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::notice::{Level, Notice};
use crate::upload::Span;

/// What happened since the last report.
#[derive(Debug, Default)]
pub struct Report {
    /// Objects that became visible.
    pub visible: Vec<Visible>,
    /// Events that will not be stored.
    pub failed: Vec<Failure>,
    /// What an operator may want to read, oldest first.
    pub notices: VecDeque<Notice>,
    /// How many notices were dropped to keep their number down.
    pub notices_dropped: u64,
}

/// An object that became visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible {
    /// The events in it.
    pub span: Span,
    /// Its size in bytes.
    pub bytes: u64,
    /// In how many parts it was uploaded; 0 for one PutObject.
    pub parts: u32,
}

/// Events that were accepted and will not be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The events.
    pub span: Span,
    /// The position of the first event of their object, which may have been reported before.
    pub begun: u64,
    /// Why.
    pub cause: Error,
}

impl Report {
    /// Adds a notice, and drops the oldest where there are too many: a warning only where nothing
    /// else is left to drop, since it may be the only word there is of an upload that was left
    /// behind.
    pub(crate) fn notice(&mut self, level: Level, message: String) {
        if self.notices.len() == NOTICES_MAX {
            let info = self.notices.iter().position(|notice| notice.level == Level::Info);
            self.notices.remove(info.unwrap_or(0));
            self.notices_dropped += 1;
        }
        self.notices.push_back(Notice { level, message });
    }
}

const NOTICES_MAX: usize = 100;
const _: () = assert!(NOTICES_MAX <= crate::bounds::NOTICES_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_notices_are_dropped_and_counted() {
        let mut report = Report::default();
        (0..NOTICES_MAX + 3).for_each(|n| report.notice(Level::Info, n.to_string()));
        assert_eq!((report.notices.len(), report.notices_dropped), (NOTICES_MAX, 3));
        assert_eq!(report.notices[0].message, "3");
    }

    #[test]
    fn information_does_not_push_out_a_warning() {
        let mut report = Report::default();
        report.notice(Level::Warning, "left behind".to_owned());
        (0..3 * NOTICES_MAX).for_each(|n| report.notice(Level::Info, n.to_string()));
        assert_eq!(report.notices[0].message, "left behind");
        assert_eq!(report.notices.len(), NOTICES_MAX);
    }
}
