//! Several lives at once, each of which takes itself for the only one: seeded workloads, faults,
//! pauses, crashes and takeovers.
//!
//! Which seeds run is told as in `simulation`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use spillway_core::OnExisting;
use spillway_simulation::bucket::{Bucket, ChecksumSupport, Operation};
use spillway_simulation::faults::Fault;
use spillway_simulation::lives::{LifeBehaviour, Lives};
use spillway_simulation::world::{FaultPlan, World};

use super::seeded::{checkpointed, source};
use crate::simulation::{each_seed, faults};

#[test]
fn every_event_is_stored_once_however_many_lives_there_are() {
    each_seed(SHARE, SEEDS, run, trace);
}

#[test]
fn one_seed_is_one_run() {
    for seed in 0..50 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.trace(), second.trace(), "seed {seed}");
    }
}

/// Whoever takes over waits until the lease of the holder has ended, and a holder whose lease has
/// ended stores its checkpoint again before it goes on. What is left is what its core sends at the
/// moment it wakes up, before its host is asked: that does harm in one of some thousand runs.
#[test]
fn with_a_lease_hardly_any_life_harms_another() {
    let (runs, harmed) = (AtomicU64::new(0), AtomicU64::new(0));
    let run = |seed| {
        let lives = lives(seed, LEASE, Weather::Fair);
        runs.fetch_add(1, Ordering::Relaxed);
        if harm(&lives) > 0 {
            harmed.fetch_add(1, Ordering::Relaxed);
            println!("seed {seed}: {:?}", lives.tally);
        }
        lives
    };
    each_seed(SHARE, SEEDS, run, trace);
    let (runs, harmed) = (runs.into_inner(), harmed.into_inner());
    assert!(harmed <= runs / 1_000, "{harmed} of {runs} runs");
}

/// Nobody waits, so a life that stood still replaces parts, aborts uploads or replaces objects of
/// those that took over. That is told, and nothing is lost.
#[test]
fn without_a_lease_some_do() {
    assert!((0..SEEDS).any(|seed| harm(&lives(seed, Duration::ZERO, Weather::Fair)) > 0));
}

/// What was broken by a life that had lost the checkpoint.
fn harm(lives: &Lives) -> u64 {
    let tally = &lives.tally;
    tally.invalid_parts + tally.uploads_aborted + tally.objects_replaced + tally.events_failed
}

fn trace(lives: &Lives) -> String {
    lives.trace().join("\n")
}

/// Lives in any weather, with a lease or without.
fn run(seed: u64) -> Lives {
    let mut random = Rng::with_seed(seed);
    let lease = Duration::from_secs(*random.choice(&[0, 30, 60]).expect("some"));
    lives(seed, lease, Weather::Any)
}

/// What the requests of the lives meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// Whatever may be.
    Any,
    /// Nothing.
    Fair,
}

fn lives(seed: u64, lease: Duration, weather: Weather) -> Lives {
    let mut random = Rng::with_seed(seed ^ 0x003A_17E5);
    let is_plain = random.u8(..4) == 0;
    let World { mut settings, mut bucket, .. } = checkpointed(&mut random, seed, is_plain);
    let keys = random.usize(1..5);
    let source = source(&mut random, keys, 30);
    let mut behaviour = LifeBehaviour { lease, ..behaviour(&mut random, seed) };
    if weather == Weather::Fair {
        // Nothing fails but because of lives, and of them there are many.
        bucket = Bucket::new(bucket.options);
        (settings.client.retry.attempts_max, settings.client.retry.budget) = (8, 500);
        if settings.names.on_existing == OnExisting::Fail {
            settings.names.on_existing = OnExisting::Overwrite;
        }
        behaviour = restless(behaviour);
    }
    let (common, options) = (settings.clone(), bucket.options.clone());
    let mut seeds = random.fork();
    let make = move |number: u64, is_last: bool| {
        let world = World::with_settings(common.clone(), options.clone(), seed);
        let mut world = world.as_one_of_several(number);
        world.on_request(|_, random| FaultPlan::random(random));
        if weather == Weather::Any && !is_last {
            any_weather(&mut world, &mut seeds.fork());
        }
        world
    };
    let mut lives = Lives::new(settings, bucket, source, behaviour, Box::new(make));
    lives.run();
    lives
}

/// A clock of its own, and faults, but for those of the checkpoint that no life can tell from the
/// work of another writer.
fn any_weather(world: &mut World, random: &mut Rng) {
    if random.u8(..10) == 0 {
        world.clock_ahead = random.i64(-40..40) * 60_000_000_000;
    }
    let (_, mut decide) = faults(random);
    let state_prefix = world.settings.names.state_prefix.clone();
    let is_checked = world.settings.upload.checksum.is_some()
        && world.bucket.options.checksums == ChecksumSupport::Full;
    world.on_request(move |info, random| {
        let plan = decide(info, random);
        let is_spared = |fault: &Fault| match fault {
            Fault::NameTaken => true,
            // Nothing but a checksum tells that its content was changed on its way.
            _ => info.operation == Operation::GetObject && !is_checked,
        };
        let is_state = info.key.starts_with(&state_prefix);
        plan.with(plan.fault.filter(|fault| !is_state || !is_spared(fault)))
    });
}

fn behaviour(random: &mut Rng, seed: u64) -> LifeBehaviour {
    let mut some = |counts: &[u64]| *random.choice(counts).expect("there are some");
    LifeBehaviour {
        seed,
        batch: some(&[1, 3, 10]) as usize,
        checkpoint_every: some(&[1, 3, 10, 1_000]) as usize,
        think_max: Duration::from_millis(some(&[0, 10, 1_000])),
        lease: Duration::ZERO,
        lives_max: some(&[3, 5, 8]) as usize,
        at_once_max: some(&[2, 3]) as usize,
        mishap_one_in: some(&[10, 30, 100]) as u32,
        pause_max: Duration::from_secs(some(&[1, 60, 7_200])),
        has_whims: random.bool(),
        flushes: random.bool(),
        stops_on_failure: random.u8(..4) == 0,
    }
}

/// As many lives as there can be, which stand still and go on all the time.
fn restless(behaviour: LifeBehaviour) -> LifeBehaviour {
    LifeBehaviour {
        think_max: Duration::from_secs(1),
        lives_max: 8,
        at_once_max: 3,
        mishap_one_in: 10,
        pause_max: Duration::from_secs(60),
        stops_on_failure: false,
        ..behaviour
    }
}

/// How long a life may go on without storing a checkpoint.
const LEASE: Duration = Duration::from_secs(30);
/// How many seeds run where nobody says otherwise.
const SEEDS: u64 = 500;
/// One seed in so many runs where their number is said: a run has several lives.
const SHARE: u64 = 10;
