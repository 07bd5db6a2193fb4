//! One call of the S3 API over all its attempts. It is signed, sent and retried, and ends with one
//! result.
//!
//! The owner of a call gets its result. Retries, credentials, clock and region are handled here.

pub mod answer;
pub(crate) mod call;
pub mod classify;
pub mod clock;
mod counters;
mod credentials;
pub mod explain;
mod headers;
mod outage;
mod queue;
mod request;
pub mod retry;
mod signer;
pub mod verdict;
mod window;

use std::sync::Arc;
use std::time::Duration;

use answer::Answer;
use call::Call;
use classify::classify;
use clock::{Flight, Offset};
use explain::Subject;
use outage::{Outage, OutageEvent};
use queue::{InFlight, Queue, Task};
use retry::{Absent, Budget, Decision, History, decide, decide_absent, spent};
use signer::{Signed, Signer};
use verdict::{Class, TransportError, Verdict};
use window::Window;

use crate::error::Error;
use crate::http::{Request, Response};
use crate::notice::{Level, Notices};
use crate::s3::Operation;
use crate::settings::{RetrySettings, Settings, Timeouts};
use crate::time::{Instant, Now};

pub use counters::RequestCounters;
pub(crate) use credentials::NoCredentials;
pub use queue::ExchangeId;

/// The owner of a call.
pub(crate) trait Requester: Copy + PartialEq {
    /// How long its calls are retried.
    fn patience(self) -> Patience;
}

/// How long a call is retried before it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As configured. An object depends on the call.
    Configured,
    /// A short time. The call can be made again later.
    Background,
    /// Seconds. A person or a resuming sink waits for the call.
    Interactive,
}

/// The calls of owners of one type, and what signs them.
pub(crate) struct Client<O> {
    settings: Arc<Settings>,
    queue: Queue<O>,
    signer: Signer,
    window: Window,
    budget: Budget,
    outage: Outage,
    jitter: fastrand::Rng,
    /// Whether the sink is being closed. Background calls are then retried for a second only.
    is_closing: bool,
    counters: RequestCounters,
}

/// A request of the client to its host.
pub(crate) enum Output {
    /// Get credentials from the host.
    Credentials { fresh: bool },
    /// Send this attempt.
    Send { exchange: ExchangeId, request: Request, timeouts: Timeouts, response_bytes_max: usize },
}

/// The outcome of an attempt, for the owner of the call.
pub(crate) struct Event<O> {
    pub(crate) owner: O,
    pub(crate) operation: Operation,
    pub(crate) verdict: Verdict,
    /// The key of an upload that this attempt may have started, and whose id is unknown.
    pub(crate) lost_upload: Option<String>,
    /// The result of the call. `None` if it is retried.
    pub(crate) end: Option<End>,
}

/// The result of a call.
pub(crate) enum End {
    /// The call succeeded.
    Done(Answer),
    /// The upload to abort, or to list the parts of, does not exist.
    Gone,
    /// The call failed, and it is unknown whether it took effect. The owner can look. If it had no
    /// effect, the owner can make it `again` after a delay, or fail the object with `doubt`.
    Doubtful { doubt: Error, again: Option<(Attempted, Duration)> },
    /// The upload no longer exists.
    UploadLost(Error),
    /// Another object has the key.
    Exists(Error),
    /// The call failed.
    Failed { cause: Error, outcome: String },
    /// The call was cancelled, and its attempt in flight has ended.
    Cancelled,
}

/// A call with its history, which the owner may submit again.
pub(crate) struct Attempted(Box<Task<()>>);

impl<O: Requester> Client<O> {
    /// A client without calls. `seed` determines the jitter of delays, and nothing else.
    pub(crate) fn new(settings: Arc<Settings>, seed: u64) -> Client<O> {
        Client {
            queue: Queue::default(),
            signer: Signer::new(&settings),
            window: Window::new(settings.client.requests_in_flight_max),
            budget: Budget::new(settings.client.retry.budget),
            outage: Outage::default(),
            jitter: fastrand::Rng::with_seed(seed),
            is_closing: false,
            counters: RequestCounters::default(),
            settings,
        }
    }

    /// Submits a call. It is sent as soon as the window permits. `maybe_done` tells that it may
    /// have taken effect before the sink was resumed.
    pub(crate) fn submit(&mut self, owner: O, call: Call, maybe_done: bool) {
        let history = History { maybe_done, ..History::default() };
        self.queue.push(Task::new(owner, call, history));
    }

    /// Submits a call again after `wait`. It has had no effect so far.
    pub(crate) fn resubmit(&mut self, owner: O, call: Attempted, wait: Duration, now: Now) {
        self.try_again((*call.0).of(owner), Decision::Retry(wait), now.monotonic);
    }

