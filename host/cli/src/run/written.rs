//! What becomes of events that were written to the sink, and of lines that are no events.

use std::ops::Range;
use std::sync::Arc;

use super::RunError;
use super::pump::Pump;
use super::runs::{end, event};
use super::transforms::Portion;
use crate::batch::ends;
use crate::dead_letters::{Content, DeadLetter};
use crate::events::{Batch, Rejected};
use crate::lanes::Written;
use crate::layout::{Lines, Spot};
use spillway::contract::Rejection;

impl Pump<'_> {
    /// Takes in what became of these events of a batch.
    pub(super) async fn wrote(
        &mut self,
        mut portion: Portion<'_>,
        written: Written,
        batch: &Batch,
    ) -> Result<(), RunError> {
        if let Some(first) = written.rejected.first().filter(|_| self.is_in_order()) {
            portion = portion.before(first.position + 1);
        }
        let (end, sunk_to) = (portion.end(), portion.sunk.last().map(end));
        self.given_to(end.unwrap_or_default());
        let dropped = portion.dropped();
        self.totals.filtered += dropped;
        portion.rejected.extend(written.rejected);
        portion.rejected.sort_by_key(|rejection| rejection.position);
        // What full lanes have left is kept with the others, in its order. It cannot fail before it
        // is taken.
        self.pending.add(&portion.sunk, &portion.rejected);
        self.dead_letters.keep(&portion.read, &portion.sunk, &portion.rejected)?;
        if let Some(taken) = &mut self.taken {
            taken.took(&portion.read, batch, &self.layout);
        }
        self.took(&portion, dropped, &written.left, Some(batch)).await?;
        if let Some(end) = end.filter(|end| self.untaken.is_none() && sunk_to != Some(*end)) {
            // What the transforms dropped at the end is not to come.
            self.sink.skip(end).await?;
        }
        Ok(())
    }

    /// The sink was given all that is to be given of a batch before this position.
    fn given_to(&mut self, position: u64) {
        while self.giving.pop_front_if(|run| run.end <= position).is_some() {}
        if let Some(run) = self.giving.front_mut() {
            run.start = run.start.max(position);
        }
    }

    /// Takes in what became of events that full lanes had left.
    pub(super) async fn wrote_untaken(&mut self, written: Written) -> Result<(), RunError> {
        let Some(mut portion) = self.untaken.take() else { return Ok(()) };
        portion.rejected = written.rejected;
        self.pending.remove(&portion.rejected);
        self.dead_letters.drop_kept(&portion.rejected);
        self.took(&portion, 0, &written.left, None).await?;
        if let (None, Some(taken)) = (&self.untaken, &self.taken) {
            // Nothing is to come before the place any more.
            self.sink.skip(taken.place().next_position()).await?;
        }
        Ok(())
    }

    /// The sink took this, but for what was dropped or rejected, and for what is left at these
    /// positions. `batch` has the keys of its records, if it is of records.
    async fn took(
        &mut self,
        portion: &Portion<'_>,
        dropped: u64,
        left: &[Range<u64>],
        batch: Option<&Batch>,
    ) -> Result<(), RunError> {
        let read: u64 = portion.read.iter().map(|run| ends(run).len() as u64).sum();
        let left_events: u64 = left.iter().map(|range| range.end - range.start).sum();
        self.totals.events += read - dropped - portion.rejected.len() as u64 - left_events;
        self.untaken = portion.left(left);
        for &Rejection { position, ref reason } in &portion.rejected {
            let read = event(&portion.read, position);
            let content = read.unwrap_or(Content::Line { held: b"", bytes: 0 });
            let lines = self.layout.lines_of(position);
            let spot = self.layout.spot(position);
            let letter = DeadLetter { position, lines, reason, content, file: None };
            let key = batch.and_then(|batch| batch.key(spot.line.saturating_sub(1)));
            self.reject(letter, key, spot).await?;
        }
        Ok(())
    }

    /// Rejects the lines of a batch that became no events, once its runs are written.
    pub(super) async fn finish(&mut self, batch: &Batch) -> Result<(), RunError> {
        for rejected in &batch.rejected {
            let Rejected { position, lines_before, ref reason, .. } = *rejected;
            let line = lines_before + 1;
            let lines = Lines { first: line, last: line };
            let content = Content::Line { held: &rejected.line, bytes: rejected.line_bytes };
            let letter = DeadLetter { position, lines, reason, content, file: None };
            let spot = Spot { line, event: None, file: None, partition: None };
            self.reject(letter, batch.key(lines_before), spot).await?;
        }
        if let Some(taken) = &mut self.taken {
            taken.advance_to(batch.next);
        }
        self.finished = batch.next.start.line;
        self.tell_durable().await
    }

    /// Rejects an event, or a line. `key` is that of the record that it is of, if it is kept.
    async fn reject(
        &mut self,
        mut letter: DeadLetter<'_>,
        key: Option<&[u8]>,
        mut spot: Spot,
    ) -> Result<(), RunError> {
        self.totals.rejected += 1;
        if self.stops {
            // All before it is dealt with, and nothing behind.
            self.finished = self.finished.max(spot.line.saturating_sub(1));
        }
        spot.partition = self.partition.clone();
        if let Some((file, line)) = self.origins.of(spot.line) {
            letter.lines = Lines { first: line, last: line };
            (letter.file, spot.line, spot.file) = (Some(Arc::clone(&file)), line, Some(file));
        }
        if self.stops {
            return Err(RunError::Rejected { spot, reason: letter.reason.to_owned() });
        }
        self.observer.rejected(spot, letter.reason);
        self.dead_letters.reject(&letter, key).await
    }
}
