//! The loop that moves events from a source into a sink.

mod checkpoints;
mod dead_letters;
mod outcome;
mod replay;
mod runs;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use crate::dead_letters::{Content, DeadLetter, OnFailed};
use crate::events::{Batch, Events, Rejected};
use crate::layout::Layout;
use crate::map::OnRejected;
use crate::place::{LineStart, Several};
use crate::shutdown::Shutdown;
use crate::telemetry::Monitor;
use spillway::contract::{Ending, Error, Failure, Notice, Progress, Rejection, Run, SealedObject};
use spillway::egress::Gate;
use spillway::sink::{OpenSink, SinkError};

pub use crate::layout::{Lines, Spot};
pub use crate::totals::{Kept, Totals};
pub use checkpoints::Checkpoints;
pub use outcome::{End, RunError, failed};

use checkpoints::Checkpointer;
use dead_letters::DeadLetterQueue;
use runs::{end, event, run};

/// Told of what happens, as it happens.
pub trait Observer: Send {
    /// An object became visible.
    fn sealed(&mut self, object: &SealedObject);
    /// An object could not be stored, which ends the run. Its events lie between these lines.
    fn failed(&mut self, failure: &Failure, lines: Lines);
    /// A line was rejected, or an event of one.
    fn rejected(&mut self, spot: Spot, reason: &str);
    /// An object could not be stored, and its events, which lie between these lines, are set aside.
    fn set_aside(&mut self, failure: &Failure, lines: Lines);
    /// The sink has something to say.
    fn notice(&mut self, notice: &Notice);
    /// A checkpoint is stored, with which the next run would begin at this line.
    fn checkpoint(&mut self, line: u64);
}

/// A source, a sink, and what to do in between.
pub struct Runner<'a> {
    /// Where events come from.
    pub events: Events,
    /// Where they go.
    pub sink: OpenSink,
    /// What becomes of those that are rejected.
    pub on_rejected: OnRejected,
    /// What becomes of those whose object could not be stored.
    pub on_failed: OnFailed,
    /// Where it stores how far it is, if it does.
    pub checkpoints: Option<Checkpoints>,
    /// What stops it.
    pub shutdown: Shutdown,
    /// Who is told.
    pub observer: &'a mut dyn Observer,
    /// Who keeps the numbers.
    pub monitor: Monitor,
}

impl Runner<'_> {
    /// Runs to the end, whichever it is. The totals are there in any case.
    pub async fn run(self) -> (Totals, Result<End, RunError>) {
        let Runner { events, sink, on_rejected, on_failed, checkpoints, .. } = self;
        let Runner { shutdown, observer, monitor, .. } = self;
        monitor.begin(events.input_bytes(), sink.traffic());
        let checkpointer = checkpoints.map(Checkpointer::new);
        let totals =
            Totals { kept: checkpointer.as_ref().map(Checkpointer::kept), ..Totals::default() };
        let dead_letters = match DeadLetterQueue::open(&on_rejected, &on_failed) {
            Ok(dead_letters) => dead_letters,
            Err(error) => return (totals, Err(error)),
        };
        let stops = on_rejected == OnRejected::Stop;
        let begins = checkpointer.as_ref().map_or(0, Checkpointer::resumed_from);
        let layout = checkpointer.as_ref().map(Checkpointer::layout);
        let begin = LineStart::default();
        let mut running = Running {
            events,
            gate: sink.gate(),
            sink,
            stops,
            dead_letters,
            checkpointer,
            shutdown,
            observer,
            monitor,
            totals,
            layout: layout.unwrap_or_else(|| Layout::new(begin, begin)),
            settled: 0,
            durable: begins,
            given: begins,
        };
        let result = running.run().await;
        running.count();
        (running.totals, result)
    }
}

