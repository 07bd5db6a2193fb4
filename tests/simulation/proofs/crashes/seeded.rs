//! Seeded workloads, faults and crashes, in virtual time.
//!
//! Which seeds run is told as in `simulation`.

use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use spillway_core::settings::{Commit, OnOrphans};
use spillway_core::{OnExisting, Settings, Timestamp};
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::host::{Arrivals, Host, HostBehaviour, OnFailed, event};
use spillway_simulation::world::World;

use super::{all_are_rotated, the_objects_are_the_same};
use crate::simulation::{all_seeds, weather, world};

#[test]
fn every_event_is_stored_once_whatever_goes_wrong() {
    all_seeds(SEEDS, |seed| run(seed).world);
}

#[test]
fn one_seed_is_one_run() {
    for seed in 0..100 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.world.fingerprint(), second.world.fingerprint(), "seed {seed}");
        assert_eq!(first.world.trace(), second.world.trace(), "seed {seed}");
    }
}

fn run(seed: u64) -> Host {
    let mut random = Rng::with_seed(seed);
    let is_plain = random.u8(..4) == 0;
    let mut world = checkpointed(&mut random, seed, is_plain);
    let (settings, options) = (world.settings.clone(), world.bucket.options.clone());
    weather(&mut world, &mut random);
    let keys = random.usize(1..5);
    let source = source(&mut random, keys, 30);
    let behaviour = behaviour(&mut random, is_plain);
    let is_strict = behaviour.on_failed == OnFailed::Stop;
    let mut host = Host::new(world, source.clone(), behaviour, seed);
    host.run();
    all_are_rotated(&host);
    if is_plain && host.world.failed.is_empty() {
        let world = World::with_settings(settings, options, seed);
        let behaviour =
            HostBehaviour { batch: 100, checkpoint_every: 7, ..HostBehaviour::default() };
        let mut plain = Host::new(world, source, behaviour, seed);
        plain.run();
        the_objects_are_the_same(&plain, &host);
    }
    if is_strict {
        nothing_fails_for_good(&host);
    }
    host
}

/// A core and a bucket of any kind, whose objects become visible by commits. What is `plain` makes
/// objects by its data alone.
pub(super) fn checkpointed(random: &mut Rng, seed: u64, is_plain: bool) -> World {
    let world = world(random, seed);
    let mut settings = world.settings.clone();
    settings.commit.mode = Commit::Checkpointed;
    let names: &[_] = if is_plain { &NAMES[..3] } else { &NAMES };
    let (template, on_existing) = *random.choice(names).expect("there are some");
    let config = format!(
        r#"{{"bucket": "bucket", "key_template": "{template}", "on_existing": "{on_existing}",
            "prefix": "p/"}}"#
    );
    let suffix = settings.names.suffix;
    settings.names = Settings::parse(&config).expect("it is a configuration").names;
    settings.names.suffix = suffix;
    if random.u8(..3) == 0 {
        settings.commit.on_orphans = OnOrphans::Abort;
    }
    if is_plain {
        settings.objects.memory_bytes_max = 1 << 20;
        settings.upload.encoding.compression = None;
        (settings.objects.rotation.age, settings.objects.rotation.idle) = (None, None);
    }
    let is_taken = settings.names.on_existing != OnExisting::Overwrite;
    // Requests by the hundred for a few events show nothing that a dozen do not.
    settings.upload.part_bytes += 5;
    settings.objects.memory_bytes_max += 5;
    let part_bytes_min = settings.upload.part_bytes;
    let options = BucketOptions { part_bytes_min, ..world.bucket.options.clone() };
    let mut world = World::with_settings(settings, options, seed);
    for _ in 0..if is_taken { random.usize(..20) } else { 0 } {
        let name = format!("p/key {}-{}", random.u8(..4), random.u8(..12));
        world.bucket.put_by_another(Timestamp(0), &name);
    }
    world
}

fn behaviour(random: &mut Rng, is_plain: bool) -> HostBehaviour {
    let mut some = |counts: &[u64]| *random.choice(counts).expect("there are some");
    HostBehaviour {
        batch: some(&[1, 3, 10]) as usize,
        checkpoint_every: some(&[1, 3, 10, 1_000]) as usize,
        crash_one_in: Some(some(&[5, 20, 50, 200]) as u32),
        crashes_max: some(&[0, 1, 2, 5, 10]) as u32,
        down_max: Duration::from_secs(some(&[0, 1, 60, 7_200])),
        arrivals: *random.choice(&[Arrivals::All, Arrivals::None, Arrivals::Some]).expect("some"),
        on_failed: *random.choice(&[OnFailed::Continue, OnFailed::Stop]).expect("some"),
        has_whims: random.bool(),
        flushes: !is_plain,
    }
}

/// Events of any size, no more than `most`, for so many keys.
pub(super) fn source(random: &mut Rng, keys: usize, most: usize) -> Vec<(String, Bytes)> {
    let sticky = random.u8(1..10);
    let mut key = 0;
    let mut next = |position: usize| {
        if random.u8(..10) >= sticky {
            key = random.usize(..keys);
        }
        let len = if random.u8(..20) == 0 { random.usize(..150) } else { random.usize(..20) };
        let text: String = (0..len).map(|_| random.alphabetic()).collect();
        (format!("key {key}"), event(position, &text))
    };
    let mut events = Vec::new();
    (0..most).for_each(|position| events.push(next(position)));
    let count = random.usize(..=events.len());
    events.truncate(count);
    events
}

/// A host that begins again after each failure has everything stored once the weather is fair,
/// unless somebody ended an upload or took a name.
fn nothing_fails_for_good(host: &Host) {
    let world = &host.world;
    let is_ended = world.trace().iter().any(|line| line.contains("to meet UploadExpires"));
    let is_taken = world.settings.names.on_existing != OnExisting::Overwrite;
    let is_replaced = !world.late.parts.is_empty();
    if !world.failed.is_empty() && !is_ended && !is_taken && !is_replaced {
        world.fail("something failed for good");
    }
}

/// How many seeds run where nobody says otherwise.
const SEEDS: u64 = 2_000;

/// The first of them depend on nothing but data, and make nothing that was there before fail.
const NAMES: [(&str, &str); 12] = [
    ("{key}", "overwrite"),
    ("{key}-{first:06}", "overwrite"),
    ("{key}-{sequence}", "overwrite"),
    ("{key}-{date:%F-%H%M%S}", "overwrite"),
    ("{key}-{first:06}", "fail"),
    ("{key}", "fail"),
    ("{key}-{sequence}", "next"),
    ("{key}-{sequence}", "next"),
    ("{date:%F}-{sequence}", "next"),
    ("{key}-{uuid}", "overwrite"),
    ("{date:%H%M}/{key}-{uuid}", "overwrite"),
    ("{date:%H%M%S}/{key}-{sequence}", "next"),
];
