//! The state machine: events, answers and time in, requests and reports out.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::classify::TransportError;
use crate::cleanup::{Cleanups, Leftover};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::explain;
use crate::framing::Run;
use crate::http::{Request, Response};
use crate::metrics::Counters;
use crate::report::{Failure, Report, Sealed};
use crate::requests::{ExchangeId, Owner, Requests, UploadNumber};
use crate::retry::Budget;
use crate::settings::{Settings, Timeouts};
use crate::signer::Signer;
use crate::time::{Instant, Now};
use crate::upload::{End, Operation, Span, Upload, Want};
use crate::wire;

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
    /// What was left behind is tried to be removed once more, now.
    CleanUp,
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
    pub(crate) settings: Settings,
    pub(crate) random: fastrand::Rng,
    pub(crate) signer: Signer,
    pub(crate) now: Now,
    pub(crate) uploads: BTreeMap<UploadNumber, Upload>,
    pub(crate) requests: Requests,
    pub(crate) cleanups: Cleanups,
    pub(crate) budget: Budget,
    pub(crate) report: Report,
    pub(crate) counters: Counters,
    open: Option<UploadNumber>,
    /// The unfinished uploads of each name, in their order.
    turns: HashMap<String, VecDeque<UploadNumber>>,
    begun: u64,
    next_position: u64,
    held: u64,
    spare: u64,
    outputs: VecDeque<Output>,
}

