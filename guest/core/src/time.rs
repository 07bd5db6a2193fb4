//! Time as a value: nobody here reads a clock.

mod civil;
mod parse;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use civil::Civil;

/// A moment of the civil calendar, in nanoseconds since 1970-01-01T00:00:00Z, leap seconds not
/// counted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub u64);

/// A moment of a clock that never goes backwards, in nanoseconds since an origin of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

/// What the clocks said when the core was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For signatures and names.
    pub wall: Timestamp,
    /// For waiting.
    pub monotonic: Instant,
}

impl Timestamp {
    /// This moment and `duration` more.
    pub fn after(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(nanoseconds(duration)))
    }

    /// The time from `earlier` to here; zero where `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Instant {
    /// This moment and `duration` more.
    pub fn after(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(nanoseconds(duration)))
    }

    /// The time from `earlier` to here; zero where `earlier` is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
