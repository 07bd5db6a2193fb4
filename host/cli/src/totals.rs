//! The numbers of a run.

use crate::layout::Lines;

/// What a run has done so far.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Totals {
    /// Lines read.
    pub lines: u64,
    /// Those of them that have several events.
    pub lines_of_several_events: u64,
    /// Bytes read.
    pub input_bytes: u64,
    /// Events that the sink accepted.
    pub events: u64,
    /// Events that were rejected.
    pub rejected: u64,
    /// Lines that the map's expressions filtered out, and events that transforms dropped.
    pub filtered: u64,
    /// Events in objects that became visible.
    pub stored_events: u64,
    /// Objects that became visible.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Objects that could not be stored.
    pub failed_objects: u64,
    /// The events in them.
    pub failed_events: u64,
    /// The lines of all events that are neither stored nor set aside, where there are any. Where
    /// the run takes checkpoints, what the next one reads again is not among them.
    pub not_stored: Option<NotStored>,
    /// Rejected and failed events that were written to a file.
    pub dead_letters: u64,
    /// How often the component trapped and a new instance resumed from the last checkpoint. What
    /// was read again then is counted once.
    pub restarts: u64,
    /// What it has kept for the next run, where it takes checkpoints.
    #[serde(flatten)]
    pub kept: Option<Kept>,
    /// How many checkpoints its partitions have stored, where each has its own.
    #[serde(rename = "checkpoints", skip_serializing_if = "Option::is_none")]
    pub checkpoints_of_partitions: Option<u64>,
}

/// Lines of events that are neither stored nor set aside.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NotStored {
    /// The first and the last of them.
    #[serde(flatten)]
    pub between: Lines,
    /// All of them, by rising numbers. Nothing where it is not known which, or where there are more
    /// than 1,000 ranges: then events of other lines between them are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranges: Option<Vec<Lines>>,
}

impl NotStored {
    /// Exactly these lines. Nothing where there are none.
    pub(crate) fn exactly(lines: impl IntoIterator<Item = Lines>) -> Option<NotStored> {
        let mut lines: Vec<Lines> = lines.into_iter().collect();
        lines.sort_by_key(|range| range.first);
        let mut ranges: Vec<Lines> = Vec::new();
        for range in lines {
            match ranges.last_mut() {
                Some(last) if range.first <= last.last.saturating_add(1) => {
                    last.last = last.last.max(range.last);
                }
                _ => ranges.push(range),
            }
        }
        let between = Lines { first: ranges.first()?.first, last: ranges.last()?.last };
        Some(NotStored { between, ranges: (ranges.len() <= RANGES_MAX).then_some(ranges) })
    }

    /// Lines somewhere in these. Nothing where there are none.
    pub(crate) fn between(lines: impl IntoIterator<Item = Lines>) -> Option<NotStored> {
        let between = lines.into_iter().reduce(around)?;
        Some(NotStored { between, ranges: None })
    }

    /// These and others.
    pub(crate) fn and(self, other: NotStored) -> NotStored {
        let between = around(self.between, other.between);
        let ranges = self.ranges.zip(other.ranges);
        let both = ranges.and_then(|(one, other)| NotStored::exactly([one, other].concat()));
        both.unwrap_or(NotStored { between, ranges: None })
    }
}

fn around(one: Lines, other: Lines) -> Lines {
    Lines { first: one.first.min(other.first), last: one.last.max(other.last) }
}

/// How many ranges of lines are told apart.
const RANGES_MAX: usize = 1_000;

impl Totals {
    /// What two runs of different inputs have done. The numbers of their lines have nothing to do
    /// with each other, so neither says which are not stored, or where the next run begins.
    pub(crate) fn and(&self, other: &Totals) -> Totals {
        Totals {
            lines: self.lines + other.lines,
            lines_of_several_events: self.lines_of_several_events + other.lines_of_several_events,
            input_bytes: self.input_bytes + other.input_bytes,
            events: self.events + other.events,
            rejected: self.rejected + other.rejected,
            filtered: self.filtered + other.filtered,
            stored_events: self.stored_events + other.stored_events,
            objects: self.objects + other.objects,
            object_bytes: self.object_bytes + other.object_bytes,
            failed_objects: self.failed_objects + other.failed_objects,
            failed_events: self.failed_events + other.failed_events,
            not_stored: None,
            dead_letters: self.dead_letters + other.dead_letters,
            restarts: self.restarts + other.restarts,
            kept: None,
            checkpoints_of_partitions: match (self.checkpoints(), other.checkpoints()) {
                (None, None) => None,
                (one, other) => Some(one.unwrap_or(0) + other.unwrap_or(0)),
            },
        }
    }

