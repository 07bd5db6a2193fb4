//! The loop that moves events from a source into a sink.

mod set_aside;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use crate::batch;
use crate::contract::{
    Ending, Error, Failure, Framing, Notice, Payload, Progress, Rejection, Run, SealedObject,
};
use crate::dead_letters::{Content, DeadLetter, OnFailed};
use crate::events::{Batch, Events};
use crate::interrupts::Interrupts;
use crate::map::OnRejected;
use crate::sink::{OpenSink, SinkError, explain};
use crate::source::SourceError;
use crate::telemetry::Monitor;

use set_aside::SetAside;

/// What a run has done so far.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Totals {
    /// Lines read, of whatever fate.
    pub lines: u64,
    /// Bytes read.
    pub input_bytes: u64,
    /// Events that the sink accepted.
    pub events: u64,
    /// Events that were rejected.
    pub rejected: u64,
    /// Lines that the map's expression filtered out.
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
    /// Rejected and failed events that were written to a file.
    pub dead_letters: u64,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The source is through.
    Complete,
    /// It was told to stop, and completed what was open.
    Stopped,
    /// It was told to stop at once, and aborted what was open.
    Aborted,
}

/// Why a run failed. What was accepted before is stored, or counted as failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The source could not be read on.
    #[error("the source failed")]
    Source(#[from] SourceError),
    /// The sink failed as a whole.
    #[error("the sink failed")]
    Sink(#[from] SinkError),
    /// An event was rejected, and the flow says to stop then.
    #[error("line {line} was rejected: {reason}")]
    Rejected {
        /// The line's number, from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// Dead letters could not be written where the flow says.
    #[error("dead letters cannot be written to {path}", path = .0.display())]
    DeadLetters(PathBuf, #[source] std::io::Error),
    /// Events could not be kept for the time that their object may fail.
    #[error("events cannot be kept beside {path} until they are stored", path = .0.display())]
    Keep(PathBuf, #[source] std::io::Error),
    /// An object could not be stored.
    #[error("{}", failed(.0))]
    Failed(Box<Failure>),
}

/// Told of what happens, as it happens.
pub trait Observer: Send {
    /// An object became visible.
    fn sealed(&mut self, object: &SealedObject);
    /// An object could not be stored, which ends the run.
    fn failed(&mut self, failure: &Failure);
    /// An event was rejected.
    fn rejected(&mut self, line: u64, reason: &str);
    /// An object could not be stored, and its events are set aside.
    fn set_aside(&mut self, failure: &Failure);
    /// The sink has something to say.
    fn notice(&mut self, notice: &Notice);
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
    /// What stops it.
    pub interrupts: Interrupts,
    /// Who is told.
    pub observer: &'a mut dyn Observer,
    /// Who keeps the numbers.
    pub monitor: Monitor,
}

impl Runner<'_> {
    /// Runs to the end, whichever it is. The totals are there in any case.
    pub async fn run(self) -> (Totals, Result<End, RunError>) {
        let Runner { events, sink, on_rejected, on_failed, interrupts, observer, monitor } = self;
        monitor.begin(events.input_bytes(), sink.traffic());
        let totals = Totals::default();
        let set_aside = match SetAside::open(&on_rejected, &on_failed) {
            Ok(set_aside) => set_aside,
            Err(error) => return (totals, Err(error)),
        };
        let stops = on_rejected == OnRejected::Stop;
        let mut running =
            Running { events, sink, stops, set_aside, interrupts, observer, monitor, totals };
        let result = running.run().await;
        (running.totals, result)
    }
}

struct Running<'a> {
    events: Events,
    sink: OpenSink,
    stops: bool,
    set_aside: SetAside,
    interrupts: Interrupts,
    observer: &'a mut dyn Observer,
    monitor: Monitor,
    totals: Totals,
}

impl Running<'_> {
    async fn run(&mut self) -> Result<End, RunError> {
        let gate = self.sink.gate();
        // A second signal must reach a sink that is in the middle of a call.
        let _shutting = self.interrupts.on_second(move || gate.shut());
        let pumped = self.pump().await;
        if let Err(RunError::Sink(SinkError::Trap(_))) = pumped {
            self.lose();
            // What it reported before is no less lost, and the trap says more than what follows it.
            let _ = self.set_aside_the_rest();
            return pumped.map(|()| End::Aborted);
        }
        // Whatever ended the reading: what was accepted is completed, unless that is told to stop,
        // too.
        let how = if self.is_told_to_abort() { Ending::Abort } else { Ending::Complete };
        let closed = self.close(how).await;
        // Behind a gate that was shut while it completed, the sink could do no more than clean up.
        let set_aside = self.set_aside_the_rest();
        if self.is_told_to_abort() {
            return set_aside.map(|()| End::Aborted);
        }
        pumped.and(closed).and(set_aside)?;
        Ok(if self.interrupts.count() > 0 { End::Stopped } else { End::Complete })
    }

    fn is_told_to_abort(&self) -> bool {
        self.interrupts.count() > 1
    }

    /// Writes what was reported failed, whatever came before it.
    fn set_aside_the_rest(&mut self) -> Result<(), RunError> {
        self.totals.dead_letters += self.set_aside.settle(u64::MAX)?;
        self.set_aside.sync()
    }

    /// What a component held that has trapped is gone with it, and is counted so.
    fn lose(&mut self) {
        let Totals { events, stored_events, failed_events, .. } = self.totals;
        self.totals.failed_events = events.saturating_sub(stored_events).max(failed_events);
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
                () = self.interrupts.first() => return Ok(()),
                batch = self.events.next() => match batch? {
                    Some(batch) => self.take(batch).await?,
                    None => return Ok(()),
                },
                () = moved.notified() => self.poll().await?,
                _ = tick.tick() => self.poll().await?,
            }
        }
    }

    async fn take(&mut self, batch: Batch) -> Result<(), RunError> {
        self.totals.lines += batch.lines;
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
            self.monitor.give(end(last));
        }
        self.monitor.count(&self.totals);
        for runs in runs.chunk_by(same) {
            self.write(runs).await?;
        }
        for rejected in &batch.rejected {
            let content = Content::Line { held: &rejected.line, bytes: rejected.line_bytes };
            self.reject(&DeadLetter {
                position: rejected.position,
                reason: &rejected.reason,
                content,
            })?;
        }
        self.poll().await
    }

    async fn write(&mut self, runs: &[Run]) -> Result<(), RunError> {
        let rejections = self.sink.write(runs).await?;
        let given: u64 = runs.iter().map(|run| run.ends.len() as u64).sum();
        self.totals.events += given - rejections.len() as u64;
        self.set_aside.keep(runs, &rejections)?;
        for Rejection { position, reason } in &rejections {
            let content = event(runs, *position).unwrap_or(Content::Line { held: b"", bytes: 0 });
            self.reject(&DeadLetter { position: *position, reason, content })?;
        }
        Ok(())
    }

    fn reject(&mut self, letter: &DeadLetter<'_>) -> Result<(), RunError> {
        self.totals.rejected += 1;
        let line = letter.position + 1;
        if self.stops {
            return Err(RunError::Rejected { line, reason: letter.reason.to_owned() });
        }
        self.observer.rejected(line, letter.reason);
        self.totals.dead_letters += self.set_aside.reject(letter)?;
        Ok(())
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
        for failure in &progress.failed {
            // What still came for an object after it failed is no other object.
            self.totals.failed_objects += u64::from(failure.first == failure.begun);
            self.totals.failed_events += failure.events;
        }
        let failed = self.fail(&progress.failed);
        let settled = self.set_aside.settle(progress.durable);
        self.monitor.settle(progress.durable);
        self.monitor.count(&self.totals);
        failed?;
        self.totals.dead_letters += settled?;
        Ok(())
    }

    /// Sets events of failed objects aside, where the flow says so, and is an error where it does
    /// not. What a person has aborted is neither: that run is to be started again.
    fn fail(&mut self, failures: &[Failure]) -> Result<(), RunError> {
        let is_told_to_abort = self.is_told_to_abort();
        let own = |failure: &&Failure| !matches!(failure.cause, Error::Aborted);
        let mut first = None;
        for failure in failures.iter().filter(own) {
            match &mut self.set_aside.failed {
                Some(_) if is_told_to_abort => {}
                Some(failed) => {
                    failed.report(failure);
                    self.observer.set_aside(failure);
                }
                None => {
                    self.observer.failed(failure);
                    first.get_or_insert(failure);
                }
            }
        }
        first.map_or(Ok(()), |failure| Err(RunError::Failed(Box::new(failure.clone()))))
    }
}

