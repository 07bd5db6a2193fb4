//! The state machine: events, answers and time in, requests and reports out.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::credentials::Credentials;
use crate::error::Error;
use crate::explain;
use crate::framing::Run;
use crate::http::{Request, Response};
use crate::metrics::Counters;
use crate::report::{Failure, Level, Report, Sealed};
use crate::requests::{ExchangeId, Requests, Task, UploadNumber};
use crate::retry::{self, Decision, TransportError, Verdict};
use crate::settings::{Settings, Timeouts};
use crate::signer::Signer;
use crate::time::{Instant, Now};
use crate::upload::{End, Operation, Span, Upload};

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// Events to store. Give them only while [`Sink::has_room`]; their positions must not be below
    /// [`Sink::next_position`].
    Events(Run),
    /// Every open object is sealed.
    Seal,
    /// Everything that is not visible is given up.
    Abort,
    /// An exchange came to its end.
    Answer {
        /// Which one.
        exchange: ExchangeId,
        /// The whole answer, or why there is none.
        outcome: Result<Response, TransportError>,
    },
    /// The host's answer to [`Output::Credentials`].
    Credentials(Result<Credentials, CredentialsError>),
    /// Nothing but time has passed.
    Tick,
}

/// Something to be done.
#[derive(Debug)]
pub enum Output {
    /// Send this, and answer with [`Input::Answer`], exactly once.
    Send {
        /// What to call it in the answer.
        exchange: ExchangeId,
        /// The request, signed for now.
        request: Request,
        /// How long it may take.
        timeouts: Timeouts,
    },
    /// Ask the host for credentials, and answer with [`Input::Credentials`].
    Credentials {
        /// Whether what the host has cached is known to be of no use.
        fresh: bool,
    },
    /// The last events given will never be stored, and were not accepted.
    Rejected {
        /// The position of the first; the others follow it.
        first: u64,
        /// How many they are.
        events: u64,
        /// Why.
        reason: String,
    },
}

/// Why the host has no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialsError {
    /// There is no source of them.
    NotConfigured(String),
    /// There is a source, and it did not deliver.
    Failed(String),
}

/// Events in, objects out.
///
/// The one rule: after every [`handle`](Sink::handle), call [`poll`](Sink::poll) until it returns
/// nothing, and do what it says. `handle` panics where that was not done.
pub struct Sink {
    settings: Settings,
    random: fastrand::Rng,
    signer: Signer,
    now: Now,
    uploads: BTreeMap<UploadNumber, Upload>,
    open: Option<UploadNumber>,
    /// The unfinished uploads of each name, in their order.
    turns: HashMap<String, VecDeque<UploadNumber>>,
    begun: u64,
    next_position: u64,
    held: u64,
    requests: Requests,
    outputs: VecDeque<Output>,
    report: Report,
    counters: Counters,
}

impl Sink {
    /// A sink that has seen nothing. `seed` decides the jitter, and nothing else.
    pub fn new(settings: Settings, seed: u64) -> Sink {
        Sink {
            signer: Signer::new(&settings),
            settings,
            random: fastrand::Rng::with_seed(seed),
            now: Now::default(),
            uploads: BTreeMap::new(),
            open: None,
            turns: HashMap::new(),
            begun: 0,
            next_position: 0,
            held: 0,
            requests: Requests::default(),
            outputs: VecDeque::new(),
            report: Report::default(),
            counters: Counters::default(),
        }
    }

    /// Takes in what happened at `now`.
    pub fn handle(&mut self, now: Now, input: Input) {
        assert!(self.outputs.is_empty(), "poll until it returns nothing before the next handle");
        self.now = now;
        match input {
            Input::Events(run) => self.take(run),
            Input::Seal => self.seal_open(),
            Input::Abort => {
                self.seal_open();
                self.fail_all(&Error::Aborted);
            }
            Input::Answer { exchange, outcome } => self.answered(exchange, &outcome),
            Input::Credentials(Ok(credentials)) => self.signer.set_credentials(credentials),
            Input::Credentials(Err(error)) => self.no_credentials(error),
            Input::Tick => {}
        }
    }

