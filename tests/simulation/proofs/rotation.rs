//! When objects end: against a model of a few lines, and case by case.

mod model;

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use spillway_core::encode::ObjectFraming;
use spillway_core::settings::{Commit, Rotation};
use spillway_core::{Civil, Input, Instant, Settings, Timestamp};
use spillway_simulation::accounting;
use spillway_simulation::bucket::{BucketOptions, Operation};
use spillway_simulation::faults::Fault;
use spillway_simulation::world::{FaultPlan, World};

use crate::invariants::{hold, hold_at_the_end};
use model::{Model, Object};

const PART: u64 = 16;
const SECOND: Duration = Duration::from_secs(1);

fn world_with(seed: u64, change: impl FnOnce(&mut Settings)) -> World {
    let config = r#"{"bucket": "bucket", "endpoint": "http://s3.test", "framing": "none"}"#;
    let mut settings = Settings::parse(config).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (PART, 1_000 * PART);
    change(&mut settings);
    let options = BucketOptions { part_bytes_min: PART, ..BucketOptions::default() };
    World::with_settings(settings, options, seed)
}

/// Runs to the end, and proves what must hold there.
fn finish(world: &mut World) {
    world.seal_and_settle();
    world.land_all();
    let largest = world.accepted.values().map(|accepted| accepted.payload.len()).max();
    hold_at_the_end(world, largest.unwrap_or(0) as u64);
}

/// The objects that became visible: their keys, and their bytes as text.
fn visible(world: &World) -> Vec<(&str, &str)> {
    let history = world.bucket.visible_history().iter();
    history.map(|v| (v.key.as_str(), std::str::from_utf8(&v.object.bytes).unwrap())).collect()
}

/// The objects of the core, without regard to their order.
fn objects(world: &World) -> Vec<Object> {
    let spans = world.visible.iter().map(|object| &object.span);
    let object = |span: &spillway_core::Span| {
        let events = world.accepted.range(span.first..=span.last);
        let own = events.filter(|(position, e)| e.key == span.key && span.holds(**position));
        (span.key.clone(), own.map(|(position, _)| *position).collect())
    };
    let mut objects: Vec<Object> = spans.map(object).collect();
    objects.sort();
    objects
}

/// How the network does has no say in it: objects are cut alike when their events come again.
#[test]
fn objects_are_those_of_the_model() {
    for seed in 0..1_000 {
        let mut random = Rng::with_seed(seed);
        let mut world = model_world(seed, &mut random);
        // Half of the worlds have a date in their names.
        if random.bool() {
            world = dated(world, seed);
        }
        let mut model = Model::of(&world);
        let mut largest = 0;
        for _ in 0..random.usize(..60) {
            largest = largest.max(write_some(&mut world, &mut model, &mut random));
            match random.u8(..8) {
                0 => world.run_for(Duration::from_millis(random.u64(..3_000))),
                1 if random.bool() => {
                    world.seal_and_settle();
                    while !model.open.is_empty() {
                        model.end(0);
                    }
                }
                _ => {}
            }
            model.follow(&world);
        }
        world.seal_and_settle();
        hold_at_the_end(&world, largest);
        compare(&world, &mut model);
        every_name_tells_the_hour(&world);
    }
}

/// A sink that is resumed goes on with the objects of the hours that it had open, and with no
/// others.
#[test]
fn a_resumed_sink_cuts_objects_as_the_model_does() {
    for seed in 0..500 {
        let mut random = Rng::with_seed(seed);
        let world = model_world(seed, &mut random);
        let mut settings = world.settings.clone();
        settings.commit.mode = Commit::Checkpointed;
        // What waits for a commit is not short of room.
        settings.objects.memory_bytes_max = 1_000 * PART;
        let options = world.bucket.options.clone();
        let mut world = dated(World::with_settings(settings, options, seed), seed);
        let mut model = Model::of(&world);
        let mut largest = 0;
        for _ in 0..random.usize(..40) {
            largest = largest.max(write_some(&mut world, &mut model, &mut random));
            if random.u8(..4) == 0 {
                begin_another_life(&mut world);
            }
            model.follow(&world);
        }
        while !model.open.is_empty() {
            model.end(0);
        }
        for _ in 0..2 {
            world.seal_and_settle();
            begin_another_life(&mut world);
        }
        world.settle();
        world.land_all();
        hold(&world, largest);
        compare(&world, &mut model);
        every_name_tells_the_hour(&world);
    }
}

