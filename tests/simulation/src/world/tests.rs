use std::time::Duration;

use super::{FaultPlan, World};
use crate::accounting;
use crate::bucket::{BucketOptions, Operation};
use crate::faults::Fault;

#[test]
fn events_become_objects() {
    let mut world = small_parts(1);
    for index in 0..10 {
        world.write("a", format!("event {index}"));
    }
    world.write("b", "short");
    world.seal_and_settle();
    let objects = world.bucket.objects();
    assert_eq!(objects["b"].bytes, "short\n");
    assert_eq!(objects["a"].bytes.len(), 80);
    assert_eq!(objects["a"].parts.len(), 5, "{}", world.trace().join("\n"));
    assert_eq!(world.visible.len(), 2);
    check(&world);
}

#[test]
fn one_seed_is_one_run() {
    let run = |seed| {
        let mut world = small_parts(seed);
        world.on_request(|info, random| {
            let fault = (info.index % 3 == 1).then_some(Fault::ResetAfter);
            FaultPlan::random(random).with(fault)
        });
        (0..20).for_each(|index| {
            world.write("a", format!("event {index}"));
        });
        world.seal_and_settle();
        (world.fingerprint(), world.trace().to_vec(), world.elapsed())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7).0, run(8).0);
}

#[test]
fn what_comes_too_late_is_still_done() {
    let mut world = small_parts(1);
    world.on_request(|info, random| match info.operation {
        Operation::PutObject if info.attempt == 1 => {
            FaultPlan { there: Duration::from_secs(300), ..FaultPlan::random(random) }
        }
        _ => FaultPlan::random(random),
    });
    world.write("a", "once");
    world.seal_and_settle();
    assert!(world.elapsed() < Duration::from_secs(300), "{:?}", world.elapsed());
    assert_eq!(world.bucket.visible_history().len(), 1);
    world.land_all();
    assert_eq!(world.bucket.visible_history().len(), 2);
    check(&world);
}

#[test]
fn every_fault_can_be_met_once() {
    for fault in Fault::ALL {
        let mut world = small_parts(1);
        world.on_request(move |info, random| {
            FaultPlan::random(random).with((info.index == 1).then_some(fault))
        });
        (0..10).for_each(|index| {
            world.write("a", format!("event {index}"));
        });
        world.seal_and_settle();
        world.land_all();
        check(&world);
        assert_eq!(accounting::uploads_nobody_knows(&world), [""; 0], "{fault:?}");
    }
}

fn check(world: &World) {
    let checks = [
        accounting::every_event_is_somewhere(world),
        accounting::what_is_sealed_was_visible(world),
        accounting::what_is_visible_was_meant(world),
    ];
    checks.into_iter().for_each(|check| check.unwrap_or_else(|error| world.fail(&error)));
}

fn small_parts(seed: u64) -> World {
    let config = r#"{"bucket": "bucket", "endpoint": "http://s3.test:9000"}"#;
    let mut settings = spillway_core::Settings::parse(config).unwrap();
    settings.upload.part_bytes = 16;
    settings.objects.memory_bytes_max = 64;
    let options = BucketOptions { part_bytes_min: 16, ..BucketOptions::default() };
    World::with_settings(settings, options, seed)
}
