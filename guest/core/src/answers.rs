//! Classify, decide, act: what the sink does about an answer.

use std::time::Duration;

use crate::classify::{Answer, Class, TransportError, Verdict, classify};
use crate::clock::{Flight, Offset};
use crate::error::Error;
use crate::explain::{self, Subject};
use crate::http::Response;
use crate::ids::{CleanupNumber, ExchangeId, UploadNumber};
use crate::naming::Sight;
use crate::notice::Level;
use crate::outage::News;
use crate::owner::{Owner, SinkTask};
use crate::quote::plain;
use crate::requests::{Flying, Signed};
use crate::retry::{Absent, Decision, Spent, decide, decide_absent, spent};
use crate::s3::Operation;
use crate::settings::RetrySettings;
use crate::sink::Sink;
use crate::upload::{Looked, Upload};

type Outcome = Result<Response, TransportError>;

impl Sink {
    pub(crate) fn answered(&mut self, exchange: ExchangeId, outcome: &Outcome) {
        let flying = self.requests.in_flight();
        let landed = self.requests.landed(exchange, self.now.monotonic);
        let Some(Flying { mut task, signed, sent: departed }) = landed else { return };
        let (sent, received, offset) = (signed.at, self.now.wall, signed.offset);
        let flight = Flight { sent, received, offset };
        let mut verdict = classify(task.operation, outcome, &flight);
        // A store may repeat what it was sent, and its words go into logs.
        for text in verdict.texts() {
            self.settings.encryption.hide_in(text);
            signed.session_token.iter().for_each(|token| token.hide_in(text));
        }
        self.counters.answered(task.operation, &verdict, self.now.monotonic.since(departed));
        task.met = Some(verdict.class);
        task.history.maybe_done |= verdict.maybe_done;
        task.history.region_differs = verdict.region.as_ref().is_some_and(|r| *r != signed.region);
        self.learn(&verdict, &task, &signed);
        if verdict.is_crowded() {
            self.window.narrow(flying, departed, self.now.monotonic);
        } else if verdict.transport.is_none() {
            self.window.widen();
        }
        task.history.met(verdict.class);
        let (operation, policy) = (task.operation, self.policy(task.owner));
        let jitter = self.random.f64();
        let decision = decide(operation, &verdict, &task.history, &policy, &self.budget, jitter);
        self.tell(&task, decision, &verdict);
        match task.owner {
            Owner::Upload(number) => self.act(number, task, decision, verdict),
            Owner::Cleanup(number) => self.act_on_cleanup(number, task, decision, &verdict),
            Owner::Inquiry(question) => self.act_on_inquiry(question, task, decision, verdict),
        }
    }

    /// What an answer shows of credentials, clock and region holds for all requests, also where
    /// this one is not made again.
    fn learn(&mut self, verdict: &Verdict, task: &SinkTask, signed: &Signed) {
        match verdict.class {
            Class::Expired => self.signer.expired(signed.generation),
            Class::Skewed(offset) => self.correct_clock(offset),
            Class::WrongRegion if task.history.region_differs => self.correct_region(verdict),
            _ => {}
        }
    }

