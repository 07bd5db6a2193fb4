//! The state machine: events, answers and time in, requests and reports out.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::answers::INQUIRY_PATIENCE;
use crate::checkpoint::Needed;
use crate::cleanup::{Cleanups, Leftover};
use crate::credentials::CredentialsError;
use crate::error::{Error, Problem};
use crate::explain;
use crate::framing::Run;
use crate::http::Request;
use crate::ids::UploadNumber;
use crate::inquiry::{Inquiry, Reply};
pub use crate::io::{Input, Output};
use crate::metrics::{Counters, Gauges, Metric, metrics};
use crate::notice::Level;
use crate::open::Open;
use crate::orphans::Orphans;
use crate::outage::Outage;
use crate::owner::{Owner, SinkRequests};
use crate::repeats::Repeats;
use crate::report::Report;
use crate::retry::{Budget, backoff};
use crate::s3::Operation;
use crate::sequence::Sequences;
use crate::settings::Settings;
use crate::signer::Signer;
use crate::template::Uuids;
use crate::time::{Instant, Now};
use crate::turns::Turns;
use crate::upload::{Span, Upload};
use crate::window::Window;
use crate::wire;

/// Events in, objects out.
///
/// The one rule: after every [`handle`](Sink::handle), call [`poll`](Sink::poll) until it returns
/// nothing, and do what it says. `handle` panics where that was not done.
pub struct Sink {
    pub(crate) settings: Settings,
    pub(crate) random: fastrand::Rng,
    pub(crate) signer: Signer,
    pub(crate) now: Now,
    pub(crate) uploads: BTreeMap<UploadNumber, Upload>,
    pub(crate) requests: SinkRequests,
    pub(crate) window: Window,
    pub(crate) cleanups: Cleanups,
    pub(crate) budget: Budget,
    pub(crate) report: Report,
    pub(crate) counters: Counters,
    pub(crate) inquiry: Option<Inquiry>,
    pub(crate) reply: Option<Result<Reply, Error>>,
    pub(crate) open: Open,
    pub(crate) turns: Turns,
    pub(crate) sequences: Sequences,
    pub(crate) uuids: Uuids,
    pub(crate) repeats: Repeats,
    pub(crate) needed: Needed,
    pub(crate) orphans: Orphans,
    pub(crate) outage: Outage,
    pub(crate) is_suspending: bool,
    pub(crate) is_leaving: bool,
    pub(crate) begun: u64,
    pub(crate) next_position: u64,
    pub(crate) held: u64,
    pub(crate) spare: u64,
    pub(crate) outputs: VecDeque<Output>,
}

