//! The transforms of a run, and what becomes of its events on their way to the sink.

use std::borrow::Cow;
use std::slice;

use super::RunError;
use super::runs::{end, number_ends, within};
use spillway::contract::{Outcome, Rejection, Run};
use spillway::egress::Gate;
use spillway::transform::{Transform, positions};

/// The transforms of a run, in their order.
#[derive(Default)]
pub struct Transforms(Vec<Transform>);

/// Events that are written to the sink with one call.
#[derive(Clone)]
pub(super) struct Portion<'a> {
    /// The events as they were read.
    pub(super) read: Cow<'a, [Run]>,
    /// What the transforms made of them, for the sink.
    pub(super) sunk: Cow<'a, [Run]>,
    /// What the transforms rejected.
    pub(super) rejected: Vec<Rejection>,
}

impl Transforms {
    /// These transforms, the first of which is given what was read.
    pub fn new(transforms: Vec<Transform>) -> Transforms {
        Transforms(transforms)
    }

    /// A call that is under way ends where the sink behind this gate is given up.
    pub(super) fn end_with(&mut self, gate: &Gate) {
        self.0.iter_mut().for_each(|transform| transform.end_with(gate.clone()));
    }

    /// Transforms events. Where a rejection `stops` the run, no portion goes beyond one that a
    /// transform rejected.
    pub(super) async fn apply<'a>(
        &mut self,
        read: &'a [Run],
        stops: bool,
    ) -> Result<Vec<Portion<'a>>, RunError> {
        if self.0.is_empty() {
            let (read, sunk) = (Cow::Borrowed(read), Cow::Borrowed(read));
            return Ok(vec![Portion { read, sunk, rejected: Vec::new() }]);
        }
        let Outcome { runs, rejected } = self.outcome(read).await?;
        if !stops {
            let (read, sunk) = (Cow::Borrowed(read), Cow::Owned(runs));
            return Ok(vec![Portion { read, sunk, rejected }]);
        }
        Ok(portions(read, runs, rejected))
    }

    /// What all transforms make of events.
    pub(super) async fn outcome(&mut self, read: &[Run]) -> Result<Outcome, RunError> {
        let mut outcome = Outcome { runs: Vec::new(), rejected: Vec::new() };
        for (index, transform) in self.0.iter_mut().enumerate() {
            let given = if index == 0 { read } else { &outcome.runs };
            let next = transform.apply(given).await;
            let next = next.map_err(|source| RunError::Transform { index, source })?;
            outcome.runs = next.runs;
            outcome.rejected.extend(next.rejected);
        }
        outcome.rejected.sort_by_key(|rejection| rejection.position);
        outcome.runs.iter_mut().for_each(number_ends);
        Ok(outcome)
    }
}

impl Portion<'_> {
    /// The events before this position.
    pub(super) fn before(&self, position: u64) -> Portion<'static> {
        let positions = 0..position;
        let before = |runs: &[Run]| Cow::Owned(within(runs, slice::from_ref(&positions)));
        let rejected = self.rejected.iter().filter(|rejection| rejection.position < position);
        Portion {
            read: before(&self.read),
            sunk: before(&self.sunk),
            rejected: rejected.cloned().collect(),
        }
    }

    /// The position behind the last event that was read.
    pub(super) fn end(&self) -> Option<u64> {
        self.read.last().map(end)
    }

    /// How many events the transforms dropped.
    pub(super) fn dropped(&self) -> u64 {
        let events = |run: &Run| positions(run).end - run.first;
        let count = |runs: &[Run]| -> u64 { runs.iter().map(events).sum() };
        count(&self.read) - count(&self.sunk) - self.rejected.len() as u64
    }
}

