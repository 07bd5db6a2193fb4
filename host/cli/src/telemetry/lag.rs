//! How long ago the oldest event was handed over that is not durable.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Remembers when events were handed over, until they are durable. Not of each event: those of
/// about a second are remembered together, and of more than that where the oldest is old, so that
/// an object that takes a week costs a few thousand entries.
#[derive(Debug, Default)]
pub(super) struct Lag {
    marks: VecDeque<Mark>,
    /// The position behind the last event that was handed over.
    given: u64,
    /// Every event before this position is durable.
    durable: u64,
}

#[derive(Debug)]
struct Mark {
    /// The position behind the last of these events.
    end: u64,
    /// When the first of them was handed over.
    since: Instant,
}

impl Lag {
    /// Every event before `end` was handed over by now.
    pub(super) fn give(&mut self, end: u64, now: Instant) {
        if end <= self.given {
            return;
        }
        self.given = end;
        let age = |mark: &Mark| now.saturating_duration_since(mark.since);
        let step = self.marks.front().map_or(STEP, |oldest| STEP.max(age(oldest) / STEPS));
        match self.marks.back_mut() {
            Some(last) if age(last) < step => last.end = end,
            _ => self.marks.push_back(Mark { end, since: now }),
        }
    }

    /// Every event before `durable` is durable.
    pub(super) fn settle(&mut self, durable: u64) {
        self.durable = self.durable.max(durable);
        while self.marks.front().is_some_and(|mark| mark.end <= self.durable) {
            self.marks.pop_front();
        }
    }

    /// The number of positions that were given to the sink and are not durable.
    pub(super) fn events(&self) -> u64 {
        self.given.saturating_sub(self.durable)
    }

    /// How long ago the oldest event was handed over that is not durable; zero where all are. At
    /// most a second too much, or a thousandth.
    pub(super) fn age(&self, now: Instant) -> Duration {
        self.marks.front().map_or(Duration::ZERO, |mark| now.saturating_duration_since(mark.since))
    }
}

/// How long the events are remembered together that are young.
const STEP: Duration = Duration::from_secs(1);
/// What part of the oldest one's age is remembered together.
const STEPS: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_oldest_event_that_is_not_durable_decides() {
        let (mut lag, begin) = (Lag::default(), Instant::now());
        assert_eq!((lag.events(), lag.age(begin)), (0, Duration::ZERO));
        lag.give(10, begin);
        lag.give(20, begin + seconds(2));
        lag.give(30, begin + seconds(4));
        assert_eq!((lag.events(), lag.age(begin + seconds(5))), (30, seconds(5)));
        lag.settle(9);
        assert_eq!((lag.events(), lag.age(begin + seconds(5))), (21, seconds(5)));
        lag.settle(10);
        assert_eq!((lag.events(), lag.age(begin + seconds(5))), (20, seconds(3)));
        lag.settle(30);
        assert_eq!((lag.events(), lag.age(begin + seconds(5))), (0, Duration::ZERO));
    }

    #[test]
    fn what_is_handed_over_together_is_remembered_together() {
        let (mut lag, begin) = (Lag::default(), Instant::now());
        for n in 0..1_000 {
            lag.give(n + 1, begin + Duration::from_millis(n));
        }
        assert_eq!(lag.marks.len(), 1);
        assert_eq!(lag.age(begin + seconds(1)), seconds(1));
        // Durable may run ahead: positions that no event has are passed over.
        lag.settle(5_000);
        assert_eq!((lag.events(), lag.age(begin + seconds(1))), (0, Duration::ZERO));
    }

    #[test]
    fn a_week_is_remembered_in_a_few_thousand_entries() {
        let (mut lag, begin) = (Lag::default(), Instant::now());
        let week = 7 * 24 * 3_600;
        for second in 0..week {
            lag.give(second + 1, begin + seconds(second));
        }
        assert!(lag.marks.len() < 10_000, "{}", lag.marks.len());
        lag.settle(week / 2);
        let (age, wanted) = (lag.age(begin + seconds(week)), seconds(week / 2));
        assert!(age >= wanted && age - wanted <= seconds(week) / STEPS, "{age:?}");
    }
}
