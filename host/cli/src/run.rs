//! The loop that moves events from a source into a sink.
//!
//! The pump reads, writes and polls. The checkpointer decides when a checkpoint is due, finds the
//! place in the source, stores both, and commits.

mod checkpoints;
mod dead_letters;
mod durable;
mod first_look;
mod outcome;
mod patience;
mod pending;
mod pump;
mod replay;
mod rounds;
mod runs;
mod taken;
mod takeover;
mod transforms;
mod untaken;
mod writing;
mod written;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::dead_letters::OnFailed;
use crate::events::{Batch, Events};
use crate::lanes::Sinks;
use crate::layout::Layout;
use crate::map::OnRejected;
use crate::place::Place;
use crate::shutdown::Shutdown;
use crate::source::{Origins, Partition, TopicWriter};
use crate::telemetry::Monitor;
use spillway::contract::{Ending, Error, Failure, Notice, VisibleObject};
use spillway::sink::SinkError;

pub use crate::layout::{Between, Lines, Spot};
pub use crate::totals::{Kept, NotStored, Totals};
pub use checkpoints::Checkpoints;
pub use durable::Durable;
pub use outcome::{End, Ran, RunError, failed};
pub use transforms::Transforms;

use checkpoints::Checkpointer;
use dead_letters::DeadLetterQueue;
use pending::Pending;
use pump::Pump;
use taken::Taken;
use transforms::Portion;

/// Observes a run.
pub trait Observer: Send {
    /// An object became visible.
    fn visible(&mut self, object: &VisibleObject);
    /// An object could not be stored, which ends the run. Its events lie between these lines.
    fn failed(&mut self, failure: &Failure, lines: &Between);
    /// A line was rejected, or an event of one.
    fn rejected(&mut self, spot: Spot, reason: &str);
    /// An object could not be stored, and its events, which lie between these lines, are set aside.
    fn set_aside(&mut self, failure: &Failure, lines: &Between);
    /// The sink reported a notice.
    fn notice(&mut self, notice: &Notice);
    /// A checkpoint is stored, with which the next run would begin at this line.
    fn checkpoint(&mut self, line: u64);
}

/// A source, a sink, and what to do in between.
pub struct Runner<'a> {
    /// Where events come from.
    pub events: Events,
    /// Where the first of them lies, if there are no checkpoints.
    pub place: Place,
    /// The partition that they are of, if they are records.
    pub partition: Option<Arc<Partition>>,
    /// What changes them on their way.
    pub transforms: Transforms,
    /// Where they go.
    pub sink: Sinks,
    /// What happens to rejected events.
    pub on_rejected: OnRejected,
    /// What happens to events whose object could not be stored.
    pub on_failed: OnFailed,
    /// What writes rejected events to their topic, where they go to one.
    pub letters: Option<TopicWriter>,
    /// Its checkpoints, if it has any.
    pub checkpoints: Option<Checkpoints>,
    /// Whether the first of them is stored before anything is read, so that it is known that they
    /// can be.
    pub checkpoint_first: bool,
    /// The signals that stop it.
    pub shutdown: Shutdown,
    /// Observes the run.
    pub observer: &'a mut dyn Observer,
    /// Collects the totals and metrics.
    pub monitor: Monitor,
    /// What instances before this one have done.
    pub before: Totals,
    /// Whether it is to end so that another flow goes on.
    pub reload: watch::Receiver<Option<Handover>>,
    /// Who is told how many lines are dealt with for good: their events are stored, or set aside on
    /// disk.
    pub durable: Option<Durable>,
}

/// How a run leaves its sink to the one that goes on after a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// What is open is kept by a checkpoint, and the next sink resumes it.
    Resumed,
    /// Everything is completed: the next sink is configured otherwise, and begins anew.
    Completed,
}

