//! Every placement of up to two faults over small runs: every request, every kind of fault.

use std::time::Duration;

use spillway_core::{Settings, Timestamp};
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::faults::Fault;
use spillway_simulation::world::{FaultPlan, World};

use crate::invariants::{
    hold, hold_at_the_end, nothing_is_replaced_or_doubled, the_last_one_stays,
    what_failed_is_not_there_unless_looking_failed,
};

/// What is written: keys and payloads, with so many objects open at once.
#[derive(Clone, Copy)]
struct Events {
    open: usize,
    events: &'static [(&'static str, &'static str)],
}

/// How objects are named, and the names that are taken when it begins.
type Naming = (&'static str, &'static [&'static str]);

/// One PutObject.
const SMALL: Events = Events { open: 1, events: &[("a", "one"), ("a", "two")] };
/// Three parts of 16 bytes and less.
const THREE_PARTS: Events = Events {
    open: 1,
    events: &[("a", "0123456789"), ("a", "abcdefghijklmnopqrst"), ("a", "ABCDEF")],
};
/// Objects that take turns, one of them in parts, one of them twice.
const INTERLEAVED: Events = Events {
    open: 1,
    events: &[
        ("a", "0123456789abcdefghij"),
        ("b", "x"),
        ("a", "second"),
        ("c", "y"),
        ("b", "again"),
    ],
};
/// Two objects that grow side by side, one of them in parts, until a third ends it.
const TWO_OPEN: Events = Events {
    open: 2,
    events: &[("a", "0123456789"), ("b", "x"), ("a", "abcdefghij"), ("b", "y"), ("c", "z")],
};
/// A key that comes back, both times in parts.
const TWICE: Events = Events {
    open: 1,
    events: &[("a", "0123456789abcdefghij"), ("b", "x"), ("a", "ABCDEFGHIJKLMNOPQRST")],
};
/// The ways to replace nothing.
const CONDITIONAL: [Naming; 4] = [
    (r#""on_existing": "fail""#, &[]),
    (r#""on_existing": "fail""#, &["a"]),
    (r#""on_existing": "next", "key_template": "{key}-{sequence}""#, &[]),
    (r#""on_existing": "next", "key_template": "{key}-{sequence}""#, &["a-0", "a-1", "a-2"]),
];

#[test]
fn any_one_fault_of_a_small_object() {
    one_fault(|plan| run(SMALL, plan));
}

#[test]
fn any_one_fault_of_a_three_part_object() {
    one_fault(|plan| run(THREE_PARTS, plan));
}

#[test]
fn any_one_fault_of_an_interleaved_run() {
    one_fault(|plan| run(INTERLEAVED, plan));
}

#[test]
fn any_one_fault_of_two_open_objects() {
    one_fault(|plan| run(TWO_OPEN, plan));
}

#[test]
fn any_two_faults_of_a_small_object() {
    two_faults(|plan| run(SMALL, plan));
}

#[test]
fn any_two_faults_of_a_three_part_object() {
    two_faults(|plan| run(THREE_PARTS, plan));
}

#[test]
fn any_two_faults_of_an_interleaved_run() {
    two_faults(|plan| run(INTERLEAVED, plan));
}

#[test]
fn any_two_faults_of_two_open_objects() {
    two_faults(|plan| run(TWO_OPEN, plan));
}

/// A store that answers every request with the same fault: whatever it is, the run ends, and what
/// it reports is true.
#[test]
fn the_same_fault_for_ever() {
    for events in [SMALL, THREE_PARTS, INTERLEAVED, TWO_OPEN] {
        for fault in Fault::ALL {
            run(events, Plan::Always(fault));
        }
    }
}

#[test]
fn any_two_faults_of_a_small_object_that_replaces_none() {
    for naming in CONDITIONAL {
        two_faults(|plan| run_conditional(naming, SMALL, plan));
    }
}

#[test]
fn any_two_faults_of_a_three_part_object_that_replaces_none() {
    for naming in [CONDITIONAL[0], CONDITIONAL[3]] {
        two_faults(|plan| run_conditional(naming, THREE_PARTS, plan));
    }
}

#[test]
fn any_one_fault_of_a_key_that_comes_back_and_replaces_none() {
    for naming in CONDITIONAL {
        one_fault(|plan| run_conditional(naming, TWICE, plan));
        one_fault(|plan| run_conditional(naming, TWO_OPEN, plan));
    }
}

#[test]
fn the_same_fault_for_ever_replaces_none() {
    for naming in CONDITIONAL {
        for events in [SMALL, THREE_PARTS, TWICE, TWO_OPEN] {
            for fault in Fault::ALL {
                run_conditional(naming, events, Plan::Always(fault));
            }
        }
    }
}

/// Which requests of a run meet which faults.
#[derive(Clone, Copy)]
enum Plan {
    None,
    One(u64, Fault),
    Two((u64, Fault), (u64, Fault)),
    Always(Fault),
}

impl Plan {
    fn at(self, index: u64) -> Option<Fault> {
        match self {
            Plan::One(at, fault) if at == index => Some(fault),
            Plan::Two((at, fault), _) | Plan::Two(_, (at, fault)) if at == index => Some(fault),
            Plan::Always(fault) => Some(fault),
            _ => None,
        }
    }
}

/// The requests that a fault causes can meet faults as well, so the second goes beyond the requests
/// of the plain run.
fn one_fault(run: impl Fn(Plan) -> World) {
    for at in 0..run(Plan::None).requests() {
        for fault in Fault::ALL {
            run(Plan::One(at, fault));
        }
    }
}

fn two_faults(run: impl Fn(Plan) -> World) {
    for first_at in 0..run(Plan::None).requests() {
        for first in Fault::ALL {
            let with_first = run(Plan::One(first_at, first)).requests();
            for second_at in first_at + 1..with_first {
                for second in Fault::ALL {
                    run(Plan::Two((first_at, first), (second_at, second)));
                }
            }
        }
    }
}

/// Some stores take a completed upload for complete when it is completed again, some have forgotten
/// it.
fn run(events: Events, plan: Plan) -> World {
    run_with(Duration::ZERO, events, plan);
    run_with(Duration::from_secs(3_600), events, plan)
}

fn run_with(complete_idempotent_for: Duration, events: Events, plan: Plan) -> World {
    let options =
        BucketOptions { part_bytes_min: 16, complete_idempotent_for, ..BucketOptions::default() };
    let world = run_in(World::with_settings(settings(events.open, ""), options, 1), events, plan);
    the_last_one_stays(&world);
    world
}

fn run_in(mut world: World, events: Events, plan: Plan) -> World {
    world.on_request(move |info, random| FaultPlan::random(random).with(plan.at(info.index)));
    let Events { events, .. } = events;
    let largest = events.iter().map(|(_, payload)| payload.len() as u64).max().unwrap_or(0);
    for (key, payload) in events {
        world.write(key, *payload);
        hold(&world, largest);
    }
    world.feed(spillway_core::Input::Seal);
    while !world.sink.is_settled() {
        if !world.step() {
            world.fail("it is not settled, and waits for nothing");
        }
        hold(&world, largest);
    }
    world.land_all();
    hold_at_the_end(&world, largest);
    what_failed_is_not_there_unless_looking_failed(&world);
    world
}

fn run_conditional((more, existing): Naming, events: Events, plan: Plan) -> World {
    let options = BucketOptions { part_bytes_min: 16, ..BucketOptions::default() };
    let mut world = World::with_settings(settings(events.open, more), options, 1);
    existing.iter().for_each(|name| world.bucket.put_by_another(Timestamp(0), name));
    let world = run_in(world, events, plan);
    nothing_is_replaced_or_doubled(&world);
    world
}

fn settings(max_open_objects: usize, more: &str) -> Settings {
    let comma = if more.is_empty() { "" } else { ", " };
    let config = format!(
        r#"{{"bucket": "bucket", "endpoint": "http://s3.test", "attempts_max": 3{comma}{more}}}"#
    );
    let mut settings = Settings::parse(&config).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (16, 64);
    settings.objects.max_open_objects = max_open_objects;
    settings
}
