//! With the settings that nobody wrote, a store that is away costs time and nothing else; what
//! somebody waits for is not waited for as long.

use std::time::Duration;

use spillway_core::{CredentialsError, Input, Settings};
use spillway_simulation::bucket::{BucketOptions, Operation};
use spillway_simulation::faults::Fault;
use spillway_simulation::world::{FaultPlan, World};

use crate::invariants::hold_at_the_end;

/// Ways in which a store may be away, or ask to be spared.
pub(crate) const OUTAGES: [Fault; 15] = [
    Fault::ConnectError,
    Fault::DnsError,
    Fault::ResetBefore,
    Fault::StaleConnection,
    Fault::TimeoutBefore,
    Fault::InternalError,
    Fault::SlowDown,
    Fault::SlowDownRetryAfter,
    Fault::SlowDownAmzRetryAfter,
    Fault::BareUnavailable,
    Fault::OperationAborted,
    Fault::Html502,
    Fault::TimeoutAfter,
    Fault::ResetAfter,
    Fault::ErrorIn200AfterAll,
];
const NAMES: [&str; 3] = [
    r#""on_existing": "overwrite""#,
    r#""on_existing": "fail""#,
    r#""on_existing": "next", "key_template": "{key}-{sequence}""#,
];

#[test]
fn ten_minutes_without_a_store_cost_ten_minutes() {
    for fault in OUTAGES {
        for (seed, names) in (0..8).flat_map(|seed| NAMES.map(|names| (seed, names))) {
            let mut world = world(names, seed);
            let begins = Duration::from_millis(300 * seed);
            let ends = begins + OUTAGE;
            world.on_request(move |info, random| {
                let is_away = (begins..ends).contains(&info.at);
                FaultPlan::random(random).with(is_away.then_some(fault))
            });
            write(&mut world);
            world.seal_and_settle();
            let shown = format!("{fault:?} {names}");
            if !world.failed.is_empty() || world.visible.len() != 3 {
                world.fail(&shown);
            }
            world.land_all();
            hold_at_the_end(&world, LARGEST);
            let stays_quiet = world.elapsed() < ends + Duration::from_secs(120);
            assert!(stays_quiet, "{shown}, seed {seed}: {:?}", world.elapsed());
        }
    }
}

/// Half of all requests are told to come back later, for as long.
#[test]
fn a_store_that_throttles_loses_nothing() {
    for (seed, names) in (0..20).flat_map(|seed| NAMES.map(|names| (seed, names))) {
        let mut world = world(names, seed);
        world.on_request(|info, random| {
            let throttles = info.at < OUTAGE && random.bool();
            FaultPlan::random(random).with(throttles.then_some(Fault::SlowDown))
        });
        for round in 0..20 {
            world.write(&format!("a{round}"), "x");
            world.write(&format!("b{round}"), "y".repeat(100));
            world.run_for(Duration::from_secs(30));
        }
        world.seal_and_settle();
        if !world.failed.is_empty() {
            world.fail(names);
        }
        hold_at_the_end(&world, LARGEST);
    }
}

#[test]
fn a_person_is_told_once_that_it_is_away_and_once_that_it_is_back() {
    let mut world = world(NAMES[0], 1);
    away(&mut world, Duration::ZERO, OUTAGE, Fault::ConnectError);
    write(&mut world);
    world.seal_and_settle();
    let count = |begin: &str| world.notices.iter().filter(|n| n.message.contains(begin)).count();
    assert_eq!(count("waiting for the store: "), 1, "{:#?}", world.notices);
    assert_eq!(count("the store is back after "), 1, "{:#?}", world.notices);
    assert!(count("; trying again in ") < 30, "{}", world.trace().join("\n"));
    let waits = world.notices.iter().find(|n| n.message.starts_with("waiting")).unwrap();
    assert!(
        waits.message.contains("no connection (refused); each request is tried again for up to")
    );
    assert!(waits.message.ends_with("1800 s (`retry_time_max_ms`)"), "{}", waits.message);
}

#[test]
fn who_never_comes_back_is_given_up_and_the_limit_named() {
    let mut world = world(NAMES[0], 1);
    away(&mut world, Duration::ZERO, Duration::MAX, Fault::ConnectError);
    world.write("a", "x");
    world.seal_and_settle();
    let cause = world.failed[0].cause.to_string();
    assert!(cause.contains("`retry_time_max_ms` is 1800000)"), "{cause}");
    assert!(world.elapsed() < Duration::from_secs(32 * 60), "{:?}", world.elapsed());
}

