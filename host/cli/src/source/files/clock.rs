//! Waits that go on in the next run: they are measured by one clock, and stored by another.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock of the system.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clock {
    System,
    /// One that says at some instant that it is so long after 1970.
    #[cfg(test)]
    Of(Instant, Duration),
}

/// A moment by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Instant,
    /// In seconds since 1970.
    pub(super) unix: u64,
}

impl Clock {
    /// This moment. The clock of the system is asked each time: the other one stands still while
    /// the machine sleeps.
    pub(super) fn moment(&self, now: Instant) -> Moment {
        let since_1970 = match self {
            Clock::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            #[cfg(test)]
            Clock::Of(at, since_1970) => *since_1970 + now.duration_since(*at),
        };
        Moment { at: now, unix: since_1970.as_secs() }
    }

    /// An earlier moment by the clock of the system. One that lies ahead is now: the clock was set
    /// back.
    pub(super) fn moment_of(&self, unix: u64, now: Instant) -> Moment {
        let this = self.moment(now);
        let age = Duration::from_secs(this.unix.saturating_sub(unix));
        match now.checked_sub(age) {
            Some(at) => Moment { at, unix: unix.min(this.unix) },
            None => this,
        }
    }

    /// The instant of a time by the clock of the system, or now where that lies ahead.
    pub(super) fn instant_of(&self, time: SystemTime, now: Instant) -> Instant {
        let unix = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.moment_of(unix.saturating_add(1), now).at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_goes_on_after_a_restart() {
        let begun = Instant::now();
        let clock = Clock::Of(begun, Duration::from_secs(1_000));
        let lost = clock.moment(begun + Duration::from_secs(5));
        assert_eq!(lost.unix, 1_005);
        // The next run begins a minute later, as both clocks say.
        let now = begun + Duration::from_secs(60);
        let clock = Clock::Of(now, Duration::from_secs(1_060));
        assert_eq!(clock.moment_of(lost.unix, now), lost);
        let time = UNIX_EPOCH + Duration::from_millis(1_004_900);
        assert_eq!(clock.instant_of(time, now), lost.at);
        let behind = Clock::Of(now, Duration::from_secs(900));
        assert_eq!(behind.moment_of(lost.unix, now), Moment { at: now, unix: 900 });
        assert_eq!(behind.instant_of(time, now), now);
    }

    #[test]
    fn the_system_says_what_time_it_is() {
        let now = Instant::now();
        let before = SystemTime::now();
        let moment = Clock::System.moment(now);
        let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(moment.at, now);
        assert!((since(before)..=since(SystemTime::now())).contains(&moment.unix));
    }
}
