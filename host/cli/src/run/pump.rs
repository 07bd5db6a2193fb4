//! Reads events, writes them to the sink, and polls it.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::dead_letters::DeadLetterQueue;
use super::pending::Pending;
use super::rounds::Rounds;
use super::runs::{end, run};
use super::taken::Taken;
use super::transforms::{Portion, Transforms};
use super::{Durable, NotStored, Observer, RunError, Totals};
use crate::events::{Batch, Events};
use crate::lanes::{Sinks, Written};
use crate::layout::{Between, Layout, Lines};
use crate::shutdown::Shutdown;
use crate::source::{Note, Notice as SourceNotice, Origins, Partition};
use crate::telemetry::Monitor;
use spillway::contract::{Ending, Error, Failure, Level, Notice, Progress, Run, VisibleObject};
use spillway::egress::Gate;
use spillway::sink::SinkError;

/// A source, a sink, and what is known of the events between them.
pub(super) struct Pump<'a> {
    pub(super) events: Events,
    pub(super) transforms: Transforms,
    pub(super) sink: Sinks,
    pub(super) gate: Gate,
    /// Whether a rejected event ends the run.
    pub(super) stops: bool,
    pub(super) dead_letters: DeadLetterQueue,
    pub(super) shutdown: Shutdown,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) monitor: Monitor,
    pub(super) totals: Totals,
    /// Which line an event came from that is not durable.
    pub(super) layout: Layout,
    /// How far the sink has taken the input, where the run takes checkpoints.
    pub(super) taken: Option<Taken>,
    /// What full lanes have left of all that lies before the place of the run.
    pub(super) untaken: Option<Portion<'static>>,
    /// What the sink has taken and not stored.
    pub(super) pending: Pending,
    /// Whether a sink that was closed has stored none of the events that it took.
    pub(super) stored_nothing: bool,
    /// How many dead letters instances before this one wrote.
    pub(super) letters_before: u64,
    /// The objects that became visible since the sink was last asked for its state.
    pub(super) visible: Vec<VisibleObject>,
    /// Of which files the lines are, where the source is many.
    pub(super) origins: Origins,
    /// The positions of the runs that it is being given.
    pub(super) giving: VecDeque<Range<u64>>,
    /// The position of the first event that this run could write as a dead letter. An earlier run
    /// read those before.
    pub(super) spooled_from: u64,
    /// The sink said that every event before this position is durable.
    pub(super) settled: u64,
    /// Every event of this run before this position is stored, rejected or reported failed.
    pub(super) durable: u64,
    /// The position behind the last event that the sink was given, taken or not.
    pub(super) given: u64,
    /// The partition that lines are records of, if they are.
    pub(super) partition: Option<Arc<Partition>>,
    /// How many lines were given to the sink, or dealt with.
    pub(super) finished: u64,
    /// Who is told how many lines are dealt with for good, and how many that were.
    pub(super) tell: Option<Durable>,
    pub(super) told: u64,
}