/// The objects that were open are given up, and what the store has of them is remembered.
#[test]
fn who_leaves_while_it_is_away_leaves_soon() {
    for ending in [Input::Abort, Input::Suspend] {
        let mut world = world(r#""commit": "checkpointed""#, 1);
        write(&mut world);
        world.run_for(Duration::from_secs(5));
        away(&mut world, Duration::ZERO, Duration::MAX, Fault::ConnectError);
        let before = world.elapsed();
        world.feed(ending);
        world.settle();
        world.feed(Input::RetryAborts);
        world.settle();
        let took = world.elapsed() - before;
        assert!(took < Duration::from_secs(5), "{took:?}\n{}", world.trace().join("\n"));
        assert_eq!(world.sink.left(), world.bucket.open_uploads().len() as u64);
        assert!(world.sink.left() > 0, "{}", world.trace().join("\n"));
    }
}

#[test]
fn who_asks_is_answered_soon() {
    for fault in OUTAGES {
        for ask in [Input::Check, Input::IncompleteUploads, discard()] {
            let mut world = world(NAMES[0], 1);
            away(&mut world, Duration::ZERO, Duration::MAX, fault);
            let shown = format!("{fault:?} {ask:?}");
            let _ = world.ask(ask);
            let limit = match fault {
                // A store that is silent is told by its timeout. Connections that are closed are
                // free, as many as there may be.
                Fault::TimeoutBefore | Fault::TimeoutAfter | Fault::StaleConnection => 60,
                _ => 15,
            };
            assert!(world.elapsed() < Duration::from_secs(limit), "{shown}: {:?}", world.elapsed());
            let waits = world.notices.iter().find(|n| n.message.starts_with("waiting"));
            let said = waits.map_or("it is tried again for up to 5 s", |n| &n.message);
            assert!(said.ends_with("it is tried again for up to 5 s"), "{shown}: {said}");
            assert!(fault != Fault::ConnectError || waits.is_some(), "{shown}: nothing is said");
        }
    }
}

/// An outage of the network takes the source of credentials along.
#[test]
fn credentials_that_were_there_are_waited_for_as_the_store_is() {
    let mut world = world(NAMES[0], 1);
    let key = world.bucket.options.keys[0].clone();
    world.on_credentials(move |fresh, at| {
        let away = fresh && at.0 < START + u64::try_from(OUTAGE.as_nanos()).unwrap();
        let failed = || CredentialsError::Failed("the metadata service is away".to_owned());
        if away { Err(failed()) } else { Ok(key.credentials()) }
    });
    let mut expired = false;
    world.on_request(move |info, random| {
        let expires = info.operation == Operation::PutObject && !expired;
        expired |= expires;
        FaultPlan::random(random).with(expires.then_some(Fault::ExpiredToken))
    });
    write(&mut world);
    world.seal_and_settle();
    assert_eq!((world.visible.len(), world.failed.len()), (3, 0), "{}", world.trace().join("\n"));
    assert!(world.elapsed() >= OUTAGE);
    let told = world.notices.iter().filter(|n| n.message.contains("asking again in")).count();
    assert!((1..12).contains(&told), "{told} times");
}

/// As of a server that closes each connection after its answer.
#[test]
fn a_connection_that_was_closed_costs_no_attempt_and_no_budget() {
    let limits = r#""on_existing": "fail", "attempts_max": 1, "retry_budget": 10"#;
    for seed in 0..20 {
        let mut world = world(limits, seed);
        world.on_request(|info, random| {
            let is_stale = info.attempt <= 3 && info.operation != Operation::CreateMultipartUpload;
            FaultPlan::random(random).with(is_stale.then_some(Fault::StaleConnection))
        });
        for _ in 0..10 {
            let number = world.visible.len() + world.accepted.len();
            world.write(&format!("key {number}"), "x");
        }
        write(&mut world);
        world.seal_and_settle();
        if !world.failed.is_empty() {
            world.fail("a connection cost an object");
        }
        let waited = world.notices.iter().any(|notice| notice.message.contains("trying again"));
        assert!(!waited, "{}", world.trace().join("\n"));
        hold_at_the_end(&world, LARGEST);
    }
}

/// What was in the way of a put may be gone when it is looked for; then it is put again.
#[test]
fn a_put_in_doubt_whose_object_is_not_there_is_put_again() {
    let mut world = world(r#""on_existing": "fail""#, 1);
    world.on_request(|info, random| {
        let fault = match (info.operation, info.attempt) {
            (Operation::PutObject, 1) => Some(Fault::ResetBefore),
            (Operation::PutObject, 2) => Some(Fault::PreconditionFailed),
            _ => None,
        };
        FaultPlan::random(random).with(fault)
    });
    world.write("a", "x");
    world.seal_and_settle();
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0), "{}", world.trace().join("\n"));
    let operations = world.bucket.log().iter().filter_map(|logged| logged.operation);
    let [head, put] = [Operation::HeadObject, Operation::PutObject];
    assert!(operations.collect::<Vec<_>>().ends_with(&[head, put]));
    hold_at_the_end(&world, LARGEST);
}

