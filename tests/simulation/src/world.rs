//! A core and a bucket in one loop, in virtual time. One seed gives one run.
//!
//! The loop does what a host does: it sends what the core wants sent, brings the answers back after
//! a while, and wakes the core when it wants to be woken. How long a request takes, and what goes
//! wrong with it, is decided by the test.

mod events;
mod fault_plan;
mod line;
mod lives;
mod shared;
mod writes;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use spillway_core::{
    Credentials, CredentialsError, Error, Failure, Input, Instant, Notice, Now, Output, Reply, Run,
    Settings, Sink, Timestamp, Visible,
};

use crate::bucket::{Bucket, BucketOptions};
use crate::request_info::Census;

pub use crate::request_info::RequestInfo;
use events::Event;
pub use fault_plan::FaultPlan;
use line::Line;
pub use lives::DelayedAnswer;
pub use shared::Shared;

/// Decides what becomes of a request.
pub type Decide = Box<dyn FnMut(&RequestInfo, &mut fastrand::Rng) -> FaultPlan>;
/// Hands out credentials, or why there are none. It is told whether fresh ones are wanted, and
/// when.
pub type Provide = Box<dyn FnMut(bool, Timestamp) -> Result<Credentials, CredentialsError>>;

/// A core, a bucket, and what is on its way between them.
pub struct World {
    /// The core. Feed it through [`World::feed`] only.
    pub sink: Sink,
    /// The bucket. It may be changed at any time: a key expires, a right is withdrawn.
    pub bucket: Bucket,
    /// What the core was told.
    pub settings: Settings,
    /// How far the core's clock of the day is ahead of the bucket's, in nanoseconds.
    pub clock_ahead: i64,
    /// How far it is ahead from a time on, by the clock of [`World::elapsed`]. Before the first of
    /// them it is [`World::clock_ahead`].
    pub clock_steps: BTreeMap<Duration, i64>,
    /// The events that the core took, by position.
    pub accepted: BTreeMap<u64, Accepted>,
    /// The positions of those it refused, and why.
    pub rejected: Vec<(u64, String)>,
    /// The objects that it reported visible.
    pub visible: Vec<Visible>,
    /// The objects that it reported failed.
    pub failed: Vec<Failure>,
    /// What it told its operator.
    pub notices: Vec<Notice>,
    /// The most bytes that it ever held, the most requests that were ever under way, and the like.
    pub peaks: Peaks,
    /// The uploads that were begun: in which life that was asked for, and when it was done.
    pub begun: BTreeMap<String, (u64, Duration)>,
    /// What happened that no core can prevent.
    pub late: DelayedAnswer,
    /// Whether what the core reports is left there until somebody [listens](World::listen).
    pub is_deaf: bool,
    seed: u64,
    random: fastrand::Rng,
    elapsed: u64,
    decide: Decide,
    provide: Provide,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    rest: Option<Run>,
    line: Option<Line>,
    census: Census,
    trace: Vec<String>,
    fingerprint: std::hash::DefaultHasher,
    ticked_at: Option<u64>,
    paused_until: u64,
    life: u64,
    is_down: bool,
}

/// An event that the core took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its key.
    pub key: String,
    /// Its bytes, without what separates them from others.
    pub payload: Bytes,
    /// When it was taken, by the clock of [`World::elapsed`].
    pub at: Duration,
    /// When it happened: what its run says, or else when it was taken, by the core's clock.
    pub happened: Timestamp,
}

/// The most that was ever seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    /// Bytes that the core held, by its own word.
    pub held: u64,
    /// Requests that were under way.
    pub in_flight: usize,
    /// Objects that were neither visible nor failed.
    pub unfinished: usize,
}

impl World {
    /// A world in which nothing has happened, and nothing goes wrong unless a test decides so. The
    /// configuration is JSON as the component takes it.
    pub fn new(config: &str, options: BucketOptions, seed: u64) -> World {
        let settings = Settings::parse(config);
        let settings = settings.unwrap_or_else(|error| panic!("no configuration: {error}"));
        World::with_settings(settings, options, seed)
    }

    /// The same with settings that no configuration allows, such as parts of a few bytes.
    pub fn with_settings(settings: Settings, options: BucketOptions, seed: u64) -> World {
        let keys = options.keys.clone();
        let provide = move |_fresh: bool, at: Timestamp| {
            let good = keys.iter().find(|key| key.expires_at.is_none_or(|end| end > at));
            let none = || CredentialsError::NotConfigured("every key has expired".to_owned());
            good.map(|key| key.credentials()).ok_or_else(none)
        };
        World {
            sink: Sink::new(settings.clone(), seed),
            bucket: Bucket::new(options),
            settings,
            clock_ahead: 0,
            clock_steps: BTreeMap::new(),
            accepted: BTreeMap::new(),
            rejected: Vec::new(),
            visible: Vec::new(),
            failed: Vec::new(),
            notices: Vec::new(),
            peaks: Peaks::default(),
            begun: BTreeMap::new(),
            late: DelayedAnswer::default(),
            is_deaf: false,
            seed,
            // Another stream of numbers than the core's.
            random: fastrand::Rng::with_seed(seed ^ 0x5EED_0F7E_3707_1D5E),
            elapsed: 0,
            decide: Box::new(|_, random| FaultPlan::random(random)),
            provide: Box::new(provide),
            queue: BTreeMap::new(),
            queued: 0,
            rest: None,
            line: None,
            census: Census::default(),
            trace: Vec::new(),
            fingerprint: std::hash::DefaultHasher::new(),
            ticked_at: None,
            paused_until: 0,
            life: 0,
            is_down: false,
        }
    }

