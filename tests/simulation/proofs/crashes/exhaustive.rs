//! A crash at every instant of small runs, at every two of them, and together with every fault of
//! every request.

use std::time::Duration;

use bytes::Bytes;
use spillway_core::{Settings, Timestamp};
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::faults::Fault;
use spillway_simulation::host::{Arrivals, Host, HostBehaviour, event};
use spillway_simulation::world::{FaultPlan, World};

use super::the_objects_are_the_same;

/// Keys and payloads, with so many objects open at once.
type Script = (usize, &'static [(&'static str, &'static str)]);

/// One PutObject.
const SMALL: Script = (1, &[("a", "one"), ("a", "two")]);
/// Three parts and more of 16 bytes, of which checkpoints fall into the middle.
const PARTS: Script =
    (1, &[("a", "0123456789"), ("a", "abcdefghijklmnopqrst"), ("a", "ABCDEF"), ("a", "")]);
/// A name that comes back twice, in parts and at once.
const TWICE: Script =
    (1, &[("a", "0123456789abcdefghij"), ("b", "x"), ("a", "second"), ("b", "y"), ("a", "third")]);
/// Two objects that grow side by side, one of them in parts, until a third ends it.
const TWO_OPEN: Script =
    (2, &[("a", "0123456789"), ("b", "x"), ("a", "abcdefghij"), ("b", "y"), ("c", "z")]);
const ALL: [Script; 4] = [SMALL, PARTS, TWICE, TWO_OPEN];

/// How objects are named, and the names that are taken when it begins.
type Naming = (&'static str, &'static [&'static str]);

const OVERWRITE: Naming = ("", &[]);
/// The defaults of names with a number: what a committed checkpoint made visible is its own, and in
/// nobody's way.
const FAIL: Naming = (r#", "key_template": "{key}-{first}""#, &[]);
const NEXT: Naming = (r#", "key_template": "{key}-{sequence}""#, &["a-0", "a-1"]);

/// What one run is like.
#[derive(Clone, Copy)]
struct Case {
    script: Script,
    naming: Naming,
    checkpoint_every: usize,
    arrivals: Arrivals,
    /// Some stores take a completed upload for complete when it is completed again.
    is_idempotent: bool,
    fault: Option<(u64, Fault)>,
}

#[test]
fn any_one_crash() {
    for script in ALL {
        for naming in [OVERWRITE, FAIL, NEXT] {
            for checkpoint_every in [1, 2, 100] {
                every_store(Case { checkpoint_every, ..case(script, naming) }, one_crash);
            }
        }
    }
}

#[test]
fn any_two_crashes() {
    for (script, naming) in [(SMALL, OVERWRITE), (PARTS, FAIL), (TWICE, OVERWRITE)] {
        every_store(case(script, naming), |case| {
            let plain = run(case, &[]);
            for first in 1..=plain.instants {
                // Counted on from the first: what a resumed run does meets a crash as well.
                for second in first + 1..=run(case, &[first]).instants {
                    let host = run(case, &[first, second]);
                    nothing_is_seen_of_it(&plain, &host);
                }
            }
        });
    }
}

#[test]
fn any_one_crash_and_any_one_fault() {
    for (script, naming) in [(SMALL, FAIL), (TWICE, NEXT)] {
        let case = Case { checkpoint_every: 3, ..case(script, naming) };
        for at in 0..run(case, &[]).world.requests() {
            for fault in Fault::ALL {
                let case = Case { fault: Some((at, fault)), ..case };
                for instant in 1..=run(case, &[]).instants {
                    run(case, &[instant]);
                }
            }
        }
    }
}

fn one_crash(case: Case) {
    let plain = run(case, &[]);
    for instant in 1..=plain.instants {
        nothing_is_seen_of_it(&plain, &run(case, &[instant]));
    }
}

fn every_store(case: Case, test: impl Fn(Case)) {
    for arrivals in [Arrivals::All, Arrivals::None] {
        for is_idempotent in [false, true] {
            test(Case { arrivals, is_idempotent, ..case });
        }
    }
}

fn case(script: Script, naming: Naming) -> Case {
    Case {
        script,
        naming,
        checkpoint_every: 2,
        arrivals: Arrivals::All,
        is_idempotent: false,
        fault: None,
    }
}

fn nothing_is_seen_of_it(plain: &Host, host: &Host) {
    the_objects_are_the_same(plain, host);
    if !host.world.failed.is_empty() || host.crashed == 0 {
        host.world.fail("something failed in good weather, or nothing crashed");
    }
}

fn run(case: Case, crashes: &[u64]) -> Host {
    let Case { script: (open, events), naming: (more, taken), .. } = case;
    let config = format!(
        r#"{{"bucket": "bucket", "endpoint": "http://s3.test", "attempts_max": 3,
            "commit": "checkpointed"{more}}}"#
    );
    let mut settings = Settings::parse(&config).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (16, 256);
    settings.objects.max_open_objects = open;
    let hour = Duration::from_secs(3_600);
    let options = BucketOptions {
        part_bytes_min: 16,
        complete_idempotent_for: if case.is_idempotent { hour } else { Duration::ZERO },
        ..BucketOptions::default()
    };
    let mut world = World::with_settings(settings, options, 1);
    taken.iter().for_each(|name| world.bucket.put_by_another(Timestamp(0), name));
    world.on_request(move |info, random| {
        let fault = case.fault.filter(|(at, _)| *at == info.index).map(|(_, fault)| fault);
        FaultPlan::random(random).with(fault)
    });
    let source: Vec<(String, Bytes)> = events
        .iter()
        .enumerate()
        .map(|(position, (key, text))| ((*key).to_owned(), event(position, text)))
        .collect();
    let (checkpoint_every, arrivals) = (case.checkpoint_every, case.arrivals);
    let behaviour = HostBehaviour { checkpoint_every, arrivals, ..HostBehaviour::default() };
    let mut host = Host::new(world, source, behaviour, 1);
    host.crashes = crashes.iter().copied().collect();
    host.run();
    host
}
