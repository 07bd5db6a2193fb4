//! Time as a value. The core reads no clock.

mod civil;
mod parse;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use civil::Civil;

/// A wall-clock time: nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub u64);

/// A time of a monotonic clock: nanoseconds since an arbitrary origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

/// What both clocks showed when the core was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, for signatures and object names.
    pub wall: Timestamp,
    /// The monotonic clock, for timeouts and delays.
    pub monotonic: Instant,
}

impl Timestamp {
    /// The time `duration` later.
    pub fn after(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(nanoseconds(duration)))
    }

    /// The time since `earlier`. Zero if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Instant {
    /// The time `duration` later.
    pub fn after(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(nanoseconds(duration)))
    }

    /// The time since `earlier`. Zero if `earlier` is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