    fn act(
        &mut self,
        number: UploadNumber,
        task: SinkTask,
        decision: Decision,
        mut verdict: Verdict,
    ) {
        if let Some(answer) = verdict.answer.take() {
            self.budget.give();
            return match answer {
                Answer::Found(found) => self.looked(number, Sight::Found(found)),
                answer => self.landed(number, |upload| upload.done(task.operation, answer)),
            };
        }
        let verdict = &verdict;
        let name = self.uploads[&number].span.object_key.clone();
        self.suspect(&name, task, verdict);
        if self.uploads[&number].is_given_up() {
            // Nobody waits for this request any more, only for its end.
            return self.landed(number, |_| {});
        }
        match decision {
            Decision::Retry(_)
            | Decision::Resend
            | Decision::Refresh
            | Decision::CorrectClock(_)
            | Decision::CorrectRegion => self.try_again(task, decision),
            Decision::Settle => {
                let doubt = self.explain(number, task, verdict);
                let (policy, jitter) = (self.policy(task.owner), self.random.f64());
                let history = &task.history;
                let again = match decide_absent(verdict, history, &policy, &self.budget, jitter) {
                    Absent::Retry(wait) => Some((task.attempted(), wait)),
                    Absent::Fail => None,
                };
                self.landed(number, |upload| upload.doubt(doubt, again));
            }
            Decision::Restart => {
                let cause = self.explain(number, task, verdict);
                self.notice(Level::Warning, format!("{cause}; the upload begins again"));
                self.landed(number, |_| {});
                self.drop_requests(number, |upload| upload.restart(cause));
            }
            Decision::Rename => {
                let cause = self.explain(number, task, verdict);
                self.landed(number, |_| {});
                self.taken(number, cause);
            }
            Decision::Fail | Decision::Proceed if task.operation == Operation::HeadObject => {
                let sight = match verdict.class {
                    Class::NotFound => Sight::Absent,
                    _ => Sight::Unknown(explain::outcome(verdict)),
                };
                self.looked(number, sight);
            }
            Decision::Fail | Decision::Proceed => {
                let cause = self.explain(number, task, verdict);
                self.landed(number, |_| {});
                self.fail(number, cause);
            }
        }
    }

    fn act_on_cleanup(
        &mut self,
        number: CleanupNumber,
        task: SinkTask,
        decision: Decision,
        verdict: &Verdict,
    ) {
        match decision {
            Decision::Proceed => {
                self.budget.give();
                let was_orphan = self.cleanups.done(number);
                self.counters.orphans_aborted += u64::from(was_orphan);
            }
            Decision::Retry(_)
            | Decision::Resend
            | Decision::Refresh
            | Decision::CorrectClock(_)
            | Decision::CorrectRegion => self.try_again(task, decision),
            Decision::Settle | Decision::Restart | Decision::Rename | Decision::Fail => {
                let reason = explain::outcome(verdict);
                self.put_off(number, &reason);
            }
        }
    }

    /// Remembers an upload that could not be aborted.
    pub(crate) fn put_off(&mut self, number: CleanupNumber, reason: &str) {
        self.counters.aborts_failed += 1;
        let Some((name, upload_id)) = self.cleanups.get(number) else { return };
        let message = format!(
            "the multipart upload {} of `{name}` could not be aborted ({reason}); that is \
             tried again later, and until then its parts are paid for",
            plain(upload_id)
        );
        if self.cleanups.remember(number, self.now.monotonic) {
            self.notice(Level::Warning, message);
        }
    }

    /// A CreateMultipartUpload whose answer is lost may have begun an upload that nobody knows.
    pub(crate) fn suspect(&mut self, name: &str, task: SinkTask, verdict: &Verdict) {
        if task.operation == Operation::CreateMultipartUpload && verdict.maybe_done {
            let message = format!(
                "a multipart upload of `{name}` may have been left behind: the answer that named \
                 it is lost; a lifecycle rule of the bucket removes such uploads"
            );
            self.cleanups.suspect(name.to_owned());
            self.notice(Level::Warning, message);
        }
    }

    pub(crate) fn try_again(&mut self, mut task: SinkTask, decision: Decision) {
        match decision {
            Decision::Retry(wait) => {
                self.budget.take();
                return self.requests.again(task, self.now.monotonic.after(wait));
            }
            Decision::Resend => {}
            _ => task.history.corrections += 1,
        }
        self.requests.at_once(task);
    }

    /// Says what becomes of an attempt that failed, and once how it stands with the store.
    fn tell(&mut self, task: &SinkTask, decision: Decision, verdict: &Verdict) {
        let is_given_up = match task.owner {
            // Nobody waits for it any more, so it is not made again.
            Owner::Upload(number) => self.uploads[&number].is_given_up(),
            _ => false,
        };
        let wait = match decision {
            Decision::Retry(wait) if !is_given_up => Some(wait),
            _ => None,
        };
        let news = self.outage.meets(verdict.class, wait.is_some(), self.now.monotonic);
        let attempt = || explain::attempt(&self.settings, &self.subject(task), verdict);
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
        self.notice(level, message);
    }