/// Cuts events where a run is to stop that meets a rejection: behind each event that a transform
/// rejected.
fn portions<'a>(read: &'a [Run], sunk: Vec<Run>, rejected: Vec<Rejection>) -> Vec<Portion<'a>> {
    let Some(last) = read.last().map(end) else { return Vec::new() };
    let mut cuts: Vec<u64> = rejected.iter().map(|rejection| rejection.position + 1).collect();
    cuts.push(last);
    cuts.dedup();
    if cuts.len() == 1 {
        return vec![Portion { read: Cow::Borrowed(read), sunk: Cow::Owned(sunk), rejected }];
    }
    let (mut sunk, mut rejected) = (sunk.into_iter().peekable(), rejected.into_iter().peekable());
    let mut from = 0;
    let mut portions = Vec::new();
    for to in cuts {
        portions.push(Portion {
            read: Cow::Owned(within(read, slice::from_ref(&(from..to)))),
            // None of the events of a run for the sink was rejected, so it is whole.
            sunk: std::iter::from_fn(|| sunk.next_if(|run| run.first < to)).collect(),
            rejected: std::iter::from_fn(|| rejected.next_if(|r| r.position < to)).collect(),
        });
        from = to;
    }
    portions
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use spillway::contract::{Boundaries, Framing, Payload};

    #[test]
    fn a_portion_ends_behind_a_rejection() {
        let read = [run("k", 5, "abcde"), run("k", 12, "fg")];
        let sunk = vec![run("x", 5, "a"), run("x", 7, "c"), run("y", 8, "d"), run("y", 12, "f")];
        let rejected = vec![rejection(6), rejection(13)];
        let portions = portions(&read, sunk, rejected);
        let before = portions[1].before(9);
        assert_eq!(shown(&before), ("7cd".to_owned(), "7c 8d".to_owned(), vec![], 0));
        let shown: Vec<_> = portions.iter().map(shown).collect();
        let wanted = [
            ("5ab".to_owned(), "5a".to_owned(), vec![6], 0),
            ("7cde 12fg".to_owned(), "7c 8d 12f".to_owned(), vec![13], 1),
        ];
        assert_eq!(shown, wanted);
        assert_eq!(portions.iter().map(|p| p.end().unwrap()).collect::<Vec<_>>(), [7, 14]);
    }

    #[test]
    fn lines_that_a_transform_counts_get_the_numbers_of_their_ends() {
        let mut run = Run {
            payload: Payload::Text("a\n\nbc\n".to_owned()),
            boundaries: Boundaries::Lines(3),
            framing: Framing::Newline,
            ..run("k", 5, "")
        };
        number_ends(&mut run);
        assert_eq!((crate::batch::ends(&run), end(&run)), (&[2, 3, 6][..], 8));
    }

    #[test]
    fn what_goes_on_as_one_is_not_copied() {
        let read = [run("k", 5, "abc"), run("k", 12, "fg")];
        let portions = portions(&read, vec![run("x", 6, "b")], vec![]);
        assert_eq!(portions.len(), 1);
        assert!(matches!(portions[0].read, Cow::Borrowed(_)));
        assert_eq!(portions[0].dropped(), 4);
    }

    fn shown(portion: &Portion<'_>) -> (String, String, Vec<u64>, u64) {
        let text = |runs: &[Run]| {
            let runs = runs.iter().map(|run| match &run.payload {
                Payload::Bytes(bytes) => format!("{}{}", run.first, String::from_utf8_lossy(bytes)),
                Payload::Text(text) => format!("{}{text}", run.first),
            });
            runs.collect::<Vec<_>>().join(" ")
        };
        let rejected = portion.rejected.iter().map(|rejection| rejection.position).collect();
        (text(&portion.read), text(&portion.sunk), rejected, portion.dropped())
    }

    fn rejection(position: u64) -> Rejection {
        Rejection { position, reason: "no".to_owned() }
    }

    /// A run of events of one byte each.
    pub(in crate::run) fn run(key: &str, first: u64, events: &str) -> Run {
        Run {
            key: key.to_owned(),
            first,
            at: None,
            payload: Payload::Bytes(events.as_bytes().to_vec()),
            boundaries: Boundaries::At((1..=events.len() as u32).collect()),
            framing: Framing::Bare,
        }
    }
}