impl Runner<'_> {
    /// Runs to the end, whichever it is.
    pub async fn run(self) -> Ran {
        let Runner { events, sink, on_rejected, on_failed, mut checkpoints, .. } = self;
        let Runner { mut transforms, shutdown, observer, monitor, before, .. } = self;
        let partition = self.partition;
        let (checkpoint_first, reload) = (self.checkpoint_first, self.reload);
        transforms.end_with(&sink.gate());
        let every = checkpoints.as_ref().map(|checkpoints| checkpoints.every);
        monitor.begin(events.input_bytes(), sink.traffic(), every);
        monitor.follow(events.files());
        let kept = checkpoints.as_ref().map(Checkpoints::kept);
        let totals = Totals { kept: before.kept.clone().or(kept), ..before };
        let (of, writer) = (partition.as_ref(), self.letters);
        let dead_letters =
            DeadLetterQueue::open(&on_rejected, &on_failed, of, writer, shutdown.clone());
        let dead_letters = match dead_letters {
            Ok(dead_letters) => dead_letters,
            Err(error) => return Ran::without_a_sink(totals, Err(error)),
        };
        let letters_before = totals.dead_letters;
        let place = checkpoints.as_ref().map_or(self.place, |c| c.place);
        let begins = place.next_position();
        let begin = place.line_start();
        let first = checkpoints.as_ref().map_or(begins, Checkpoints::next_position);
        let untaken = checkpoints.as_mut().and_then(Checkpoints::take_untaken);
        let layout = checkpoints.as_ref().map(Checkpoints::layout);
        let pump = Pump {
            events,
            transforms,
            gate: sink.gate(),
            stops: on_rejected == OnRejected::Stop,
            sink,
            dead_letters,
            shutdown,
            observer,
            monitor,
            totals,
            layout: layout.unwrap_or_else(|| Layout::new(begin, begin)),
            taken: checkpoints.as_ref().map(Taken::new),
            untaken: untaken.map(Portion::of_stored),
            pending: Pending::new(begins),
            letters_before,
            stored_nothing: false,
            visible: Vec::new(),
            giving: VecDeque::new(),
            origins: Origins::default(),
            spooled_from: begins,
            settled: 0,
            durable: first,
            given: begins,
            partition,
            finished: place.start.line,
            told: place.start.line,
            tell: self.durable,
        };
        let before = pump.totals.clone();
        let checkpointer = checkpoints.map(|c| Checkpointer::new(c, before.clone()));
        let mut running = Running { reload, pump, checkpointer, checkpoint_first };
        let result = running.run().await;
        running.pump.count();
        let checkpointer = running.checkpointer.map(Checkpointer::into_totals);
        let (checkpointed, visible) = checkpointer.unwrap_or((before, Vec::new()));
        Ran { totals: running.pump.totals, checkpointed, visible, result }
    }
}

struct Running<'a> {
    /// Whether it is to end so that another flow goes on.
    reload: watch::Receiver<Option<Handover>>,
    pump: Pump<'a>,
    checkpointer: Option<Checkpointer>,
    checkpoint_first: bool,
}