    /// From here on, `decide` says what becomes of each request.
    pub fn on_request(
        &mut self,
        decide: impl FnMut(&RequestInfo, &mut fastrand::Rng) -> FaultPlan + 'static,
    ) {
        self.decide = Box::new(decide);
    }

    /// From here on, `provide` hands out credentials. Unless set, it is the first key of the bucket
    /// that has not expired.
    pub fn on_credentials(
        &mut self,
        provide: impl FnMut(bool, Timestamp) -> Result<Credentials, CredentialsError> + 'static,
    ) {
        self.provide = Box::new(provide);
    }

    /// Tells the core something, and does what it then wants done.
    pub fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.sink.handle(self.now(), input);
            while let Some(output) = self.sink.poll() {
                match output {
                    Output::Send { exchange, request, timeouts, .. } => {
                        self.send(exchange, request, timeouts);
                    }
                    Output::Credentials { fresh } => {
                        let at = self.wall();
                        let provided = (self.provide)(fresh, at);
                        let outcome = if provided.is_ok() { "given" } else { "there are none" };
                        self.note(|| format!("credentials (fresh: {fresh}): {outcome}"));
                        inputs.push_back(Input::Credentials(provided));
                    }
                    Output::Rest(run) => self.rest = Some(run),
                    Output::Rejected { first, events, reason } => {
                        let positions = first..first + events;
                        self.rejected.extend(positions.map(|p| (p, reason.clone())));
                    }
                }
            }
        }
        if !self.is_deaf {
            self.listen();
        }
        self.peaks.held = self.peaks.held.max(self.sink.held());
        self.peaks.in_flight = self.peaks.in_flight.max(self.sink.in_flight());
        self.peaks.unfinished = self.peaks.unfinished.max(self.sink.unfinished().count());
    }

    /// Asks the core something, and runs until it replies.
    ///
    /// # Errors
    ///
    /// Those of the core.
    pub fn ask(&mut self, inquiry: Input) -> Result<Reply, Error> {
        self.note(|| format!("ask {inquiry:?}"));
        self.feed(inquiry);
        loop {
            if let Some(reply) = self.sink.take_reply() {
                self.note(|| format!("reply {reply:?}"));
                return reply;
            }
            if !self.step() {
                self.fail("the core does not reply, and waits for nothing");
            }
        }
    }

    /// Seals what is open and runs until everything is visible or failed.
    pub fn seal_and_settle(&mut self) {
        self.note(|| "seal".to_owned());
        self.feed(Input::Seal);
        self.settle();
    }

    /// Runs until the core says that everything is visible or failed. What still travels then was
    /// given up by the core: see [`World::land_all`].
    pub fn settle(&mut self) {
        let mut steps = 0;
        while !self.sink.is_settled() {
            if !self.step() {
                self.fail("the core is not settled, and waits for nothing");
            }
            steps += 1;
            if steps > STEPS_MAX {
                self.fail("the core does not settle");
            }
        }
    }

    /// Lets all that is on its way arrive, requests that the core no longer waits for as well.
    pub fn land_all(&mut self) {
        while !self.queue.is_empty() {
            self.step();
        }
    }

    /// Lets time pass, and with it all that is due.
    pub fn run_for(&mut self, duration: Duration) {
        let end = Instant(self.elapsed).after(duration).0;
        while self.next().is_some_and(|at| at <= end) && self.step() {}
        self.elapsed = self.elapsed.max(end);
    }

    /// How long the world has been running.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed)
    }

    /// The time of the day, by the bucket's clock.
    pub fn wall(&self) -> Timestamp {
        Timestamp(START + self.elapsed)
    }

    /// How many requests were sent.
    pub fn requests(&self) -> u64 {
        self.census.requests()
    }

    /// What happened, line by line.
    pub fn trace(&self) -> &[String] {
        &self.trace
    }

    /// A number that differs where the times or bytes of any request do.
    pub fn fingerprint(&self) -> u64 {
        std::hash::Hasher::finish(&self.fingerprint)
    }

    /// Ends the test with the seed and the trace.
    pub fn fail(&self, message: &str) -> ! {
        panic!("{message}\nseed {}\n{}", self.seed, self.trace.join("\n"))
    }

    /// Adds a line to the trace.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let micros = self.elapsed / 1_000;
        self.trace.push(format!("{:>9}.{:03} ms  {}", micros / 1_000, micros % 1_000, line()));
    }

    pub(crate) fn now(&self) -> Now {
        let step = self.clock_steps.range(..=self.elapsed()).next_back();
        let ahead = step.map_or(self.clock_ahead, |(_, ahead)| *ahead);
        let wall = self.wall().0.saturating_add_signed(ahead);
        Now { wall: Timestamp(wall), monotonic: Instant(self.elapsed) }
    }

    /// Takes in what the core reports.
    pub fn listen(&mut self) {
        let report = self.sink.take_report();
        for Visible { span, bytes, parts } in &report.visible {
            let (name, first, last) = (&span.object_key, span.first, span.last);
            self.note(|| {
                format!("visible {name:?} {first}..={last}: {bytes} bytes, {parts} parts")
            });
        }
        for Failure { span, cause, .. } in &report.failed {
            let (name, first, last) = (&span.object_key, span.first, span.last);
            self.note(|| format!("failed {name:?} {first}..={last}: {cause}"));
        }
        for notice in &report.notices {
            self.note(|| format!("{:?}: {}", notice.level, notice.message));
        }
        self.visible.extend(report.visible);
        self.failed.extend(report.failed);
        self.notices.extend(report.notices);
    }
}

/// 2026-01-01T00:00:00Z
const START: u64 = 1_767_225_600_000_000_000;
/// More than any run needs that comes to an end.
const STEPS_MAX: u32 = 1_000_000;

#[cfg(test)]
mod tests;
