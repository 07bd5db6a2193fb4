//! The batch that is being filled.

use std::collections::VecDeque;
use std::ops::Range;

use crate::batch::{Batcher, Framing, Run, TooLarge};
use crate::map::Clock;
use crate::place::{Begun, Place, Several};
use crate::source::{Lines, SourceError, Start};

use super::{Batch, Rejected};

/// A batch that is being filled.
pub(super) struct OpenBatch {
    pub(super) batch: Batch,
    pub(super) batcher: Batcher,
    /// Events of the line that is being filled in, for which there may be no room.
    pub(super) pending: VecDeque<Run>,
    /// How many positions the line takes that is being filled in.
    pub(super) in_line: u64,
    /// What was taken before of the next line.
    pub(super) begun: Option<Begun>,
    /// What was taken before of a line that has other events now.
    pub(super) changed: Option<Begun>,
}

impl OpenBatch {
    pub(super) fn new(framing: Framing, place: Place, begun: Option<Begun>) -> OpenBatch {
        OpenBatch {
            batch: Batch { next: place, ..Batch::default() },
            batcher: Batcher::new(framing),
            pending: VecDeque::new(),
            in_line: 0,
            begun,
            changed: None,
        }
    }

    pub(super) fn close(mut self) -> Result<Batch, SourceError> {
        if let Some(Begun { events, .. }) = self.changed {
            let line = self.batch.next.start.line + 1;
            return Err(SourceError::OtherEvents { line, events });
        }
        self.batch.runs = self.batcher.take();
        Ok(self.batch)
    }

    /// Goes on with a line before which there may be others that the input does not have: each of
    /// them takes a position, as if it was passed over.
    pub(super) fn skip_to(&mut self, line: Option<u64>) {
        let Place { start, position, .. } = &mut self.batch.next;
        let missing = line.unwrap_or_default().saturating_sub(start.line);
        if missing == 0 {
            return;
        }
        if let Some(begun) = self.begun.take() {
            // The line of which it was taken is not there any more.
            self.changed = Some(begun);
            return;
        }
        start.line += missing;
        *position += missing;
    }

    /// Passes over a line that becomes no event, which ends at `end` of the input.
    pub(super) fn pass_whole(&mut self, from: Start, end: u64, fate: impl FnOnce(&mut OpenBatch)) {
        self.batch.lines += 1;
        if let Some(begun) = self.begun.take() {
            self.changed = Some(begun);
            return;
        }
        fate(self);
        self.batch.starts.add(from, Vec::new(), end);
        self.in_line = 1;
        self.pass(1, end);
    }

    /// Remembers where the first `count` lines begin, and the one behind them.
    pub(super) fn know(&mut self, lines: &Lines, count: usize) {
        if let Some(ends) = lines.ends.get(..count).filter(|ends| !ends.is_empty()) {
            let from = Start { line: lines.first, offset: lines.offset };
            self.batch.starts.add(from, ends.to_vec(), lines.offset_of(count));
        }
    }

    /// Keeps the keys of the records that these lines are.
    pub(super) fn keep_keys(&mut self, lines: &Lines, of: Range<usize>) {
        let Some(records) = &lines.records else { return };
        for (index, record) in records.each.iter().enumerate().take(of.end).skip(of.start) {
            self.keep_key(lines.first + index as u64, record.key.clone());
        }
    }

    /// Keeps the key of the record that is the line behind so many.
    pub(super) fn keep_key(&mut self, lines_before: u64, key: Option<Vec<u8>>) {
        self.batch.keys.extend(key.map(|key| (lines_before, key)));
    }

    /// Whether a line has other events than when some of them were taken.
    pub(super) fn is_changed(&self) -> bool {
        self.changed.is_some()
    }

    /// Whether there is no room for `more` bytes of input. There always is for the first.
    pub(super) fn is_full(&self, more: u64) -> bool {
        (self.batch.lines > 0 || self.batcher.runs() > 0)
            && (self.batch.bytes + more > BATCH_BYTES_MAX
                || self.batch.lines >= BATCH_LINES_MAX as u64
                || self.has_events_enough()
                || self.batch.rejected.len() >= BATCH_REJECTED_MAX)
    }

    fn has_events_enough(&self) -> bool {
        self.batcher.bytes() as u64 >= BATCH_BYTES_MAX || self.batcher.runs() >= BATCH_RUNS_MAX
    }

    /// Sets the events of a line apart, of which there are so many in all, to be filled in as far
    /// as there is room. They are counted from position 0.
    pub(super) fn set_apart(&mut self, events: u64, mut runs: Vec<Run>, clock: &Clock) {
        let Place { start: Start { line, .. }, position, .. } = self.batch.next;
        runs.iter_mut().for_each(|run| run.first += position);
        if events > 1 {
            self.batch.several.push(Several { line, events, now: clock.asked() });
        }
        self.pending = runs.into();
    }

    /// Fills in what is set apart of a line. Returns whether that was all of it.
    pub(super) fn fill_pending(&mut self) -> bool {
        while let Some(run) = self.pending.pop_front() {
            if self.has_events_enough() {
                self.batch.next.taken = run.first - self.batch.next.position;
                self.pending.push_front(run);
                return false;
            }
            self.in_line = run.end() - self.batch.next.position;
            self.batcher.push_run(run);
        }
        true
    }

    /// Adds the one event of the line.
    pub(super) fn push(
        &mut self,
        key: &str,
        at: Option<u64>,
        append: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), TooLarge> {
        self.batcher.push(key, self.batch.next.position, at, append)
    }

    pub(super) fn reject(&mut self, reason: String, line: &[u8]) {
        self.push_rejected(reason, line.to_vec(), line.len() as u64);
    }

    pub(super) fn push_rejected(&mut self, reason: String, line: Vec<u8>, line_bytes: u64) {
        let Place { start, position, .. } = self.batch.next;
        let lines_before = start.line;
        self.batch.rejected.push(Rejected { position, lines_before, reason, line, line_bytes });
    }

    /// Goes on behind a line that was begun, and that has no other events than those.
    pub(super) fn give_up_begun(&mut self) {
        let Some(Begun { events, now, .. }) = self.begun.take() else { return };
        let Place { start: Start { line, offset }, .. } = self.batch.next;
        self.batch.several.push(Several { line, events, now });
        self.in_line = events;
        self.pass(1, offset);
    }

    /// Goes on behind lines.
    pub(super) fn pass(&mut self, lines: u64, next_offset: u64) {
        let Place { start, position, .. } = self.batch.next;
        self.batch.next = Place {
            start: Start { line: start.line + lines, offset: next_offset },
            position: position + self.in_line,
            taken: 0,
        };
    }
}

/// How much of the input, and how many bytes of payloads, one batch takes: 1 MiB.
pub(super) const BATCH_BYTES_MAX: u64 = 1 << 20;

/// How many lines one batch takes: a sink may reject each of them, with a reason.
pub(super) const BATCH_LINES_MAX: usize = 16_384;
/// How many runs, and how many rejected lines, one batch holds.
pub(super) const BATCH_RUNS_MAX: usize = 1024;
pub(super) const BATCH_REJECTED_MAX: usize = 1024;