impl Sink {
    /// A sink that has seen nothing. `seed` decides jitter and nonces, and nothing else.
    pub fn new(settings: Settings, seed: u64) -> Sink {
        Sink {
            signer: Signer::new(&settings),
            budget: Budget::new(settings.retry.budget),
            settings,
            random: fastrand::Rng::with_seed(seed),
            now: Now::default(),
            uploads: BTreeMap::new(),
            requests: Requests::default(),
            cleanups: Cleanups::default(),
            report: Report::default(),
            counters: Counters::default(),
            open: None,
            turns: HashMap::new(),
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
            Input::CleanUp => self.clean_up(true),
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
        if let Some(ask) = self.signer.ask(self.now.wall, wanting) {
            return Some(Output::Credentials { fresh: ask.fresh });
        }
        if !self.signer.has_credentials(self.now.wall) {
            return None;
        }
        loop {
            let flying_max = self.settings.requests_in_flight_max;
            let task = self.requests.take(self.now.monotonic, flying_max)?;
            let Some(mut request) = self.request(task.owner, task.operation) else { continue };
            let signed = self.signer.sign(&mut request, self.now.wall);
            self.counters.sent(task.operation, task.history.attempts, request.body.len());
            let exchange = self.requests.fly(task, signed);
            let timeouts = match task.operation {
                Operation::CompleteMultipartUpload => self.settings.complete_timeouts,
                _ => self.settings.timeouts,
            };
            return Some(Output::Send { exchange, request, timeouts });
        }
    }

    /// When `handle` wants to be called with [`Input::Tick`], if nothing else happens before.
    pub fn next_due(&self) -> Option<Instant> {
        self.requests.next_due().into_iter().chain(self.cleanups.next_due()).min()
    }

    /// Whether `len` bytes of events may be given now. Always true where nothing is in the way that
    /// waiting would clear, so that events larger than the memory limit pass one by one.
    pub fn has_room(&self, len: u64) -> bool {
        let fits =
            self.held + len <= self.settings.memory_bytes_max && self.uploads.len() < UPLOADS_MAX;
        fits || self.requests.is_empty()
    }

    /// Whether everything accepted is visible or failed, and nothing is under way. An abort that was
    /// tried in vain, and is remembered for later, does not count.
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

    /// How many bytes of events are held, those included that the store has too.
    pub fn held(&self) -> u64 {
        self.held + self.spare
    }

    /// How many requests are under way.
    pub fn in_flight(&self) -> usize {
        self.requests.in_flight()
    }

    /// The objects that were begun and are neither visible nor failed.
    pub fn unfinished(&self) -> impl Iterator<Item = &Span> {
        self.uploads.values().filter(|u| u.end().is_none()).map(|u| &u.span)
    }

    /// The uploads that are, or may be, in the store although nobody has a use for them.
    pub fn leftovers(&self) -> Vec<Leftover> {
        self.cleanups.leftovers()
    }

    /// How many there are of those.
    pub fn left(&self) -> u64 {
        self.cleanups.count()
    }

    fn request(&self, owner: Owner, operation: Operation) -> Option<Request> {
        match owner {
            Owner::Upload(number) => {
                let request = wire::request(&self.settings, self.uploads.get(&number)?, operation);
                Some(request.expect("an upload asks only for what it can say"))
            }
            Owner::Cleanup(number) => {
                let (name, upload_id) = self.cleanups.get(number)?;
                Some(wire::abort(&self.settings, name, upload_id))
            }
        }
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
        self.shed();
    }

    /// Lets go of what is only kept in case, oldest first, where memory is short.
    fn shed(&mut self) {
        let mut wanted = self.held().saturating_sub(self.settings.memory_bytes_max);
        let numbers: Vec<_> =
            self.uploads.iter().filter(|(_, u)| u.spare() > 0).map(|(n, _)| *n).collect();
        for number in numbers {
            if wanted == 0 {
                break;
            }
            wanted -= self.change(number, |upload| upload.shed(wanted)).min(wanted);
        }
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
        let nonce = format!("{:032x}", self.random.u128(..));
        self.uploads.insert(number, Upload::new(span, nonce));
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

    pub(crate) fn fail(&mut self, number: UploadNumber, cause: Error) {
        self.drop_requests(number, |upload| upload.fail(cause));
    }

    /// Forgets the requests of an upload that are not under way, and changes its course.
    pub(crate) fn drop_requests(&mut self, number: UploadNumber, f: impl FnOnce(&mut Upload)) {
        if !self.uploads.contains_key(&number) {
            return;
        }
        let forgotten = self.requests.forget(Owner::Upload(number));
        self.change(number, |upload| {
            upload.outstanding -= forgotten;
            f(upload);
        });
        self.advance(number);
    }

    /// Gives the upload what it wants next, and sees it off where it is over.
    pub(crate) fn advance(&mut self, number: UploadNumber) {
        let cutting = self.settings.cutting();
        loop {
            let Some(upload) = self.uploads.get(&number) else { return };
            let name = &upload.span.name;
            let my_turn = self.turns.get(name).and_then(VecDeque::front) == Some(&number);
            match self.change(number, |upload| upload.next(cutting, my_turn)) {
                Some(Want::Request(operation)) => {
                    self.change(number, |upload| upload.outstanding += 1);
                    self.requests.add(Owner::Upload(number), operation);
                }
                Some(Want::Abort(upload_id)) => {
                    let name = self.uploads[&number].span.name.clone();
                    let cleanup = self.cleanups.add(name, upload_id);
                    self.requests.add(Owner::Cleanup(cleanup), Operation::AbortMultipartUpload);
                }
                None => break,
            }
        }
        let upload = &self.uploads[&number];
        if let Some(end) = upload.end().filter(|_| upload.outstanding == 0) {
            self.over(number, end);
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

    /// Every change of an upload goes through here, so that the sums of what is held stay true.
    pub(crate) fn change<T>(
        &mut self,
        number: UploadNumber,
        f: impl FnOnce(&mut Upload) -> T,
    ) -> T {
        let upload = self.uploads.get_mut(&number).expect("an upload is forgotten last");
        let (held, spare) = (upload.held(), upload.spare());
        let result = f(upload);
        self.held = self.held - held + upload.held();
        self.spare = self.spare - spare + upload.spare();
        result
    }

    fn no_credentials(&mut self, error: CredentialsError) {
        let cause = explain::credentials(&error);
        self.signer.failed();
        self.fail_all(&cause);
        // Without credentials nothing can be aborted either; that is tried again later.
        for number in self.requests.forget_cleanups() {
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
