//! The decision for each kind of outcome.

use super::*;
use crate::client::verdict::Said;
use crate::quote::Quote;

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
        said: Said::default(),
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
fn the_limit_that_is_spent_is_named() {
    let spent = |history: History, policy: &RetrySettings, left| {
        let mut budget = Budget::new(30);
        (0..3 - left).for_each(|_| assert!(budget.take()));
        spent(&verdict(Class::Transient), &history, policy, &budget)
    };
    let long = History { elapsed: Duration::from_secs(60), ..after(1) };
    assert_eq!(spent(after(2), &POLICY, 1), None);
    assert_eq!(spent(after(3), &POLICY, 1), Some(Spent::Attempts));
    assert_eq!(spent(long, &POLICY, 1), Some(Spent::Time));
    assert_eq!(spent(after(1), &POLICY, 0), Some(Spent::Budget));
    let patient = RetrySettings { attempts_max: 0, ..POLICY };
    assert_eq!(spent(after(1_000_000), &patient, 1), None, "0 is no limit");
    let mut late = verdict(Class::Throttled);
    late.retry_after = Some(Duration::from_secs(60));
    let asks = super::spent(&late, &after(1), &POLICY, &Budget::new(0));
    assert_eq!(asks, Some(Spent::Time), "the store wants to be asked when it is too late");
}

#[test]
fn a_connection_that_was_closed_before_costs_nothing() {
    let mut history = History { maybe_done: true, ..History::default() };
    for _ in 0..STALE_MAX {
        history.attempts += 1;
        history.record(Class::Stale);
        assert_eq!(history.attempts, 0);
        let decision = decided(Operation::PutObject, Class::Stale, history);
        assert_eq!(decision, Decision::Resend, "also where one attempt is all there is");
    }
    history.attempts += 1;
    history.record(Class::Stale);
    assert_eq!(history.attempts, 1, "nobody keeps so many connections");
    let decision = decided(Operation::PutObject, Class::Stale, history);
    assert!(matches!(decision, Decision::Retry(_)), "{decision:?}");
}

#[test]
fn who_never_answers_as_a_store_is_not_asked_for_long() {
    let garbled = |count| {
        let mut history = History { maybe_done: true, ..History::default() };
        (0..count).for_each(|_| history.record(Class::Garbled));
        history
    };
    assert!(matches!(decided(PART, Class::Garbled, garbled(4)), Decision::Retry(_)));
    assert_eq!(decided(PART, Class::Garbled, garbled(5)), Decision::Fail);
    assert_eq!(decided(COMPLETE, Class::Garbled, garbled(5)), Decision::Settle);
    // A web page may come from a proxy, and be gone at the next attempt. A success without an ETag
    // is no page.
    assert_eq!(decided(Operation::PutObject, Class::Garbled, garbled(1)), Decision::Settle);
    let mut page = verdict(Class::Garbled);
    page.said.quote = Some(Quote { is_page: true, text: "Sign in".to_owned() });
    let put = Operation::PutObject;
    let decision = decide(put, &page, &garbled(1), &POLICY, &Budget::new(0), 1.0);
    assert!(matches!(decision, Decision::Retry(_)), "{decision:?}");
}

#[test]
fn what_proves_absent_is_made_again_within_the_same_limits() {
    let decided =
        |class, history| decide_absent(&verdict(class), &history, &POLICY, &Budget::new(30), 1.0);
    let again = Absent::Retry(Duration::from_millis(100));
    for class in [Class::Transient, Class::Throttled, Class::Stale, Class::Exists] {
        assert_eq!(decided(class, after(1)), again, "{class:?}");
        assert_eq!(decided(class, after(3)), Absent::Fail, "{class:?}");
    }
    let long = History { elapsed: Duration::from_secs(60), ..after(1) };
    assert_eq!(decided(Class::Transient, long), Absent::Fail);
    assert_eq!(decided(Class::Garbled, after(1)), again);
    assert_eq!(decided(Class::Garbled, History { garbled: 5, ..after(1) }), Absent::Fail);
    for class in [Class::Refused, Class::Unreachable, Class::NoSuchUpload, Class::Conflict] {
        assert_eq!(decided(class, after(1)), Absent::Fail, "{class:?}");
    }
}

#[test]
fn what_may_have_become_visible_is_looked_for_when_nothing_else_is_left() {
    let doubtful = History { maybe_done: true, ..after(3) };
    assert_eq!(decided(COMPLETE, Class::Transient, doubtful), Decision::Settle);
    assert_eq!(decided(Operation::PutObject, Class::Refused, doubtful), Decision::Settle);
    assert_eq!(decided(COMPLETE, Class::NoSuchUpload, doubtful), Decision::Settle);
    assert_eq!(decided(COMPLETE, Class::InvalidPart, doubtful), Decision::Settle);
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
    // A writer that was replaced has put another part in the place of one.
    assert_eq!(decided(COMPLETE, Class::InvalidPart, after(1)), Decision::Restart);
    assert_eq!(decided(PART, Class::InvalidPart, after(1)), Decision::Fail);
    for operation in [Operation::AbortMultipartUpload, Operation::ListParts] {
        assert_eq!(decided(operation, Class::NoSuchUpload, after(1)), Decision::Proceed);
    }
    assert!(matches!(decided(Operation::PutObject, Class::Conflict, after(1)), Decision::Retry(_)));
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
    let policy = RetrySettings { attempts_max: 50, time_max: Duration::from_secs(3_600), ..POLICY };
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
