//! Decides what to do about the outcome of an attempt: one pure function.

use std::time::Duration;

use crate::client::clock::Offset;
use crate::client::verdict::{Class, Verdict};
use crate::s3::Operation;
use crate::settings::RetrySettings;

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The call is done.
    Proceed,
    /// Send the same request again after this delay, with a new signature.
    Retry(Duration),
    /// Send the same request again at once. The attempt does not count.
    Resend,
    /// Get fresh credentials, then send the same request again.
    Refresh,
    /// Send the same request again, signed with the store's time.
    CorrectClock(Offset),
    /// Send the same request again, signed for the region that the store named.
    CorrectRegion,
    /// Look up whether the object exists, and whether this sink wrote it.
    Settle,
    /// Write the whole object again, from the bytes that are still held.
    Restart,
    /// Give the object another name, or fail it: another object has its name.
    Rename,
    /// Fail the object.
    Fail,
}

/// What to do about a request in doubt if HeadObject shows that the object does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Send the same request again after this delay.
    Retry(Duration),
    /// Fail the object.
    Fail,
}

/// The limit that prevents a retry, by its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// `attempts_max`
    Attempts,
    /// `retry_time_max_ms`
    Time,
    /// `retry_budget`
    Budget,
}

/// The attempts of one request so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The number of attempts, without those counted as [`stale`](History::stale).
    pub attempts: u32,
    /// The number of attempts on reused connections that were closed already.
    pub stale: u32,
    /// The number of attempts with a response that is not one of S3.
    pub garbled: u32,
    /// The time since the first attempt.
    pub elapsed: Duration,
    /// How many times credentials, clock or region were corrected for it.
    pub corrections: u32,
    /// Whether it may have taken effect, although no response confirmed it.
    pub maybe_done: bool,
    /// Whether the store named another region than the signature's.
    pub region_differs: bool,
}

impl History {
    /// Records the class of an attempt. An attempt on a closed connection does not count, as long
    /// as there can be such connections in the host's pool.
    pub(crate) fn record(&mut self, class: Class) {
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
    /// The same settings with a shorter time limit.
    pub(crate) fn within(&self, time_max: Duration) -> RetrySettings {
        let backoff_max = self.backoff_max.min(time_max / 4);
        RetrySettings { time_max: self.time_max.min(time_max), backoff_max, ..*self }
    }
}

/// The retry budget of the whole sink. Each retry takes from it, and each success adds to it, so
/// that a store that is down gets fewer requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    left: u32,
    max: u32,
}

impl Budget {
    /// A full budget. 0 for one without a limit.
    pub fn new(max: u32) -> Budget {
        Budget { left: max, max }
    }

    /// Takes one retry. Returns whether there was one.
    pub fn take(&mut self) -> bool {
        if self.max == 0 {
            return true;
        }
        let taken = self.left.checked_sub(RETRY_COST);
        self.left = taken.unwrap_or(self.left);
        taken.is_some()
    }

    /// Adds what a success is worth.
    pub fn give(&mut self) {
        self.left = (self.left + 1).min(self.max);
    }

    /// Whether there is a retry left.
    pub fn has_one(&self) -> bool {
        self.max == 0 || self.left >= RETRY_COST
    }
}

/// Decides what to do about an outcome. `jitter` is drawn uniformly from 0 to 1.
pub fn decide(
    operation: Operation,
    verdict: &Verdict,
    history: &History,
    policy: &RetrySettings,
    budget: &Budget,
    jitter: f64,
) -> Decision {
    let may_retry = spent(verdict, history, policy, budget).is_none();
    // If it is unknown whether the request took effect, a lookup tells.
    let spent = if history.maybe_done && operation.makes_visible() {
        Decision::Settle
    } else {
        Decision::Fail
    };
    // A correction is not a retry, since the request could not succeed before.
    let may_correct = history.corrections < CORRECTIONS_MAX;
    let wait = |factor| Decision::Retry(wait(verdict, history.attempts, policy, jitter, factor));
    match verdict.class {
        Class::Done => Decision::Proceed,
        Class::Stale if history.stale <= STALE_MAX => Decision::Resend,
        Class::Transient | Class::Stale if may_retry => wait(1),
        // A success response that lacks only the ETag would look the same again. A lookup tells
        // whether the object exists.
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
        // The object may be our own, written by an attempt whose response was lost.
        Class::Exists if history.maybe_done && operation.makes_visible() => Decision::Settle,
        Class::Exists if operation.makes_visible() => Decision::Rename,
        Class::NoSuchUpload | Class::InvalidPart
            if history.maybe_done && operation.makes_visible() =>
        {
            Decision::Settle
        }
        Class::InvalidPart if operation == Operation::CompleteMultipartUpload => Decision::Restart,
        // The upload to abort, or to list the parts of, does not exist any more.
        Class::NoSuchUpload if operation.is_of_upload() => Decision::Proceed,
        Class::NoSuchUpload => Decision::Restart,
        _ => spent,
    }
}

/// The limit that prevents a retry, if there is one.
pub fn spent(
    verdict: &Verdict,
    history: &History,
    policy: &RetrySettings,
    budget: &Budget,
) -> Option<Spent> {
    let attempts_max = Some(policy.attempts_max).filter(|max| *max > 0);
    // A retry must not begin after the time limit.
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

/// Decides about a request in doubt whose object does not exist. It had no effect, so it may be
/// sent again unless that is known to be of no use.
pub fn decide_absent(
    verdict: &Verdict,
    history: &History,
    policy: &RetrySettings,
    budget: &Budget,
    jitter: f64,
) -> Absent {
    let may_retry = spent(verdict, history, policy, budget).is_none();
    let may_help = match verdict.class {
        // The obstacle is gone.
        Class::Transient | Class::Throttled | Class::Stale | Class::Exists => true,
        Class::Garbled => history.garbled < GARBLED_MAX,
        _ => false,
    };
    match may_retry && may_help {
        true => Absent::Retry(wait(verdict, history.attempts, policy, jitter, 1)),
        false => Absent::Fail,
    }
}

/// The delay of a retry: full jitter below an exponential limit, added to what the store requested.
/// The store requests the same of many clients at once.
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

/// The delay that the store requested.
fn asked(verdict: &Verdict) -> Duration {
    verdict.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX)
}

/// The longest delay after this number of attempts.
pub(crate) fn backoff(policy: &RetrySettings, attempts: u32, factor: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(DOUBLINGS_MAX);
    policy.backoff_base.saturating_mul(factor << doublings).min(policy.backoff_max)
}

/// What a retry takes from the budget. A success adds 1.
const RETRY_COST: u32 = 10;
/// If this many corrections do not help, a further one will not either.
const CORRECTIONS_MAX: u32 = 3;
/// Throttling needs a longer pause than other failures.
const THROTTLED_FACTOR: u32 = 10;
/// Keeps the shift in range. The limit is reached long before.
const DOUBLINGS_MAX: u32 = 20;
/// More connections than a host pools for one sink. If there are more failures, the store closes
/// new connections too.
const STALE_MAX: u32 = 256;
/// A server that sends this many responses that are not of S3 is not a store.
const GARBLED_MAX: u32 = 5;
/// The longest delay that a server may request.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
