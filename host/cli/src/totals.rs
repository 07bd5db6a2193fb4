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
    /// Between which lines all events lie that are neither stored nor set aside, where there are
    /// any; events between them may be stored. Where the run takes checkpoints, what the next one
    /// reads again is not among them.
    pub not_stored: Option<Lines>,
    /// Rejected and failed events that were written to a file.
    pub dead_letters: u64,
    /// What it has kept for the next run, where it takes checkpoints.
    #[serde(flatten)]
    pub kept: Option<Kept>,
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