    /// How long and how often a request is tried: one that a person waits for, or that can be made
    /// later as well, not as long as one that an object depends on.
    fn policy(&self, owner: Owner) -> RetrySettings {
        let retry = self.settings.retry;
        match owner {
            Owner::Upload(_) => retry,
            Owner::Cleanup(_) if self.is_leaving => retry.within(LEAVING_PATIENCE),
            Owner::Cleanup(_) => retry.within(CLEANUP_PATIENCE),
            Owner::Inquiry(_) => retry.within(INQUIRY_PATIENCE),
        }
    }

    /// The limit that keeps a request from being tried again.
    pub(crate) fn spent(&self, task: &SinkTask, verdict: &Verdict) -> Option<Spent> {
        spent(verdict, &task.history, &self.policy(task.owner), &self.budget)
    }

    fn correct_clock(&mut self, offset: Offset) {
        if self.signer.set_offset(offset) {
            let message = format!("this machine's clock is {}", offset.in_words());
            self.notice(Level::Warning, format!("{message}; requests are signed with the store's"));
        }
    }

    fn correct_region(&mut self, verdict: &Verdict) {
        let Some(region) = &verdict.region else { return };
        if self.signer.set_region(region) {
            let configured = &self.settings.region;
            let message = format!(
                "the bucket is in the region `{region}`, not in `{configured}`; requests are \
                 signed for it, but `region` should say so"
            );
            self.notice(Level::Warning, message);
        }
    }

    /// Takes in what HeadObject showed.
    fn looked(&mut self, number: UploadNumber, sight: Sight) {
        let looked = self.change(number, |upload| {
            upload.outstanding -= 1;
            upload.looked(sight)
        });
        match looked {
            Looked::Taken(doubt) => return self.taken(number, doubt),
            Looked::Again(again, wait) => {
                let task = again.of(Owner::Upload(number));
                self.change(number, |upload| upload.outstanding += 1);
                self.try_again(task, Decision::Retry(wait));
            }
            Looked::Settled => {}
        }
        self.advance(number);
    }

    fn landed(&mut self, number: UploadNumber, f: impl FnOnce(&mut Upload)) {
        self.change(number, |upload| {
            upload.outstanding -= 1;
            f(upload);
        });
        self.advance(number);
    }

    fn explain(&self, number: UploadNumber, task: SinkTask, verdict: &Verdict) -> Error {
        let subject = Subject::upload(&self.uploads[&number], task.operation);
        let spent = self.spent(&task, verdict);
        explain::failure(&self.settings, &subject, &task.history, spent, verdict)
    }

    fn subject(&self, task: &SinkTask) -> Subject<'_> {
        match task.owner {
            Owner::Upload(number) => Subject::upload(&self.uploads[&number], task.operation),
            Owner::Cleanup(number) => {
                let name = self.cleanups.get(number).map(|(name, _)| name).unwrap_or_default();
                Subject { name, operation: task.operation }
            }
            Owner::Inquiry(question) => {
                Subject { name: self.inquiry_name(question), operation: task.operation }
            }
        }
    }

    fn notice(&mut self, level: Level, message: String) {
        self.report.notice(level, message);
    }
}

/// How long a person waits for the answer to a question, and a resumed run for what a crash left
/// behind: enough for a blip, and not for an outage.
pub(crate) const INQUIRY_PATIENCE: Duration = Duration::from_secs(5);
/// How long an abort is tried before it is put off: it is tried again later, and at the end.
const CLEANUP_PATIENCE: Duration = Duration::from_secs(10);
/// The same, once the sink is told to give up what is open.
const LEAVING_PATIENCE: Duration = Duration::from_secs(1);
