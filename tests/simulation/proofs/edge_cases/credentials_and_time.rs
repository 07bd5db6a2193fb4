//! Cases 26 to 31: credentials, clocks, throttling, regions.

use std::time::Duration;

use spillway_core::{Class, CredentialsError};
use spillway_simulation::bucket::{KeyPair, Operation, WrongRegion};
use spillway_simulation::faults::Fault;

use super::support::*;

const PUT: Operation = Operation::PutObject;

/// The bucket refuses a signature that is 15 minutes old, and the first attempt takes longer.
#[test]
fn case_26_each_attempt_is_signed_afresh() {
    let mut world = world_with(
        |settings| settings.client.timeouts.first_byte = Duration::from_secs(20 * 60),
        |_| {},
    );
    first_meets(&mut world, PUT, Fault::TimeoutBefore);
    world.write("a", "x");
    finish(&mut world);
    assert!(world.elapsed() > Duration::from_secs(20 * 60));
    assert_eq!((world.visible.len(), asked(&world, PUT)), (1, 1), "the retry was good at once");
}

#[test]
fn case_27_a_token_that_expired_is_replaced() {
    let mut world = world();
    let second = KeyPair::new("AKIASECOND");
    let first = KeyPair { session_token: Some("token".to_owned()), ..KeyPair::new("ASIAFIRST") };
    world.bucket.options.keys = vec![first.clone(), second.clone()];
    first_meets(&mut world, PUT, Fault::ExpiredToken);
    world.on_credentials(move |fresh, _| {
        Ok(if fresh { second.credentials() } else { first.credentials() })
    });
    world.write("a", "x");
    finish(&mut world);
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0));
    assert!(world.trace().iter().any(|line| line.contains("credentials (fresh: true): given")));
}

#[test]
fn case_27_access_denied_is_not_tried_again() {
    let mut world = world();
    faults(&mut world, |info| (info.operation == PUT).then_some(Fault::AccessDenied));
    world.write("a", "x");
    finish(&mut world);
    assert_eq!(world.requests(), 1);
    let cause = cause(&world);
    assert!(cause.contains("AccessDenied") && cause.contains("s3:PutObject"), "{cause}");
}

#[test]
fn case_28_credentials_that_do_not_load_are_asked_for_again() {
    let mut world = world();
    let (key, mut asked) = (world.bucket.options.keys[0].clone(), 0);
    world.on_credentials(move |_, _| {
        asked += 1;
        match asked {
            1..=3 => Err(CredentialsError::Failed("the metadata service is away".to_owned())),
            _ => Ok(key.credentials()),
        }
    });
    world.write("a", "x");
    finish(&mut world);
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0));
}

#[test]
fn case_28_credentials_that_are_not_configured_fail_at_once() {
    let mut world = world();
    world.on_credentials(|_, _| Err(CredentialsError::NotConfigured("no key is set".to_owned())));
    world.write("a", "x");
    finish(&mut world);
    assert!(cause(&world).contains("no key is set"), "{}", cause(&world));
    assert_eq!((world.requests(), world.elapsed()), (0, Duration::ZERO));
}

#[test]
fn case_29_a_wrong_clock_is_measured_corrected_and_told_once() {
    for minutes in [-600_i64, -20, 20, 600] {
        let mut world = world();
        world.clock_ahead = minutes * 60 * 1_000_000_000;
        (0..6).for_each(|n| {
            world.write(&format!("key {n}"), "x");
        });
        finish(&mut world);
        assert_eq!((world.visible.len(), world.failed.len()), (6, 0), "{minutes}");
        let told = world.notices.iter().filter(|notice| notice.message.contains("clock")).count();
        assert_eq!(told, 1, "{minutes}");
    }
}

#[test]
fn case_30_a_store_that_is_busy_is_given_time() {
    for (fault, at_least) in [
        (Fault::SlowDownRetryAfter, Duration::from_secs(1)),
        (Fault::SlowDownAmzRetryAfter, Duration::from_millis(1_500)),
        (Fault::SlowDown, Duration::ZERO),
        (Fault::RequestTimeout, Duration::ZERO),
        (Fault::InternalError, Duration::ZERO),
        (Fault::OperationAborted, Duration::ZERO),
        (Fault::BareUnavailable, Duration::ZERO),
    ] {
        let mut world = world();
        first_meets(&mut world, PUT, fault);
        world.write("a", "x");
        finish(&mut world);
        assert_eq!((world.visible.len(), world.requests()), (1, 2), "{fault:?}");
        assert!(world.elapsed() >= at_least, "{fault:?}: {:?}", world.elapsed());
    }
}

#[test]
fn case_30_retries_of_the_whole_sink_are_limited() {
    let mut world = world_with(
        |settings| {
            (settings.client.retry.attempts_max, settings.client.retry.budget) = (1_000, 100)
        },
        |_| {},
    );
    faults(&mut world, |_| Some(Fault::SlowDown));
    (0..20).for_each(|n| {
        world.write(&format!("key {n}"), "x");
    });
    finish(&mut world);
    assert_eq!(world.failed.len(), 20);
    let counters = world.sink.counters();
    assert_eq!(counters.requests.retries(), 10, "a budget of 100, at 10 each");
    assert_eq!(counters.requests.retries_after(Class::Throttled), 10);
}

#[test]
fn case_31_the_region_that_the_store_names_is_signed_for() {
    let mut world = world_with(|_| {}, |bucket| bucket.region = "eu-north-1".to_owned());
    (0..4).for_each(|n| {
        world.write(&format!("key {n}"), "x");
    });
    finish(&mut world);
    assert_eq!((world.visible.len(), world.failed.len()), (4, 0));
    let told = world.notices.iter().filter(|notice| notice.message.contains("eu-north-1")).count();
    assert_eq!(told, 1);
}

#[test]
fn case_31_a_redirect_is_explained_with_the_region() {
    let mut world = world_with(
        |_| {},
        |bucket| {
            bucket.region = "eu-north-1".to_owned();
            bucket.wrong_region = WrongRegion::PermanentRedirect;
        },
    );
    faults(&mut world, |_| Some(Fault::PermanentRedirect));
    world.write("a", "x");
    finish(&mut world);
    assert!(cause(&world).contains("region"), "{}", cause(&world));
}
