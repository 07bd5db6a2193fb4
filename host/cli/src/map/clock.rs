//! What expressions take for the time.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// What `now` is for one line: read once, where an expression asks, and the same for all of its
/// events. So a line that is mapped again with the clock that it had becomes the same events.
#[derive(Debug, Default)]
pub struct Clock(Cell<Option<u64>>);

impl Clock {
    /// One that was read before, in nanoseconds since 1970; or one that was not.
    pub fn at(nanoseconds: Option<u64>) -> Clock {
        Clock(Cell::new(nanoseconds))
    }

    /// What was read, if anybody asked.
    pub fn asked(&self) -> Option<u64> {
        self.0.get()
    }

    /// Nanoseconds since 1970.
    pub(super) fn read(&self) -> u64 {
        self.0.get().unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
            self.0.set(Some(now));
            now
        })
    }
}