    /// How many checkpoints were stored, where the flow has them.
    pub(crate) fn checkpoints(&self) -> Option<u64> {
        self.kept.as_ref().map(|kept| kept.checkpoints).or(self.checkpoints_of_partitions)
    }

    /// These totals, with each count no less than in `before`.
    pub(crate) fn at_least(&self, before: &Totals) -> Totals {
        Totals {
            lines: self.lines.max(before.lines),
            lines_of_several_events: self
                .lines_of_several_events
                .max(before.lines_of_several_events),
            input_bytes: self.input_bytes.max(before.input_bytes),
            events: self.events.max(before.events),
            rejected: self.rejected.max(before.rejected),
            filtered: self.filtered.max(before.filtered),
            stored_events: self.stored_events.max(before.stored_events),
            objects: self.objects.max(before.objects),
            object_bytes: self.object_bytes.max(before.object_bytes),
            failed_objects: self.failed_objects.max(before.failed_objects),
            failed_events: self.failed_events.max(before.failed_events),
            not_stored: self.not_stored.clone(),
            dead_letters: self.dead_letters.max(before.dead_letters),
            restarts: self.restarts.max(before.restarts),
            kept: self.kept.clone(),
            checkpoints_of_partitions: self.checkpoints_of_partitions,
        }
    }
}

/// What a run with checkpoints has kept for the next one.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Kept {
    /// How many checkpoints it has stored.
    pub checkpoints: u64,
    /// The number of the line that it went on from, from 1; nothing where it began anew.
    pub resumed_from_line: Option<u64>,
    /// The number of the line that the next run begins with, from 1.
    pub next_line: u64,
    /// How many events of that line are taken, behind which the next run begins.
    pub next_line_taken: u64,
    /// How many bytes the source has behind it of a last line without a line feed, which waits for
    /// the next run.
    pub unfinished_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_lines_are_joined_where_they_touch() {
        let given = [lines(9, 9), lines(1, 4), lines(5, 6), lines(5, 5)];
        let not_stored = NotStored::exactly(given).unwrap();
        assert_eq!(not_stored.between, lines(1, 9));
        assert_eq!(not_stored.ranges, Some(vec![lines(1, 6), lines(9, 9)]));
        assert_eq!(NotStored::exactly([]), None);
    }

    #[test]
    fn what_is_known_exactly_stays_so_with_more_that_is() {
        let exactly = |first, last| NotStored::exactly([lines(first, last)]).unwrap();
        let both = exactly(7, 8).and(exactly(1, 2));
        assert_eq!(both.ranges, Some(vec![lines(1, 2), lines(7, 8)]));
        let somewhere = NotStored::between([lines(3, 9)]).unwrap();
        let both = both.and(somewhere);
        assert_eq!(both, NotStored { between: lines(1, 9), ranges: None });
    }

    #[test]
    fn of_very_many_ranges_the_first_and_the_last_line_are_known() {
        let apart = |count| NotStored::exactly((0..count).map(|line| lines(2 * line, 2 * line)));
        assert!(apart(1_000).unwrap().ranges.is_some());
        let many = apart(1_001).unwrap();
        assert_eq!(many, NotStored { between: lines(0, 2_000), ranges: None });
    }

    #[test]
    fn checkpoints_of_partitions_are_added_and_a_flow_without_them_has_none() {
        let kept = |checkpoints| Some(Kept { checkpoints, ..Kept::default() });
        let of = |checkpoints| Totals { kept: kept(checkpoints), ..Totals::default() };
        let none = Totals::default();
        assert_eq!(none.and(&none).checkpoints(), None);
        let both = none.and(&of(2)).and(&of(3));
        assert_eq!(both.checkpoints(), Some(5));
        assert_eq!(serde_json::json!(both)["checkpoints"], 5);
        assert_eq!(serde_json::json!(of(3))["checkpoints"], 3);
    }

    fn lines(first: u64, last: u64) -> Lines {
        Lines { first, last }
    }
}
