//! Ends a wait that leads nowhere.
//!
//! A sink that is full, or that asks for a checkpoint, is given one checkpoint after the other, and
//! each is meant to bring it on. A component that never comes on would keep the run for ever.

use std::time::{Duration, Instant};

use spillway::egress::Counts;

use super::{RunError, Totals};

/// Counts the checkpoints in a row after which nothing was different.
pub(super) struct Rounds {
    what: &'static str,
    time_max: Duration,
    seen: Option<Seen>,
    idle: u32,
    since: Instant,
}

/// What changes as a sink comes on.
#[derive(PartialEq, Eq)]
struct Seen {
    durable: u64,
    events: u64,
    objects: u64,
    failed_events: u64,
    requests: u64,
}

impl Rounds {
    /// Those of a sink that is full, or asks for a checkpoint of itself. It may wait for its store
    /// between two requests.
    pub(super) fn of_waiting(what: &'static str, now: Instant) -> Rounds {
        Rounds { what, time_max: TIME_MAX, seen: None, idle: 0, since: now }
    }

    /// Those of a sink that is flushed: that call waits for the store itself.
    pub(super) fn of_flush(now: Instant) -> Rounds {
        Rounds { time_max: Duration::ZERO, ..Rounds::of_waiting("not flushed", now) }
    }

    /// Whether no checkpoint was stored yet.
    pub(super) fn is_first(&self) -> bool {
        self.seen.is_none()
    }

    /// A checkpoint was stored and committed. Returns whether the sink has come on since the last
    /// one, as far as can be seen.
    ///
    /// # Errors
    ///
    /// [`RunError::NoProgress`] where it has not for [`ROUNDS_MAX`] checkpoints and for as long as
    /// it may wait.
    pub(super) fn next(
        &mut self,
        durable: u64,
        totals: &Totals,
        counts: Counts,
        now: Instant,
    ) -> Result<bool, RunError> {
        let requests = counts.answers.iter().sum::<u64>() + counts.unanswered;
        let Totals { events, objects, failed_events, .. } = *totals;
        let seen = Some(Seen { durable, events, objects, failed_events, requests });
        if counts.in_flight > 0 || self.seen != seen {
            (self.seen, self.idle, self.since) = (seen, 0, now);
            return Ok(true);
        }
        self.idle += 1;
        if self.idle >= ROUNDS_MAX && now.duration_since(self.since) >= self.time_max {
            return Err(RunError::NoProgress { what: self.what, checkpoints: self.idle });
        }
        Ok(false)
    }
}

const ROUNDS_MAX: u32 = 20;
/// A component may wait for so long before it tries a request again: our own one for five minutes,
/// where its store asks for that.
const TIME_MAX: Duration = Duration::from_secs(360);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_that_never_comes_on_is_ended_once_it_could_have_waited_for_its_store() {
        let begun = Instant::now();
        let totals = Totals::default();
        let mut rounds = Rounds::of_waiting("full", begun);
        let mut round = |seconds| {
            rounds.next(0, &totals, Counts::default(), begun + Duration::from_secs(seconds))
        };
        assert!(round(0).unwrap(), "nothing is known before the first");
        for seconds in 1..360 {
            assert!(!round(seconds).unwrap());
        }
        assert!(matches!(round(360), Err(RunError::NoProgress { what: "full", checkpoints: 360 })));
    }

    #[test]
    fn a_flush_has_no_time_to_wait() {
        let now = Instant::now();
        let mut rounds = Rounds::of_flush(now);
        let mut round = || rounds.next(0, &Totals::default(), Counts::default(), now);
        assert!(round().unwrap());
        for _ in 1..ROUNDS_MAX {
            assert!(!round().unwrap());
        }
        assert!(matches!(round(), Err(RunError::NoProgress { checkpoints: ROUNDS_MAX, .. })));
    }

    #[test]
    fn whatever_changes_is_progress() {
        let now = Instant::now();
        let totals = Totals::default();
        let object = Totals { objects: 1, ..Totals::default() };
        let failed = Totals { objects: 1, failed_events: 1, ..Totals::default() };
        let answered = Counts { answers: [0, 1, 0, 0, 0], ..Counts::default() };
        let under_way = Counts { in_flight: 1, ..answered };
        let mut rounds = Rounds::of_flush(now);
        for _ in 0..ROUNDS_MAX {
            for (durable, totals, counts) in [
                (0, &totals, Counts::default()),
                (1, &totals, Counts::default()),
                (1, &object, Counts::default()),
                (1, &failed, Counts::default()),
                (1, &failed, answered),
                (1, &failed, under_way),
                (1, &failed, under_way),
            ] {
                assert!(rounds.next(durable, totals, counts, now).unwrap());
            }
        }
    }
}
