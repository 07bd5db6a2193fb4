//! The limits of one object: size, events, age and idle time.

use std::time::Duration;

use bytes::Bytes;
use spillway_core::Instant;
use spillway_core::encode::ObjectFraming;
use spillway_core::settings::Rotation;
use spillway_simulation::world::FaultPlan;

use super::{PART, SECOND, finish, visible, world_with};

#[test]
fn by_default_no_object_ends_before_its_key_does() {
    let mut world = world_with(1, |settings| settings.objects.memory_bytes_max = 2 * PART);
    for _ in 0..100 {
        world.write("a", "0123456789");
        world.run_for(1_000 * SECOND);
        assert_eq!((world.sink.open_objects(), world.visible.len()), (1, 0));
    }
    assert_eq!(world.sink.next_due(), None, "nothing will happen to it");
    world.write("b", "x");
    finish(&mut world);
    assert_eq!(world.visible.len(), 2);
    assert_eq!(visible(&world).iter().find(|(key, _)| *key == "a").unwrap().1.len(), 1_000);
}

#[test]
fn an_object_ends_with_the_event_that_fills_it() {
    let cases = [
        // Ten bytes: at the third event, whose first byte is the tenth.
        (
            Rotation { bytes: Some(10), ..Rotation::default() },
            vec!["aaaabbbbbcc", "dddddddddddd", "e"],
        ),
        (
            Rotation { bytes: Some(9), ..Rotation::default() },
            vec!["aaaabbbbb", "ccdddddddddddd", "e"],
        ),
        (
            Rotation { events: Some(2), ..Rotation::default() },
            vec!["aaaabbbbb", "ccdddddddddddd", "e"],
        ),
    ];
    for (rotation, wanted) in cases {
        for in_one_run in [false, true] {
            let mut world = world_with(1, |settings| settings.objects.rotation = rotation);
            let events = ["aaaa", "bbbbb", "cc", "dddddddddddd", "e"].map(Bytes::from);
            match in_one_run {
                true => _ = world.write_run("k", &events),
                false => events.iter().for_each(|event| _ = world.write("k", event.clone())),
            }
            assert_eq!(world.sink.open_objects(), 1, "{rotation:?}");
            finish(&mut world);
            let wanted: Vec<_> = wanted.iter().map(|bytes| ("k", *bytes)).collect();
            assert_eq!(visible(&world), wanted, "{rotation:?}, in one run: {in_one_run}");
        }
    }
}

#[test]
fn separators_count_as_they_are_stored() {
    let mut world = world_with(1, |settings| {
        settings.upload.encoding.framing = ObjectFraming::Newline;
        settings.objects.rotation.bytes = Some(6);
    });
    world.write_run("k", &["aa", "bb", "cc"].map(Bytes::from));
    finish(&mut world);
    assert_eq!(visible(&world), [("k", "aa\nbb\n"), ("k", "cc\n")]);
}

/// Age counts from the first event, and needs no other to be noticed.
#[test]
fn an_object_ends_at_its_age() {
    let mut world = world_with(1, |settings| settings.objects.rotation.age = Some(10 * SECOND));
    world.on_request(|_, _| FaultPlan::taking(SECOND / 10));
    world.run_for(5 * SECOND);
    world.write("a", "one");
    for _ in 0..3 {
        world.run_for(3 * SECOND);
        world.write("a", "+");
    }
    assert_eq!(world.sink.next_due(), Some(Instant(15_000_000_000)));
    world.run_for(SECOND - Duration::from_nanos(1));
    assert_eq!((world.requests(), world.sink.open_objects()), (0, 1));
    world.run_for(SECOND);
    assert_eq!(visible(&world), [("a", "one+++")]);
    assert_eq!((world.sink.durable(), world.sink.open_objects()), (4, 0));
    assert_eq!(world.sink.next_due(), None, "it ends once");
    world.write("a", "another");
    assert_eq!(world.sink.durable(), 4);
    finish(&mut world);
}

/// Idleness counts from the last event.
#[test]
fn an_object_ends_when_nothing_comes_for_it() {
    let mut world = world_with(1, |settings| {
        (settings.objects.rotation.idle, settings.objects.max_open_objects) = (Some(2 * SECOND), 2);
    });
    world.on_request(|_, _| FaultPlan::taking(SECOND / 10));
    world.write("b", "once");
    for _ in 0..4 {
        world.write("a", "again ");
        world.run_for(SECOND);
    }
    assert_eq!(visible(&world), [("b", "once")], "others were written to");
    assert_eq!(world.sink.durable(), 1);
    world.run_for(2 * SECOND);
    assert_eq!(visible(&world), [("b", "once"), ("a", "again again again again ")]);
    finish(&mut world);
}

/// It is not said that whoever drives the core wakes it in time.
#[test]
fn an_event_that_comes_when_the_time_is_over_begins_another_object() {
    for (age, idle) in [(Some(SECOND), None), (None, Some(SECOND))] {
        let mut world = world_with(1, |settings| {
            settings.objects.rotation = Rotation { age, idle, ..Rotation::default() };
        });
        world.write("a", "one");
        world.on_request(|_, _| FaultPlan::taking(SECOND));
        world.run_for(SECOND);
        world.write("a", "two");
        finish(&mut world);
        assert_eq!(visible(&world), [("a", "one"), ("a", "two")]);
    }
}

/// A run that becomes thousands of objects is taken piece by piece.
#[test]
fn each_event_may_be_an_object() {
    let mut world = world_with(1, |settings| settings.objects.rotation.events = Some(1));
    let payloads: Vec<Bytes> = (0..10_000).map(|n| format!("event {n}").into()).collect();
    world.write_run("a", &payloads);
    world.seal_and_settle();
    assert_eq!(world.peaks.unfinished, 1_024);
    assert!(world.peaks.held <= world.settings.objects.memory_bytes_max, "{:?}", world.peaks);
    let history = world.bucket.visible_history();
    assert_eq!((history.len(), world.visible.len()), (10_000, 10_000));
    assert!(history.iter().zip(&payloads).all(|(visible, event)| visible.object.bytes == *event));
    assert_eq!((world.sink.durable(), world.sink.counters().writes.events), (10_000, 10_000));
}
