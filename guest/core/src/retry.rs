//! What is done about an outcome: one pure function.

use std::time::Duration;

use crate::classify::{Class, Verdict};
use crate::clock::Offset;
use crate::settings::RetrySettings;
use crate::upload::Operation;

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request is done.
    Proceed,
    /// The same request again, signed afresh, after this long.
    Retry(Duration),
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

/// What has been tried of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Attempts, the last included.
    pub attempts: u32,
    /// Since the first of them.
    pub elapsed: Duration,
    /// How often credentials, clock or region were put right for it.
    pub corrections: u32,
    /// Whether the store may have done it, although no answer said so.
    pub maybe_done: bool,
    /// Whether the region that the store named is another than it was signed for.
    pub region_differs: bool,
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
    let may_retry = history.attempts < policy.attempts_max
        && history.elapsed < policy.time_max
        && budget.has_one();
    // A question whose answer is not known is settled by looking, never by guessing.
    let spent = if history.maybe_done && makes_visible(operation) {
        Decision::Settle
    } else {
        Decision::Fail
    };
    // What is put right is no retry: the request was never good before.
    let may_correct = history.corrections < CORRECTIONS_MAX;
    let wait = |factor| Decision::Retry(wait(verdict, history.attempts, policy, jitter, factor));
    match verdict.class {
        Class::Done => Decision::Proceed,
        Class::Transient if may_retry => wait(1),
        Class::Throttled if may_retry => wait(THROTTLED_FACTOR),
        Class::Conflict if history.maybe_done && makes_visible(operation) => Decision::Settle,
        Class::Conflict if operation == Operation::CompleteMultipartUpload => Decision::Restart,
        Class::Conflict if may_retry => wait(1),
        Class::Expired if may_correct => Decision::Refresh,
        Class::Skewed(offset) if may_correct => Decision::CorrectClock(offset),
        Class::WrongRegion if may_correct && history.region_differs => Decision::CorrectRegion,
        // It may be our own that is there, of an attempt whose answer is lost.
        Class::Exists if history.maybe_done && makes_visible(operation) => Decision::Settle,
        Class::Exists if makes_visible(operation) => Decision::Rename,
        Class::NoSuchUpload if history.maybe_done && makes_visible(operation) => Decision::Settle,
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

/// The operations after which an object is there.
fn makes_visible(operation: Operation) -> bool {
    matches!(operation, Operation::PutObject | Operation::CompleteMultipartUpload)
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
    let asked = verdict.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    asked + backoff(policy, attempts, factor).mul_f64(jitter)
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
/// A server may not put the sink to sleep for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetrySettings = RetrySettings {
        attempts_max: 3,
        time_max: Duration::from_secs(60),
        budget: 30,
        backoff_base: Duration::from_millis(100),
        backoff_max: Duration::from_secs(2),
    };
    const COMPLETE: Operation = Operation::CompleteMultipartUpload;
    const PART: Operation = Operation::UploadPart(1);

    fn verdict(class: Class) -> Verdict {
        Verdict {
            class,
            answer: None,
            maybe_done: false,
            status: 0,
            error: None,
            transport: None,
            retry_after: None,
            region: None,
            clock: None,
            took: Duration::ZERO,
        }
    }

    fn decided(operation: Operation, class: Class, history: History) -> Decision {
        decide(operation, &verdict(class), &history, &POLICY, &Budget::new(30), 1.0)
    }

    fn after(attempts: u32) -> History {
        History { attempts, ..History::default() }
    }

    #[test]
    fn attempts_time_and_budget_run_out() {
        let retry = |history, budget: &Budget| {
            let verdict = verdict(Class::Transient);
            matches!(decide(PART, &verdict, &history, &POLICY, budget, 0.5), Decision::Retry(_))
        };
        let mut budget = Budget::new(30);
        assert!(retry(after(2), &budget));
        assert!(!retry(after(3), &budget), "attempts");
        let long = History { elapsed: Duration::from_secs(60), ..after(1) };
        assert!(!retry(long, &budget), "time");
        assert!(budget.take() && budget.take() && budget.take() && !budget.take());
        assert!(!retry(after(1), &budget), "budget");
        (0..10).for_each(|_| budget.give());
        assert!(retry(after(1), &budget), "ten successes are worth a retry");
        assert!(Budget::new(0).take(), "no budget is no limit");
    }

    #[test]
    fn what_may_have_become_visible_is_looked_for_when_nothing_else_is_left() {
        let doubtful = History { maybe_done: true, ..after(3) };
        assert_eq!(decided(COMPLETE, Class::Transient, doubtful), Decision::Settle);
        assert_eq!(decided(Operation::PutObject, Class::Refused, doubtful), Decision::Settle);
        assert_eq!(decided(COMPLETE, Class::NoSuchUpload, doubtful), Decision::Settle);
        assert_eq!(decided(COMPLETE, Class::Exists, doubtful), Decision::Settle);
        assert_eq!(decided(COMPLETE, Class::Exists, after(1)), Decision::Rename);
        assert_eq!(decided(COMPLETE, Class::Conflict, doubtful), Decision::Settle);
        assert_eq!(decided(COMPLETE, Class::Transient, after(3)), Decision::Fail);
        assert_eq!(decided(PART, Class::Transient, doubtful), Decision::Fail);
        assert_eq!(decided(Operation::HeadObject, Class::Transient, doubtful), Decision::Fail);
    }

    #[test]
    fn an_upload_that_is_lost_begins_again() {
        assert_eq!(decided(COMPLETE, Class::Conflict, after(1)), Decision::Restart);
        assert_eq!(decided(COMPLETE, Class::NoSuchUpload, after(1)), Decision::Restart);
        assert_eq!(decided(PART, Class::NoSuchUpload, after(1)), Decision::Restart);
        for operation in [Operation::AbortMultipartUpload, Operation::ListParts] {
            assert_eq!(decided(operation, Class::NoSuchUpload, after(1)), Decision::Proceed);
        }
        assert!(matches!(
            decided(Operation::PutObject, Class::Conflict, after(1)),
            Decision::Retry(_)
        ));
    }

    #[test]
    fn credentials_clock_and_region_are_corrected_so_often() {
        assert_eq!(decided(PART, Class::Expired, after(1)), Decision::Refresh);
        let often = History { corrections: 3, ..after(1) };
        assert_eq!(decided(PART, Class::Expired, often), Decision::Fail);
        assert_eq!(decided(PART, Class::Expired, after(3)), Decision::Refresh, "it is no retry");
        let skewed = Class::Skewed(Offset(7));
        assert_eq!(decided(PART, skewed, after(1)), Decision::CorrectClock(Offset(7)));
        assert_eq!(decided(PART, skewed, often), Decision::Fail);
        let differs = History { region_differs: true, ..after(1) };
        assert_eq!(decided(PART, Class::WrongRegion, differs), Decision::CorrectRegion);
        assert_eq!(decided(PART, Class::WrongRegion, after(1)), Decision::Fail);
    }

    #[test]
    fn waits_double_up_to_a_limit_and_heed_the_store() {
        let policy = RetrySettings { attempts_max: 50, ..POLICY };
        let wait = |verdict: &Verdict, attempts| {
            let budget = Budget::new(0);
            match decide(PART, verdict, &after(attempts), &policy, &budget, 1.0) {
                Decision::Retry(wait) => wait,
                other => panic!("{other:?}"),
            }
        };
        let (blip, mut slow) = (verdict(Class::Transient), verdict(Class::Throttled));
        assert_eq!(wait(&blip, 1), Duration::from_millis(100));
        assert_eq!(wait(&blip, 3), Duration::from_millis(400));
        assert_eq!(wait(&blip, 40), Duration::from_secs(2));
        assert_eq!(wait(&slow, 1), Duration::from_secs(1));
        slow.retry_after = Some(Duration::from_secs(7));
        assert_eq!(wait(&slow, 1), Duration::from_secs(8));
        slow.retry_after = Some(Duration::from_secs(9_999));
        assert_eq!(wait(&slow, 1), RETRY_AFTER_MAX + Duration::from_secs(1));
    }
}
