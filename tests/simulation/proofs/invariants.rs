//! What holds after every step of any run, and what holds at its end.

use std::collections::BTreeMap;

use spillway_core::{Value, Visible};
use spillway_simulation::accounting;
use spillway_simulation::world::{Accepted, World};

/// After every step: each accepted event is in exactly one place, memory, requests and objects are
/// within their limits, and nothing is visible that was not meant. `largest` is the longest run
/// written, with what lies between its events: it may come on top of the limit.
pub(crate) fn hold(world: &World, largest: u64) {
    let memory = world.settings.objects.memory_bytes_max.max(world.settings.upload.part_bytes);
    let limit = memory + largest + FRAMING_BYTES_MAX;
    if world.peaks.held > limit {
        world.fail(&format!("{} bytes held, over {limit}", world.peaks.held));
    }
    let (in_flight, limit) = (world.peaks.in_flight, world.settings.client.requests_in_flight_max);
    if in_flight > limit {
        world.fail(&format!("{in_flight} requests in flight, over {limit}"));
    }
    let (open, limit) = (world.sink.open_objects(), world.settings.objects.max_open_objects);
    if open > limit {
        world.fail(&format!("{open} open objects, over {limit}"));
    }
    check(world, accounting::every_event_is_somewhere(world));
    let visible = world.visible.iter().map(|object| &object.span);
    let failed = world.failed.iter().map(|failure| &failure.span);
    for span in visible.chain(failed).chain(world.sink.unfinished()) {
        let events: Vec<&Accepted> = accounting::events_of(world, span).collect();
        rotated(world, &span.object_key, &events);
    }
}

/// No event came to an object that was full, or whose time was over.
pub(crate) fn rotated(world: &World, name: &str, events: &[&Accepted]) {
    let rotation = world.settings.objects.rotation;
    let Some((last, before)) = events.split_last() else { return };
    let payloads: Vec<&[u8]> = before.iter().map(|event| &event.payload[..]).collect();
    let bytes = accounting::bytes_so_far(world, &payloads);
    let is_full = rotation.events.is_some_and(|max| before.len() as u64 >= max)
        || rotation.bytes.zip(bytes).is_some_and(|(max, bytes)| !before.is_empty() && bytes >= max);
    let is_old =
        rotation.age.is_some_and(|age| last.at - events[0].at >= age && !before.is_empty());
    let was_idle = |idle| events.windows(2).any(|pair| pair[1].at - pair[0].at >= idle);
    if is_full || is_old || rotation.idle.is_some_and(was_idle) {
        world.fail(&format!("{name:?} goes on where {rotation:?} ends it"));
    }
}

/// At the end: what was reported is true of the bucket, every event was reported once, and no
/// upload is open that is not reported.
pub(crate) fn hold_at_the_end(world: &World, largest: u64) {
    hold(world, largest);
    check(world, accounting::what_is_sealed_was_visible(world));
    check(world, accounting::what_is_visible_was_meant(world));
    if world.sink.unfinished().next().is_some() {
        world.fail("the core has settled, and something is unfinished");
    }
    if world.sink.durable() != world.sink.next_position() {
        world.fail("all is reported, but not durable");
    }
    let objects = world.failed.iter().filter(|failure| failure.begun == failure.span.first).count();
    if objects as u64 != world.sink.counters().writes.objects_failed {
        world.fail(&format!("{objects} objects are reported failed first, which is not the count"));
    }
    the_numbers_are_true(world);
    let unknown = accounting::uploads_nobody_knows(world);
    if !unknown.is_empty() {
        world.fail(&format!("open uploads that nobody knows of: {unknown:?}"));
    }
}

