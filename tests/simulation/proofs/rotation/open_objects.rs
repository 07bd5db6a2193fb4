//! Several open objects: which of them is sealed, and what becomes of the events of each.

use std::time::Duration;

use bytes::Bytes;
use spillway_core::settings::Rotation;
use spillway_core::{Settings, Timestamp};
use spillway_simulation::bucket::Operation;
use spillway_simulation::faults::Fault;
use spillway_simulation::world::FaultPlan;

use super::{PART, SECOND, finish, visible, world_with};
use crate::invariants::hold;

#[test]
fn interleaved_keys_share_the_sink() {
    let mut world = world_with(1, |settings| settings.objects.max_open_objects = 3);
    for n in 0..30 {
        world.write(["a", "b", "c"][n % 3], format!("{n:02} "));
    }
    assert_eq!(world.sink.open_objects(), 3);
    finish(&mut world);
    assert_eq!(world.visible.len(), 3);
    for (first, key) in ["a", "b", "c"].into_iter().enumerate() {
        let events: String = (first..30).step_by(3).map(|n| format!("{n:02} ")).collect();
        assert_eq!(world.bucket.objects()[key].bytes, events);
    }
}

#[test]
fn the_object_written_to_the_longest_ago_makes_room() {
    let mut world = world_with(1, |settings| settings.objects.max_open_objects = 2);
    for key in ["a", "b", "a", "c"] {
        world.write(key, key);
    }
    world.land_all();
    assert_eq!(visible(&world), [("b", "b")]);
    assert_eq!(world.sink.durable(), 0, "`a` is open, and its first event is the first of all");
    world.write("b", "again");
    world.land_all();
    assert_eq!(visible(&world), [("b", "b"), ("a", "aa")]);
    assert_eq!(world.sink.durable(), 3, "of what is open, `c` is the oldest");
    finish(&mut world);
    assert_eq!(world.sink.durable(), 5);
}

/// Memory is short: what ends is what was written to the longest ago, no more of it than needed,
/// and never the object that the events are for.
#[test]
fn memory_is_made_by_ending_objects() {
    let world = || {
        let mut world = world_with(1, |settings| {
            (settings.objects.max_open_objects, settings.objects.memory_bytes_max) = (10, 2 * PART);
        });
        ["a", "b", "c"].into_iter().for_each(|key| _ = world.write(key, "0123456789"));
        assert_eq!((world.sink.open_objects(), world.requests()), (3, 0), "30 bytes of 32");
        world
    };
    let (mut other, mut own) = (world(), world());
    other.write("c", "01234");
    assert_eq!((visible(&other), other.sink.open_objects()), (vec![("a", "0123456789")], 2));
    own.write("a", "01234");
    assert_eq!((visible(&own), own.sink.open_objects()), (vec![("b", "0123456789")], 2));
    for world in [&mut other, &mut own] {
        assert!(world.peaks.held <= 2 * PART);
        finish(world);
    }
}

/// Bytes that are under way are waited for, and nothing ends for them.
#[test]
fn memory_that_waiting_clears_ends_nothing() {
    let mut world = world_with(1, |settings| {
        (settings.objects.max_open_objects, settings.objects.memory_bytes_max) = (10, 3 * PART);
    });
    world.write("a", "0123456789abcdef0123456789abcdef");
    world.write("b", "0123456789");
    assert_eq!(world.sink.held(), 42);
    world.write("c", "0123456789");
    assert_eq!((world.sink.open_objects(), world.visible.len()), (3, 0));
    assert!(world.peaks.held <= 3 * PART);
    finish(&mut world);
}

#[test]
fn an_event_larger_than_all_memory_passes_alone() {
    let mut world = world_with(1, |settings| {
        (settings.objects.max_open_objects, settings.objects.memory_bytes_max) = (3, 2 * PART);
    });
    world.write("a", "01234");
    world.write("b", "01234");
    world.write("c", "x".repeat(100));
    world.write("d", "x".repeat(100));
    world.write("d", "01234");
    hold(&world, 100);
    finish(&mut world);
    assert_eq!(world.visible.len(), 4);
}

