//! Which line an event came from.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::escape;
use crate::place::{LineStart, Place, Several};
use crate::source::Partition;

/// Finds the line of a position, from the first event that is not durable on.
///
/// Lines that follow each other with as many events each are kept as one stretch, so an input of
/// which each line is one event costs nothing. Of more stretches than [`STRETCHES_MAX`] the older
/// ones are joined, and of an event in there is known between which lines it lies.
#[derive(Debug)]
pub(crate) struct Layout {
    /// In the order of the input, each up to where the next begins. Never empty.
    stretches: VecDeque<Stretch>,
    /// Behind the last line.
    end: LineStart,
    /// How many events of the line behind are known before it is read.
    begun: u64,
    stretches_max: usize,
}

/// Lines of the source, both ends included, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Lines {
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
}

/// Where an event stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The number of its line, from 1.
    pub line: u64,
    /// Which of the events of the line it is, from 1, and how many there are, where it is not the
    /// only one.
    pub event: Option<(u64, u64)>,
    /// The file that the line is of, and counted in, where the source is many.
    pub file: Option<Arc<str>>,
    /// The partition that it is a record of, if it is one.
    pub partition: Option<Arc<Partition>>,
}

/// Between which lines something lies, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Between {
    /// The lines.
    pub lines: Lines,
    /// The partition that they are records of, if they are.
    pub partition: Option<Arc<Partition>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    from: LineStart,
    /// How many positions each of its lines takes; nothing if that is not known any more.
    each: Option<u64>,
}

impl Layout {
    /// That of what is read from `place` on. Before it, from `oldest` on, it is not known.
    pub(crate) fn new(oldest: LineStart, place: LineStart) -> Layout {
        Layout::with_stretches_max(oldest, place, STRETCHES_MAX)
    }

    fn with_stretches_max(oldest: LineStart, place: LineStart, stretches_max: usize) -> Layout {
        let known = place.position - oldest.position == place.line - oldest.line;
        let before = Stretch { from: oldest, each: known.then_some(1) };
        Layout { stretches: [before].into(), end: place, begun: 0, stretches_max }
    }

    /// That of what is read from `place` on, which may lie between two events of a line: those
    /// before it are of that line, also as long as it is not read again.
    pub(crate) fn resumed(oldest: LineStart, place: &Place) -> Layout {
        let mut layout = Layout::new(oldest, place.line_start());
        layout.begin(place.taken);
        layout
    }

    /// So many events of the line behind the last one are known already.
    pub(crate) fn begin(&mut self, events: u64) {
        self.begun = events;
    }

    /// What lies before `next` was read as well. `several` are those lines of it, and the one that
    /// `next` lies in, that have several events and were not added before.
    pub(crate) fn add(&mut self, several: &[Several], next: &Place) {
        for &Several { line, events, .. } in several {
            self.add_lines(line - self.end.line, 1);
            self.add_lines(1, events);
        }
        self.add_lines(next.start.line.saturating_sub(self.end.line), 1);
    }

    fn add_lines(&mut self, lines: u64, each: u64) {
        if lines == 0 {
            return;
        }
        if self.stretches.back().is_none_or(|last| last.each != Some(each)) {
            self.stretches.push_back(Stretch { from: self.end, each: Some(each) });
            if self.stretches.len() > self.stretches_max {
                self.thin();
            }
        }
        self.begun = 0;
        self.end.line += lines;
        self.end.position += lines * each;
    }

    /// Joins each two of the older half.
    fn thin(&mut self) {
        let newer = self.stretches.split_off(self.stretches.len() / 2);
        let older = std::mem::replace(&mut self.stretches, newer);
        for pair in Vec::from(older).chunks(2).rev() {
            let each = if pair.len() == 1 { pair[0].each } else { None };
            self.stretches.push_front(Stretch { from: pair[0].from, each });
        }
    }

    /// Nobody will ask for what lies before this position.
    pub(crate) fn forget(&mut self, durable: u64) {
        while self.stretches.get(1).is_some_and(|next| next.from.position <= durable) {
            self.stretches.pop_front();
        }
    }

