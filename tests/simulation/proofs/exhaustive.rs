//! Every placement of up to two faults over small runs: every request, every kind of fault.

use std::time::Duration;

use spillway_core::settings::Settings;
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::faults::Fault;
use spillway_simulation::world::{Fate, World};

use crate::invariants::{
    hold, hold_at_the_end, the_last_one_stays, what_failed_is_not_there_unless_looking_failed,
};

/// What is written: keys and payloads, with so many objects open at once.
#[derive(Clone, Copy)]
struct Events {
    open: usize,
    events: &'static [(&'static str, &'static str)],
}

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

#[test]
fn any_one_fault_of_a_small_object() {
    one_fault(SMALL);
}

#[test]
fn any_one_fault_of_a_three_part_object() {
    one_fault(THREE_PARTS);
}

#[test]
fn any_one_fault_of_an_interleaved_run() {
    one_fault(INTERLEAVED);
}

#[test]
fn any_one_fault_of_two_open_objects() {
    one_fault(TWO_OPEN);
}

#[test]
fn any_two_faults_of_a_small_object() {
    two_faults(SMALL);
}

#[test]
fn any_two_faults_of_a_three_part_object() {
    two_faults(THREE_PARTS);
}

#[test]
fn any_two_faults_of_an_interleaved_run() {
    two_faults(INTERLEAVED);
}

#[test]
fn any_two_faults_of_two_open_objects() {
    two_faults(TWO_OPEN);
}

/// A store that answers every request with the same fault: whatever it is, the run ends, and what
/// it reports is true.
#[test]
fn the_same_fault_for_ever() {
    for events in [SMALL, THREE_PARTS, INTERLEAVED, TWO_OPEN] {
        for fault in Fault::ALL {
            run(events, move |_| Some(fault));
        }
    }
}

/// The requests that a fault causes can meet faults as well, so the second goes beyond the requests
/// of the plain run.
fn one_fault(events: Events) {
    let requests = run(events, |_| None).requests();
    for at in 0..requests {
        for fault in Fault::ALL {
            run(events, move |index| (index == at).then_some(fault));
        }
    }
}

fn two_faults(events: Events) {
    let requests = run(events, |_| None).requests();
    for first_at in 0..requests {
        for first in Fault::ALL {
            let only_first = move |index| (index == first_at).then_some(first);
            let with_first = run(events, only_first).requests();
            for second_at in first_at + 1..with_first {
                for second in Fault::ALL {
                    run(events, move |index| match index {
                        _ if index == first_at => Some(first),
                        _ if index == second_at => Some(second),
                        _ => None,
                    });
                }
            }
        }
    }
}

/// Some stores take a completed upload for complete when it is completed again, some have forgotten
/// it.
fn run(events: Events, fault: impl Fn(u64) -> Option<Fault> + Clone + 'static) -> World {
    run_with(Duration::ZERO, events, fault.clone());
    run_with(Duration::from_secs(3_600), events, fault)
}

fn run_with(
    complete_idempotent_for: Duration,
    events: Events,
    fault: impl Fn(u64) -> Option<Fault> + 'static,
) -> World {
    let options =
        BucketOptions { part_bytes_min: 16, complete_idempotent_for, ..BucketOptions::default() };
    let Events { open, events } = events;
    let mut world = World::with_settings(settings(open), options, 1);
    world.on_request(move |info, random| Fate::random(random).with(fault(info.index)));
    let largest = events.iter().map(|(_, payload)| payload.len() as u64).max().unwrap_or(0);
    for (key, payload) in events {
        world.write(key, *payload);
        hold(&world, largest);
    }
    world.feed(spillway_core::sink::Input::Seal);
    while !world.sink.is_settled() {
        if !world.step() {
            world.fail("it is not settled, and waits for nothing");
        }
        hold(&world, largest);
    }
    world.land_all();
    hold_at_the_end(&world, largest);
    the_last_one_stays(&world);
    what_failed_is_not_there_unless_looking_failed(&world);
    world
}

fn settings(max_open_objects: usize) -> Settings {
    let config = r#"{"bucket": "bucket", "endpoint": "http://s3.test", "attempts_max": 3}"#;
    let mut settings = Settings::parse(config).unwrap();
    (settings.part_bytes, settings.memory_bytes_max) = (16, 64);
    settings.max_open_objects = max_open_objects;
    settings
}