fn run(run: batch::Run) -> Run {
    let batch::Run { key, first, at, payload, ends, framing } = run;
    let framing = match framing {
        batch::Framing::Bare => Framing::Bare,
        batch::Framing::Newline => Framing::Newline,
    };
    Run { key, first, at, payload: Payload::Bytes(payload), ends, framing }
}

/// The position behind the last event of a run.
fn end(run: &Run) -> u64 {
    run.first + run.ends.len() as u64
}

/// The event at `position`, as it was given to the sink.
fn event(runs: &[Run], position: u64) -> Option<Content<'_>> {
    let holds = |run: &&Run| (run.first..end(run)).contains(&position);
    let run = runs.iter().find(holds)?;
    let index = usize::try_from(position - run.first).ok()?;
    let start = index.checked_sub(1).map_or(0, |before| run.ends[before] as usize);
    let bytes = match &run.payload {
        Payload::Bytes(bytes) => bytes.as_slice(),
        Payload::Text(text) => text.as_bytes(),
    };
    let framed = &bytes[start..run.ends[index] as usize];
    let payload = match run.framing {
        Framing::Newline => framed.strip_suffix(b"\n").unwrap_or(framed),
        Framing::Bare => framed,
    };
    Some(Content::Event { key: &run.key, payload, at: run.at })
}

/// What could not be stored, and why, as a sentence.
pub fn failed(failure: &Failure) -> String {
    let Failure { name, first, last, events, cause, .. } = failure;
    let (first, last) = (first + 1, last + 1);
    let lines =
        if first == last { format!("line {first}") } else { format!("lines {first} to {last}") };
    let events = if *events == 1 { "1 event".to_owned() } else { format!("{events} events") };
    format!("the object `{name}` was not stored ({events}, {lines}): {}", explain(cause))
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