/// The same of the request that ends a multipart upload.
#[test]
fn an_upload_in_doubt_whose_object_is_not_there_is_completed_again() {
    let mut world = world(r#""on_existing": "fail""#, 1);
    world.on_request(|info, random| {
        let fault = match (info.operation, info.attempt) {
            (Operation::CompleteMultipartUpload, 1) => Some(Fault::ResetBefore),
            (Operation::CompleteMultipartUpload, 2) => Some(Fault::PreconditionFailed),
            _ => None,
        };
        FaultPlan::random(random).with(fault)
    });
    world.write("a", "x".repeat(100));
    world.seal_and_settle();
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0), "{}", world.trace().join("\n"));
    assert!(world.bucket.aborted_uploads().is_empty());
    hold_at_the_end(&world, LARGEST);
}

/// Nobody can tell whether it is stored, and the message does not say that it is not.
#[test]
fn what_cannot_be_looked_for_may_be_stored() {
    let mut world = world(r#""on_existing": "overwrite", "attempts_max": 2"#, 1);
    world.on_request(|info, random| {
        let fault = match info.operation {
            Operation::CompleteMultipartUpload => Some(Fault::TimeoutAfter),
            Operation::HeadObject => Some(Fault::AccessDenied),
            _ => None,
        };
        FaultPlan::random(random).with(fault)
    });
    world.write("a", "x".repeat(100));
    world.seal_and_settle();
    let cause = world.failed[0].cause.to_string();
    let said = "; the object may be stored all the same: HeadObject cannot tell (status 403";
    assert!(cause.contains(said), "{cause}");
    assert_eq!(world.bucket.objects().len(), 1, "as it is");
}

/// One that says yes without its ETag is looked for, and not put over and over.
#[test]
fn a_put_without_its_etag_is_looked_for() {
    let mut world = world(NAMES[0], 1);
    world.on_request(|info, random| {
        let is_put = info.operation == Operation::PutObject;
        FaultPlan::random(random).with(is_put.then_some(Fault::MissingETag))
    });
    world.write("a", "x");
    world.seal_and_settle();
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0), "{}", world.trace().join("\n"));
    assert!(world.requests() <= 2);
}

fn discard() -> Input {
    Input::AbortUpload { object_key: "a".to_owned(), upload_id: "1".to_owned() }
}

fn away(world: &mut World, begins: Duration, ends: Duration, fault: Fault) {
    world.on_request(move |info, random| {
        let is_away = (begins..ends).contains(&info.at);
        FaultPlan::random(random).with(is_away.then_some(fault))
    });
}

/// Small parts, and whatever else `fields` say; all that has to do with retries is as it is where
/// nobody writes it.
fn world(fields: &str, seed: u64) -> World {
    let config = format!(r#"{{"bucket": "bucket", "endpoint": "http://s3.test", {fields}}}"#);
    let mut settings = Settings::parse(&config).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (16, 512);
    let options = BucketOptions { part_bytes_min: 16, ..BucketOptions::default() };
    World::with_settings(settings, options, seed)
}

/// Two small objects and one in parts.
fn write(world: &mut World) {
    world.write("a", "x");
    world.write("large", "y".repeat(usize::try_from(LARGEST).unwrap()));
    world.write("b", "z");
}

const OUTAGE: Duration = Duration::from_secs(600);
const LARGEST: u64 = 100;
/// 2026-01-01T00:00:00Z
const START: u64 = 1_767_225_600_000_000_000;
