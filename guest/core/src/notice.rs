//! What an operator may want to read.

use std::collections::VecDeque;

/// Something an operator may want to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// One sentence.
    pub message: String,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing to do.
    Info,
    /// Something was wrong.
    Warning,
}

/// The notices that were not taken yet, oldest first. Bounded: where there are too many the oldest
/// is dropped, a warning only where nothing else is left to drop, since it may be the only word of
/// an incomplete upload.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    list: VecDeque<Notice>,
    dropped: u64,
}

impl Notices {
    /// Adds one.
    pub(crate) fn push(&mut self, level: Level, message: String) {
        if self.list.len() == NOTICES_MAX {
            let info = self.list.iter().position(|notice| notice.level == Level::Info);
            self.list.remove(info.unwrap_or(0));
            self.dropped += 1;
        }
        self.list.push_back(Notice { level, message });
    }

    /// Those there are, and how many were dropped.
    pub(crate) fn take(&mut self) -> (VecDeque<Notice>, u64) {
        (std::mem::take(&mut self.list), std::mem::take(&mut self.dropped))
    }
}

/// How many are kept.
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
