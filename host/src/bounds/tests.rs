//! Every bound, kept and broken.

use std::time::Duration;

use super::ledger::*;
use super::*;
use crate::contract::{
    Boundaries, Ending, Failure, Framing, Histogram, Level, Notice, Payload, Phase, Problem,
    Progress, Rejection, Run, SavedObject, VisibleObject,
};

fn run(first: u64, boundaries: Boundaries) -> Run {
    let payload = Payload::Bytes(Vec::new());
    Run { key: "k".to_owned(), first, at: None, payload, boundaries, framing: Framing::Bare }
}

/// Events from 10 to 12 and from 20 to 21.
fn batch() -> [Run; 2] {
    [run(10, Boundaries::At(vec![1, 2, 3])), run(20, Boundaries::Lines(2))]
}

/// A ledger to which that batch was given.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new(false, limits());
    assert_eq!(ledger.write(&batch(), &[]), Ok(()));
    ledger
}

/// What `poll` reports at the beginning.
fn polled(ledger: &mut Ledger, progress: &Progress) -> Kept {
    ledger.progress(progress, Told::Poll, Seen::default())
}

fn progress(durable: u64) -> Progress {
    let (visible, failed, notices) = (Vec::new(), Vec::new(), Vec::new());
    let wants_checkpoint = false;
    Progress { durable, visible, failed, wants_checkpoint, notices, notices_dropped: 0 }
}

fn object(first: u64, last: u64, events: u64) -> VisibleObject {
    let (key, object_key) = ("k".to_owned(), "k".to_owned());
    VisibleObject { key, object_key, first, last, events, bytes: 1, parts: 0 }
}

fn failure(begun: u64, first: u64, last: u64, events: u64) -> Failure {
    let (key, object_key, cause) = ("k".to_owned(), "k".to_owned(), Error::Aborted);
    Failure { key, object_key, begun, first, last, events, cause }
}

fn saved_object() -> SavedObject {
    SavedObject {
        key: String::new(),
        object_key: String::new(),
        id: None,
        first: 0,
        last: 0,
        events: 1,
        bytes: 0,
        held_bytes: 0,
        phase: Phase::Open,
    }
}

/// A state may have ten bytes.
fn limits() -> Limits {
    Limits { state_bytes_max: 10, ..Limits::default() }
}

fn long() -> String {
    "x".repeat(TEXT_BYTES_MAX + 1)
}

#[track_caller]
fn broken(kept: Kept, said: &str) {
    let what = kept.expect_err(said);
    assert!(what.contains(said), "{what}");
}

#[test]
fn rejections_are_of_the_batch_and_rise() {
    let rejected = |positions: &[u64]| {
        let reason = "no".to_owned();
        let rejected = positions.iter().map(|p| Rejection { position: *p, reason: reason.clone() });
        Ledger::new(false, limits()).write(&batch(), &rejected.collect::<Vec<_>>())
    };
    assert_eq!(rejected(&[10, 12, 20, 21]), Ok(()));
    for outside in [&[9][..], &[13], &[10, 19], &[22]] {
        broken(rejected(outside), "the batch has no such position");
    }
    broken(rejected(&[12, 11]), "position 11 is rejected after 12");
    broken(rejected(&[12, 12]), "position 12 is rejected after 12");
    let long = [Rejection { position: 10, reason: long() }];
    broken(ledger().write(&batch(), &long), "the reason of a rejection has 4097 bytes");
}

#[test]
fn nothing_behind_the_rejection_that_a_write_ends_with_was_taken() {
    let written = |position| {
        let mut ledger = Ledger::new(false, limits());
        let rejected = Rejection { position, reason: "no".to_owned() };
        ledger.write_until(&batch(), Some(&rejected)).map(|()| ledger)
    };
    broken(written(9).map(drop), "the batch has no such position");
    let told = polled(&mut written(12).expect("it is of the batch"), &progress(14));
    broken(told, "is 14, and the next position to be written is 13");
    let mut progress = progress(13);
    progress.visible.push(object(10, 12, 3));
    let told = polled(&mut written(12).expect("it is of the batch"), &progress);
    broken(told, "no more than 2 were accepted");
    let mut ledger = written(12).expect("it is of the batch");
    progress.visible[0].events = 2;
    assert_eq!(polled(&mut ledger, &progress), Ok(()));
    assert_eq!(ledger.write_until(&batch()[1..], None), Ok(()));
    progress.visible[0] = object(20, 21, 2);
    progress.durable = 22;
    assert_eq!(polled(&mut ledger, &progress), Ok(()));
}

