//! Worlds with parts of a few bytes, and what is asked of them.

use spillway_core::Settings;
use spillway_simulation::bucket::{BucketOptions, Operation};
use spillway_simulation::faults::Fault;
use spillway_simulation::world::{FaultPlan, RequestInfo, World};

use crate::invariants::hold_at_the_end;

/// A part, in bytes.
pub(super) const PART: u64 = 16;

/// A world in which all goes well.
pub(super) fn world() -> World {
    world_with(|_| {}, |_| {})
}

/// A world with other settings, or another bucket.
pub(super) fn world_with(
    change: impl FnOnce(&mut Settings),
    bucket: impl FnOnce(&mut BucketOptions),
) -> World {
    let config = r#"{"bucket": "bucket", "endpoint": "http://s3.test"}"#;
    let mut settings = Settings::parse(config).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (PART, 8 * PART);
    change(&mut settings);
    let mut options = BucketOptions { part_bytes_min: PART, ..BucketOptions::default() };
    bucket(&mut options);
    World::with_settings(settings, options, 1)
}

/// What goes wrong is decided request by request.
pub(super) fn faults(
    world: &mut World,
    mut fault: impl FnMut(&RequestInfo) -> Option<Fault> + 'static,
) {
    world.on_request(move |info, random| FaultPlan::random(random).with(fault(info)));
}

/// The first request of this kind meets this fault.
pub(super) fn first_meets(world: &mut World, operation: Operation, fault: Fault) {
    let mut met = false;
    faults(world, move |info| {
        let meets = info.operation == operation && !met;
        met |= meets;
        meets.then_some(fault)
    });
}

/// Writes events of eight bytes and their line feed.
pub(super) fn write_events(world: &mut World, key: &str, events: usize) {
    for number in 0..events {
        world.write(key, format!("event {number:02}"));
    }
}

/// Runs to the end, and proves what must hold there.
pub(super) fn finish(world: &mut World) {
    world.seal_and_settle();
    world.land_all();
    let largest = world.accepted.values().map(|accepted| accepted.payload.len()).max();
    hold_at_the_end(world, largest.unwrap_or(0) as u64);
}

/// How often the bucket was asked for this, as far as it heard of it.
pub(super) fn asked(world: &World, operation: Operation) -> usize {
    world.bucket.log().iter().filter(|logged| logged.operation == Some(operation)).count()
}

/// The bytes of an object.
pub(super) fn object(world: &World, key: &str) -> Vec<u8> {
    match world.bucket.objects().get(key) {
        Some(object) => object.bytes.to_vec(),
        None => world.fail(&format!("there is no {key:?}")),
    }
}

/// The bytes that `write_events` makes.
pub(super) fn events(events: usize) -> Vec<u8> {
    (0..events).flat_map(|number| format!("event {number:02}\n").into_bytes()).collect()
}

/// Why the only failed object failed. What came for it later is reported with the same cause.
pub(super) fn cause(world: &World) -> String {
    let mut causes: Vec<_> = world.failed.iter().map(|f| f.cause.to_string()).collect();
    causes.dedup();
    match causes.as_slice() {
        [cause] => cause.clone(),
        causes => world.fail(&format!("{} causes, not one", causes.len())),
    }
}
