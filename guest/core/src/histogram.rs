//! Durations, counted in buckets.

use std::time::Duration;

/// Counts durations in fixed buckets from milliseconds to minutes. A small object takes a few
/// milliseconds to upload. Completing a large upload may take ten minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BOUNDS.len()],
    beyond: u64,
    sum: Duration,
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&mut self, duration: Duration) {
        let fits = |bound: &f64| duration.as_secs_f64() <= *bound;
        match BOUNDS.iter().position(fits) {
            Some(index) => self.counts[index] += 1,
            None => self.beyond += 1,
        }
        self.sum = self.sum.saturating_add(duration);
    }

    /// Each bucket's upper bound in seconds, with the number of durations above the previous bound
    /// and up to this one.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        BOUNDS.into_iter().zip(self.counts)
    }

    /// The number of durations above the last bound.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.beyond
    }

    /// The sum of all durations.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

/// The upper bounds of the buckets, in seconds.
const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_once_and_in_the_first_bucket_that_it_fits() {
        let mut histogram = Histogram::default();
        let durations = [0, 5, 6, 1_000, 1_001, 600_000, 600_001].map(Duration::from_millis);
        durations.into_iter().for_each(|duration| histogram.observe(duration));
        let counted: Vec<_> = histogram.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(0.005, 2), (0.01, 1), (1.0, 1), (2.5, 1), (600.0, 1)]);
        assert_eq!((histogram.beyond(), histogram.count()), (1, 7));
        assert_eq!(histogram.sum(), durations.into_iter().sum());
    }

    #[test]
    fn bounds_rise() {
        assert!(BOUNDS.is_sorted());
    }
}