impl Pump<'_> {
    pub(super) fn is_told_to_abort(&self) -> bool {
        self.shutdown.count() > 1
    }

    /// Whether nothing is given to the sink behind an event that it rejects, and that ends the run.
    /// Lanes have no order: what they took behind it is read again, or in the checkpoint that has
    /// the event as [untaken](Pump::untaken).
    pub(super) fn is_in_order(&self) -> bool {
        self.stops && !self.sink.are_several()
    }

    /// Gives events to the sink, if it is to be in order no more than it takes of them.
    pub(super) async fn give(&mut self, runs: &[Run]) -> Result<Written, SinkError> {
        match self.is_in_order() {
            true => self.sink.write_until_rejected(runs).await,
            false => self.sink.write(runs).await,
        }
    }

    fn is_checkpointed(&self) -> bool {
        self.taken.is_some()
    }

    /// Counts a batch, and returns the runs of it that are to be written.
    pub(super) fn begin(&mut self, batch: &mut Batch) -> Vec<Run> {
        self.layout.add(&batch.several, &batch.next);
        for note in mem::take(&mut batch.notes) {
            self.note_of_source(note);
        }
        self.totals.lines += batch.lines;
        self.totals.lines_of_several_events += batch.several.len() as u64;
        self.totals.input_bytes += batch.bytes;
        self.totals.filtered += batch.filtered;
        // Where a rejected event stops the flow, what stands before it is stored, and nothing
        // behind.
        let stop = batch.rejected.first().filter(|_| self.stops).map(|rejected| rejected.position);
        let runs = mem::take(&mut batch.runs).into_iter().map(run);
        let runs: Vec<Run> = match stop {
            Some(position) => runs.take_while(|run| run.first < position).collect(),
            None => runs.collect(),
        };
        self.giving = runs.iter().map(|run| run.first..end(run)).collect();
        if let Some(last) = runs.last() {
            self.given = end(last);
            self.monitor.give(self.given);
        }
        self.count();
        runs
    }

    /// Takes in what the source says of its files.
    fn note_of_source(&mut self, note: Note) {
        if let Note::Notice(SourceNotice { is_warning, message }) = note {
            let level = if is_warning { Level::Warning } else { Level::Info };
            self.observer.notice(&Notice { level, message });
            return;
        }
        self.origins.add(&note);
        if let Some(taken) = &mut self.taken {
            taken.add(note);
        }
    }

    pub(super) async fn poll(&mut self) -> Result<(), RunError> {
        let progress = self.sink.poll().await?;
        self.note(progress).await?;
        if self.monitor.wants_metrics() {
            self.monitor.metrics(self.sink.metrics().await?);
        }
        Ok(())
    }

    pub(super) async fn close(&mut self, how: Ending) -> Result<(), RunError> {
        self.monitor.close();
        let progress = self.sink.close(how).await?;
        // All is stored or reported by now: numbers that cannot be had any more change nothing.
        if let Ok(metrics) = self.sink.metrics().await {
            self.monitor.metrics(metrics);
        }
        self.note(progress).await
    }

    pub(super) async fn note(&mut self, progress: Progress) -> Result<(), RunError> {
        for notice in &progress.notices {
            self.observer.notice(notice);
        }
        if progress.notices_dropped > 0 {
            let message = format!("{} more notices were dropped", progress.notices_dropped);
            self.observer.notice(&Notice { level: Level::Warning, message });
        }
        for object in &progress.visible {
            self.totals.objects += 1;
            self.totals.stored_events += object.events;
            self.totals.object_bytes += object.bytes;
            self.pending.store(object);
            if self.taken.is_some() {
                self.visible.push(object.clone());
            }
            self.observer.visible(object);
        }
        // Behind a gate that was shut, what is kept for the next run is no failure of this one.
        let failed = if self.is_checkpointed() && self.is_told_to_abort() {
            &[][..]
        } else {
            progress.failed.as_slice()
        };
        for failure in failed {
            // What still came for an object after it failed is no other object.
            self.totals.failed_objects += u64::from(failure.first == failure.begun);
            self.totals.failed_events += failure.events;
        }
        if self.dead_letters.failed.is_none() || self.is_told_to_abort() {
            self.not_stored(failed);
        }
        if let Some(taken) = &mut self.taken {
            taken.note(&progress);
        }
        let failed = self.fail(failed);
        let settled = self.dead_letters.write_until(progress.durable, &self.layout);
        self.settled = progress.durable;
        self.pending.settle(progress.durable);
        self.layout.forget(progress.durable);
        self.durable = self.durable.max(progress.durable);
        self.monitor.settle(progress.durable);
        self.count();
        failed?;
        settled?;
        self.tell_durable().await
    }

    /// Writes the events of failed objects as dead letters if the flow says so; otherwise they are
    /// an error. Objects that a second signal aborted are neither: start the run again.
    fn fail(&mut self, failures: &[Failure]) -> Result<(), RunError> {
        let is_told_to_abort = self.is_told_to_abort();
        // What came before was given to another process, which kept it.
        let from = self.spooled_from;
        // Nor is it what the store refused: the gate did, and the component cannot know why.
        let is_gate_shut = is_told_to_abort && self.gate.has_refused();
        let own = |failure: &&Failure| match failure.cause {
            Error::Aborted => false,
            Error::Denied(_) => !is_gate_shut,
            _ => true,
        };
        let mut first = None;
        for failure in failures.iter().filter(own) {
            let lines = self.between(failure.first, failure.last);
            match &mut self.dead_letters.failed {
                Some(_) if is_told_to_abort => {}
                Some(_) if failure.first < from => {
                    self.observer.failed(failure, &lines);
                    let failure = Box::new(failure.clone());
                    let line = self.layout.lines_of(from).first;
                    return Err(RunError::NotKept { failure, lines, line });
                }
                Some(failed) => {
                    failed.report(failure);
                    self.observer.set_aside(failure, &lines);
                }
                None => {
                    self.observer.failed(failure, &lines);
                    first.get_or_insert((failure, lines));
                }
            }
        }
        first.map_or(Ok(()), |(failure, lines)| {
            Err(RunError::Failed(Box::new(failure.clone()), lines))
        })
    }

    /// Between which lines events lie, for people.
    pub(super) fn between(&self, first: u64, last: u64) -> Between {
        let lines = self.layout.lines_between(first, last);
        Between { lines, partition: self.partition.clone() }
    }

    /// Writes and syncs all reported failures.
    pub(super) async fn write_the_rest(&mut self) -> Result<(), RunError> {
        self.dead_letters.write_until(u64::MAX, &self.layout)?;
        self.dead_letters.sync().await
    }

    /// Counts the events as failed that were lost with a component that trapped or was given up.
    /// With checkpoints, the next run reads them again.
    pub(super) fn lose(&mut self) {
        if self.is_checkpointed() {
            return;
        }
        let Totals { events, stored_events, failed_events, .. } = self.totals;
        self.totals.failed_events = events.saturating_sub(stored_events).max(failed_events);
        if self.stored_nothing {
            // The sink has said that all are durable, and so which they are is forgotten.
            let lines = Lines { first: 1, last: self.totals.lines };
            self.add_not_stored(NotStored::between([lines]));
        } else if self.durable < self.given {
            let lines = match self.pending.lost() {
                Some(mut lost) => {
                    lost.extend(self.giving.iter().cloned());
                    self.lines_at(&lost)
                }
                None => {
                    let between = self.layout.lines_between(self.durable, self.given - 1);
                    NotStored::between([between])
                }
            };
            self.add_not_stored(lines);
        }
        self.count();
    }

    /// Counts the lines of failures, which are neither stored nor dead letters.
    fn not_stored(&mut self, failures: &[Failure]) {
        // To find them takes a look at all events that are not stored.
        if failures.is_empty() {
            return;
        }
        let lines = match self.pending.failed(failures) {
            Some(failed) => self.lines_at(&failed),
            None => {
                let between = |f: &Failure| self.layout.lines_between(f.first, f.last);
                NotStored::between(failures.iter().map(between))
            }
        };
        self.add_not_stored(lines);
    }

    fn lines_at(&self, positions: &[Range<u64>]) -> Option<NotStored> {
        let lines = |range: &Range<u64>| self.layout.lines_between(range.start, range.end - 1);
        NotStored::exactly(positions.iter().map(lines))
    }

    fn add_not_stored(&mut self, lines: Option<NotStored>) {
        let before = self.totals.not_stored.take();
        self.totals.not_stored = match (before, lines) {
            (Some(before), Some(lines)) => Some(before.and(lines)),
            (before, lines) => before.or(lines),
        };
    }

    /// Whether a sink that was full, and was given a checkpoint, makes progress.
    pub(super) fn has_come_on(&self, rounds: &mut Rounds) -> Result<(), RunError> {
        let counts = self.sink.traffic().counts();
        rounds.next(self.durable, &self.totals, counts, Instant::now())
    }

    pub(super) fn count(&mut self) {
        self.totals.dead_letters = self.letters_before + self.dead_letters.written();
        self.monitor.count(&self.totals);
    }
}
