//! What is done about an outcome: one pure function.

use std::time::Duration;

use crate::client::clock::Offset;
use crate::client::verdict::{Class, Verdict};
use crate::s3::Operation;
use crate::settings::RetrySettings;

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request is done.
    Proceed,
    /// The same request again, signed afresh, after this long.
    Retry(Duration),
    /// The same request again, at once: it is as if it had not been sent.
    Resend,
    /// Fresh credentials first, then the same request again.
    Refresh,
    /// The same request again, signed with the store's time.
    CorrectClock(Offset),
    /// The same request again, signed for the region that the store named.
    CorrectRegion,
    /// Ask whether the object is there, and whether it is ours.
    Settle,
    /// The whole object again, from what is still held of it.
    Restart,
    /// The object gets another name, or fails: somebody else's has the one it was to get.
    Rename,
    /// The object fails.
    Fail,
}

/// What is done where HeadObject shows that the object of a doubtful request is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The same request again, after this long.
    Retry(Duration),
    /// The object fails.
    Fail,
}

/// The limit that keeps a request from being tried again, by its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// `attempts_max`
    Attempts,
    /// `retry_time_max_ms`
    Time,
    /// `retry_budget`
    Budget,
}

/// What has been tried of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Attempts, the last included, without those that count as [`stale`](History::stale).
    pub attempts: u32,
    /// Attempts that ended with the connection that they were given, which was closed already.
    pub stale: u32,
    /// Attempts whose answer was none of S3.
    pub garbled: u32,
    /// Since the first of them.
    pub elapsed: Duration,
    /// How often credentials, clock or region were put right for it.
    pub corrections: u32,
    /// Whether the store may have done it, although no answer said so.
    pub maybe_done: bool,
    /// Whether the region that the store named is another than it was signed for.
    pub region_differs: bool,
}

impl History {
    /// Takes in what the attempt came to. One that met a connection which was closed before costs
    /// nothing, as long as such connections can be left over from before.
    pub(crate) fn met(&mut self, class: Class) {
        match class {
            Class::Stale if self.stale < STALE_MAX => {
                self.stale += 1;
                self.attempts -= 1;
            }
            Class::Stale => self.stale = STALE_MAX + 1,
            Class::Garbled => self.garbled += 1,
            _ => {}
        }
    }
}

impl RetrySettings {
    /// The same for what nobody may wait for any longer than this.
    pub(crate) fn within(&self, time_max: Duration) -> RetrySettings {
        let backoff_max = self.backoff_max.min(time_max / 4);
        RetrySettings { time_max: self.time_max.min(time_max), backoff_max, ..*self }
    }
}

/// Retries that the whole sink may still make: each takes from it, each success gives back. So a
/// store that is down is not asked ever more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    left: u32,
    max: u32,
}

impl Budget {
    /// A full one; 0 is one without end.
    pub fn new(max: u32) -> Budget {
        Budget { left: max, max }
    }

    /// Takes one retry, if there is one.
    pub fn take(&mut self) -> bool {
        if self.max == 0 {
            return true;
        }
        let taken = self.left.checked_sub(RETRY_COST);
        self.left = taken.unwrap_or(self.left);
        taken.is_some()
    }

    /// Gives back what a success is worth.
    pub fn give(&mut self) {
        self.left = (self.left + 1).min(self.max);
    }

    /// Whether there is a retry in it.
    pub fn has_one(&self) -> bool {
        self.max == 0 || self.left >= RETRY_COST
    }
}

