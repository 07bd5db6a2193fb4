//! Lines that are slow, or long, with what is set where nobody sets anything.

use std::time::Duration;

use spillway_simulation::bucket::{BucketOptions, Operation};
use spillway_simulation::faults::Fault::SlowDown;
use spillway_simulation::world::{FaultPlan, World};

use crate::invariants;

/// 1 Mbit/s. Three parts at once seem sent 50 s before they are, and are given up after 30.
#[test]
fn a_slow_line_gets_large_objects_through() {
    let mut world = world("");
    world.share_a_line(125_000);
    for n in 0..24 * MIB / EVENT_BYTES {
        world.write("large", vec![b'a' + (n % 26) as u8; EVENT_BYTES]);
    }
    world.seal_and_settle();
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0), "{}", world.trace().join("\n"));
    let is_given_up = |line: &String| line.contains("timed out");
    assert!(world.trace().iter().any(is_given_up), "there were too many at first");
    world.land_all();
    invariants::hold_at_the_end(&world, EVENT_BYTES as u64);
}

/// 100 ms there and back: what is small waits for nothing but that.
#[test]
fn a_long_line_has_many_small_objects_under_way() {
    let mut world = world(r#", "key_template": "{key}/{first}", "rotate": {"events": 1}"#);
    world.on_request(|_, _| FaultPlan::taking(Duration::from_millis(100)));
    for _ in 0..2_000 {
        world.write("small", "x");
    }
    world.seal_and_settle();
    assert_eq!((world.visible.len(), world.failed.len()), (2_000, 0));
    assert_eq!(world.peaks.in_flight, 16);
    assert_eq!(world.elapsed(), Duration::from_millis(100) * 2_000 / 16);
}

/// A store that answers so many a second, and no more, is not asked by ever more at once.
#[test]
fn a_store_that_wants_to_be_spared_is_asked_by_fewer() {
    let mut world = world(r#", "key_template": "{key}/{first}", "rotate": {"events": 1}"#);
    let mut latest = Vec::new();
    world.on_request(move |info, _| {
        latest.retain(|at| *at + Duration::from_secs(1) > info.at);
        let is_much = latest.len() >= PER_SECOND;
        latest.push(info.at);
        let is_put = info.operation == Operation::PutObject;
        FaultPlan::taking(Duration::from_millis(500)).with((is_put && is_much).then_some(SlowDown))
    });
    for _ in 0..200 {
        world.write("small", "x");
    }
    world.seal_and_settle();
    assert_eq!((world.visible.len(), world.failed.len()), (200, 0));
    let refused = world.requests() - 200;
    assert!((1..200).contains(&refused), "{refused} of {} were refused", world.requests());
}

fn world(fields: &str) -> World {
    let config = format!(r#"{{"bucket": "bucket", "endpoint": "http://s3.test"{fields}}}"#);
    World::new(&config, BucketOptions::default(), 1)
}

const MIB: usize = 1 << 20;
const EVENT_BYTES: usize = 64 << 10;
const PER_SECOND: usize = 8;
