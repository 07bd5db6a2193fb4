//! What full lanes have left of a portion. The place of the run is behind it, so the checkpoint has
//! it.

use std::borrow::Cow;
use std::ops::Range;
use std::slice;

use super::runs::{end, run, stored, within};
use super::transforms::Portion;
use crate::batch;
use crate::checkpoint::Untaken;
use spillway::contract::Run;
use spillway::transform::positions;

impl Portion<'_> {
    /// The events at these positions, which full lanes have left, if there are any.
    pub(super) fn left(&self, at: &[Range<u64>]) -> Option<Portion<'static>> {
        let left = |runs: &[Run]| -> Cow<'static, [Run]> { within(runs, at).into() };
        let portion =
            || Portion { read: left(&self.read), sunk: left(&self.sunk), rejected: Vec::new() };
        (!at.is_empty()).then(portion)
    }

    /// The positions of its events, as they were read.
    pub(super) fn positions(&self) -> Vec<Range<u64>> {
        self.read.iter().map(positions).collect()
    }

    /// Takes out what was read as runs that begin before this position. A run that transforms made
    /// of several of them is cut.
    pub(super) fn take_before(&mut self, position: u64) -> Portion<'static> {
        let runs = self.read.to_mut();
        let count = runs.partition_point(|run| run.first < position);
        let read: Vec<Run> = runs.drain(..count).collect();
        let to = read.last().map_or(0, end);
        let sunk = within(&self.sunk, slice::from_ref(&(0..to)));
        self.sunk = within(&self.sunk, slice::from_ref(&(to..u64::MAX))).into();
        Portion { read: read.into(), sunk: sunk.into(), rejected: Vec::new() }
    }

    /// As a checkpoint has it.
    pub(super) fn stored(&self) -> Untaken {
        let [read, sunk] = [&self.read, &self.sunk].map(|runs| runs.iter().map(stored));
        let (read, sunk): (Vec<_>, Vec<_>) = (read.collect(), sunk.collect());
        let is_other = sunk != read;
        Untaken { read, sunk: is_other.then_some(sunk) }
    }

    /// That of a checkpoint.
    pub(super) fn of_stored(untaken: Untaken) -> Portion<'static> {
        let Untaken { read, sunk } = untaken;
        let sunk = sunk.unwrap_or_else(|| read.clone());
        let runs =
            |runs: Vec<batch::Run>| -> Cow<'static, [Run]> { runs.into_iter().map(run).collect() };
        Portion { read: runs(read), sunk: runs(sunk), rejected: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::transforms::tests::run as of;
    use spillway::contract::{Boundaries, Framing, Payload, Rejection};

    #[test]
    fn what_is_left_is_that_of_full_lanes_as_it_was_read_and_as_it_is_written() {
        let portion = Portion {
            read: Cow::Owned(vec![of("k", 5, "abcde"), of("l", 12, "fg")]),
            sunk: Cow::Owned(vec![of("x", 5, "AB"), of("y", 8, "D"), of("x", 12, "FG")]),
            rejected: vec![Rejection { position: 7, reason: "no".to_owned() }],
        };
        assert!(portion.left(&[]).is_none());
        let left = portion.left(&[5..7, 12..14]).unwrap();
        assert_eq!(
            (shown(&left.read), shown(&left.sunk)),
            ("k5ab l12fg".into(), "x5AB x12FG".into())
        );
        assert_eq!((left.rejected.len(), left.dropped()), (0, 0));
        // Less of it is left the next time.
        let left = left.left(&[6..7, 12..13]).unwrap();
        assert_eq!((shown(&left.read), shown(&left.sunk)), ("k6b l12f".into(), "x6B x12F".into()));
        assert_eq!(left.positions(), [6..7, 12..13]);
    }

    #[test]
    fn what_was_read_as_one_is_taken_out_as_one() {
        let mut portion = Portion {
            read: Cow::Owned(vec![of("k", 5, "abcde"), of("l", 12, "fg")]),
            sunk: Cow::Owned(vec![of("x", 5, "A"), of("y", 8, "D"), of("x", 13, "G")]),
            rejected: vec![],
        };
        let mut taken = |position| {
            let taken = portion.take_before(position);
            format!("{} {}", shown(&taken.read), shown(&taken.sunk))
        };
        assert_eq!([5, 7, 12].map(&mut taken), [" ", "k5abcde x5A y8D", " "]);
        assert_eq!([13, 20].map(&mut taken), ["l12fg x13G", " "]);
    }

    #[test]
    fn what_transforms_made_of_several_runs_goes_with_each_of_them() {
        let mut portion = Portion {
            read: Cow::Owned(vec![of("k", 5, "abc"), of("l", 8, "de")]),
            sunk: Cow::Owned(vec![of("x", 5, "ABCDE")]),
            rejected: vec![],
        };
        let first = portion.take_before(8);
        assert_eq!((shown(&first.read), shown(&first.sunk)), ("k5abc".into(), "x5ABC".into()));
        let second = portion.take_before(20);
        assert_eq!((shown(&second.read), shown(&second.sunk)), ("l8de".into(), "x8DE".into()));
    }

    #[test]
    fn it_is_the_same_after_a_restart() {
        let text = Run { payload: Payload::Text("A\nB\n".to_owned()), ..of("x", 5, "") };
        let boundaries = Boundaries::At(vec![2, 4]);
        let text = Run { boundaries, framing: Framing::Newline, at: Some(9), ..text };
        let read = vec![of("k", 5, "ab")];
        for (sunk, is_other) in [(vec![text], true), (read.clone(), false)] {
            let portion =
                Portion { read: Cow::Borrowed(&read), sunk: Cow::Owned(sunk), rejected: vec![] };
            let stored = portion.stored();
            assert_eq!((stored.first(), stored.events(), stored.sunk.is_some()), (5, 2, is_other));
            assert_eq!(Portion::of_stored(stored.clone()).stored(), stored);
        }
    }

    fn shown(runs: &[Run]) -> String {
        let shown = runs.iter().map(|run| {
            let stored = stored(run);
            format!("{}{}{}", run.key, run.first, String::from_utf8_lossy(&stored.payload))
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}
