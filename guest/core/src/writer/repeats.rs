//! Detects an object that replaces an earlier one of the same run.

use std::collections::HashSet;

use crate::naming::{Names, StemId};
use crate::notice::{Level, Notices};
use crate::object::ObjectName;

/// The names of earlier objects, up to a limit.
#[derive(Default)]
pub(crate) struct Repeats {
    names: HashSet<StemId>,
    is_told: bool,
}

impl Repeats {
    /// Warns once if an object replaces another of this sink, because its key returned or an event
    /// of an earlier date came late.
    pub(super) fn note(&mut self, names: &Names, name: &ObjectName, notices: &mut Notices) {
        if !names.replaces() {
            return;
        }
        if self.is_news(name.stem().id()) {
            let message = format!(
                "`{name}` was begun before in this run, and the later object replaces the earlier \
                 one, with its events; sort the input, or put `{{first}}`, `{{sequence}}` or \
                 `{{uuid}}` into `key_template`, so that both are kept (this is said once)"
            );
            notices.push(Level::Warning, message);
        }
    }

    /// Whether the name was used before, and there was no warning yet.
    fn is_news(&mut self, name: StemId) -> bool {
        if self.is_told {
            return false;
        }
        self.is_told = self.names.contains(&name);
        if self.names.len() == NAMES_MAX {
            self.names.clear();
        }
        self.names.insert(name);
        self.is_told
    }
}

/// The most names that are remembered.
const NAMES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_news_once_and_little_is_remembered() {
        let mut repeats = Repeats::default();
        for name in 0..3 * NAMES_MAX as u64 {
            assert!(!repeats.is_news(StemId(name)));
            assert!(repeats.names.len() <= NAMES_MAX);
        }
        let last = StemId(3 * NAMES_MAX as u64 - 1);
        assert_eq!([last, last, StemId(0)].map(|name| repeats.is_news(name)), [true, false, false]);
    }
}