/// What failed is not the end of its key: the next object of it is another one.
#[test]
fn a_failed_object_ends_as_others_do() {
    let one = Duration::from_millis(1);
    for rotation in [
        Rotation { bytes: Some(60), ..Rotation::default() },
        Rotation { events: Some(6), ..Rotation::default() },
        Rotation { age: Some(100 * SECOND), ..Rotation::default() },
        Rotation { idle: Some(100 * SECOND), ..Rotation::default() },
    ] {
        let mut world = world_with(1, |settings| settings.objects.rotation = rotation);
        world.on_request(|info, random| {
            let fails = info.index == 0 && info.operation == Operation::CreateMultipartUpload;
            FaultPlan::random(random).with(fails.then_some(Fault::AccessDenied))
        });
        (0..2).for_each(|_| _ = world.write("a", "0123456789"));
        while world.failed.is_empty() {
            assert!(world.step());
        }
        (0..4).for_each(|_| _ = world.write("a", "0123456789"));
        let lost: u64 = world.failed.iter().map(|failure| failure.span.events).sum();
        assert_eq!((lost, world.sink.durable()), (6, 6), "{rotation:?}");
        world.run_for(100 * SECOND - one);
        if rotation.age.is_none() && rotation.idle.is_none() {
            assert_eq!(world.sink.open_objects(), 0, "{rotation:?}");
        }
        world.run_for(one);
        assert_eq!(world.sink.open_objects(), 0, "{rotation:?}");
        world.write("a", "stored");
        finish(&mut world);
        assert_eq!(visible(&world), [("a", "stored")], "{rotation:?}");
    }
}

/// Two objects fail, one after the other, while both are open and written to in turns: each event
/// of theirs is reported, once, and no event of the third.
#[test]
fn failures_of_open_objects_name_their_own_events() {
    let mut world = world_with(1, |settings| settings.objects.max_open_objects = 3);
    world.on_request(|info, random| {
        let fails = info.key != "c" && info.part_number == Some(1);
        FaultPlan::random(random).with(fails.then_some(Fault::AccessDenied))
    });
    for _ in 0..20 {
        ["a", "b", "c"].into_iter().for_each(|key| _ = world.write(key, "01234"));
        world.run_for(SECOND / 10);
        hold(&world, 5);
    }
    finish(&mut world);
    let lost = |key| -> u64 {
        let of_key = world.failed.iter().filter(|failure| failure.span.key == key);
        of_key.map(|failure| failure.span.events).sum()
    };
    assert_eq!((lost("a"), lost("b"), lost("c")), (20, 20, 0));
    assert_eq!(world.visible.len(), 1);
}

/// Events that are rejected take no room, and so none is made for them.
#[test]
fn no_object_ends_for_events_that_are_rejected() {
    let mut world = world_with(1, |settings| {
        let config = r#"{"bucket": "bucket", "prefix": "logs/"}"#;
        settings.names = Settings::parse(config).unwrap().names;
        (settings.objects.max_open_objects, settings.objects.memory_bytes_max) = (2, 2 * PART);
    });
    ["a", "b"].into_iter().for_each(|key| _ = world.write(key, "0123456789"));
    world.write("../c", "0123456789abc");
    assert_eq!((world.rejected.len(), world.sink.open_objects()), (1, 2));
    finish(&mut world);
}

/// Objects of one name become visible one after the other. What is sealed must not wait for one
/// that is open: nobody knows when that ends, and memory would fill meanwhile.
#[test]
fn what_is_sealed_does_not_wait_for_what_is_open() {
    let mut world = world_with(1, |settings| {
        let config = r#"{"bucket": "bucket", "key_template": "{date:%F}", "on_existing": "fail"}"#;
        settings.names = Settings::parse(config).unwrap().names;
        (settings.objects.max_open_objects, settings.objects.memory_bytes_max) = (2, 4 * PART);
    });
    for n in 0..100 {
        world.write("a", "0");
        world.write(&format!("key {n}"), "0123456789");
        hold(&world, 10);
        let ahead = world.sink.unfinished().count();
        assert!(ahead <= 10, "{ahead} objects wait for one that is open");
    }
    finish(&mut world);
    assert_eq!(visible(&world).len(), 1, "the others find the name taken");
}