#[test]
fn durable_never_falls_and_stays_within_what_was_written() {
    let mut ledger = ledger();
    assert_eq!(polled(&mut ledger, &progress(12)), Ok(()));
    broken(polled(&mut ledger, &progress(11)), "`durable` fell from 12 to 11");
    broken(polled(&mut ledger, &progress(23)), "is 23, and the next position to be written is 22");
    assert_eq!(polled(&mut ledger, &progress(22)), Ok(()));
    ledger.skip(30);
    assert_eq!(polled(&mut ledger, &progress(30)), Ok(()));
    broken(polled(&mut Ledger::new(false, limits()), &progress(1)), "the next position");
}

/// What the checkpoint knew is not known here, until something is written after it.
#[test]
fn a_sink_that_goes_on_is_bound_from_its_first_event_on() {
    let mut ledger = Ledger::new(true, limits());
    let mut before = progress(7);
    before.visible.push(object(3, 5, 2));
    assert_eq!(polled(&mut ledger, &before), Ok(()));
    assert_eq!(ledger.write(&batch(), &[]), Ok(()));
    broken(polled(&mut ledger, &progress(23)), "the next position");
}

#[test]
fn a_sink_that_resumes_is_bound_by_the_position_that_its_host_knows() {
    let mut ledger = Ledger::new(true, limits());
    ledger.begin_at(50);
    let reports = |object| Progress { visible: vec![object], ..progress(50) };
    broken(polled(&mut ledger, &reports(object(3, 1_000, 2))), "the next position");
    broken(polled(&mut ledger, &progress(51)), "the next position");
    assert_eq!(polled(&mut ledger, &reports(object(3, 49, 2))), Ok(()));
}

/// What it was given before has no more events than positions.
#[test]
fn a_sink_that_resumes_reports_no_more_than_there_were_positions() {
    let mut ledger = Ledger::new(true, limits());
    ledger.begin_at(3);
    let all = Progress { visible: vec![object(0, 2, 3)], ..progress(0) };
    assert_eq!(polled(&mut ledger, &all), Ok(()));
    let more = Progress { failed: vec![failure(1, 1, 1, 1)], ..progress(0) };
    broken(polled(&mut ledger, &more), "4 events are visible or failed, and no more than 3");
    // And what it is given now.
    let mut ledger = Ledger::new(true, limits());
    ledger.begin_at(10);
    assert_eq!(ledger.write(&batch(), &[]), Ok(()));
    let objects = vec![object(0, 9, 10), object(10, 21, 5)];
    assert_eq!(polled(&mut ledger, &Progress { visible: objects, ..progress(0) }), Ok(()));
    let more = Progress { visible: vec![object(11, 12, 1)], ..progress(0) };
    broken(polled(&mut ledger, &more), "16 events are visible or failed, and no more than 15");
    // One that begins there anew was given nothing.
    let mut ledger = Ledger::new(false, limits());
    ledger.begin_at(10);
    let visible = vec![object(0, 9, 10)];
    broken(
        polled(&mut ledger, &Progress { visible, ..progress(0) }),
        "10 events are visible or failed, and no more than 0",
    );
}