    /// The line of the event at this position, or between which lines it is.
    pub(crate) fn lines_of(&self, position: u64) -> Lines {
        let index = self.index(position);
        let Stretch { from, each } = self.stretches[index];
        let Some(before) = position.checked_sub(from.position) else {
            return Lines { first: 1, last: from.line.max(1) };
        };
        if position >= self.end.position {
            let behind = position - self.end.position;
            let line = self.end.line + 1 + behind.saturating_sub(self.begun.saturating_sub(1));
            return Lines { first: line, last: line };
        }
        match each {
            Some(each) => {
                let line = from.line + before / each + 1;
                Lines { first: line, last: line }
            }
            None => Lines { first: from.line + 1, last: self.behind(index).line },
        }
    }

    /// Between which lines the events from one position to another lie, both included.
    pub(crate) fn lines_between(&self, first: u64, last: u64) -> Lines {
        Lines { first: self.lines_of(first).first, last: self.lines_of(last).last }
    }

    /// Where the line of the event at this position begins; or one before it, if that is not known
    /// any more.
    pub(crate) fn line_start(&self, position: u64) -> LineStart {
        let Stretch { from, each } = self.stretches[self.index(position)];
        let Some(before) = position.checked_sub(from.position) else { return from };
        match each {
            _ if position >= self.end.position => self.end,
            Some(each) => {
                let lines = before / each;
                LineStart { line: from.line + lines, position: from.position + lines * each }
            }
            None => from,
        }
    }

    /// Where the event at this position stands, which was read not long ago.
    pub(crate) fn spot(&self, position: u64) -> Spot {
        let Stretch { from, each } = self.stretches[self.index(position)];
        let each = each.filter(|each| *each > 1 && position < self.end.position);
        let event = each.map(|each| (position.saturating_sub(from.position) % each + 1, each));
        Spot { line: self.lines_of(position).first, event, file: None, partition: None }
    }

    /// The stretch of this position; the first one for what lies before it.
    fn index(&self, position: u64) -> usize {
        self.stretches
            .partition_point(|stretch| stretch.from.position <= position)
            .saturating_sub(1)
    }

    fn behind(&self, index: usize) -> LineStart {
        self.stretches.get(index + 1).map_or(self.end, |next| next.from)
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lines { first, last } = self;
        if first == last {
            write!(formatter, "line {first}")
        } else {
            write!(formatter, "lines {first} to {last}")
        }
    }
}

impl fmt::Display for Between {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lines { first, last } = self.lines;
        match &self.partition {
            None => self.lines.fmt(formatter),
            Some(partition) if first == last => {
                write!(formatter, "{partition} offset {}", first - 1)
            }
            Some(partition) => {
                write!(formatter, "{partition} offsets {} to {}", first - 1, last - 1)
            }
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((event, of)) = self.event {
            write!(formatter, "event {event} of {of} of ")?;
        }
        if let Some(partition) = &self.partition {
            return write!(formatter, "{partition} offset {}", self.line.saturating_sub(1));
        }
        write!(formatter, "line {}", self.line)?;
        match &self.file {
            Some(file) => write!(formatter, " of {}", escape::line(file)),
            None => Ok(()),
        }
    }
}

