//! Cases 37 to 42: beginnings and ends.

use spillway_core::{Input, Settings};
use spillway_simulation::bucket::Operation;
use spillway_simulation::faults::Fault;

use super::support::*;

#[test]
fn case_37_nothing_open_is_no_request_however_often_it_is_stopped() {
    let mut world = world();
    for input in [Input::Seal, Input::Seal, Input::Abort, Input::RetryAborts, Input::Tick] {
        world.feed(input);
        world.settle();
    }
    assert_eq!(world.requests(), 0);
    assert!(world.sink.next_due().is_none());
}

#[test]
fn case_37_it_may_be_stopped_in_the_middle_of_a_part() {
    let mut world = world();
    write_events(&mut world, "a", 5);
    while world.sink.in_flight() == 0 || asked(&world, Operation::CreateMultipartUpload) == 0 {
        assert!(world.step());
    }
    world.feed(Input::Seal);
    finish(&mut world);
    assert_eq!(object(&world, "a"), events(5));
}

#[test]
fn case_39_a_failed_object_leaves_the_sink_usable() {
    let mut world = world_with(|s| s.client.retry.attempts_max = 1, |_| {});
    faults(&mut world, |info| {
        (info.key == "a" && info.operation == Operation::CompleteMultipartUpload)
            .then_some(Fault::AccessDenied)
    });
    write_events(&mut world, "a", 5);
    write_events(&mut world, "b", 5);
    finish(&mut world);
    assert_eq!((world.visible.len(), world.failed.len()), (1, 1));
    assert_eq!(object(&world, "b"), events(5));
}

/// An object without its beginning would be worse than none.
#[test]
fn case_39_what_still_comes_for_a_failed_object_fails_too() {
    let mut world = world();
    first_meets(&mut world, Operation::CreateMultipartUpload, Fault::AccessDenied);
    write_events(&mut world, "a", 3);
    while world.failed.is_empty() {
        assert!(world.step());
    }
    write_events(&mut world, "a", 2);
    write_events(&mut world, "b", 1);
    finish(&mut world);
    let failed: u64 = world.failed.iter().map(|failure| failure.span.events).sum();
    assert_eq!((failed, world.failed.len()), (5, 3), "each event once");
    let begun: Vec<_> = world.failed.iter().map(|failure| failure.begun).collect();
    assert_eq!(begun, [0; 3], "all of one object");
    assert_eq!(world.bucket.objects().keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn case_40_a_typo_is_refused_with_the_name_that_was_meant() {
    let problems = |json: &str| Settings::parse(json).unwrap_err().to_string();
    assert!(problems(r#"{"buket": "b"}"#).contains("did you mean `bucket`"));
    assert!(problems(r#"{"bucket": "bbb", "aws_access_token": "x"}"#).contains("unknown field"));
    let origin = r#"{"bucket": "bbb", "aws_region": "r", "min_part_size": 5242880}"#;
    assert_eq!(Settings::parse(origin).unwrap().upload.part_bytes, 5_242_880);
}

#[test]
fn case_42_no_secret_is_in_what_anybody_reads() {
    let mut world = world();
    let secret = world.bucket.options.keys[0].secret_access_key.clone();
    faults(&mut world, |info| match info.index % 4 {
        0 => Some(Fault::SlowDown),
        1 => Some(Fault::AccessDenied),
        2 => Some(Fault::RequestTimeTooSkewed),
        _ => None,
    });
    (0..10).for_each(|n| {
        world.write(&format!("key {n}"), "x");
    });
    finish(&mut world);
    let settings = format!("{:?}", world.settings);
    let credentials = format!("{:?}", world.bucket.options.keys[0].credentials());
    let read = [world.trace().join("\n"), settings, credentials].concat();
    assert!(!read.contains(&secret) && read.len() > 1_000);
}