#[test]
fn objects_and_failures_lie_within_what_was_written() {
    let told = |object: VisibleObject| {
        polled(&mut ledger(), &Progress { visible: vec![object], ..progress(0) })
    };
    assert_eq!(told(object(10, 21, 5)), Ok(()));
    assert_eq!(told(object(21, 21, 1)), Ok(()));
    for (first, last, events) in [(12, 11, 1), (10, 12, 4), (10, 12, 0), (0, u64::MAX, 0)] {
        broken(told(object(first, last, events)), "a visible object has");
    }
    broken(told(object(20, 22, 1)), "a visible object reaches position 22");
    broken(told(VisibleObject { object_key: long(), ..object(10, 10, 1) }), "an object key");
    let told = |failure: Failure| {
        polled(&mut ledger(), &Progress { failed: vec![failure], ..progress(0) })
    };
    assert_eq!(told(failure(10, 11, 12, 2)), Ok(()));
    broken(told(failure(12, 11, 12, 2)), "is of an object begun at 12");
    broken(told(failure(10, 10, 22, 2)), "a failure reaches position 22");
    broken(told(failure(10, 12, 11, 1)), "a failure has 1 events");
    let cause = Error::Denied(long());
    broken(told(Failure { cause, ..failure(10, 10, 10, 1) }), "the text of an error");
    broken(told(Failure { object_key: long(), ..failure(10, 10, 10, 1) }), "an object key");
}

#[test]
fn an_event_is_reported_once_and_only_if_it_was_accepted() {
    let told = |ledger: &mut Ledger, visible: Vec<VisibleObject>, durable: u64| {
        polled(ledger, &Progress { visible, ..progress(durable) })
    };
    let mut ledger = ledger();
    assert_eq!(told(&mut ledger, vec![object(11, 12, 2)], 10), Ok(()));
    broken(told(&mut ledger, vec![object(11, 11, 1)], 10), "position 11 is reported twice");
    let mut ledger = self::ledger();
    assert_eq!(told(&mut ledger, vec![object(10, 20, 4)], 21), Ok(()));
    broken(told(&mut ledger, vec![object(20, 21, 1)], 22), "all before 21 was durable already");
    broken(
        told(&mut self::ledger(), vec![object(10, 12, 3), object(11, 21, 3)], 0),
        "6 events are",
    );
    let mut ledger = Ledger::new(false, limits());
    let no = [Rejection { position: 10, reason: "no".to_owned() }];
    assert_eq!(ledger.write(&batch(), &no), Ok(()));
    broken(told(&mut ledger, vec![object(10, 21, 5)], 0), "5 events are visible or failed, and no");
}

#[test]
fn an_object_is_no_larger_than_a_store() {
    let sized = |bytes| {
        let object = VisibleObject { bytes, ..object(10, 10, 1) };
        polled(&mut ledger(), &Progress { visible: vec![object], ..progress(0) })
    };
    assert_eq!(sized(OBJECT_BYTES_MAX), Ok(()));
    broken(sized(OBJECT_BYTES_MAX + 1), "which no store has room for");
}

/// A sink that says more than this is not done with what it was given.
#[test]
fn what_has_come_to_its_end_is_all_durable() {
    let ended = |told: Told, durable: u64, wants_checkpoint: bool| {
        let progress = Progress { wants_checkpoint, ..progress(durable) };
        ledger().progress(&progress, told, Seen::default())
    };
    for told in [Told::Flush, Told::Close(Ending::Complete)] {
        assert_eq!(ended(told, 22, false), Ok(()));
        broken(ended(told, 21, false), "`durable` is 21 when");
    }
    assert_eq!(ended(Told::Flush, 21, true), Ok(()), "it goes on after a commit");
    broken(ended(Told::Close(Ending::Complete), 21, true), "`durable` is 21 when `close`");
    for told in [Told::Poll, Told::Close(Ending::Abort), Told::Close(Ending::Suspend)] {
        assert_eq!(ended(told, 0, false), Ok(()));
    }
}

#[test]
fn a_sink_wants_checkpoints_only_as_long_as_something_moves() {
    let wants = |ledger: &mut Ledger, wants_checkpoint: bool, requests: u64| {
        let seen = Seen { requests, ..Seen::default() };
        ledger.progress(&Progress { wants_checkpoint, ..progress(0) }, Told::Poll, seen)
    };
    let mut moving = ledger();
    for requests in 0..3 * u64::from(IDLE_COMMITS_MAX) {
        assert_eq!(wants(&mut moving, true, requests), Ok(()));
        moving.commit();
    }
    let mut content = ledger();
    for _ in 0..3 * IDLE_COMMITS_MAX {
        content.commit();
        assert_eq!(wants(&mut content, false, 0), Ok(()));
    }
    assert_eq!(wants(&mut content, true, 0), Ok(()));
    let mut idle = ledger();
    for _ in 0..IDLE_COMMITS_MAX {
        assert_eq!(wants(&mut idle, true, 0), Ok(()));
        idle.commit();
    }
    broken(wants(&mut idle, true, 0), "still true after 100 commits, and nothing has moved");
}

