//! The state machine: events, answers and time in, requests and reports out.

mod checkpoint;
mod io;
mod metrics;
mod owner;
mod report;
mod route;

use std::collections::VecDeque;
use std::sync::Arc;

use owner::Owner;

use crate::admin::{Admin, Reply};
use crate::client::{self, Client};
use crate::error::{Error, Problem};
use crate::incomplete::{Incomplete, LeftUpload};
use crate::notice::{Level, Notices};
use crate::object::Span;
use crate::run::Run;
use crate::settings::Settings;
use crate::time::{Instant, Now};
use crate::writer::{Admission, Demand, Writer};

pub use io::{Input, Output};
pub use metrics::{Counters, Metric, Value};
pub use report::Report;

/// Events in, objects out.
///
/// The one rule: after every [`handle`](Sink::handle), call [`poll`](Sink::poll) until it returns
/// nothing, and do what it says. `handle` panics where that was not done.
pub struct Sink {
    settings: Arc<Settings>,
    now: Now,
    client: Client<Owner>,
    writer: Writer,
    incomplete: Incomplete,
    admin: Admin,
    notices: Notices,
    outputs: VecDeque<Output>,
}

impl Sink {
    /// A sink that has seen nothing. `seed` decides jitter, nonces and UUIDs, and nothing else.
    pub fn new(settings: Settings, seed: u64) -> Sink {
        let settings = Arc::new(settings);
        let writer = Writer::new(Arc::clone(&settings), seed);
        let incomplete = Incomplete::new(settings.commit.on_orphans);
        Sink::of(settings, seed, Now::default(), writer, incomplete)
    }

