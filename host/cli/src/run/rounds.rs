//! Ends the wait for a sink that stays full.
//!
//! A full sink is given one checkpoint after the other, and each is meant to make room. A component
//! that never has room would keep the run for ever. One that asks for checkpoints without end is
//! ended by the library, which proves each answer.

use std::time::{Duration, Instant};

use spillway::egress::Counts;

use super::{RunError, Totals};

/// The checkpoints in a row after which nothing was different.
pub(super) struct Rounds {
    seen: Option<Seen>,
    idle: u32,
    since: Instant,
}

/// What changes as a sink makes progress.
#[derive(PartialEq, Eq)]
struct Seen {
    durable: u64,
    objects: u64,
    failed_events: u64,
    requests: u64,
}

impl Rounds {
    /// None yet.
    pub(super) fn new(now: Instant) -> Rounds {
        Rounds { seen: None, idle: 0, since: now }
    }

    /// Whether no checkpoint was stored yet.
    pub(super) fn is_first(&self) -> bool {
        self.seen.is_none()
    }

    /// A checkpoint was stored and committed.
    ///
    /// # Errors
    ///
    /// [`RunError::NoProgress`] where nothing has changed since the first of at least
    /// [`ROUNDS_MAX`] checkpoints, for [`TIME_MAX`].
    pub(super) fn next(
        &mut self,
        durable: u64,
        totals: &Totals,
        counts: Counts,
        now: Instant,
    ) -> Result<(), RunError> {
        let requests = counts.answers.iter().sum::<u64>() + counts.unanswered;
        let Totals { objects, failed_events, .. } = *totals;
        let seen = Some(Seen { durable, objects, failed_events, requests });
        if counts.in_flight > 0 || self.seen != seen {
            (self.seen, self.idle, self.since) = (seen, 0, now);
            return Ok(());
        }
        self.idle += 1;
        if self.idle >= ROUNDS_MAX && now.duration_since(self.since) >= TIME_MAX {
            return Err(RunError::NoProgress { checkpoints: self.idle });
        }
        Ok(())
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
    fn a_sink_that_stays_full_is_ended_once_it_could_have_waited_for_its_store() {
        let begun = Instant::now();
        let (totals, counts) = (Totals::default(), Counts::default());
        let mut rounds = Rounds::new(begun);
        let mut round =
            |seconds| rounds.next(0, &totals, counts, begun + Duration::from_secs(seconds));
        for seconds in 0..360 {
            round(seconds).unwrap();
        }
        assert!(matches!(round(360), Err(RunError::NoProgress { checkpoints: 360 })));
    }

    #[test]
    fn a_few_slow_checkpoints_prove_nothing() {
        let begun = Instant::now();
        let mut rounds = Rounds::new(begun);
        for round in 0..ROUNDS_MAX {
            let now = begun + TIME_MAX * round;
            rounds.next(0, &Totals::default(), Counts::default(), now).unwrap();
        }
    }

    #[test]
    fn whatever_changes_is_progress() {
        let begun = Instant::now();
        let totals = Totals::default();
        let object = Totals { objects: 1, ..Totals::default() };
        let failed = Totals { objects: 1, failed_events: 1, ..Totals::default() };
        let answered = Counts { answers: [0, 1, 0, 0, 0], ..Counts::default() };
        let under_way = Counts { in_flight: 1, ..answered };
        let mut rounds = Rounds::new(begun);
        for round in 0..ROUNDS_MAX {
            for (durable, totals, counts) in [
                (0, &totals, Counts::default()),
                (1, &totals, Counts::default()),
                (1, &object, Counts::default()),
                (1, &failed, Counts::default()),
                (1, &failed, answered),
                (1, &failed, under_way),
                (1, &failed, under_way),
            ] {
                rounds.next(durable, totals, counts, begun + TIME_MAX * round).unwrap();
            }
        }
    }
}
