//! What happens during a day.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use spillway_core::{CredentialsError, Settings, Timestamp};
use spillway_simulation::bucket::{BucketOptions, KeyPair};
use spillway_simulation::world::{FaultPlan, World};

use super::{DAY, HOUR};
use crate::patience::OUTAGES;

/// What happens, and when.
pub(super) struct Plan {
    /// When events come, and their keys.
    pub(super) arrivals: Vec<(Duration, &'static str)>,
    /// When the store is away.
    pub(super) outage: Range<Duration>,
    /// From when on the wall clock is how far ahead, in nanoseconds.
    pub(super) clock: BTreeMap<Duration, i64>,
    /// When the process crashes.
    pub(super) crashes: BTreeSet<Duration>,
}

impl Plan {
    /// A day by chance.
    pub(super) fn new(random: &mut Rng) -> Plan {
        let begins = minute(random, 60..22 * 60);
        let outage = begins..begins + HOUR;
        let mut crashes: BTreeSet<_> =
            (0..random.usize(1..6)).map(|_| minute(random, 1..23 * 60)).collect();
        // The last life looks for what those before it left, and the store is there then.
        crashes.insert(minute(random, 23 * 60 + 10..23 * 60 + 40));
        Plan { arrivals: arrivals(random), outage, clock: clock(random), crashes }
    }

    /// A core and a bucket that meet all of this.
    pub(super) fn world(&self, random: &mut Rng, seed: u64) -> World {
        let mut settings = Settings::parse(&configuration(random)).expect("a configuration");
        // Objects in parts, or as a whole: the memory fills in other ways.
        let part = *random.choice(&[256, 1_536]).expect("some");
        (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (part, 3_072);
        let options = BucketOptions { part_bytes_min: part, ..BucketOptions::default() };
        let mut world = World::with_settings(settings, options, seed);
        world.clock_steps = self.clock.clone();
        renew_credentials(&mut world, random);
        let (outage, fault) = (self.outage.clone(), *random.choice(&OUTAGES).expect("some"));
        world.on_request(move |info, random| {
            let fault = match () {
                () if outage.contains(&info.at) => Some(fault),
                () if random.u8(..200) == 0 => random.choice(&OUTAGES).copied(),
                () => None,
            };
            FaultPlan::random(random).with(fault)
        });
        world
    }
}

fn configuration(random: &mut Rng) -> String {
    let (template, on_existing) = *random.choice(&NAMES).expect("some");
    let age_ms = random.u64(5..30) * 60_000;
    let open = random.usize(KEYS.len()..2 * KEYS.len());
    // The default, which is shorter than the outage, or longer than it.
    let retry_time_max_ms = if random.bool() { 1_800_000 } else { 7_200_000 };
    format!(
        r#"{{"bucket": "bucket", "endpoint": "http://s3.test", "commit": "checkpointed",
            "orphans": "abort", "prefix": "p/", "key_template": "{template}",
            "on_existing": "{on_existing}", "rotate": {{"age_ms": {age_ms}}},
            "max_open_objects": {open}, "retry_time_max_ms": {retry_time_max_ms},
            "complete_timeout_ms": 60000}}"#
    )
}

/// Events of a few keys: one after the other, some at once, and nothing for a while now and then.
fn arrivals(random: &mut Rng) -> Vec<(Duration, &'static str)> {
    let mut arrivals = Vec::new();
    let mut at = Duration::ZERO;
    loop {
        let (events, pause_secs) = match random.u16(..1_000) {
            0..2 => (1, random.u64(600..2_400)),
            2..20 => (random.usize(10..60), 30),
            _ => (1, 30),
        };
        at += Duration::from_millis(random.u64(..1_000 * pause_secs));
        if at >= DAY {
            return arrivals;
        }
        let key = *random.choice(&KEYS).expect("some");
        arrivals.extend(std::iter::repeat_n((at, key), events));
    }
}

/// A clock that is set now and then: by seconds, as a time server does, or by an hour or two, as
/// somebody does who mistakes the time zone. At least once each way.
fn clock(random: &mut Rng) -> BTreeMap<Duration, i64> {
    let mut steps: Vec<i64> = vec![-random.i64(1_200..7_200), random.i64(1_200..7_200)];
    steps.extend((0..random.usize(..6)).map(|_| random.i64(-90..90)));
    random.shuffle(&mut steps);
    let mut ahead = 0;
    let mut times: Vec<_> = steps.iter().map(|_| minute(random, 1..24 * 60)).collect();
    times.sort();
    let step = |(at, secs): (Duration, i64)| {
        ahead += secs * 1_000_000_000;
        (at, ahead)
    };
    times.into_iter().zip(steps).map(step).collect()
}

/// A key for each hour, which is good for some minutes longer. Now and then there is none when
/// somebody asks.
fn renew_credentials(world: &mut World, random: &mut Rng) {
    let start = world.wall();
    let end = |hour: u32| start.after(HOUR * (hour + 1) + KEYS_OVERLAP);
    let keys: Vec<_> =
        (0..HOURS).map(|hour| KeyPair::temporary(&format!("ASIA{hour:02}"), end(hour))).collect();
    world.bucket.options.keys = keys.clone();
    let mut mood = random.fork();
    world.on_credentials(move |_fresh, at: Timestamp| {
        if mood.u8(..10) == 0 {
            return Err(CredentialsError::Failed("the metadata service is away".to_owned()));
        }
        let hour = at.since(start).as_secs() / HOUR.as_secs();
        let key = keys.get(usize::try_from(hour).unwrap_or(usize::MAX)).map(KeyPair::credentials);
        key.ok_or_else(|| CredentialsError::NotConfigured("there is no key".to_owned()))
    });
}

fn minute(random: &mut Rng, minutes: Range<u64>) -> Duration {
    Duration::from_millis(random.u64(60_000 * minutes.start..60_000 * minutes.end))
}

/// Names that no other object gets, whatever the clock shows.
const NAMES: [(&str, &str); 4] = [
    ("{key}/{first}", "fail"),
    ("{key}-{sequence}", "next"),
    ("{date:%F/%H}/{key}-{sequence}", "next"),
    ("{key}/{date:%F}/{uuid}", "overwrite"),
];
const KEYS: [&str; 3] = ["app", "web", "system"];
const KEYS_OVERLAP: Duration = Duration::from_secs(300);
/// For longer than a day, since what is left is stored after it.
const HOURS: u32 = 48;
