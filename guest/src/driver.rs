//! The loop around the core: send its requests, wait, and report the results to it.

use std::collections::VecDeque;

use spillway_core::{
    Admission, Credentials, CredentialsError, Error, Input, Instant, Now, Output, Reply, Report,
    Run, Secret, Settings, Sink, Timestamp, bounds,
};
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::io::poll::{self, Pollable};

use crate::bindings::spillway::s3::credentials as import;
use crate::bindings::spillway::sink::types as wit;
use crate::transport::Exchange;

/// The core, and its requests in flight.
pub(crate) struct Driver {
    core: Sink,
    /// The time at the last look at the clocks.
    now: Now,
    exchanges: Vec<Exchange>,
    rejections: Vec<Rejection>,
    rest: Option<Run>,
}

/// An event that was not accepted.
pub(crate) struct Rejection {
    position: u64,
    reason: String,
}

/// The batch does not fit before a checkpoint is committed.
pub(crate) struct Busy;

impl Driver {
    pub(crate) fn new(core: Sink) -> Driver {
        Driver { core, now: now(), exchanges: Vec::new(), rejections: Vec::new(), rest: None }
    }

    /// Resumes from a checkpoint. Returns once orphaned uploads were looked for.
    pub(crate) fn resume(settings: Settings, seed: u64, state: &[u8]) -> Result<Driver, Error> {
        let mut driver = Driver::new(Sink::resume(settings, seed, now(), state)?);
        driver.ask(Input::Tick)?;
        Ok(driver)
    }

    pub(crate) fn core(&self) -> &Sink {
        &self.core
    }

    pub(crate) fn take_report(&mut self) -> Report {
        self.core.take_report()
    }