/// The longer it is open, the more it may say.
#[test]
fn notices_are_no_flood() {
    let message = "x".repeat(TEXT_BYTES_MAX);
    let notices = vec![Notice { level: Level::Info, message }; NOTICES_MAX];
    let progress = Progress { notices, ..progress(0) };
    let seen = |seconds| Seen { open: Duration::from_secs(seconds), ..Seen::default() };
    let mut ledger = ledger();
    for _ in 0..4 {
        assert_eq!(ledger.progress(&progress, Told::Poll, seen(0)), Ok(()));
    }
    let later = (TEXT_BYTES_MAX * NOTICES_MAX) as u64 / NOTICE_BYTES_A_SECOND;
    assert_eq!(ledger.progress(&progress, Told::Poll, seen(later)), Ok(()));
    broken(ledger.progress(&progress, Told::Poll, seen(later)), "its notices have 24576000 bytes");
}

#[test]
fn notices_have_a_number_and_a_length() {
    let notices = |count: usize, message: String| {
        let notices = vec![Notice { level: Level::Info, message }; count];
        polled(&mut ledger(), &Progress { notices, ..progress(0) })
    };
    assert_eq!(notices(NOTICES_MAX, "x".repeat(TEXT_BYTES_MAX)), Ok(()));
    broken(notices(NOTICES_MAX + 1, String::new()), "1001 notices, at most 1000 are allowed");
    broken(notices(1, long()), "a notice has 4097 bytes, at most 4096 are allowed");
}

#[test]
fn a_state_is_no_larger_than_the_memory() {
    assert_eq!(ledger().state(&[0; 10]), Ok(()));
    broken(
        ledger().state(&[0; 11]),
        "a state has 11 bytes, at most 10 are allowed; `state_bytes_max` raises that",
    );
}

#[test]
fn what_a_component_says_of_itself_has_a_length() {
    let of = |name: String, version: String, schema: usize| {
        let configuration_schema = "x".repeat(schema);
        description(&Description { name, version, configuration_schema })
    };
    assert_eq!(of("n".to_owned(), "1".to_owned(), SCHEMA_BYTES_MAX), Ok(()));
    broken(of(long(), "1".to_owned(), 0), "the name");
    broken(of("n".to_owned(), long(), 0), "the version");
    broken(of("n".to_owned(), "1".to_owned(), SCHEMA_BYTES_MAX + 1), "the schema has 1048577");
    assert_eq!(authorities(&["s3.test:443".to_owned()]), Ok(()));
    broken(authorities(&[long()]), "an authority");
    for forged in ["s3.test:443\n", "s3.test :443", "s3.tést:443", "\u{202e}s3.test:443"] {
        broken(authorities(&[forged.to_owned()]), "characters that no host has");
    }
    broken(authorities(&vec![String::new(); AUTHORITIES_MAX + 1]), "101 authorities");
}

