//! Notices: messages for the operator.

use std::collections::VecDeque;

/// A message for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How important it is.
    pub level: Level,
    /// One sentence.
    pub message: String,
}

/// How important a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// No action is needed.
    Info,
    /// Something went wrong.
    Warning,
}

/// The notices that were not fetched yet, oldest first. The list is bounded: when it is full, the
/// oldest notice of level info is dropped. A warning is dropped only if the list holds nothing
/// else, since it may be the only trace of an incomplete upload.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    list: VecDeque<Notice>,
    dropped: u64,
}

impl Notices {
    /// Adds a notice.
    pub(crate) fn push(&mut self, level: Level, message: String) {
        if self.list.len() == NOTICES_MAX {
            let info = self.list.iter().position(|notice| notice.level == Level::Info);
            self.list.remove(info.unwrap_or(0));
            self.dropped += 1;
        }
        self.list.push_back(Notice { level, message });
    }

    /// Removes and returns the notices, and how many were dropped.
    pub(crate) fn take(&mut self) -> (VecDeque<Notice>, u64) {
        (std::mem::take(&mut self.list), std::mem::take(&mut self.dropped))
    }
}

/// The most notices that are kept.
const NOTICES_MAX: usize = 100;
const _: () = assert!(NOTICES_MAX <= crate::bounds::NOTICES_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_notices_are_dropped_and_counted() {
        let mut notices = Notices::default();
        (0..NOTICES_MAX + 3).for_each(|n| notices.push(Level::Info, n.to_string()));
        let (list, dropped) = notices.take();
        assert_eq!((list.len(), dropped), (NOTICES_MAX, 3));
        assert_eq!(list[0].message, "3");
    }

    #[test]
    fn information_does_not_push_out_a_warning() {
        let mut notices = Notices::default();
        notices.push(Level::Warning, "left behind".to_owned());
        (0..3 * NOTICES_MAX).for_each(|n| notices.push(Level::Info, n.to_string()));
        let (list, _) = notices.take();
        assert_eq!((list[0].message.as_str(), list.len()), ("left behind", NOTICES_MAX));
    }
}