    pub(crate) fn take_rejections(&mut self) -> impl Iterator<Item = Rejection> + '_ {
        self.rejections.drain(..)
    }

    /// Writes a whole batch, and waits for memory where necessary.
    pub(crate) fn write(&mut self, runs: Vec<Run>) -> Result<(), Busy> {
        self.begin_write(&runs)?;
        runs.into_iter().for_each(|run| self.give(run, Input::Events));
        Ok(())
    }

    /// The same up to the first event that is rejected.
    pub(crate) fn write_until_rejected(&mut self, runs: Vec<Run>) -> Result<(), Busy> {
        self.begin_write(&runs)?;
        for run in runs {
            self.give(run, Input::EventsUntilRejected);
            if !self.rejections.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn begin_write(&mut self, runs: &[Run]) -> Result<(), Busy> {
        if self.core.takes_checkpoints() {
            self.admit(runs)?;
        }
        // One look at the clocks for all of a batch: each is a call of the host.
        self.now = now();
        Ok(())
    }

    /// Checks that the whole batch fits before the next commit.
    fn admit(&mut self, runs: &[Run]) -> Result<(), Busy> {
        let need = self.core.demand(runs);
        self.wait_until(|core| core.admission(&need) != Admission::Wait);
        if self.core.admission(&need) == Admission::Accept {
            return Ok(());
        }
        self.feed(Input::MakeRoom(need));
        Err(Busy)
    }

    /// Takes a checkpoint, after the parts in flight have finished.
    pub(crate) fn checkpoint(&mut self) -> Vec<u8> {
        self.feed(Input::Prepare);
        self.wait_until(Sink::is_at_rest);
        self.core.checkpoint()
    }

    fn give(&mut self, run: Run, input: fn(Run) -> Input) {
        self.pass(input(run));
        while let Some(run) = self.rest.take() {
            self.wait_until(|core| core.has_room(&run));
            self.pass(input(run));
        }
    }

    /// Passes an input to the core, and executes all of its outputs.
    pub(crate) fn feed(&mut self, input: Input) {
        self.now = now();
        self.pass(input);
    }

    /// The same, without a look at the clocks.
    fn pass(&mut self, input: Input) {
        // Few inputs have others follow, and an empty queue takes no memory.
        let (mut next, mut inputs) = (Some(input), VecDeque::new());
        while let Some(input) = next {
            self.core.handle(self.now, input);
            while let Some(output) = self.core.poll() {
                match output {
                    Output::Send { exchange, request, timeouts, response_bytes_max } => {
                        match Exchange::start(exchange, request, timeouts, response_bytes_max) {
                            Ok(started) => self.exchanges.push(started),
                            Err(error) => {
                                inputs.push_back(Input::Answer { exchange, outcome: Err(error) });
                            }
                        }
                    }
                    Output::Credentials { fresh } => {
                        let credentials = credentials(self.core.bucket(), fresh);
                        // They may have been long in coming.
                        self.now = now();
                        inputs.push_back(Input::Credentials(credentials));
                    }
                    Output::Rest(run) => self.rest = Some(run),
                    Output::Rejected { first, events, reason } => {
                        let positions = first..first + events;
                        self.rejections.extend(
                            positions.map(|p| Rejection { position: p, reason: reason.clone() }),
                        );
                    }
                }
            }
            next = inputs.pop_front();
        }
    }

    /// Makes an administrative call, and waits for the reply. Uploads continue meanwhile.
    pub(crate) fn ask(&mut self, inquiry: Input) -> Result<Reply, Error> {
        self.feed(inquiry);
        self.wait_until(Sink::has_reply);
        self.core.take_reply().expect("the loop has waited for the reply")
    }

    /// Makes all progress that is possible without waiting.
    pub(crate) fn turn(&mut self) {
        if !self.exchanges.is_empty() || self.core.next_due().is_some() {
            let at_once = monotonic_clock::subscribe_duration(0);
            self.step(Some(&at_once));
        }
    }

    /// Runs the loop until `done` is true of the core.
    pub(crate) fn wait_until(&mut self, done: impl Fn(&Sink) -> bool) {
        while !done(&self.core) {
            let due =
                self.core.next_due().map(|Instant(at)| monotonic_clock::subscribe_instant(at));
            assert!(due.is_some() || !self.exchanges.is_empty(), "nothing to wait for");
            self.step(due.as_ref());
        }
    }

    /// Waits until an exchange can advance or `timer` fires, and passes the results to the core.
    fn step(&mut self, timer: Option<&Pollable>) {
        let mut pollables: Vec<&Pollable> = timer.into_iter().collect();
        let mut owners: Vec<Option<usize>> = vec![None; pollables.len()];
        for (index, exchange) in self.exchanges.iter().enumerate() {
            for pollable in exchange.waits_for() {
                pollables.push(pollable);
                owners.push(Some(index));
            }
        }
        let ready = poll::poll(&pollables);
        let mut movable: Vec<usize> = ready.iter().filter_map(|i| owners[*i as usize]).collect();
        // `wasi:io/poll` returns ready indices in no particular order, and an exchange may have two
        // pollables.
        movable.sort_unstable();
        movable.dedup();
        let mut answers = Vec::new();
        // In descending order, so that removing a finished exchange does not move those still to
        // visit.
        for index in movable.into_iter().rev() {
            let exchange = &mut self.exchanges[index];
            if let Some(outcome) = exchange.advance() {
                answers.push(Input::Answer { exchange: exchange.id(), outcome });
                self.exchanges.remove(index);
            }
        }
        if answers.is_empty() {
            return self.feed(Input::Tick);
        }
        answers.into_iter().rev().for_each(|answer| self.feed(answer));
    }
}

impl From<Rejection> for wit::Rejection {
    fn from(Rejection { position, reason }: Rejection) -> Self {
        wit::Rejection { position, reason: bounds::text(reason) }
    }
}

fn now() -> Now {
    let wall = wall_clock::now();
    let wall = wall.seconds.saturating_mul(1_000_000_000).saturating_add(wall.nanoseconds.into());
    Now { wall: Timestamp(wall), monotonic: Instant(monotonic_clock::now()) }
}

/// Asks the host for the credentials of a bucket.
fn credentials(bucket: &str, fresh: bool) -> Result<Credentials, CredentialsError> {
    let set = import::get(bucket, fresh).map_err(|failure| match failure {
        import::Failure::NotConfigured(text) => CredentialsError::NotConfigured(text),
        import::Failure::Failed(text) => CredentialsError::Failed(text),
    })?;
    Ok(Credentials {
        access_key_id: set.access_key_id,
        secret_access_key: Secret::new(set.secret_access_key),
        session_token: set.session_token.map(Secret::new),
        expires_at: set.expires_at.map(Timestamp),
    })
}
