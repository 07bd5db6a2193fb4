//! One call of the S3 API over all its attempts: signed, sent, retried, and ended with one result.
//!
//! An owner is told how its call ended. Retries, credentials, clock and region are the client's.

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

use call::Call;
use classify::classify;
use clock::{Flight, Offset};
use explain::Subject;
use outage::{News, Outage};
use queue::{InFlight, Queue, Task};
use retry::{Absent, Budget, Decision, History, decide, decide_absent, spent};
use signer::{Signed, Signer};
use verdict::{Answer, Class, TransportError, Verdict};
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

/// Whom a call is made for.
pub(crate) trait Requester: Copy + PartialEq {
    /// How long its calls are tried.
    fn patience(self) -> Patience;
}

/// How long a call is tried before it has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as the settings say: an object depends on it.
    Configured,
    /// Not as long: it can be made later as well.
    Background,
    /// Seconds: a person waits for it, or a sink that is being resumed.
    Interactive,
}

/// The calls of owners of one kind, and what they are signed with.
pub(crate) struct Client<O> {
    settings: Arc<Settings>,
    queue: Queue<O>,
    signer: Signer,
    window: Window,
    budget: Budget,
    outage: Outage,
    jitter: fastrand::Rng,
    /// The sink is being left: what can be made later is tried for a second only.
    is_leaving: bool,
    counters: RequestCounters,
}

/// What the client asks for.
pub(crate) enum Output {
    /// Credentials, from the host.
    Credentials { fresh: bool },
    /// This attempt, to be sent.
    Send { exchange: ExchangeId, request: Request, timeouts: Timeouts },
}

/// What an attempt came to, as far as the owner of its call has to know.
pub(crate) struct Event<O> {
    pub(crate) owner: O,
    pub(crate) operation: Operation,
    pub(crate) verdict: Verdict,
    /// The key of an upload that this attempt may have begun, and whose id will never be known.
    pub(crate) lost_upload: Option<String>,
    /// How the call ended; nothing while it is tried again.
    pub(crate) end: Option<End>,
}

/// How a call ended.
pub(crate) enum End {
    /// The store did it.
    Done(Answer),
    /// The store knows no such upload, and the call was to end it or to list its parts.
    Gone,
    /// It failed, and may have had its effect: whether it had can be looked at. If it had none, the
    /// call can be made `again` after a while, or the object fails with `doubt`.
    Doubtful { doubt: Error, again: Option<(Attempted, Duration)> },
    /// The upload is lost.
    UploadLost(Error),
    /// Somebody else's object has the key.
    Exists(Error),
    /// It failed.
    Failed { cause: Error, outcome: String },
    /// It was cancelled, and what was in flight of it is over.
    Cancelled,
}

/// A call with what has been tried of it, for its owner to make it again.
pub(crate) struct Attempted(Box<Task<()>>);

impl<O: Requester> Client<O> {
    /// A client that has sent nothing. `seed` decides the jitter of waits, and nothing else.
    pub(crate) fn new(settings: Arc<Settings>, seed: u64) -> Client<O> {
        Client {
            queue: Queue::default(),
            signer: Signer::new(&settings),
            window: Window::new(settings.client.requests_in_flight_max),
            budget: Budget::new(settings.client.retry.budget),
            outage: Outage::default(),
            jitter: fastrand::Rng::with_seed(seed),
            is_leaving: false,
            counters: RequestCounters::default(),
            settings,
        }
    }

    /// Makes a call as soon as there is room. `maybe_done` says that it may have had its effect
    /// already, in an earlier life of the sink.
    pub(crate) fn submit(&mut self, owner: O, call: Call, maybe_done: bool) {
        let history = History { maybe_done, ..History::default() };
        self.queue.push(Task::new(owner, call, history));
    }

    /// Makes a call again that had no effect, after `wait`.
    pub(crate) fn resubmit(&mut self, owner: O, call: Attempted, wait: Duration, now: Now) {
        self.try_again((*call.0).of(owner), Decision::Retry(wait), now.monotonic);
    }

    /// Forgets the calls of `owner` that are not in flight, and returns how many they were. Those
    /// in flight are not made again: they end as [`End::Cancelled`] or [`End::Done`].
    pub(crate) fn cancel(&mut self, owner: O) -> usize {
        self.queue.cancel(owner)
    }