/// Everything that was accepted is in the checkpoint from which the next life goes on.
fn begin_another_life(world: &mut World) {
    world.feed(Input::Prepare);
    while !world.sink.is_at_rest() {
        assert!(world.step(), "what is under way comes to an end");
    }
    let state = world.sink.checkpoint();
    world.feed(Input::Commit);
    world.crash(|| true);
    world.open(Some(&state));
    // What became old meanwhile ends.
    world.feed(Input::Tick);
}

fn model_world(seed: u64, random: &mut Rng) -> World {
    world_with(seed, |settings| {
        settings.objects.max_open_objects = random.usize(1..6);
        settings.objects.memory_bytes_max =
            PART * if random.bool() { 1_000 } else { random.u64(1..5) };
        let framings = [ObjectFraming::Newline, ObjectFraming::None];
        settings.upload.encoding.framing = framings[random.usize(..2)];
        settings.objects.rotation = rotation(random);
    })
}

/// The same world with names that tell the hour of events.
fn dated(world: World, seed: u64) -> World {
    let config = r#"{"bucket": "bucket", "key_template": "{date:%F/%H}/{key}-{uuid}"}"#;
    let names = Settings::parse(config).unwrap().names;
    let settings = Settings { names, ..world.settings.clone() };
    World::with_settings(settings, world.bucket.options.clone(), seed)
}

/// Writes a run, and says how many bytes it has.
fn write_some(world: &mut World, model: &mut Model, random: &mut Rng) -> u64 {
    let payloads: Vec<Bytes> = (0..random.usize(1..6))
        .map(|_| vec![b'a' + random.u8(..26); random.usize(..12)].into())
        .collect();
    let bytes = payloads.iter().map(Bytes::len).sum::<usize>();
    let key = *random.choice(&["a", "b", "c", "d", "e", "f", "g"]).unwrap();
    // Events come late or early, on both sides of two turns of the hour; or nobody knows when they
    // happened.
    let at = random.bool().then(|| Timestamp(1_000_000_000 * random.u64(7_100..10_900)));
    world.write_run_of(key, at, &payloads);
    model.run(world, bytes as u64);
    (bytes + payloads.len()) as u64
}

fn compare(world: &World, model: &mut Model) {
    while !model.open.is_empty() {
        model.end(0);
    }
    model.ended.sort();
    if objects(world) != model.ended {
        world.fail(&format!(
            "{:?}\nand not as the model has it\n{:?}",
            objects(world),
            model.ended
        ));
    }
}

/// Each object is under the hour of each of its events.
fn every_name_tells_the_hour(world: &World) {
    for object in &world.visible {
        for event in accounting::events_of(world, &object.span) {
            let Civil { year, month, day, hour, .. } = event.happened.civil();
            let folder = format!("{year:04}-{month:02}-{day:02}/{hour:02}/");
            let name = &object.span.object_key;
            if name.contains('/') && !name.starts_with(&folder) {
                world.fail(&format!("{name} holds an event of {folder}"));
            }
        }
    }
}

fn rotation(random: &mut Rng) -> Rotation {
    let mut some = |max: u64| random.bool().then(|| random.u64(1..max));
    let (bytes, events) = (some(60), some(12));
    let (age, idle) = (some(5_000), some(2_000));
    let time = |millis: Option<u64>| millis.map(Duration::from_millis);
    Rotation { bytes, events, age: time(age), idle: time(idle) }
}

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
