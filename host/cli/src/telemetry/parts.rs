//! What is known of several runs that are one.

use std::sync::Arc;
use std::time::Duration;

use spillway::egress::Counts;

use super::monitor::View;
use super::movement::Movement;

impl View {
    /// What stays of a run that has ended.
    pub(super) fn ended(self) -> View {
        let over = |counts: Counts| Counts {
            in_flight: 0,
            bad_in_a_row: 0,
            bad: None,
            stalled: Duration::ZERO,
            ..counts
        };
        let movement = Movement::default();
        View {
            traffic: self.traffic.map(over),
            lag_events: 0,
            lag: Duration::ZERO,
            movement,
            ..self
        }
    }

    /// The same, and what ended before.
    pub(super) fn after(self, before: Option<View>) -> View {
        match before {
            Some(before) => before.with([self]),
            None => self,
        }
    }

    /// With what its parts did.
    pub(super) fn with(mut self, parts: impl IntoIterator<Item = View>) -> View {
        // Without a part there is nothing that could stand still but the task itself.
        self.movement.moved = self.movement.polled;
        parts.into_iter().fold(self, |mut all, part| {
            all.totals = all.totals.and(&part.totals);
            all.traffic = either_or_both(all.traffic, part.traffic);
            all.lag_events += part.lag_events;
            all.lag = all.lag.max(part.lag);
            all.movement.moved = all.movement.moved.max(part.movement.moved);
            all.sink = match all.sink.families.is_empty() {
                true => part.sink,
                false => Arc::new(Arc::unwrap_or_clone(all.sink).and(&part.sink)),
            };
            all.sink_at = all.sink_at.max(part.sink_at);
            all
        })
    }
}

/// What passed two ways out to one store, where there are two.
pub(super) fn either_or_both(one: Option<Counts>, other: Option<Counts>) -> Option<Counts> {
    match (one, other) {
        (Some(one), Some(other)) => Some(both(one, other)),
        (one, other) => one.or(other),
    }
}

/// What passed both of them.
fn both(one: Counts, other: Counts) -> Counts {
    let worse = if one.bad_in_a_row >= other.bad_in_a_row { one } else { other };
    // One way out on which all is well says that the store is there.
    let is_there = [one, other].iter().any(|c| c.bad_in_a_row == 0 && c.answers[1] > 0);
    Counts {
        in_flight: one.in_flight + other.in_flight,
        answers: std::array::from_fn(|index| one.answers[index] + other.answers[index]),
        unanswered: one.unanswered + other.unanswered,
        bad_in_a_row: if is_there { 0 } else { worse.bad_in_a_row },
        bad: worse.bad.filter(|_| !is_there),
        stalled: one.stalled.max(other.stalled),
        quiet: one.quiet.min(other.quiet),
    }
}