    /// Removes the calls of `owner` that are not in flight, and returns their number. Those in
    /// flight are not retried: they end as [`End::Cancelled`] or [`End::Done`].
    pub(crate) fn cancel(&mut self, owner: O) -> usize {
        self.queue.cancel(owner)
    }

    /// Removes the calls whose owner `wanted` maps to a value, except those in flight. Returns the
    /// values.
    pub(crate) fn withdraw<T>(&mut self, wanted: impl Fn(O) -> Option<T>) -> Vec<T> {
        self.queue.withdraw(wanted)
    }

    /// Shortens the time that background calls are retried, since the sink is being closed.
    pub(crate) fn close(&mut self) {
        self.is_closing = true;
    }

    /// The next request to the host, if there is one.
    pub(crate) fn poll(&mut self, now: Now) -> Option<Output> {
        let has_due = self.queue.has_due(now.monotonic);
        if let Some(ask) = self.signer.ask(now, has_due) {
            return Some(Output::Credentials { fresh: ask.fresh });
        }
        if !self.signer.has_credentials() {
            return None;
        }
        let task = self.queue.pop(now.monotonic, self.window.size())?;
        let store_time = self.signer.store_time(now.wall);
        let mut request = request::request(&self.settings, &task.call, store_time);
        let signed = self.signer.sign(&mut request, now.wall);
        let operation = task.call.operation();
        self.counters.sent(operation, task.last_class, request.body.len());
        let response_bytes_max = task.call.response_bytes_max();
        let exchange = self.queue.dispatch(task, signed, now.monotonic);
        let timeouts = match operation {
            Operation::CompleteMultipartUpload => self.settings.client.complete_timeouts,
            _ => self.settings.client.timeouts,
        };
        Some(Output::Send { exchange, request, timeouts, response_bytes_max })
    }

    /// When [`poll`](Client::poll) may return something new, if nothing else happens before.
    pub(crate) fn next_due(&self, now: Now) -> Option<Instant> {
        // A call that is due but cannot be sent waits for a response, or for credentials.
        let has_room = self.queue.in_flight() < self.window.size();
        let due = self.queue.next_due(now.monotonic).filter(|_| has_room);
        due.map(|due| due.max(self.signer.next_due().unwrap_or_default()))
    }

