//! The state machine. Inputs are events, responses and time. Outputs are requests and reports.

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
use crate::writer::{Admission, Demand, Rejected, Writer};

pub use io::{Input, Output};
pub use metrics::{Counters, Metric, Value};
pub use report::Report;

/// A sink that turns events into objects.
///
/// The rule of the loop: after every [`handle`](Sink::handle), call [`poll`](Sink::poll) until it
/// returns `None`, and do what it returns. `handle` panics if that was not done.
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
    /// A sink without events. `seed` determines jitter, nonces and UUIDs, and nothing else.
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
            // The writer uses the seed as well. With the same seed, delays would reveal nonces.
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

    /// Processes an input at the time `now`.
    pub fn handle(&mut self, now: Now, input: Input) {
        assert!(self.outputs.is_empty(), "poll until it returns nothing before the next handle");
        self.now = now;
        let notices = &mut self.notices;
        self.writer.tick(now, notices);
        self.route();
        let notices = &mut self.notices;
        match input {
            Input::Events(run) => {
                self.writer.write(run, Rejected::Run, self.client.is_idle(), notices);
            }
            Input::EventsUntilRejected(run) => {
                self.writer.write(run, Rejected::First, self.client.is_idle(), notices);
            }
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
            Input::AbortUpload { object_key, upload_id } => {
                self.abort_upload(object_key, upload_id)
            }
            Input::LoadState { name } => self.admin.load_state(&name),
            Input::StoreState { name, bytes, expected } => {
                self.admin.store_state(&name, bytes, expected);
            }
            Input::CheckState { name } => self.admin.check_state(&name),
            Input::Tick => {}
        }
        self.route();
        self.incomplete.retry(now.monotonic, false);
        self.route();
    }

    /// What to do next. After it returned `None`, it returns `None` until the next `handle`.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        Some(match self.client.poll(self.now)? {
            client::Output::Credentials { fresh } => Output::Credentials { fresh },
            client::Output::Send { exchange, request, timeouts, response_bytes_max } => {
                Output::Send { exchange, request, timeouts, response_bytes_max }
            }
        })
    }

    /// When to call `handle` with [`Input::Tick`], if nothing else happens before.
    pub fn next_due(&self) -> Option<Instant> {
        let due =
            [self.client.next_due(self.now), self.writer.next_due(), self.incomplete.next_due()];
        due.into_iter().flatten().min()
    }

    /// Whether there is room for these events. It is also true if waiting cannot make room, so that
    /// a run larger than the memory limit is written event by event.
    pub fn has_room(&self, run: &Run) -> bool {
        self.writer.has_room(run, self.client.is_idle())
    }

    /// The memory that these runs need.
    pub fn demand(&self, runs: &[Run]) -> Demand {
        self.writer.demand(runs)
    }

    /// Whether a batch is accepted. The sink waits for time and requests, but not for a commit,
    /// since the caller cannot commit during a `write`. A batch larger than the memory is accepted
    /// once nothing else is held.
    pub fn admission(&self, demand: &Demand) -> Admission {
        self.writer.admission(demand, self.client.is_idle())
    }

    /// Whether every object has ended or waits for a commit, and no call is waiting or in flight.
    /// Deferred aborts do not count.
    pub fn is_settled(&self) -> bool {
        self.client.is_idle() && self.writer.is_settled()
    }

    /// The bucket, whose credentials are requested.
    pub fn bucket(&self) -> &str {
        &self.settings.store.address.bucket
    }

    /// The lowest position that the next run may begin with.
    pub fn next_position(&self) -> u64 {
        self.writer.next_position()
    }

    /// The durable position. Every event before it is in a visible object, or was rejected or
    /// reported as failed. Positions may have gaps.
    pub fn durable(&self) -> u64 {
        self.writer.durable()
    }

    /// What happened since the last call.
    pub fn take_report(&mut self) -> Report {
        let (visible, failed) = self.writer.take_ended();
        let (notices, notices_dropped) = self.notices.take();
        Report { visible, failed, notices, notices_dropped }
    }

    /// The counters since the sink was created.
    pub fn counters(&self) -> Counters<'_> {
        Counters {
            writes: self.writer.counters(),
            requests: self.client.counters(),
            incomplete: self.incomplete.counters(),
        }
    }

    /// The current metrics. Those with one name are adjacent.
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

    /// The number of bytes held in memory, including those that the store has acknowledged.
    pub fn held(&self) -> u64 {
        self.writer.held()
    }

    /// The number of requests in flight.
    pub fn in_flight(&self) -> usize {
        self.client.in_flight()
    }

    /// The number of open objects.
    pub fn open_objects(&self) -> usize {
        self.writer.open_objects()
    }

    /// The events of objects that are neither visible nor failed, in no particular order.
    pub fn unfinished(&self) -> impl Iterator<Item = &Span> {
        self.writer.unfinished()
    }

    /// The uploads that exist, or may exist, although no object uses them.
    pub fn left_uploads(&self) -> Vec<LeftUpload> {
        self.incomplete.left()
    }

    /// The number of these uploads.
    pub fn left(&self) -> u64 {
        self.incomplete.count()
    }

    /// Whether the last administrative call has ended.
    pub fn has_reply(&self) -> bool {
        self.admin.has_reply()
    }

    /// The reply to the last administrative call. `None` while it has not ended.
    pub fn take_reply(&mut self) -> Option<Result<Reply, Error>> {
        self.admin.take_reply()
    }
}

#[cfg(test)]
mod tests;