/// What is done about an outcome; `jitter` is drawn evenly from 0 to 1.
pub fn decide(
    operation: Operation,
    verdict: &Verdict,
    history: &History,
    policy: &RetrySettings,
    budget: &Budget,
    jitter: f64,
) -> Decision {
    let may_retry = spent(verdict, history, policy, budget).is_none();
    // A question whose answer is not known is settled by looking, never by guessing.
    let spent = if history.maybe_done && operation.makes_visible() {
        Decision::Settle
    } else {
        Decision::Fail
    };
    // What is put right is no retry: the request was never good before.
    let may_correct = history.corrections < CORRECTIONS_MAX;
    let wait = |factor| Decision::Retry(wait(verdict, history.attempts, policy, jitter, factor));
    match verdict.class {
        Class::Done => Decision::Proceed,
        Class::Stale if history.stale <= STALE_MAX => Decision::Resend,
        Class::Transient | Class::Stale if may_retry => wait(1),
        // What says yes in so many words but one will say the same again: whether it is true can be
        // looked at.
        Class::Garbled if operation == Operation::PutObject && verdict.said.quote.is_none() => {
            spent
        }
        Class::Garbled if may_retry && history.garbled < GARBLED_MAX => wait(1),
        Class::Throttled if may_retry => wait(THROTTLED_FACTOR),
        Class::Conflict if history.maybe_done && operation.makes_visible() => Decision::Settle,
        Class::Conflict if operation == Operation::CompleteMultipartUpload => Decision::Restart,
        Class::Conflict if may_retry => wait(1),
        Class::Expired if may_correct => Decision::Refresh,
        Class::Skewed(offset) if may_correct => Decision::CorrectClock(offset),
        Class::WrongRegion if may_correct && history.region_differs => Decision::CorrectRegion,
        // It may be our own that is there, of an attempt whose answer is lost.
        Class::Exists if history.maybe_done && operation.makes_visible() => Decision::Settle,
        Class::Exists if operation.makes_visible() => Decision::Rename,
        Class::NoSuchUpload if history.maybe_done && operation.makes_visible() => Decision::Settle,
        // What was to be ended is over, and what was asked about is no more.
        Class::NoSuchUpload
            if matches!(operation, Operation::AbortMultipartUpload | Operation::ListParts) =>
        {
            Decision::Proceed
        }
        Class::NoSuchUpload => Decision::Restart,
        _ => spent,
    }
}

/// Which limit keeps a request from being tried again, if one does.
pub fn spent(
    verdict: &Verdict,
    history: &History,
    policy: &RetrySettings,
    budget: &Budget,
) -> Option<Spent> {
    let attempts_max = Some(policy.attempts_max).filter(|max| *max > 0);
    // Who is to come back after the end need not come back.
    let next = history.elapsed.saturating_add(asked(verdict));
    if attempts_max.is_some_and(|max| history.attempts >= max) {
        Some(Spent::Attempts)
    } else if next >= policy.time_max {
        Some(Spent::Time)
    } else if !budget.has_one() {
        Some(Spent::Budget)
    } else {
        None
    }
}

/// What is done about a request that ended in doubt, and whose object is not there: it took no
/// effect, so it may be made again, unless that is known to be of no use.
pub fn decide_absent(
    verdict: &Verdict,
    history: &History,
    policy: &RetrySettings,
    budget: &Budget,
    jitter: f64,
) -> Absent {
    let may_retry = spent(verdict, history, policy, budget).is_none();
    let may_help = match verdict.class {
        // Whatever was in the way is there no more.
        Class::Transient | Class::Throttled | Class::Stale | Class::Exists => true,
        Class::Garbled => history.garbled < GARBLED_MAX,
        _ => false,
    };
    match may_retry && may_help {
        true => Absent::Retry(wait(verdict, history.attempts, policy, jitter, 1)),
        false => Absent::Fail,
    }
}

/// Full jitter over an exponential ceiling, on top of what the store asked for: it asked many at
/// once.
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
fn wait(
    verdict: &Verdict,
    attempts: u32,
    policy: &RetrySettings,
    jitter: f64,
    factor: u32,
) -> Duration {
    asked(verdict) + backoff(policy, attempts, factor).mul_f64(jitter)
}

/// How long the store asked to wait.
fn asked(verdict: &Verdict) -> Duration {
    verdict.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX)
}

/// The longest wait after so many attempts.
pub(crate) fn backoff(policy: &RetrySettings, attempts: u32, factor: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(DOUBLINGS_MAX);
    policy.backoff_base.saturating_mul(factor << doublings).min(policy.backoff_max)
}

/// What a retry takes of the budget, where a success gives back 1.
const RETRY_COST: u32 = 10;
/// What is wrong when it was put right so often is wrong.
const CORRECTIONS_MAX: u32 = 3;
/// Throttling wants a longer pause than a blip.
const THROTTLED_FACTOR: u32 = 10;
/// Keeps the shift in range; the ceiling is reached long before.
const DOUBLINGS_MAX: u32 = 20;
/// More connections than a host keeps for one sink: beyond that it is the store that closes them.
const STALE_MAX: u32 = 256;
/// Who answers so often with what is no answer of S3 is no store.
const GARBLED_MAX: u32 = 5;
/// A server may not put the sink to sleep for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