impl Sink {
    /// A sink that has seen nothing. `seed` decides jitter, nonces and UUIDs, and nothing else.
    pub fn new(settings: Settings, seed: u64) -> Sink {
        let mut report = Report::default();
        for Problem { field, message } in &settings.warnings {
            report.notice(Level::Warning, format!("`{field}`: {message}"));
        }
        Sink {
            signer: Signer::new(&settings),
            budget: Budget::new(settings.retry.budget),
            window: Window::new(settings.requests_in_flight_max),
            settings,
            random: fastrand::Rng::with_seed(seed),
            now: Now::default(),
            uploads: BTreeMap::new(),
            requests: SinkRequests::default(),
            cleanups: Cleanups::default(),
            report,
            counters: Counters::default(),
            inquiry: None,
            reply: None,
            open: Open::default(),
            turns: Turns::default(),
            sequences: Sequences::default(),
            uuids: Uuids::default(),
            repeats: Repeats::default(),
            needed: Needed::default(),
            orphans: Orphans::default(),
            outage: Outage::default(),
            is_suspending: false,
            is_leaving: false,
            begun: 0,
            next_position: 0,
            held: 0,
            spare: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened at `now`.
    pub fn handle(&mut self, now: Now, input: Input) {
        assert!(self.outputs.is_empty(), "poll until it returns nothing before the next handle");
        self.now = now;
        self.seal_due();
        match input {
            Input::Events(run) => self.take(run),
            Input::Skip(to) => self.next_position = self.next_position.max(to),
            Input::Seal => self.seal_all(),
            Input::Abort => {
                self.is_leaving = true;
                self.seal_all();
                self.fail_all(&Error::Aborted);
            }
            Input::Suspend => self.suspend(),
            Input::Prepare => self.prepare(),
            Input::Commit => self.commit(),
            Input::MakeRoom(need) => self.make_room_for(&need),
            Input::Answer { exchange, outcome } => self.answered(exchange, &outcome),
            Input::Credentials(Ok(credentials)) => {
                self.signer.set_credentials(credentials, now.wall);
            }
            Input::Credentials(Err(error)) => self.no_credentials(error),
            Input::CleanUp => self.clean_up(true),
            Input::Check => self.check(),
            Input::Orphans => self.look_for_orphans(),
            Input::IncompleteUploads => self.list_leftovers(),
            Input::AbortUpload { name, upload_id } => self.discard(name, upload_id),
            Input::Tick => {}
        }
        self.clean_up(false);
    }

    /// What to do next. Once it returned nothing there is nothing until the next `handle`.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        let wanting = self.requests.is_wanting(self.now.monotonic);
        if let Some(ask) = self.signer.ask(self.now, wanting) {
            return Some(Output::Credentials { fresh: ask.fresh });
        }
        if !self.signer.has_credentials() {
            return None;
        }
        loop {
            let task = self.requests.take(self.now.monotonic, self.window.size())?;
            let Some(mut request) = self.request(task.owner, task.operation) else { continue };
            let signed = self.signer.sign(&mut request, self.now.wall);
            self.counters.sent(task.operation, task.met, request.body.len());
            let exchange = self.requests.fly(task, signed, self.now.monotonic);
            let timeouts = match task.operation {
                Operation::CompleteMultipartUpload => self.settings.complete_timeouts,
                _ => self.settings.timeouts,
            };
            return Some(Output::Send { exchange, request, timeouts });
        }
    }

    /// When `handle` wants to be called with [`Input::Tick`], if nothing else happens before.
    pub fn next_due(&self) -> Option<Instant> {
        // What is due and cannot be sent yet waits for an answer, or for the credentials.
        let has_room = self.requests.in_flight() < self.window.size();
        let request = self.requests.next_due(self.now.monotonic).filter(|_| has_room);
        let request = request.map(|due| due.max(self.signer.next_due().unwrap_or_default()));
        let rotation = self.open.next_due(&self.settings.rotation).map(|(due, _)| due);
        request.into_iter().chain(rotation).chain(self.cleanups.next_due()).min()
    }

    /// Whether there is room now for these events. Always true where nothing is in the way that
    /// waiting would clear, so that events larger than the memory limit pass one by one.
    pub fn has_room(&self, run: &Run) -> bool {
        let ending = self.uploads.len() - self.open.len();
        let fits = self.held + self.wanted(run) <= self.settings.memory_bytes_max;
        let fits = fits && ending < ENDING_MAX;
        fits || self.requests.is_empty()
    }

    /// How many bytes of memory the events of a run may take: those of the object that they become,
    /// and a compressor, since they may begin one.
    pub(crate) fn wanted(&self, run: &Run) -> u64 {
        let encoding = self.settings.encoding;
        encoding.bytes_max(run) + encoding.memory_bytes()
    }

    /// Whether everything accepted is visible or failed, or waits for nothing but a commit, and
    /// nothing is under way. An abort that was tried in vain, and is remembered for later, does not
    /// count.
    pub fn is_settled(&self) -> bool {
        let is_settled = |upload: &Upload| upload.end().is_some() || upload.waits_for_commit();
        self.requests.is_empty() && self.uploads.values().all(is_settled)
    }

    /// The bucket, as the configuration names it: whose credentials are asked for.
    pub fn bucket(&self) -> &str {
        &self.settings.address.bucket
    }

    /// The least position that the next run may begin with.
    pub fn next_position(&self) -> u64 {
        self.next_position
    }

    /// Every event before this position is in a visible object, or was rejected or reported failed,
    /// or is missing: positions may leave gaps.
    pub fn durable(&self) -> u64 {
        let unfinished = self.uploads.values().filter(|u| u.end().is_none());
        unfinished.map(|u| u.span.first).min().unwrap_or(self.next_position)
    }

    /// What happened since this was last called.
    pub fn take_report(&mut self) -> Report {
        std::mem::take(&mut self.report)
    }

    /// The numbers kept, as they are now.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Its numbers as they are now, those of one name one after another.
    pub fn metrics(&self) -> Vec<Metric> {
        let gauges = Gauges {
            uploads_left: self.left(),
            requests_in_flight: self.in_flight() as u64,
            objects_open: self.open_objects() as u64,
            objects_unfinished: self.unfinished().count() as u64,
            held_bytes: self.held(),
        };
        metrics(&self.counters, &gauges)
    }

    /// How many bytes of events are held, those included that the store has too.
    pub fn held(&self) -> u64 {
        self.held + self.spare
    }

    /// How many requests are under way.
    pub fn in_flight(&self) -> usize {
        self.requests.in_flight()
    }

    /// How many objects are open: events may still be added to them.
    pub fn open_objects(&self) -> usize {
        self.open.len()
    }

    /// The objects that were begun and are neither visible nor failed.
    pub fn unfinished(&self) -> impl Iterator<Item = &Span> {
        self.uploads.values().filter(|u| u.end().is_none()).map(|u| &u.span)
    }

    /// The uploads that are, or may be, in the store although nobody has a use for them.
    pub fn leftovers(&self) -> Vec<Leftover> {
        self.cleanups.leftovers().into_iter().chain(self.orphans.leftovers()).collect()
    }

    /// How many there are of those.
    pub fn left(&self) -> u64 {
        self.cleanups.count() + self.orphans.count()
    }

    fn request(&self, owner: Owner, operation: Operation) -> Option<Request> {
        let now = self.signer.store_time(self.now.wall);
        match owner {
            Owner::Upload(number) => {
                let upload = self.uploads.get(&number)?;
                let request = wire::request(&self.settings, upload, operation, now);
                Some(request.expect("an upload asks only for what it can say"))
            }
            Owner::Cleanup(number) => {
                let (name, upload_id) = self.cleanups.get(number)?;
                Some(wire::abort(&self.settings, name, upload_id, now))
            }
            Owner::Inquiry(question) => self.inquiry_request(question, now),
        }
    }

    fn no_credentials(&mut self, error: CredentialsError) {
        let cause = explain::credentials(&error);
        let (now, policy) = (self.now.monotonic, self.settings.retry);
        let (since, times) = self.signer.failed(now);
        // Where there were some, a source that is away is waited for as a store is. One that never
        // delivered is set up wrongly, most likely.
        let patience = match self.signer.had_credentials() {
            true => policy.time_max,
            false => policy.time_max.min(CREDENTIALS_PATIENCE),
        };
        let waited = now.since(since);
        let is_patient = times < policy.attempts_max || waited < patience;
        let is_failing = matches!(error, CredentialsError::Failed(_));
        let has_some = self.signer.has_credentials();
        if !has_some && waited >= INQUIRY_PATIENCE {
            self.give_up_inquiry(&cause);
        }
        if (is_failing && is_patient) || has_some {
            let wait = backoff(&policy, times, 1).mul_f64(self.random.f64());
            // It may be long, and is told ever less often.
            if times.is_power_of_two() {
                let message = format!("{cause}; asking again in {} ms", wait.as_millis());
                self.report.notice(Level::Warning, message);
            }
            return self.signer.ask_later(now.after(wait));
        }
        self.signer.give_up();
        self.fail_all(&cause);
        self.give_up_inquiry(&cause);
        // Without credentials nothing can be aborted either; that is tried again later.
        for number in self.requests.forget_where(Owner::cleanup) {
            self.put_off(number, &cause.to_string());
        }
    }

    /// Tries aborts again that are due, or all that are remembered.
    fn clean_up(&mut self, all: bool) {
        for number in self.cleanups.take_due(self.now.monotonic, all) {
            self.requests.add(Owner::Cleanup(number), Operation::AbortMultipartUpload);
        }
    }
}

/// How many objects may be sealed and unfinished before there is no room: what they cost beside
/// their bytes stays within a few MiB.
pub(crate) const ENDING_MAX: usize = 1_024;
/// How long a source of credentials that never delivered may be away before objects fail for it.
const CREDENTIALS_PATIENCE: Duration = Duration::from_secs(60);
