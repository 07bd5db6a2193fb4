//! Relates the clock that waits are measured with to the one that checkpoints are written by.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What time it was by two clocks: by one that only moves on, and by that of the system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    unix: Duration,
}

/// A moment by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Instant,
    /// In seconds since 1970.
    pub(super) unix: u64,
}

impl Clock {
    /// The clock of a system that says now what time it is.
    pub(super) fn new(now: Instant) -> Clock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { started: now, unix }
    }

    pub(super) fn moment(&self, at: Instant) -> Moment {
        let elapsed = at.saturating_duration_since(self.started);
        Moment { at, unix: (self.unix + elapsed).as_secs() }
    }

    /// The moment of a checkpoint. One that lies ahead is now: the clock of the system was set back.
    pub(super) fn moment_of(&self, unix: u64, now: Instant) -> Moment {
        let age = Duration::from_secs(self.moment(now).unix.saturating_sub(unix));
        match now.checked_sub(age) {
            Some(at) => Moment { at, unix: unix.min(self.moment(now).unix) },
            None => self.moment(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_goes_on_after_a_restart() {
        let begun = Instant::now();
        let clock = Clock { started: begun, unix: Duration::from_secs(1_000) };
        let lost = clock.moment(begun + Duration::from_secs(5));
        assert_eq!(lost.unix, 1_005);
        // The next run begins a minute later, as both clocks say.
        let now = begun + Duration::from_secs(60);
        let clock = Clock { started: now, unix: Duration::from_secs(1_060) };
        assert_eq!(clock.moment_of(lost.unix, now), lost);
        let behind = Clock { started: now, unix: Duration::from_secs(900) };
        assert_eq!(behind.moment_of(lost.unix, now), Moment { at: now, unix: 900 });
    }
}