/// Names tell the truth about time, in whatever order events come.
#[test]
fn events_of_another_hour_go_into_another_object() {
    let minutes = |minutes: u64| Some(Timestamp(minutes * 60_000_000_000));
    for (max_open, wanted) in [
        (4, vec![("01", "1 3 "), ("02", "2 4 ")]),
        // With one open object the older ends, and the late event begins a third.
        (1, vec![("01", "1 "), ("02", "2 "), ("01", "3 "), ("02", "4 ")]),
    ] {
        let mut world = world_with(1, |settings| {
            let config = r#"{"bucket": "bucket", "key_template": "{date:%H}/{key}-{sequence}"}"#;
            settings.names = Settings::parse(config).unwrap().names;
            settings.objects.max_open_objects = max_open;
        });
        for (at, payload) in [(119, "1 "), (120, "2 "), (119, "3 "), (121, "4 ")] {
            world.write_run_of("a", minutes(at), &[payload.into()]);
        }
        assert_eq!(world.sink.open_objects(), max_open.min(2));
        finish(&mut world);
        let mut visible: Vec<_> = world.visible.iter().map(|object| &object.span).collect();
        visible.sort_by_key(|span| span.first);
        let stored = |name: &String| world.bucket.objects()[name].bytes.clone();
        let stored: Vec<_> =
            visible.iter().map(|s| (&s.object_key[..2], stored(&s.object_key))).collect();
        let wanted: Vec<_> = wanted.into_iter().map(|(h, text)| (h, Bytes::from(text))).collect();
        assert_eq!(stored, wanted);
    }
}

/// Whoever is told of a failure goes by key and positions, so those of the other objects of the key
/// are not among them.
#[test]
fn failures_of_objects_that_take_turns_name_their_own_events() {
    let mut world = world_with(1, |settings| {
        let config = r#"{"bucket": "bucket", "key_template": "{date:%H}/{key}-{first}"}"#;
        settings.names = Settings::parse(config).unwrap().names;
        settings.objects.max_open_objects = 2;
    });
    world.on_request(|info, random| {
        FaultPlan::random(random).with(info.key.starts_with("01").then_some(Fault::AccessDenied))
    });
    for position in 0..8 {
        // Two by two: 0, 1, 4, 5 are of one hour, and 2, 3, 6, 7 of the next.
        let hour = 1 + position / 2 % 2;
        let at = Some(Timestamp(hour * 3_600_000_000_000));
        assert_eq!(world.write_run_of("a", at, &["x".into()]), position);
    }
    finish(&mut world);
    let failed = world.failed.iter().map(|f| (f.begun, f.span.first, f.span.last, f.span.events));
    assert_eq!(failed.collect::<Vec<_>>(), [(0, 0, 1, 2), (0, 4, 5, 2)]);
    assert_eq!((world.visible.len(), world.visible[0].span.events), (1, 4));
    assert_eq!(world.sink.counters().writes.objects_failed, 1);
}

/// What is remembered of objects that take turns is bounded: after a thousand turns one ends.
#[test]
fn an_object_ends_after_a_thousand_turns() {
    let mut world = world_with(1, |settings| {
        let config = r#"{"bucket": "bucket", "key_template": "{date:%H}/{key}-{uuid}"}"#;
        settings.names = Settings::parse(config).unwrap().names;
        settings.objects.max_open_objects = 2;
    });
    for turn in 0..2_400 {
        let at = Some(Timestamp((1 + turn % 2) * 3_600_000_000_000));
        world.write_run_of("a", at, &["x".into()]);
    }
    finish(&mut world);
    let mut events: Vec<_> = world.visible.iter().map(|object| object.span.events).collect();
    events.sort_unstable();
    assert_eq!(events, [200, 200, 1_000, 1_000]);
}
