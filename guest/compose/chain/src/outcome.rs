//! What a transform returned, proven to be of the batch that it was given.

use std::ops::Range;

use crate::bindings::spillway::sink::types::{Boundaries, Error, Rejection, Run};

/// The positions of a run.
pub(crate) fn positions(run: &Run) -> Range<u64> {
    let events = match &run.boundaries {
        Boundaries::At(ends) => ends.len() as u64,
        Boundaries::Lines(lines) => u64::from(*lines),
    };
    run.first..run.first.saturating_add(events)
}

/// Each position that comes back is one of the batch, they rise, and none is both passed on and
/// rejected. Otherwise the sink would count on events that its caller does not have.
pub(crate) fn check(batch: &[Run], runs: &[Run], rejected: &[Rejection]) -> Result<(), Error> {
    within(batch, runs.iter().map(positions), "passed on")?;
    let rejected = || rejected.iter().map(|r| r.position..r.position.saturating_add(1));
    within(batch, rejected(), "rejected")?;
    let mut runs = runs.iter().map(positions).peekable();
    for Range { start, .. } in rejected() {
        while runs.next_if(|run| run.end <= start).is_some() {}
        if runs.peek().is_some_and(|run| run.contains(&start)) {
            return Err(broken(&format!("position {start} was passed on and rejected")));
        }
    }
    Ok(())
}

/// Ranges that rise, each of which lies in the batch without a gap.
fn within(
    batch: &[Run],
    ranges: impl Iterator<Item = Range<u64>>,
    what: &str,
) -> Result<(), Error> {
    let mut batch = batch.iter().map(positions).peekable();
    let mut least = 0;
    for Range { mut start, end } in ranges {
        if start < least {
            return Err(broken(&format!("position {start} was {what} after {}", least - 1)));
        }
        least = end;
        while start < end {
            while batch.next_if(|run| run.end <= start).is_some() {}
            match batch.peek() {
                Some(run) if run.contains(&start) => start = run.end,
                _ => {
                    let text = format!("position {start} was {what}, and the batch has none such");
                    return Err(broken(&text));
                }
            }
        }
    }
    Ok(())
}

fn broken(what: &str) -> Error {
    Error::Unsupported(format!("the transform broke the contract: {what}"))
}