struct Running<'a> {
    events: Events,
    sink: OpenSink,
    gate: Gate,
    stops: bool,
    dead_letters: DeadLetterQueue,
    checkpointer: Option<Checkpointer>,
    shutdown: Shutdown,
    observer: &'a mut dyn Observer,
    monitor: Monitor,
    totals: Totals,
    /// Which line an event came from that is not durable.
    layout: Layout,
    /// The sink said that every event before this position is durable.
    settled: u64,
    /// Every event of this run before this position is stored, rejected or reported failed.
    durable: u64,
    /// The position behind the last event that the sink was given, taken or not.
    given: u64,
}

impl Running<'_> {
    async fn run(&mut self) -> Result<End, RunError> {
        let gate = self.gate.clone();
        // A second signal must reach a sink that is in the middle of a call.
        let _shutting = self.shutdown.on(2, move || gate.shut_within(ABORT_TIME_MAX));
        let worked = match self.checkpointer {
            Some(_) => self.work().await,
            None => self.pump().await.map(|()| Ending::Complete),
        };
        if let Err(RunError::Sink(SinkError::Trap(_))) = worked {
            self.lose();
            // What it reported before is no less lost, and the trap says more than what follows it.
            let _ = self.write_the_rest();
            return worked.map(|_| End::Aborted);
        }
        // What went wrong before anybody lost patience is why the run ends.
        let failed_before = worked.is_err() && !self.is_told_to_abort();
        let closed = match worked {
            Err(RunError::Sink(SinkError::GivenUp)) => Err(SinkError::GivenUp.into()),
            _ => self.close(self.ending(&worked)).await,
        };
        let is_given_up = matches!(closed, Err(RunError::Sink(SinkError::GivenUp)));
        if is_given_up {
            self.lose();
        }
        // Behind a gate that was shut while it completed, the sink could do no more than clean up.
        let written = self.write_the_rest();
        if self.is_told_to_abort() && !failed_before {
            let end = if is_given_up { End::GivenUp } else { End::Aborted };
            return written.map(|()| end);
        }
        let ending = worked?;
        closed.and(written)?;
        let is_stopped = self.shutdown.count() > 0;
        let is_finished = self.checkpointer.is_some() && ending == Ending::Complete;
        Ok(if is_stopped && !is_finished { End::Stopped } else { End::Complete })
    }

    /// How the sink ends. Whatever ended the reading: what was accepted is kept where there are
    /// checkpoints; elsewhere it is completed, unless that is told to stop, too.
    fn ending(&self, worked: &Result<Ending, RunError>) -> Ending {
        match (&self.checkpointer, worked) {
            (Some(_), Ok(ending)) => *ending,
            (Some(_), Err(_)) => Ending::Keep,
            (None, _) if self.is_told_to_abort() => Ending::Abort,
            (None, _) => Ending::Complete,
        }
    }

    fn is_told_to_abort(&self) -> bool {
        self.shutdown.count() > 1
    }

    /// Writes what was reported failed, whatever came before it.
    fn write_the_rest(&mut self) -> Result<(), RunError> {
        self.dead_letters.write_until(u64::MAX, &self.layout)?;
        self.dead_letters.sync()
    }

    /// What a component held that has trapped, or that was given up, is gone with it, and is
    /// counted so; but where there are checkpoints, the next run has it again.
    fn lose(&mut self) {
        if self.checkpointer.is_some() {
            return;
        }
        let Totals { events, stored_events, failed_events, .. } = self.totals;
        self.totals.failed_events = events.saturating_sub(stored_events).max(failed_events);
        if self.durable < self.given {
            self.not_stored(self.layout.lines_between(self.durable, self.given - 1));
        }
        self.count();
    }

    /// Counts lines in that are not stored, and not set aside either.
    fn not_stored(&mut self, lines: Lines) {
        let before = self.totals.not_stored.unwrap_or(lines);
        let (first, last) = (before.first.min(lines.first), before.last.max(lines.last));
        self.totals.not_stored = Some(Lines { first, last });
    }

    fn count(&mut self) {
        self.totals.dead_letters = self.dead_letters.written();
        self.monitor.count(&self.totals);
    }

    /// Reads until there is nothing left to read, or a reason to stop.
    async fn pump(&mut self) -> Result<(), RunError> {
        let moved = self.sink.moved();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.first() => return Ok(()),
                batch = self.events.next() => match batch? {
                    Some(batch) => {
                        if self.take(batch).await?.is_break() {
                            return Ok(());
                        }
                    }
                    None => return Ok(()),
                },
                () = moved.notified() => self.look().await?,
                _ = tick.tick() => self.look().await?,
            }
        }
    }

    /// Hands a batch over. Breaks off where the sink has no room and there is a signal: what it did
    /// not take is read again by the next run.
    async fn take(&mut self, batch: Batch) -> Result<ControlFlow<()>, RunError> {
        self.layout.add(&batch.several, &batch.next);
        self.totals.lines += batch.lines;
        self.totals.lines_of_several_events += batch.several.len() as u64;
        self.totals.input_bytes += batch.bytes;
        self.totals.filtered += batch.filtered;
        // Where a rejected event stops the flow, what stands before it is stored, and nothing
        // behind.
        let stop = batch.rejected.first().filter(|_| self.stops).map(|rejected| rejected.position);
        let runs: Vec<Run> = batch.runs.into_iter().map(run).collect();
        let runs: Vec<Run> = match stop {
            Some(position) => runs.into_iter().take_while(|run| run.first < position).collect(),
            None => runs,
        };
        // The same holds for events that the sink itself rejects, which it does by their key.
        let stops = self.stops;
        let same = |one: &Run, next: &Run| !stops || one.key == next.key;
        if let Some(last) = runs.last() {
            self.given = end(last);
            self.monitor.give(self.given);
        }
        self.count();
        for runs in runs.chunk_by(same) {
            if self.write(runs, &batch.several).await?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        for rejected in &batch.rejected {
            let Rejected { position, lines_before, ref reason, .. } = *rejected;
            let line = lines_before + 1;
            let lines = Lines { first: line, last: line };
            let content = Content::Line { held: &rejected.line, bytes: rejected.line_bytes };
            let letter = DeadLetter { position, lines, reason, content };
            self.reject(&letter, Spot { line, event: None })?;
        }
        if let Some(checkpointer) = &mut self.checkpointer {
            checkpointer.advance_to(batch.next);
        }
        self.look_behind_a_batch().await?;
        Ok(ControlFlow::Continue(()))
    }

    /// Hands runs over. `several` are those lines that begin in their batch and have several
    /// events.
    async fn write(
        &mut self,
        runs: &[Run],
        several: &[Several],
    ) -> Result<ControlFlow<()>, RunError> {
        let mut commits = 0;
        let rejections = loop {
            match self.sink.write(runs).await {
                Err(SinkError::Refused(Error::Busy)) if self.checkpointer.is_some() => {
                    if self.shutdown.count() > 0 {
                        return Ok(ControlFlow::Break(()));
                    }
                    self.make_room(commits).await?;
                    commits += 1;
                }
                written => break written?,
            }
        };
        let given: u64 = runs.iter().map(|run| run.ends.len() as u64).sum();
        self.totals.events += given - rejections.len() as u64;
        self.dead_letters.keep(runs, &rejections)?;
        if let Some(checkpointer) = &mut self.checkpointer {
            checkpointer.took(runs, several, &self.layout);
        }
        for &Rejection { position, ref reason } in &rejections {
            let content = event(runs, position).unwrap_or(Content::Line { held: b"", bytes: 0 });
            let lines = self.layout.lines_of(position);
            let letter = DeadLetter { position, lines, reason, content };
            self.reject(&letter, self.layout.spot(position))?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn reject(&mut self, letter: &DeadLetter<'_>, spot: Spot) -> Result<(), RunError> {
        self.totals.rejected += 1;
        if self.stops {
            return Err(RunError::Rejected { spot, reason: letter.reason.to_owned() });
        }
        self.observer.rejected(spot, letter.reason);
        self.dead_letters.reject(letter)
    }

    async fn poll(&mut self) -> Result<(), RunError> {
        let progress = self.sink.poll().await?;
        self.note(progress)?;
        if self.monitor.wants_metrics() {
            self.monitor.metrics(self.sink.metrics().await?);
        }
        Ok(())
    }

    async fn close(&mut self, how: Ending) -> Result<(), RunError> {
        self.monitor.close();
        let progress = self.sink.close(how).await?;
        // All is stored or reported by now: numbers that cannot be had any more change nothing.
        if let Ok(metrics) = self.sink.metrics().await {
            self.monitor.metrics(metrics);
        }
        self.note(progress)
    }

    fn note(&mut self, progress: Progress) -> Result<(), RunError> {
        for notice in &progress.notices {
            self.observer.notice(notice);
        }
        for object in &progress.sealed {
            self.totals.objects += 1;
            self.totals.stored_events += object.events;
            self.totals.object_bytes += object.bytes;
            self.observer.sealed(object);
        }
        // Behind a gate that was shut, what is kept for the next run is no failure of this one.
        let failed = if self.checkpointer.is_some() && self.is_told_to_abort() {
            &[][..]
        } else {
            progress.failed.as_slice()
        };
        for failure in failed {
            // What still came for an object after it failed is no other object.
            self.totals.failed_objects += u64::from(failure.first == failure.begun);
            self.totals.failed_events += failure.events;
            if self.dead_letters.failed.is_none() || self.is_told_to_abort() {
                self.not_stored(self.layout.lines_between(failure.first, failure.last));
            }
        }
        if let Some(checkpointer) = &mut self.checkpointer {
            checkpointer.note(&progress);
        }
        let failed = self.fail(failed);
        let settled = self.dead_letters.write_until(progress.durable, &self.layout);
        self.settled = progress.durable;
        self.layout.forget(progress.durable);
        self.durable = self.durable.max(progress.durable);
        self.monitor.settle(progress.durable);
        self.count();
        failed?;
        settled
    }

    /// Sets events of failed objects aside, where the flow says so, and is an error where it does
    /// not. What a person has aborted is neither: that run is to be started again.
    fn fail(&mut self, failures: &[Failure]) -> Result<(), RunError> {
        let is_told_to_abort = self.is_told_to_abort();
        // What came before was given to another process, which kept it.
        let from = self.checkpointer.as_ref().map_or(0, Checkpointer::has_from);
        // Nor is it what the store refused: the gate did, and the component cannot know why.
        let is_gate_shut = is_told_to_abort && self.gate.has_refused();
        let own = |failure: &&Failure| match failure.cause {
            Error::Aborted => false,
            Error::Denied(_) => !is_gate_shut,
            _ => true,
        };
        let mut first = None;
        for failure in failures.iter().filter(own) {
            let lines = self.layout.lines_between(failure.first, failure.last);
            match &mut self.dead_letters.failed {
                Some(_) if is_told_to_abort => {}
                Some(_) if failure.first < from => {
                    self.observer.failed(failure, lines);
                    let failure = Box::new(failure.clone());
                    let line = self.layout.lines_of(from).first;
                    return Err(RunError::NotKept { failure, lines, line });
                }
                Some(failed) => {
                    failed.report(failure);
                    self.observer.set_aside(failure, lines);
                }
                None => {
                    self.observer.failed(failure, lines);
                    first.get_or_insert((failure, lines));
                }
            }
        }
        first.map_or(Ok(()), |(failure, lines)| {
            Err(RunError::Failed(Box::new(failure.clone()), lines))
        })
    }
}

/// The elapsed time and the rate that goes with it.
pub struct Clock(Instant);

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Clock {
        Clock(Instant::now())
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// How often a sink that has nothing to do is asked whether time has brought something.
const TICK: Duration = Duration::from_millis(200);
/// How long a sink may take to abort what is open, once it is told to. A person who has asked twice
/// is to see the end of it within a second.
const ABORT_TIME_MAX: Duration = Duration::from_millis(800);
