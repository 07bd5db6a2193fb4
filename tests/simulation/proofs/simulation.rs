//! Seeded workloads, seeded faults, virtual time: core and bucket in one loop, without threads.
//!
//! `SPILLWAY_SEEDS=100000` runs so many seeds, from 0 or from `SPILLWAY_FIRST_SEED` on.
//! `SPILLWAY_SEED=7` runs that one and prints its trace.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use spillway_core::checksum::Crc;
use spillway_core::encode::{Compression, ObjectFraming};
use spillway_core::settings::Rotation;
use spillway_core::{CredentialsError, Input, Settings, Timestamp};
use spillway_simulation::bucket::{BucketOptions, ChecksumSupport, KeyPair};
use spillway_simulation::faults::Fault;
use spillway_simulation::seeds;
use spillway_simulation::world::{FaultPlan, RequestInfo, World};

use crate::invariants::{hold, hold_at_the_end, nothing_is_replaced, the_last_one_stays};

#[test]
fn what_is_reported_is_true_whatever_goes_wrong() {
    all_seeds(SEEDS, run);
}

/// Runs as many seeds as are asked for, or the one that is, and prints its trace.
pub(crate) fn all_seeds(unless_said: u64, run: impl Fn(u64) -> World + Sync) {
    one_seed_in(1, unless_said, run);
}

/// The same with one seed where so many are asked for: each of its runs takes as long as they do.
pub(crate) fn one_seed_in(share: u64, unless_said: u64, run: impl Fn(u64) -> World + Sync) {
    each_seed(share, unless_said, run, |world| world.trace().join("\n"));
}

/// The same with runs that have more than one world.
pub(crate) fn each_seed<T>(
    share: u64,
    unless_said: u64,
    run: impl Fn(u64) -> T + Sync,
    trace: impl FnOnce(&T) -> String,
) {
    if let Some(seed) = seeds::one() {
        println!("{}", trace(&run(seed)));
        return;
    }
    let seeds = seeds::several(share, 0, unless_said);
    let lanes = std::thread::available_parallelism().map_or(1, |lanes| lanes.get() as u64);
    std::thread::scope(|scope| {
        for lane in 0..lanes {
            let (run, mine) = (&run, seeds.clone().skip(lane as usize));
            scope.spawn(move || mine.step_by(lanes as usize).for_each(|seed| _ = run(seed)));
        }
    });
}

/// One seed twice gives the same requests, bytes and clock.
#[test]
fn one_seed_is_one_run() {
    for seed in 0..200 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.fingerprint(), second.fingerprint(), "seed {seed}");
        assert_eq!(first.trace(), second.trace(), "seed {seed}");
        assert_eq!(first.elapsed(), second.elapsed(), "seed {seed}");
    }
}

/// What the core does in a thousand runs, as one number: it tells whether a change of the code is a
/// change of behaviour. `-- --nocapture a_thousand_seeds` prints it.
#[test]
fn a_thousand_seeds_have_one_fingerprint() {
    let fingerprint = || {
        let runs = (0..1_000).map(run).map(|world| (world.fingerprint(), world.elapsed()));
        let mut hasher = DefaultHasher::new();
        runs.for_each(|run| run.hash(&mut hasher));
        hasher.finish()
    };
    let first = fingerprint();
    println!("fingerprint of requests, bytes and clock: {first:016x}");
    assert_eq!(first, fingerprint(), "it is the same each time");
}

/// Without faults nothing fails and nothing is asked twice, whatever the workload.
#[test]
fn a_good_day_has_no_retries() {
    for seed in 0..500 {
        let mut random = Rng::with_seed(seed);
        let mut world = world(&mut random, seed);
        let largest = workload(&mut world, &mut random);
        world.seal_and_settle();
        hold_at_the_end(&world, largest);
        the_last_one_stays(&world);
        let counters = world.sink.counters();
        let bad = (
            counters.requests.retries(),
            counters.writes.objects_failed,
            counters.writes.events_failed,
        );
        if bad != (0, 0, 0) || world.bucket.visible_history().len() != world.visible.len() {
            world.fail("something was tried again or failed on a good day");
        }
    }
}

fn run(seed: u64) -> World {
    let mut random = Rng::with_seed(seed);
    let mut world = world(&mut random, seed);
    let replaces_nothing = random.u8(..4) == 0 && {
        name_anew(&mut world, &mut random, seed);
        true
    };
    let late = weather(&mut world, &mut random);
    let largest = workload(&mut world, &mut random);
    world.feed(if random.u8(..20) == 0 { Input::Abort } else { Input::Seal });
    while !world.sink.is_settled() {
        if !world.step() {
            world.fail("it is not settled, and waits for nothing");
        }
        hold(&world, largest);
    }
    world.land_all();
    hold_at_the_end(&world, largest);
    if replaces_nothing {
        nothing_is_replaced(&world);
    }
    if !late {
        the_last_one_stays(&world);
    }
    world
}