    fn of(
        settings: Arc<Settings>,
        seed: u64,
        now: Now,
        writer: Writer,
        incomplete: Incomplete,
    ) -> Sink {
        let mut notices = Notices::default();
        for Problem { field, message } in &settings.warnings {
            notices.push(Level::Warning, format!("`{field}`: {message}"));
        }
        Sink {
            // The writer draws from the seed, too, and nobody is to tell nonces from waits.
            client: Client::new(Arc::clone(&settings), !seed),
            admin: Admin::new(Arc::clone(&settings)),
            settings,
            now,
            writer,
            incomplete,
            notices,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened at `now`.
    pub fn handle(&mut self, now: Now, input: Input) {
        assert!(self.outputs.is_empty(), "poll until it returns nothing before the next handle");
        self.now = now;
        let notices = &mut self.notices;
        self.writer.tick(now, notices);
        self.route();
        let notices = &mut self.notices;
        match input {
            Input::Events(run) => self.writer.write(run, self.client.is_idle(), notices),
            Input::Skip(to) => self.writer.skip(to),
            Input::Seal => self.writer.seal_all(notices),
            Input::Abort => {
                self.client.close();
                self.writer.seal_all(notices);
                self.writer.fail_all(&Error::Aborted, notices);
            }
            Input::Suspend => {
                self.client.close();
                self.writer.suspend(notices);
            }
            Input::Prepare => self.writer.prepare(notices),
            Input::Commit => self.commit(),
            Input::MakeRoom(demand) => self.writer.make_room_for(&demand, notices),
            Input::Answer { exchange, outcome } => self.on_response(exchange, &outcome),
            Input::Credentials(credentials) => self.on_credentials(credentials),
            Input::RetryAborts => self.incomplete.retry(now.monotonic, true),
            Input::Check => self.admin.check(self.writer.nonce()),
            Input::IncompleteUploads => self.admin.list(false),
            Input::AbortUpload { name, upload_id } => self.abort_upload(name, upload_id),
            Input::Tick => {}
        }
        self.route();
        self.incomplete.retry(now.monotonic, false);
        self.route();
    }

    /// What to do next. Once it returned nothing there is nothing until the next `handle`.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        Some(match self.client.poll(self.now)? {
            client::Output::Credentials { fresh } => Output::Credentials { fresh },
            client::Output::Send { exchange, request, timeouts } => {
                Output::Send { exchange, request, timeouts }
            }
        })
    }

    /// When `handle` wants to be called with [`Input::Tick`], if nothing else happens before.
    pub fn next_due(&self) -> Option<Instant> {
        let due =
            [self.client.next_due(self.now), self.writer.next_due(), self.incomplete.next_due()];
        due.into_iter().flatten().min()
    }

    /// Whether there is room now for these events. Always true where nothing is in the way that
    /// waiting would clear, so that events larger than the memory limit pass one by one.
    pub fn has_room(&self, run: &Run) -> bool {
        self.writer.has_room(run, self.client.is_idle())
    }

    /// What these runs demand of the memory.
    pub fn demand(&self, runs: &[Run]) -> Demand {
        self.writer.demand(runs)
    }

    /// Whether a batch can be taken. What only time or answers can clear is waited for; what needs
    /// a commit is not, since nobody could commit meanwhile. A batch larger than all memory is
    /// taken once nothing else is in the way.
    pub fn admission(&self, demand: &Demand) -> Admission {
        self.writer.admission(demand, self.client.is_idle())
    }

    /// Whether everything accepted is visible or failed, or waits for nothing but a commit, and
    /// nothing is under way. An abort that was tried in vain, and is remembered for later, does not
    /// count.
    pub fn is_settled(&self) -> bool {
        self.client.is_idle() && self.writer.is_settled()
    }

    /// The bucket, as the configuration names it: whose credentials are asked for.
    pub fn bucket(&self) -> &str {
        &self.settings.store.address.bucket
    }

    /// The least position that the next run may begin with.
    pub fn next_position(&self) -> u64 {
        self.writer.next_position()
    }

    /// Every event before this position is in a visible object, or was rejected or reported failed,
    /// or is missing: positions may leave gaps.
    pub fn durable(&self) -> u64 {
        self.writer.durable()
    }

    /// What happened since this was last called.
    pub fn take_report(&mut self) -> Report {
        let (visible, failed) = self.writer.take_ended();
        let (notices, notices_dropped) = self.notices.take();
        Report { visible, failed, notices, notices_dropped }
    }

    /// What was counted since the sink was made.
    pub fn counters(&self) -> Counters<'_> {
        Counters {
            writes: self.writer.counters(),
            requests: self.client.counters(),
            incomplete: self.incomplete.counters(),
        }
    }

    /// Its numbers as they are now, those of one name one after another.
    pub fn metrics(&self) -> Vec<Metric> {
        let gauges = metrics::Gauges {
            uploads_left: self.left(),
            requests_in_flight: self.in_flight() as u64,
            objects_open: self.open_objects() as u64,
            objects_unfinished: self.unfinished().count() as u64,
            held_bytes: self.held(),
        };
        metrics::metrics(self.counters(), &gauges)
    }

    /// How many bytes of events are held, those included that the store has too.
    pub fn held(&self) -> u64 {
        self.writer.held()
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> usize {
        self.client.in_flight()
    }

    /// How many objects are open: events may still be added to them.
    pub fn open_objects(&self) -> usize {
        self.writer.open_objects()
    }

    /// The objects that were begun and are neither visible nor failed.
    pub fn unfinished(&self) -> impl Iterator<Item = &Span> {
        self.writer.unfinished()
    }

    /// The uploads that are, or may be, in the store although nobody has a use for them.
    pub fn left_uploads(&self) -> Vec<LeftUpload> {
        self.incomplete.left()
    }

    /// How many there are of those.
    pub fn left(&self) -> u64 {
        self.incomplete.count()
    }

    /// Whether the last administrative call has come to its end.
    pub fn has_reply(&self) -> bool {
        self.admin.has_reply()
    }

    /// What came of the last administrative call, once it has come to its end.
    pub fn take_reply(&mut self) -> Option<Result<Reply, Error>> {
        self.admin.take_reply()
    }
}

#[cfg(test)]
mod tests;