/// What the metrics say is what was seen from the outside.
fn the_numbers_are_true(world: &World) {
    let (mut requests, mut durations) = (0, 0);
    let mut numbers = BTreeMap::new();
    for metric in world.sink.metrics() {
        match (metric.name, metric.value) {
            ("spillway_requests_total", Value::Counter(count)) => requests += count,
            (_, Value::Histogram(histogram)) => durations += histogram.count(),
            (name, Value::Counter(number) | Value::Gauge(number)) => {
                *numbers.entry(name).or_insert(0) += number;
            }
        }
    }
    let stored = |f: fn(&Visible) -> u64| world.visible.iter().map(f).sum::<u64>();
    for (name, seen) in [
        ("spillway_events_total", world.accepted.len() as u64),
        ("spillway_objects_total", world.visible.len() as u64),
        ("spillway_object_bytes_total", stored(|object| object.bytes)),
        ("spillway_events_failed_total", world.failed.iter().map(|f| f.span.events).sum()),
        ("spillway_requests_in_flight", 0),
        ("spillway_objects_open", 0),
        ("spillway_objects_unfinished", 0),
        ("spillway_held_bytes", 0),
    ] {
        if numbers[name] != seen {
            world.fail(&format!("{name} is {}, and should be {seen}", numbers[name]));
        }
    }
    let (left, named) = (numbers["spillway_uploads_left"], world.sink.left_uploads().len() as u64);
    // All are counted; of those without an id so many are named, and no more.
    if left < named || (left > named && named < NAMED_MAX) {
        world.fail(&format!("{left} uploads are left, and {named} are named"));
    }
    if (requests, durations) != (world.requests(), world.requests()) {
        let made = world.requests();
        world.fail(&format!("{made} requests, {requests} counted and {durations} timed"));
    }
    let parts = stored(|object| object.parts.into());
    if numbers["spillway_parts_total"] < parts {
        world.fail(&format!("fewer parts are counted than the {parts} of visible objects"));
    }
}

/// The last object reported visible under each name is the one that is there.
pub(crate) fn the_last_one_stays(world: &World) {
    let mut names: Vec<_> =
        world.visible.iter().map(|object| object.span.object_key.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        // A failed object may have become visible after all, without the core hearing of it.
        let last =
            world.visible.iter().filter(|s| s.span.object_key == name).max_by_key(|s| s.span.first);
        let Some(last) = last else { continue };
        if world.failed.iter().any(|f| f.span.object_key == name) {
            continue;
        }
        let expected = accounting::bytes_of(world, &last.span);
        if world
            .bucket
            .objects()
            .get(name)
            .is_none_or(|object| accounting::decompressed(world, &object.bytes) != expected)
        {
            world.fail(&format!("{name:?} is not what was stored there last"));
        }
    }
}

/// No event is both in a visible object and reported failed, unless the one question that could
/// have told met a fault itself.
pub(crate) fn what_failed_is_not_there_unless_looking_failed(world: &World) {
    let is_faulted = |line: &String| line.contains("HeadObject") && line.contains("to meet");
    if world.trace().iter().any(is_faulted) {
        return;
    }
    for failure in &world.failed {
        let bytes = accounting::bytes_of(world, &failure.span);
        let mut history = world.bucket.visible_history().iter();
        let is = |object: &[u8]| accounting::decompressed(world, object) == bytes;
        if history.any(|v| v.key == failure.span.object_key && is(&v.object.bytes)) {
            world.fail(&format!("{:?} is visible, and reported failed", failure.span));
        }
    }
}

/// What conditional writes are for: no object is ever replaced.
pub(crate) fn nothing_is_replaced(world: &World) {
    check(world, accounting::nothing_was_replaced(world));
}

/// The same, and none of ours is there twice. Every payload has to be another one.
pub(crate) fn nothing_is_replaced_or_doubled(world: &World) {
    nothing_is_replaced(world);
    check(world, accounting::what_is_sealed_is_there_once(world));
}

fn check(world: &World, result: Result<(), String>) {
    if let Err(message) = result {
        world.fail(&message);
    }
}

/// What an event may take beside its own bytes, or the end of an object.
const FRAMING_BYTES_MAX: u64 = 4;

const NAMED_MAX: u64 = 1_000;
