//! Which seeds a random test runs: what the environment says, if it says something.

use std::ops::Range;

/// The one seed in `SPILLWAY_SEED`, to replay a failure.
///
/// # Panics
///
/// If it is no number; so for all of these.
pub fn one() -> Option<u64> {
    variable("SPILLWAY_SEED")
}

/// The seeds from the one in `SPILLWAY_FIRST_SEED` on, otherwise from `first` on: one in `share` of
/// as many as `SPILLWAY_SEEDS` says, otherwise `count`.
pub fn several(share: u64, first: u64, count: u64) -> Range<u64> {
    let first = variable("SPILLWAY_FIRST_SEED").unwrap_or(first);
    let count = variable("SPILLWAY_SEEDS").map_or(count, |count| count.div_ceil(share));
    first..first + count
}

/// The number in a variable, if it is set.
///
/// # Panics
///
/// If it is none.
pub fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}