#[test]
fn other_texts_have_a_length() {
    let upload = |object_key| IncompleteUpload { object_key, id: long(), begun: None, parts: None };
    assert_eq!(uploads(&[upload("k".to_owned())]), Ok(()));
    broken(uploads(&[upload(long())]), "an object key");
    let saved = |name: String, value: usize, key: String, object_key: String| {
        let object = SavedObject { key, object_key: "k".to_owned(), ..saved_object() };
        SavedState {
            next_position: 0,
            configuration: vec![(name, "x".repeat(value))],
            objects: vec![object],
            to_abort: vec![upload(object_key)],
        }
    };
    let k = || "k".to_owned();
    assert_eq!(saved_state(&saved(k(), VALUE_BYTES_MAX, k(), k()), 0), Ok(()));
    broken(saved_state(&saved(k(), 0, k(), long()), 0), "an object key");
    broken(saved_state(&saved(long(), 0, k(), k()), 0), "the name of a value has 4097");
    let value = VALUE_BYTES_MAX + 1;
    broken(saved_state(&saved(k(), value, k(), k()), 0), "a value of a configuration has 65537");
    // A key may be longer than a text, and is in the state then.
    broken(saved_state(&saved(k(), 0, long(), k()), 4_096), "the key of an event has 4097");
    assert_eq!(saved_state(&saved(k(), 0, long(), k()), 4_097), Ok(()));
    let object = SavedObject { object_key: long(), ..saved_object() };
    let of_object = SavedState { objects: vec![object], ..saved(k(), 0, k(), k()) };
    broken(saved_state(&of_object, 0), "an object key");
    let metric = |name: &str, help: &str, label: &str, value: &str| {
        let labels = vec![(label.to_owned(), value.to_owned())];
        let (name, help) = (name.to_owned(), help.to_owned());
        metrics(&[Metric { name, help, labels, value: MetricValue::Counter(1.0) }])
    };
    assert_eq!(metric("n", "h", "l", "v"), Ok(()));
    broken(metric(&long(), "h", "l", "v"), "the name of a metric");
    broken(metric("n", &long(), "l", "v"), "the help of a metric");
    broken(metric("n", "h", &long(), "v"), "a label of a metric");
    broken(metric("n", "h", "l", &long()), "a label of a metric");
}

#[test]
fn lists_have_a_number() {
    let upload =
        IncompleteUpload { object_key: String::new(), id: String::new(), begun: None, parts: None };
    assert_eq!(uploads(&vec![upload.clone(); UPLOADS_MAX]), Ok(()));
    broken(uploads(&vec![upload; UPLOADS_MAX + 1]), "10001 incomplete uploads");
    let value = (String::new(), String::new());
    let saved = |values| SavedState {
        next_position: 0,
        configuration: vec![value.clone(); values],
        objects: Vec::new(),
        to_abort: Vec::new(),
    };
    assert_eq!(saved_state(&saved(VALUES_MAX), 0), Ok(()));
    broken(saved_state(&saved(VALUES_MAX + 1), 0), "1001 values of a configuration");
    let metric = |labels, buckets| {
        let labels = vec![(String::new(), String::new()); labels];
        let bucket = crate::contract::Bucket { bound: 0.0, count: 0 };
        let (buckets, beyond, sum) = (vec![bucket; buckets], 0, 0.0);
        let value = MetricValue::Histogram(Histogram { buckets, beyond, sum });
        Metric { name: String::new(), help: String::new(), labels, value }
    };
    assert_eq!(metrics(&vec![metric(LABELS_MAX, BUCKETS_MAX); METRICS_MAX]), Ok(()));
    broken(metrics(&vec![metric(0, 0); METRICS_MAX + 1]), "1001 metrics");
    broken(metrics(&[metric(LABELS_MAX + 1, 0)]), "17 labels");
    broken(metrics(&[metric(0, BUCKETS_MAX + 1)]), "257 buckets");
}

#[test]
fn every_text_of_an_error_has_a_length() {
    let wrong =
        |field: String, message: String| error(&Error::Invalid(vec![Problem { field, message }]));
    broken(wrong(long(), String::new()), "the field of a problem");
    broken(wrong(String::new(), long()), "the message of a problem");
    let problem = |bytes| Problem { field: String::new(), message: "x".repeat(bytes) };
    let all = |problems: usize, bytes| error(&Error::Invalid(vec![problem(bytes); problems]));
    assert_eq!(all(PROBLEMS_MAX, PROBLEMS_BYTES_MAX / PROBLEMS_MAX), Ok(()));
    broken(all(PROBLEMS_MAX + 1, 0), "101 problems");
    broken(all(17, TEXT_BYTES_MAX), "the text of all problems has 69632 bytes");
    for of in [
        Error::Denied,
        Error::Unavailable,
        Error::UnknownState,
        Error::Conflict,
        Error::Unsupported,
    ] {
        assert_eq!(error(&of("x".repeat(TEXT_BYTES_MAX))), Ok(()));
        broken(error(&of(long())), "the text of an error");
    }
}