    /// Forgets the calls of the owners that are `wanted` and that are not in flight, and returns
    /// what they are wanted for.
    pub(crate) fn withdraw<T>(&mut self, wanted: impl Fn(O) -> Option<T>) -> Vec<T> {
        self.queue.withdraw(wanted)
    }

    /// From now on nobody waits long for what can be made later.
    pub(crate) fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// What is to be sent or asked for next, if anything.
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
        self.counters.sent(operation, task.met, request.body.len());
        let exchange = self.queue.dispatch(task, signed, now.monotonic);
        let timeouts = match operation {
            Operation::CompleteMultipartUpload => self.settings.client.complete_timeouts,
            _ => self.settings.client.timeouts,
        };
        Some(Output::Send { exchange, request, timeouts })
    }

    /// When [`poll`](Client::poll) may have something that it has not now, if nothing else happens
    /// before.
    pub(crate) fn next_due(&self, now: Now) -> Option<Instant> {
        // What is due and cannot be sent yet waits for an answer, or for the credentials.
        let has_room = self.queue.in_flight() < self.window.size();
        let due = self.queue.next_due(now.monotonic).filter(|_| has_room);
        due.map(|due| due.max(self.signer.next_due().unwrap_or_default()))
    }

    /// How many requests are in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.queue.in_flight()
    }

    /// Whether no call is waiting or in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// What was counted.
    pub(crate) fn counters(&self) -> &RequestCounters {
        &self.counters
    }

    /// Classify, decide, act: takes in how an attempt ended. Nothing where the attempt is unknown.
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
        // A store may repeat what it was sent, and its words go into logs.
        for text in verdict.texts() {
            self.settings.upload.encryption.hide_in(text);
            signed.session_token.iter().for_each(|token| token.hide_in(text));
        }
        self.counters.answered(operation, &verdict, now.monotonic.since(sent));
        task.met = Some(verdict.class);
        task.history.maybe_done |= verdict.maybe_done;
        task.history.region_differs = verdict.region.as_ref().is_some_and(|r| *r != signed.region);
        self.learn(&verdict, &task.history, &signed, notices);
        if verdict.is_crowded() {
            self.window.narrow(in_flight, sent, now.monotonic);
        } else if verdict.transport.is_none() {
            self.window.widen();
        }
        task.history.met(verdict.class);
        let (policy, jitter) = (self.policy(task.owner), self.jitter.f64());
        let decision = decide(operation, &verdict, &task.history, &policy, &self.budget, jitter);
        self.tell(&task, decision, &verdict, now, notices);
        let is_lost = operation == Operation::CreateMultipartUpload && verdict.maybe_done;
        let lost_upload = is_lost.then(|| task.call.key().to_owned());
        let owner = task.owner;
        let end = self.end(task, decision, &mut verdict, now);
        Some(Event { owner, operation, verdict, lost_upload, end })
    }

    /// What an answer shows of credentials, clock and region holds for all calls, also where this
    /// one is not made again.
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

    /// Says what becomes of an attempt that failed, and once how it stands with the store.
    fn tell(
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
        let news = self.outage.meets(verdict.class, wait.is_some(), now.monotonic);
        let attempt = || explain::attempt(&self.settings, &subject(&task.call), verdict);
        let (level, message) = match (news, wait) {
            (Some(News::Retry), Some(wait)) => {
                (Level::Info, format!("{}; trying again in {} ms", attempt(), wait.as_millis()))
            }
            (Some(News::Away), _) => {
                let policy = self.policy(task.owner);
                (Level::Warning, explain::away(&self.settings, &policy, &attempt()))
            }
            (Some(News::Back(away)), _) => {
                (Level::Info, format!("the store is back after {} s", away.as_secs()))
            }
            (Some(News::Retry) | None, _) => return,
        };
        notices.push(level, message);
    }

    fn policy(&self, owner: O) -> RetrySettings {
        let retry = self.settings.client.retry;
        match owner.patience() {
            Patience::Configured => retry,
            Patience::Background if self.is_leaving => retry.within(LEAVING_PATIENCE),
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

/// How long somebody waits for an answer: enough for a blip, and not for an outage.
const INTERACTIVE_PATIENCE: Duration = Duration::from_secs(5);
/// How long an abort is tried before it is put off: it is tried again later, and at the end.
const BACKGROUND_PATIENCE: Duration = Duration::from_secs(10);
/// The same, once the sink is left.
const LEAVING_PATIENCE: Duration = Duration::from_secs(1);