    /// The number of requests in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.queue.in_flight()
    }

    /// Whether there are no calls.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// The counters of requests.
    pub(crate) fn counters(&self) -> &RequestCounters {
        &self.counters
    }

    /// Processes the outcome of an attempt: classify, decide, act. `None` if the attempt is
    /// unknown.
    pub(crate) fn on_response(
        &mut self,
        exchange: ExchangeId,
        outcome: &Result<Response, TransportError>,
        now: Now,
        notices: &mut Notices,
    ) -> Option<Event<O>> {
        let in_flight = self.queue.in_flight();
        let InFlight { mut task, signed, sent } = self.queue.complete(exchange, now.monotonic)?;
        let flight = Flight { sent: signed.at, received: now.wall, offset: signed.offset };
        let operation = task.call.operation();
        let mut verdict = classify(operation, outcome, &flight);
        // A store may repeat what it was sent, and its texts get into logs.
        for text in verdict.texts() {
            self.settings.upload.encryption.hide_in(text);
            signed.session_token.iter().for_each(|token| token.hide_in(text));
        }
        self.counters.answered(operation, &verdict, now.monotonic.since(sent));
        task.last_class = Some(verdict.class);
        task.history.maybe_done |= verdict.maybe_done;
        task.history.region_differs = verdict.region.as_ref().is_some_and(|r| *r != signed.region);
        self.learn(&verdict, &task.history, &signed, notices);
        if verdict.is_crowded() {
            self.window.narrow(in_flight, sent, now.monotonic);
        } else if verdict.transport.is_none() {
            self.window.widen();
        }
        task.history.record(verdict.class);
        let (policy, jitter) = (self.policy(task.owner), self.jitter.f64());
        let decision = decide(operation, &verdict, &task.history, &policy, &self.budget, jitter);
        self.notify(&task, decision, &verdict, now, notices);
        let is_lost = operation == Operation::CreateMultipartUpload && verdict.maybe_done;
        let lost_upload = is_lost.then(|| task.call.key().to_owned());
        let owner = task.owner;
        let end = self.end(task, decision, &mut verdict, now);
        Some(Event { owner, operation, verdict, lost_upload, end })
    }

    /// Records what the response shows of credentials, clock and region. This applies to all calls,
    /// even if this one is not retried.
    fn learn(
        &mut self,
        verdict: &Verdict,
        history: &History,
        signed: &Signed,
        notices: &mut Notices,
    ) {
        match verdict.class {
            Class::Expired => self.signer.expired(signed.generation),
            Class::Skewed(offset) => self.correct_clock(offset, notices),
            Class::WrongRegion if history.region_differs => self.correct_region(verdict, notices),
            _ => {}
        }
    }

    fn end(
        &mut self,
        task: Task<O>,
        decision: Decision,
        verdict: &mut Verdict,
        now: Now,
    ) -> Option<End> {
        if let Some(answer) = verdict.answer.take() {
            self.budget.give();
            return Some(End::Done(answer));
        }
        if task.is_cancelled {
            return Some(End::Cancelled);
        }
        Some(match decision {
            Decision::Retry(_)
            | Decision::Resend
            | Decision::Refresh
            | Decision::CorrectClock(_)
            | Decision::CorrectRegion => {
                self.try_again(task, decision, now.monotonic);
                return None;
            }
            Decision::Proceed => {
                self.budget.give();
                End::Gone
            }
            Decision::Settle => {
                let doubt = self.failure(&task, verdict);
                let (policy, jitter) = (self.policy(task.owner), self.jitter.f64());
                let absent = decide_absent(verdict, &task.history, &policy, &self.budget, jitter);
                let again = match absent {
                    Absent::Retry(wait) => Some((Attempted(Box::new(task.of(()))), wait)),
                    Absent::Fail => None,
                };
                End::Doubtful { doubt, again }
            }
            Decision::Restart => End::UploadLost(self.failure(&task, verdict)),
            Decision::Rename => End::Exists(self.failure(&task, verdict)),
            Decision::Fail => {
                let cause = self.failure(&task, verdict);
                End::Failed { cause, outcome: explain::outcome(verdict) }
            }
        })
    }

    fn try_again(&mut self, mut task: Task<O>, decision: Decision, now: Instant) {
        match decision {
            Decision::Retry(wait) => {
                self.budget.take();
                return self.queue.retry_at(task, now.after(wait));
            }
            Decision::Resend => {}
            _ => task.history.corrections += 1,
        }
        self.queue.retry_now(task);
    }

    /// Reports a failed attempt, and the start and the end of an outage.
    fn notify(
        &mut self,
        task: &Task<O>,
        decision: Decision,
        verdict: &Verdict,
        now: Now,
        notices: &mut Notices,
    ) {
        let wait = match decision {
            Decision::Retry(wait) if !task.is_cancelled => Some(wait),
            _ => None,
        };
        let event = self.outage.observe(verdict.class, wait.is_some(), now.monotonic);
        let attempt = || explain::attempt(&self.settings, &subject(&task.call), verdict);
        let (level, message) = match (event, wait) {
            (Some(OutageEvent::Retry), Some(wait)) => {
                (Level::Info, format!("{}; trying again in {} ms", attempt(), wait.as_millis()))
            }
            (Some(OutageEvent::Away), _) => {
                let policy = self.policy(task.owner);
                (Level::Warning, explain::away(&self.settings, &policy, &attempt()))
            }
            (Some(OutageEvent::Back(away)), _) => {
                (Level::Info, format!("the store is back after {} s", away.as_secs()))
            }
            (Some(OutageEvent::Retry) | None, _) => return,
        };
        notices.push(level, message);
    }

    fn policy(&self, owner: O) -> RetrySettings {
        let retry = self.settings.client.retry;
        match owner.patience() {
            Patience::Configured => retry,
            Patience::Background if self.is_closing => retry.within(CLOSING_PATIENCE),
            Patience::Background => retry.within(BACKGROUND_PATIENCE),
            Patience::Interactive => retry.within(INTERACTIVE_PATIENCE),
        }
    }

    fn failure(&self, task: &Task<O>, verdict: &Verdict) -> Error {
        let spent = spent(verdict, &task.history, &self.policy(task.owner), &self.budget);
        explain::failure(&self.settings, &subject(&task.call), &task.history, spent, verdict)
    }

    fn correct_clock(&mut self, offset: Offset, notices: &mut Notices) {
        if self.signer.set_offset(offset) {
            let message = format!("this machine's clock is {}", offset.in_words());
            let message = format!("{message}; requests are signed with the store's");
            notices.push(Level::Warning, message);
        }
    }

    fn correct_region(&mut self, verdict: &Verdict, notices: &mut Notices) {
        let Some(region) = &verdict.region else { return };
        if self.signer.set_region(region) {
            let configured = &self.settings.store.region;
            let message = format!(
                "the bucket is in the region `{region}`, not in `{configured}`; requests are \
                 signed for it, but `region` should say so"
            );
            notices.push(Level::Warning, message);
        }
    }
}

fn subject(call: &Call) -> Subject<'_> {
    Subject { name: call.key(), operation: call.operation() }
}

/// How long a person waits for a response. Enough for a short failure, but not for an outage.
const INTERACTIVE_PATIENCE: Duration = Duration::from_secs(5);
/// How long an abort is retried before it is deferred. It is tried again later, and when the sink
/// is closed.
const BACKGROUND_PATIENCE: Duration = Duration::from_secs(10);
/// The same while the sink is being closed.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);