impl Running<'_> {
    async fn run(&mut self) -> Result<End, RunError> {
        let gate = self.pump.gate.clone();
        // A second signal must reach a sink that is in the middle of a call.
        let _shutting = self.pump.shutdown.on(2, move || gate.shut_within(ABORT_TIME_MAX));
        let worked = self.work().await;
        let worked = match &mut self.checkpointer {
            Some(checkpointer) => checkpointer.explain(&mut self.pump, worked).await,
            None => worked,
        };
        if let Err(RunError::Sink(SinkError::Trap(_) | SinkError::Breach(_))) = worked {
            self.pump.lose();
            // What it reported before is no less lost, and the trap says more than what follows it.
            let _ = self.pump.write_the_rest().await;
            return worked.map(|_| End::Aborted);
        }
        // What went wrong before anybody lost patience is why the run ends.
        let failed_before = worked.is_err() && !self.pump.is_told_to_abort();
        let ending = self.ending(&worked);
        let closed = match worked {
            Err(RunError::Sink(SinkError::GivenUp)) => Err(SinkError::GivenUp.into()),
            _ => self.pump.close(ending).await,
        };
        let closed = closed.and_then(|()| self.pump.is_all_durable(ending));
        let is_given_up = matches!(closed, Err(RunError::Sink(SinkError::GivenUp)));
        if closed.is_err() {
            self.pump.lose();
        }
        // Behind a gate that was shut while it completed, the sink could do no more than clean up.
        let written = self.pump.write_the_rest().await;
        if self.pump.is_told_to_abort() && !failed_before {
            let end = if is_given_up { End::GivenUp } else { End::Aborted };
            return written.map(|()| end);
        }
        let ending = worked?;
        closed.and(written)?;
        let is_stopped = self.pump.shutdown.count() > 0;
        if self.handover().is_some() && !is_stopped {
            return Ok(End::Reloading);
        }
        let is_finished = self.checkpointer.is_some() && ending == Ending::Complete;
        Ok(if is_stopped && !is_finished { End::Stopped } else { End::Complete })
    }

    /// How the sink ends. Whatever ended the reading: what was accepted is kept where there are
    /// checkpoints; elsewhere it is completed, unless that is told to stop, too.
    fn ending(&self, worked: &Result<Ending, RunError>) -> Ending {
        match (&self.checkpointer, worked) {
            (Some(_), Ok(ending)) => *ending,
            (Some(_), Err(_)) => Ending::Suspend,
            (None, _) if self.pump.is_told_to_abort() => Ending::Abort,
            (None, _) => Ending::Complete,
        }
    }

    /// Reads to the end, or up to a signal. Returns how the sink is to be closed.
    async fn work(&mut self) -> Result<Ending, RunError> {
        if let Some(checkpointer) = &mut self.checkpointer {
            checkpointer.replay(&mut self.pump).await?;
            checkpointer.drop_state();
        }
        // Before any other event.
        let goes_on = self.write_untaken(false).await?.is_continue();
        if self.checkpointer.is_some() {
            if self.checkpoint_first {
                self.look_first().await?;
            }
            self.look(TICK).await?;
        }
        if goes_on {
            self.read().await?;
        }
        let handover = self.handover();
        match &mut self.checkpointer {
            Some(checkpointer) if handover == Some(Handover::Resumed) => {
                checkpointer.suspend(&mut self.pump).await
            }
            Some(checkpointer) => checkpointer.finish(&mut self.pump).await,
            None => Ok(Ending::Complete),
        }
    }

    /// Whether it is to end so that another flow goes on, and how.
    fn handover(&self) -> Option<Handover> {
        *self.reload.borrow()
    }

    /// Reads until there is nothing left to read, or a reason to stop.
    async fn read(&mut self) -> Result<(), RunError> {
        let moved = self.pump.sink.moved();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reload = self.reload.clone();
        loop {
            tokio::select! {
                biased;
                () = self.pump.shutdown.first() => return Ok(()),
                () = requested(&mut reload) => return Ok(()),
                batch = self.pump.events.next() => match batch? {
                    Some(batch) => {
                        if self.take(batch).await?.is_break() {
                            return Ok(());
                        }
                    }
                    None => return Ok(()),
                },
                () = moved.notified() => self.look(TICK).await?,
                _ = tick.tick() => self.look(TICK).await?,
            }
        }
    }

    /// As [`Checkpointer::renew`], where there are checkpoints.
    async fn renew(&mut self) -> Result<(), RunError> {
        match &mut self.checkpointer {
            Some(checkpointer) => checkpointer.renew(&mut self.pump).await,
            None => Ok(()),
        }
    }

    /// Writes a batch to the sink. Breaks off if it is full and there is a signal: the next run
    /// reads the rest again, or has it from the checkpoint.
    async fn take(&mut self, mut batch: Batch) -> Result<ControlFlow<()>, RunError> {
        self.renew().await?;
        let runs = self.pump.begin(&mut batch);
        if !runs.is_empty() {
            let in_order = self.pump.is_in_order();
            let Pump { transforms, shutdown, .. } = &mut self.pump;
            let portions = tokio::select! {
                biased;
                // The sink is not at work, and can abort what is open.
                () = shutdown.reached(2) => {
                    return Err(SinkError::Refused(Error::Aborted).into());
                }
                portions = transforms.apply(&runs, in_order) => portions?,
            };
            for portion in portions {
                if self.write(portion, &batch).await?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        self.pump.finish(&batch).await?;
        // Several lanes are given a batch at once, so all of it is before the place by now.
        if self.write_untaken(true).await?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        self.look(Duration::ZERO).await?;
        Ok(ControlFlow::Continue(()))
    }

    /// Polls, and takes a checkpoint where it is due, but none within `least` of the last.
    async fn look(&mut self, least: Duration) -> Result<(), RunError> {
        self.renew().await?;
        self.pump.poll().await?;
        match &mut self.checkpointer {
            Some(checkpointer) => checkpointer.checkpoint_if_due(&mut self.pump, least).await,
            None => Ok(()),
        }
    }
}

/// Waits until a reload is asked for.
async fn requested(reload: &mut watch::Receiver<Option<Handover>>) {
    if reload.wait_for(Option::is_some).await.is_err() {
        // Nobody can ask any more.
        std::future::pending().await
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
