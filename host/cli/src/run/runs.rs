//! Runs as the contract has them.

use std::iter;
use std::ops::Range;

pub(super) use crate::batch::end;
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

/// The same as the command has them.
pub(super) fn stored(run: &Run) -> batch::Run {
    let framing = match run.framing {
        Framing::Bare => batch::Framing::Bare,
        Framing::Newline => batch::Framing::Newline,
    };
    let (payload, ends) = (bytes(run).to_vec(), ends(run).to_vec());
    batch::Run { key: run.key.clone(), first: run.first, at: run.at, payload, ends, framing }
}

/// Gives a run the numbers of its ends in place of a count of lines, as the command's own have
/// them.
pub(super) fn number_ends(run: &mut Run) {
    let Boundaries::Lines(lines) = run.boundaries else { return };
    let mut ends = Vec::with_capacity(lines as usize);
    ends.extend(memchr::memchr_iter(b'\n', bytes(run)).map(|at| at as u32 + 1));
    run.boundaries = Boundaries::At(ends);
}

/// The events at these positions, both by rising positions.
pub(super) fn within(runs: &[Run], positions: &[Range<u64>]) -> Vec<Run> {
    let mut found = Vec::new();
    let mut positions = positions.iter().peekable();
    for run in runs {
        while positions.next_if(|range| range.end <= run.first).is_some() {}
        let overlapping = positions.clone().take_while(|range| range.start < end(run));
        found.extend(overlapping.map(|range| part(run, range.clone())));
    }
    found
}

/// The positions between these, which rise.
pub(super) fn between(positions: &[Range<u64>]) -> Vec<Range<u64>> {
    let starts = iter::once(0).chain(positions.iter().map(|range| range.end));
    let ends = positions.iter().map(|range| range.start).chain(iter::once(u64::MAX));
    let between = starts.zip(ends).map(|(start, end)| start..end);
    between.filter(|range| !range.is_empty()).collect()
}

/// The events of a run that lie in this range; at least one does.
fn part(run: &Run, range: Range<u64>) -> Run {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_at_positions_and_between_them_is_all_there_is() {
        let runs = [of("a", 3, "abcd"), of("b", 7, "ef"), of("a", 12, "g")];
        for (positions, at, others) in [
            (vec![], "", "a3abcd b7ef a12g"),
            (vec![4..5, 6..8], "a4b a6d b7e", "a3a a5c b8f a12g"),
            (vec![0..3, 3..4, 4..20], "a3a a4bcd b7ef a12g", ""),
            (vec![9..12, 12..13], "a12g", "a3abcd b7ef"),
        ] {
            assert_eq!(shown(&within(&runs, &positions)), at, "{positions:?}");
            assert_eq!(shown(&within(&runs, &between(&positions))), others, "{positions:?}");
        }
    }

    fn shown(runs: &[Run]) -> String {
        let text = |run: &Run| String::from_utf8_lossy(bytes(run)).into_owned();
        let shown = runs.iter().map(|run| format!("{}{}{}", run.key, run.first, text(run)));
        shown.collect::<Vec<_>>().join(" ")
    }

    fn of(key: &str, first: u64, events: &str) -> Run {
        let ends = (1..=events.len() as u32).collect();
        let (key, payload) = (key.to_owned(), events.as_bytes().to_vec());
        run(batch::Run { key, first, at: None, payload, ends, framing: batch::Framing::Bare })
    }
}
