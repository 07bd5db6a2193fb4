//! Objects of random flows, compared with a model of a few lines.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use spillway_core::encode::ObjectFraming;
use spillway_core::settings::{Commit, Rotation};
use spillway_core::{Civil, Input, Settings, Timestamp};
use spillway_simulation::accounting;
use spillway_simulation::world::World;

use super::model::Model;
use super::{PART, objects, world_with};
use crate::invariants::{hold, hold_at_the_end};

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