/// Names that replace nothing, in a bucket where some of them are taken.
fn name_anew(world: &mut World, random: &mut Rng, seed: u64) {
    let (template, on_existing) = *random
        .choice(&[
            ("{key}", "fail"),
            // One name for all keys.
            ("{date:%F}", "fail"),
            ("{key}-{first:06}", "fail"),
            ("{key}-{sequence}", "next"),
            ("{key}-{sequence}", "next"),
            ("{key}-{uuid}", "overwrite"),
        ])
        .expect("there are some");
    let config = format!(
        r#"{{"bucket": "bucket", "key_template": "{template}", "on_existing": "{on_existing}"}}"#
    );
    let names = Settings::parse(&config).expect("it is a configuration").names;
    let settings = Settings { names, ..world.settings.clone() };
    *world = World::with_settings(settings, world.bucket.options.clone(), seed);
    for _ in 0..random.usize(..20) {
        let name = format!("key {}-{}", random.u8(..4), random.u8(..12));
        world.bucket.put_by_another(Timestamp(0), &name);
    }
}

/// A core and a bucket of any kind.
pub(crate) fn world(random: &mut Rng, seed: u64) -> World {
    let config = *random.choice(&CONFIGURATIONS).unwrap_or(&CONFIGURATIONS[0]);
    let mut settings = Settings::parse(config).expect("it is a configuration");
    settings.upload.part_bytes = random.u64(1..40);
    settings.objects.memory_bytes_max = settings.upload.part_bytes * random.u64(1..8);
    settings.client.requests_in_flight_max = random.usize(1..6);
    settings.objects.max_open_objects = if random.bool() { 1 } else { random.usize(2..6) };
    settings.objects.rotation = rotation(random);
    settings.upload.encoding.framing = match random.u8(..8) {
        0 => ObjectFraming::LengthDelimited,
        1 => ObjectFraming::JsonArray,
        2..5 => ObjectFraming::None,
        _ => ObjectFraming::Newline,
    };
    settings.upload.encoding.compression = match random.u8(..24) {
        0..2 => Some(Compression::Gzip { level: random.u8(1..=9) }),
        2 => Some(Compression::Zstd { level: random.u8(1..=12) }),
        _ => None,
    };
    if random.bool() {
        settings.names.suffix = settings.upload.encoding.suffix();
    }
    let compressors = settings.objects.max_open_objects as u64 + 1;
    settings.objects.memory_bytes_max += compressors * settings.upload.encoding.memory_bytes();
    settings.upload.content_md5 = random.u8(..4) == 0;
    settings.client.retry.attempts_max = random.u32(1..8);
    settings.client.retry.budget = *random.choice(&[0, 50, 500]).unwrap_or(&0);
    settings.upload.checksum = match random.u8(..5) {
        0 => None,
        1 => Some(Crc::Crc32),
        2 => Some(Crc::Crc32c),
        _ => Some(Crc::Crc64Nvme),
    };
    let mut options = BucketOptions {
        part_bytes_min: settings.upload.part_bytes,
        complete_idempotent_for: Duration::from_secs(if random.bool() { 3_600 } else { 0 }),
        ..BucketOptions::default()
    };
    if random.u8(..6) == 0 {
        options.checksums = ChecksumSupport::Ignored;
    }
    World::with_settings(settings, options, seed)
}

/// In half of the runs nothing, in the others any of the reasons for which an object may end.
fn rotation(random: &mut Rng) -> Rotation {
    if random.bool() {
        return Rotation::default();
    }
    let mut some = |max: u64| (random.u8(..3) == 0).then(|| random.u64(1..max));
    let (bytes, events) = (some(100), some(8));
    let (age, idle) = (some(60_000), some(20_000));
    let time = |millis: Option<u64>| millis.map(Duration::from_millis);
    Rotation { bytes, events, age: time(age), idle: time(idle) }
}

/// What goes wrong: a region or a clock, single faults at some rate, an outage for a while, keys
/// that expire, a source of credentials that has moods. Returns whether requests may arrive after
/// the core has given them up: a PutObject that does may put an older object in the place of a
/// younger one of the same name, and nobody can keep it from that.
pub(crate) fn weather(world: &mut World, random: &mut Rng) -> bool {
    if random.u8(..10) == 0 {
        world.bucket.options.region = "eu-north-1".to_owned();
    }
    if random.u8(..10) == 0 {
        world.clock_ahead = random.i64(-40..40) * 60_000_000_000;
    }
    let (slow, decide) = faults(random);
    world.on_request(decide);
    if random.u8(..5) == 0 {
        expiring_keys(world, random);
    }
    slow
}