/// How many stretches are kept: 32 MiB of them.
const STRETCHES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Start;
    use crate::testing::{Random, seeds};

    #[test]
    fn events_taken_of_a_line_are_of_that_line_before_it_is_read_again() {
        let resumed = Place { taken: 3_461, ..place(1, 1, 0) };
        let mut layout = Layout::resumed(start(0, 0), &resumed);
        let line = |line| Lines { first: line, last: line };
        assert_eq!([0, 1, 4, 3_461].map(|at| layout.lines_of(at)), [1, 2, 2, 2].map(line));
        assert_eq!(layout.line_start(3_461), start(1, 1));
        layout.add(&[Several { line: 1, events: 9_000, now: None }], &place(3, 9_002, 0));
        assert_eq!([9_000, 9_001, 9_002].map(|at| layout.lines_of(at)), [2, 3, 4].map(line));
    }

    #[test]
    fn where_each_line_is_one_event_there_is_one_stretch() {
        let mut layout = Layout::new(start(0, 0), start(0, 0));
        (1..=1_000).for_each(|line| layout.add(&[], &place(line * 10, line * 10, 0)));
        assert_eq!(layout.stretches.len(), 1);
        assert_eq!(layout.lines_of(0), Lines { first: 1, last: 1 });
        assert_eq!(layout.lines_of(9_999), Lines { first: 10_000, last: 10_000 });
        assert_eq!(layout.spot(41), Spot { line: 42, event: None, file: None, partition: None });
    }

    #[test]
    fn events_of_a_line_are_told_apart() {
        let mut layout = Layout::new(start(4, 4), start(4, 4));
        layout.add(&[several(5, 3), several(6, 3), several(8, 2)], &place(8, 12, 1));
        layout.add(&[], &place(10, 15, 0));
        for (position, line, event) in [
            (4, 5, None),
            (5, 6, Some((1, 3))),
            (7, 6, Some((3, 3))),
            (8, 7, Some((1, 3))),
            (11, 8, None),
            (12, 9, Some((1, 2))),
            (13, 9, Some((2, 2))),
            (14, 10, None),
        ] {
            assert_eq!(
                layout.spot(position),
                Spot { line, event, file: None, partition: None },
                "{position}"
            );
            assert_eq!(layout.lines_of(position), Lines { first: line, last: line });
        }
        assert_eq!(layout.line_start(9), start(6, 8));
        assert_eq!(layout.line_start(15), start(10, 15));
        assert_eq!(layout.spot(7).to_string(), "event 3 of 3 of line 6");
        assert_eq!(layout.lines_between(4, 7).to_string(), "lines 5 to 6");
        assert_eq!(layout.lines_between(5, 7).to_string(), "line 6");
    }

    #[test]
    fn of_what_an_earlier_run_read_the_bounds_are_known() {
        let mut layout = Layout::new(start(10, 30), start(20, 90));
        layout.add(&[several(20, 2)], &place(21, 92, 0));
        assert_eq!(layout.lines_of(30), Lines { first: 11, last: 20 });
        assert_eq!(layout.lines_of(89), Lines { first: 11, last: 20 });
        assert_eq!(layout.lines_of(91), Lines { first: 21, last: 21 });
        assert_eq!(layout.line_start(50), start(10, 30));
        assert_eq!(layout.lines_of(5), Lines { first: 1, last: 10 });
        layout.forget(90);
        assert_eq!(layout.stretches.len(), 1);
        // Each line of that was one event.
        let layout = Layout::new(start(10, 30), start(20, 40));
        assert_eq!(layout.lines_of(33), Lines { first: 14, last: 14 });
    }

    /// Against a list of all positions.
    #[test]
    fn any_lines_are_found_and_never_more_is_kept_than_allowed() {
        for seed in seeds(200) {
            let random = &mut Random::new(seed);
            let max = 4 + random.below(60);
            let mut layout = Layout::with_stretches_max(start(0, 0), start(0, 0), max);
            let (mut lines, mut durable) = (Vec::new(), 0);
            for _ in 0..random.below(40) {
                let mut added = Vec::new();
                for _ in 0..random.below(20) {
                    let line = lines.last().map_or(0, |last| last + 1);
                    let events = [1, 1, 2, 3, 7][random.below(5)];
                    lines.extend(std::iter::repeat_n(line, events));
                    if events > 1 {
                        added.push(several(line, events as u64));
                    }
                }
                let next = lines.last().map_or(0, |last| last + 1);
                layout.add(&added, &place(next, lines.len() as u64, 0));
                if random.below(4) == 0 {
                    durable += random.below(lines.len() - durable + 1);
                    layout.forget(durable as u64);
                }
                assert!(layout.stretches.len() <= max, "SPILLWAY_SEED={seed}");
                let exact_from = layout.stretches.iter().rev().find(|s| s.each.is_none());
                for (position, line) in lines.iter().enumerate().skip(durable) {
                    let found = layout.lines_of(position as u64);
                    let holds = (found.first..=found.last).contains(&(line + 1));
                    assert!(holds, "SPILLWAY_SEED={seed}: {position} {line} {found:?}");
                    let start = layout.line_start(position as u64);
                    assert!(start.line <= *line, "SPILLWAY_SEED={seed}: {position}");
                    assert_eq!(
                        lines.iter().position(|l| *l == start.line),
                        Some(start.position as usize)
                    );
                    if exact_from.is_none() {
                        assert_eq!((found.first, found.last), (line + 1, line + 1));
                        assert_eq!(start.line, *line, "SPILLWAY_SEED={seed}: {position}");
                    }
                }
            }
        }
    }

    fn start(line: u64, position: u64) -> LineStart {
        LineStart { line, position }
    }

    fn place(line: u64, position: u64, taken: u64) -> Place {
        Place { start: Start { line, offset: 0 }, position, taken }
    }

    fn several(line: u64, events: u64) -> Several {
        Several { line, events, now: None }
    }
}
