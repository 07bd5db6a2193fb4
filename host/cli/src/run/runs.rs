//! Runs as the contract has them.

use std::ops::Range;

use crate::batch::{self, ends};
use crate::dead_letters::Content;
use spillway::contract::{Boundaries, Framing, Payload, Run};

/// A run as the sink takes it.
pub(super) fn run(run: batch::Run) -> Run {
    let batch::Run { key, first, at, payload, ends, framing } = run;
    let (payload, boundaries) = (Payload::Bytes(payload), Boundaries::At(ends));
    let framing = match framing {
        batch::Framing::Bare => Framing::Bare,
        batch::Framing::Newline => Framing::Newline,
    };
    Run { key, first, at, payload, boundaries, framing }
}

/// Gives a run the numbers of its ends in place of a count of lines, as the command's own have
/// them.
pub(super) fn number_ends(run: &mut Run) {
    let Boundaries::Lines(lines) = run.boundaries else { return };
    let mut ends = Vec::with_capacity(lines as usize);
    ends.extend(memchr::memchr_iter(b'\n', bytes(run)).map(|at| at as u32 + 1));
    run.boundaries = Boundaries::At(ends);
}

/// The position behind the last event of a run.
pub(super) fn end(run: &Run) -> u64 {
    run.first + ends(run).len() as u64
}

/// The events of a run that lie in this range; at least one does.
pub(super) fn part(run: &Run, range: Range<u64>) -> Run {
    let ends = ends(run);
    let index = |position: u64| position.clamp(run.first, end(run)) - run.first;
    let (from, to) = (index(range.start) as usize, index(range.end) as usize);
    let base = from.checked_sub(1).map_or(0, |before| ends[before]);
    let bytes = base as usize..to.checked_sub(1).map_or(0, |last| ends[last] as usize);
    Run {
        key: run.key.clone(),
        first: run.first + from as u64,
        at: run.at,
        payload: Payload::Bytes(self::bytes(run)[bytes].to_vec()),
        boundaries: Boundaries::At(ends[from..to].iter().map(|end| end - base).collect()),
        framing: run.framing,
    }
}

/// The events of a run that lie before `position`.
pub(super) fn before(mut run: Run, position: u64) -> Run {
    let count = usize::try_from(position.saturating_sub(run.first)).unwrap_or(usize::MAX);
    if let Boundaries::At(ends) = &mut run.boundaries {
        ends.truncate(count);
    }
    let end = ends(&run).last().map_or(0, |end| *end as usize);
    match &mut run.payload {
        Payload::Bytes(bytes) => bytes.truncate(end),
        Payload::Text(text) => text.truncate(end),
    }
    run
}

/// The event at `position`, as it was given to the sink.
pub(super) fn event(runs: &[Run], position: u64) -> Option<Content<'_>> {
    let run = runs.iter().find(|run| (run.first..end(run)).contains(&position))?;
    let index = usize::try_from(position - run.first).ok()?;
    Some(Content::Event { key: &run.key, payload: payload(run, index), at: run.at })
}

fn bytes(run: &Run) -> &[u8] {
    match &run.payload {
        Payload::Bytes(bytes) => bytes,
        Payload::Text(text) => text.as_bytes(),
    }
}

/// The payload of an event, without what separates it from the next.
pub(super) fn payload(run: &Run, index: usize) -> &[u8] {
    let start = index.checked_sub(1).map_or(0, |before| ends(run)[before] as usize);
    let framed = &bytes(run)[start..ends(run)[index] as usize];
    match run.framing {
        Framing::Newline => framed.strip_suffix(b"\n").unwrap_or(framed),
        Framing::Bare => framed,
    }
}