/// Single faults at some rate, an outage for a while, and in some runs requests that take long.
/// Returns whether these are there, and what becomes of each request.
pub(crate) fn faults(
    random: &mut Rng,
) -> (bool, impl FnMut(&RequestInfo, &mut Rng) -> FaultPlan + 'static) {
    let rate = *random.choice(&[0, 1, 5, 20, 60]).unwrap_or(&0);
    let outage = random.u64(0..60_000)..random.u64(0..120_000);
    let outage_fault = *random.choice(&Fault::ALL).unwrap_or(&Fault::ConnectError);
    let has_outage = random.u8(..4) == 0;
    let slow = random.u8(..10) == 0;
    let decide = move |info: &RequestInfo, random: &mut Rng| {
        let millis = u64::try_from(info.at.as_millis()).unwrap_or(u64::MAX);
        let mut fault_plan = FaultPlan::random(random);
        if slow && random.u8(..10) == 0 {
            fault_plan.there = Duration::from_secs(random.u64(0..900));
        }
        if slow && random.u8(..10) == 0 {
            fault_plan.back = Duration::from_secs(random.u64(0..900));
        }
        let fault = match () {
            () if has_outage && outage.contains(&millis) => Some(outage_fault),
            () if random.u32(..100) < rate => random.choice(&Fault::ALL).copied(),
            () => None,
        };
        fault_plan.with(fault)
    };
    (slow, decide)
}

fn expiring_keys(world: &mut World, random: &mut Rng) {
    let start = world.wall().0;
    let lives: Vec<u64> = (1..4).map(|n| start + n * random.u64(1..300) * 1_000_000_000).collect();
    let temporary =
        |(n, end): (usize, &u64)| KeyPair::temporary(&format!("ASIA{n}"), Timestamp(*end));
    let mut keys: Vec<_> = lives.iter().enumerate().map(temporary).collect();
    keys.push(KeyPair::new("AKIALAST"));
    world.bucket.options.keys = keys.clone();
    let moody = random.u8(..3) == 0;
    let mut mood = Rng::with_seed(random.u64(..));
    world.on_credentials(move |_fresh, at| {
        if moody && mood.bool() {
            return Err(CredentialsError::Failed("the metadata service is away".to_owned()));
        }
        let good = keys.iter().find(|key| key.expires_at.is_none_or(|end| end > at));
        good.map(KeyPair::credentials)
            .ok_or_else(|| CredentialsError::NotConfigured("no key".to_owned()))
    });
}

/// Runs of events of any size for a few keys, now and then a gap, a pause or a flush. Returns the
/// longest.
fn workload(world: &mut World, random: &mut Rng) -> u64 {
    let mut missing = random.clone();
    let keys = random.usize(1..5);
    let runs = random.usize(0..40);
    let long = random.u8(..3) == 0;
    let sticky = random.u8(1..10);
    let (mut key, mut largest) = (0, 0);
    for _ in 0..runs {
        if random.u8(..10) >= sticky {
            key = random.usize(..keys);
        }
        let events = if long { random.usize(1..10) } else { 1 };
        let payloads: Vec<Bytes> = (0..events).map(|_| payload(random)).collect();
        // With the most that lies between events.
        let len = payloads.iter().map(|payload| payload.len() + 4).sum::<usize>();
        largest = largest.max(len as u64);
        let gap = if missing.u8(..8) == 0 { missing.u64(1..100) } else { 0 };
        let first = world.sink.next_position() + gap;
        world.write_run_from(first, &format!("key {key}"), None, &payloads);
        hold(world, largest);
        if missing.u8(..10) == 0 {
            world.skip(missing.u64(..100));
            hold(world, largest);
        }
        match random.u8(..30) {
            0 => world.run_for(Duration::from_millis(random.u64(..60_000))),
            1 => world.seal_and_settle(),
            2 => world.feed(Input::RetryAborts),
            _ => {}
        }
    }
    largest
}

fn payload(random: &mut Rng) -> Bytes {
    let len = match random.u8(..10) {
        0 => 0,
        1 => random.usize(..200),
        _ => random.usize(..20),
    };
    (0..len).map(|_| random.alphanumeric() as u8).collect()
}

/// How many seeds run where nobody says otherwise.
const SEEDS: u64 = 5_000;

/// As little as possible; and what goes with requests of one kind and not with others.
const CONFIGURATIONS: [&str; 3] = [
    r#"{"bucket": "bucket", "endpoint": "http://s3.test"}"#,
    r#"{"bucket": "bucket", "endpoint": "https://s3.test",
        "customer_key": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "expected_bucket_owner": "111122223333", "tags": {"a b": "c"}}"#,
    r#"{"bucket": "bucket", "endpoint": "http://s3.test", "server_side_encryption": "aws:kms",
        "request_payer": true, "metadata": {"team": "logs"}, "equal_parts": true}"#,
];