    /// What to do next. Once it returned nothing there is nothing until the next `handle`.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        if let Some(ask) =
            self.signer.ask(self.now.wall, self.requests.is_wanting(self.now.monotonic))
        {
            return Some(Output::Credentials { fresh: ask.fresh });
        }
        if !self.signer.has_credentials(self.now.wall) {
            return None;
        }
        let in_flight_max = self.settings.requests_in_flight_max;
        let (exchange, task) = self.requests.take(self.now.monotonic, in_flight_max)?;
        let upload = &self.uploads[&task.upload];
        let request = self.signer.request(upload, task.operation, &self.settings, self.now.wall);
        self.counters.sent(task.operation, task.attempts, request.body.len());
        let timeouts = match task.operation {
            Operation::CompleteMultipartUpload => self.settings.complete_timeouts,
            _ => self.settings.timeouts,
        };
        Some(Output::Send { exchange, request, timeouts })
    }

    /// When `handle` wants to be called with [`Input::Tick`], if nothing else happens before.
    pub fn next_due(&self) -> Option<Instant> {
        self.requests.next_due()
    }

    /// Whether `len` bytes of events may be given now. Always true where nothing is in the way that
    /// waiting would clear, so that events larger than the memory limit pass one by one.
    pub fn has_room(&self, len: u64) -> bool {
        let fits =
            self.held + len <= self.settings.memory_bytes_max && self.uploads.len() < UPLOADS_MAX;
        fits || self.requests.is_empty()
    }

    /// Whether everything accepted is visible or failed, and nothing is under way.
    pub fn is_settled(&self) -> bool {
        self.requests.is_empty() && self.uploads.values().all(|u| u.end().is_some())
    }

    /// The least position that the next run may begin with.
    pub fn next_position(&self) -> u64 {
        self.next_position
    }

    /// Every event before this position is in a visible object, or was rejected or reported failed.
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

    /// How many bytes of events are held.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// How many requests are under way.
    pub fn in_flight(&self) -> usize {
        self.requests.in_flight()
    }

    /// How many objects were begun and are neither visible nor failed.
    pub fn unfinished(&self) -> usize {
        self.uploads.values().filter(|u| u.end().is_none()).count()
    }

    fn take(&mut self, run: Run) {
        assert!(run.first() >= self.next_position, "positions rise");
        self.next_position = run.next();
        if run.events() == 0 {
            return;
        }
        if let Err(reason) = check_key(run.key()) {
            let (first, events) = (run.first(), run.events());
            self.outputs.push_back(Output::Rejected { first, events, reason });
            return;
        }
        self.counters.accepted(&run);
        let number = self.upload_for(run.key(), run.first());
        let upload = self.uploads.get_mut(&number).expect("it was found or begun just now");
        if upload.end().is_some() {
            // The object failed and was reported. What still comes for it will not be stored either:
            // an object without its beginning would be worse than none.
            let mut span = upload.span.clone();
            (span.first, span.last, span.events) = (run.first(), run.next() - 1, run.events());
            if let Some(End::Failed(cause)) = upload.end() {
                self.counters.events_failed += span.events;
                self.report.failed.push(Failure { span, cause });
            }
            return;
        }
        upload.span.last = run.next() - 1;
        upload.span.events += run.events();
        let framing = self.settings.framing;
        self.change(number, |upload| upload.push(run.into_payload(framing)));
        self.advance(number);
    }

    /// The open upload where it has that key, else a new one; then the other is sealed.
    fn upload_for(&mut self, key: &str, first: u64) -> UploadNumber {
        if let Some(number) = self.open {
            if self.uploads[&number].span.key == key {
                return number;
            }
            self.seal_open();
        }
        let number = UploadNumber(self.begun);
        self.begun += 1;
        let name = key.to_owned();
        self.turns.entry(name.clone()).or_default().push_back(number);
        let span = Span { key: key.to_owned(), name, first, last: first, events: 0 };
        self.uploads.insert(number, Upload::new(span));
        self.open = Some(number);
        self.held += UPLOAD_BYTES;
        number
    }

    fn seal_open(&mut self) {
        if let Some(number) = self.open.take() {
            self.change(number, |upload| upload.sealed = true);
            self.advance(number);
            self.bury(number);
        }
    }

    fn fail_all(&mut self, cause: &Error) {
        let numbers: Vec<_> = self.uploads.keys().copied().collect();
        for number in numbers {
            self.fail(number, cause.clone());
        }
    }

    fn fail(&mut self, number: UploadNumber, cause: Error) {
        if !self.uploads.contains_key(&number) {
            return;
        }
        let forgotten = self.requests.forget(number);
        self.change(number, |upload| {
            upload.outstanding -= forgotten;
            upload.fail(cause);
        });
        self.advance(number);
    }

    /// Asks of the store what the upload wants next, and sees it off where it is over.
    fn advance(&mut self, number: UploadNumber) {
        loop {
            let Some(upload) = self.uploads.get(&number) else { return };
            let my_turn =
                self.turns.get(&upload.span.name).and_then(|t| t.front()) == Some(&number);
            let part_bytes = self.settings.part_bytes;
            let Some(operation) = self.change(number, |u| u.next(part_bytes, my_turn)) else {
                break;
            };
            self.change(number, |upload| upload.outstanding += 1);
            self.requests.add(number, operation);
        }
        let upload = &self.uploads[&number];
        match upload.end() {
            Some(end) if upload.outstanding == 0 => self.over(number, end),
            _ => {}
        }
    }

    /// Reports an upload that is over, once, and lets the next of that name go on.
    fn over(&mut self, number: UploadNumber, end: End) {
        let upload = &self.uploads[&number];
        let (span, bytes) = (upload.span.clone(), upload.bytes);
        let Some(turns) = self.turns.get_mut(&span.name) else { return };
        if !turns.contains(&number) {
            return;
        }
        turns.retain(|n| *n != number);
        let next = turns.front().copied();
        if turns.is_empty() {
            self.turns.remove(&span.name);
        }
        match end {
            End::Visible { parts } => {
                self.counters.sealed(bytes);
                self.report.sealed.push(Sealed { span, bytes, parts });
            }
            End::Failed(cause) => {
                self.counters.objects_failed += 1;
                self.counters.events_failed += span.events;
                self.report.failed.push(Failure { span, cause });
            }
        }
        self.bury(number);
        if let Some(next) = next {
            self.advance(next);
        }
    }

    /// Forgets an upload that is over and that nothing can be added to.
    fn bury(&mut self, number: UploadNumber) {
        let over = |u: &Upload| u.sealed && u.outstanding == 0 && u.end().is_some();
        if self.uploads.get(&number).is_some_and(over) {
            self.uploads.remove(&number);
            self.held -= UPLOAD_BYTES;
        }
    }

    /// Every change of an upload goes through here, so that the sum of what is held stays true.
    fn change<T>(&mut self, number: UploadNumber, f: impl FnOnce(&mut Upload) -> T) -> T {
        let upload = self.uploads.get_mut(&number).expect("an upload is forgotten last");
        let before = upload.held();
        let result = f(upload);
        self.held = self.held - before + upload.held();
        result
    }

    fn answered(&mut self, exchange: ExchangeId, outcome: &Result<Response, TransportError>) {
        let Some(task) = self.requests.landed(exchange) else { return };
        let verdict = retry::classify(task.operation, outcome);
        self.counters.answered(&verdict);
        let jitter = self.random.f64();
        match retry::decide(&verdict, task.attempts, &self.settings.retry, jitter) {
            Decision::Proceed => self.proceed(task, outcome),
            _ if self.uploads[&task.upload].has_failed()
                && task.operation != Operation::AbortMultipartUpload =>
            {
                self.settle(task, |_| {});
            }
            Decision::Retry(wait) => {
                let text = explain::attempt(
                    &self.settings,
                    &self.uploads[&task.upload],
                    task.operation,
                    &verdict,
                );
                let message = format!("{text}; trying again in {} ms", wait.as_millis());
                self.report.notice(Level::Info, message);
                self.requests.again(task, self.now.monotonic.after(wait));
            }
            Decision::Refresh => {
                self.signer.expired();
                self.requests.first(task);
            }
            Decision::Fail => self.give_up(task, &verdict),
        }
    }

    fn proceed(&mut self, task: Task, outcome: &Result<Response, TransportError>) {
        let Ok(response) = outcome else { return };
        let operation = task.operation;
        let result = self.change(task.upload, |upload| {
            upload.outstanding -= 1;
            upload.done(operation, response)
        });
        match result {
            Ok(()) => self.advance(task.upload),
            Err(malformed) => {
                let cause = explain::malformed(
                    &self.settings,
                    &self.uploads[&task.upload],
                    operation,
                    &malformed,
                );
                self.fail(task.upload, cause);
            }
        }
    }

    fn give_up(&mut self, task: Task, verdict: &Verdict) {
        let cause = explain::failure(&self.settings, &self.uploads[&task.upload], task, verdict);
        if task.operation == Operation::AbortMultipartUpload {
            self.counters.aborts_failed += 1;
            self.report.notice(Level::Warning, format!("an upload was left behind: {cause}"));
            self.settle(task, Upload::abandon);
            return;
        }
        self.settle(task, |_| {});
        self.fail(task.upload, cause);
    }

    /// The request is over without success, and will not be made again.
    fn settle(&mut self, task: Task, f: impl FnOnce(&mut Upload)) {
        self.change(task.upload, |upload| {
            upload.outstanding -= 1;
            f(upload);
        });
        self.advance(task.upload);
    }

    fn no_credentials(&mut self, error: CredentialsError) {
        let cause = explain::credentials(&error);
        self.signer.failed();
        self.fail_all(&cause);
    }
}

/// A key is what S3 allows for an object:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
fn check_key(key: &str) -> Result<(), String> {
    match key.len() {
        0 => Err("the key is empty".to_owned()),
        1..=KEY_BYTES_MAX => Ok(()),
        len => Err(format!("the key has {len} bytes, but S3 allows {KEY_BYTES_MAX}")),
    }
}

/// The longest key that S3 takes, in bytes of UTF-8.
const KEY_BYTES_MAX: usize = 1_024;
/// What an upload costs beside its bytes, about.
const UPLOAD_BYTES: u64 = 1_024;
/// How many objects may be unfinished before `write` waits.
const UPLOADS_MAX: usize = 1_024;
