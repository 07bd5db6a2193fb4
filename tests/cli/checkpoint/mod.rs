//! A flow with `[checkpoint]`: what it stores of itself, and what the next run makes of it.

mod bucket;
mod configuration;
mod failures;
mod files;
mod half_lines;
mod killed;
mod lanes;
mod local;
mod restart;
mod several;
mod show;
mod source;
mod stopped;
mod takeover;
mod transforms;
mod untaken;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use spillway_simulation::bucket::Operation;
use spillway_simulation::seeds::variable as number;
use spillway_tests::program::Running;
use spillway_tests::store::Store;

use super::support::*;

/// A flow that stores how far it is after each batch.
fn flow() -> String {
    FLOW.to_owned() + "\n[checkpoint]\npath = \"run.checkpoint\"\nevery = \"0s\"\n"
}

/// So many events for each of these keys, each with a payload of 100,000 bytes.
fn large(keys: &[&str], events: usize) -> String {
    let events = keys.iter().flat_map(|key| (0..events).map(move |n| (key, n)));
    events.map(|(key, n)| event(key, &format!("{n:06}").repeat(16_666))).collect()
}

/// What the objects hold in the end that come of lines made by [`event`].
fn expected(lines: &str) -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::<String, Vec<u8>>::new();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let object = objects.entry(line["key"].as_str().unwrap().to_owned()).or_default();
        object.extend(format!("{}\n", line["payload"]).bytes());
    }
    objects
}

/// How often an operation was asked for.
fn asked(store: &Store, operation: Operation) -> usize {
    store.bucket(|bucket| bucket.log().iter().filter(|l| l.operation == Some(operation)).count())
}

/// A store that takes no part before it is told to.
struct Held {
    // Before the store, which ends once nothing holds it.
    release: Sender<()>,
    reached: Receiver<()>,
    store: Store,
}

impl Held {
    fn start() -> Held {
        let store = Store::start(|_| {});
        let (reaching, reached) = channel();
        let (release, released) = channel::<()>();
        store.server().on_request(move |request| {
            if request.operation == Operation::UploadPart {
                let _ = reaching.send(());
                // It fails at once after the one who holds it is gone.
                let _ = released.recv();
            }
            None
        });
        Held { release, reached, store }
    }

    /// Waits until a part is held.
    fn wait(&self) {
        self.reached.recv_timeout(spillway_tests::program::PATIENCE).unwrap();
    }

    /// Takes all parts from here on.
    fn go_on(self) -> Store {
        drop(self.release);
        self.store
    }
}

/// A run that was told to stop in the middle of its source, and has; its upload is open.
fn stopped(lines: &str, flow: &str) -> (Place, Store, spillway_tests::program::Ended) {
    let held = Held::start();
    let place = Place::of(flow, lines).with("ENDPOINT", &held.store.endpoint());
    let mut running: Running = place.start(&["run", "flow.toml"]);
    held.wait();
    running.signal("INT");
    running.wait_for("stopping: saving open objects for the next run");
    let store = held.go_on();
    let ended = guarded(running.ends());
    (place, store, ended)
}

/// Runs a test of kills with one seed after the other, until it says that there were enough.
fn kill_often(unless_said: u64, until_done: impl Fn(u64) -> u64) {
    let kills = number("SPILLWAY_KILLS").unwrap_or(unless_said);
    let seeds = match number("SPILLWAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => number("SPILLWAY_FIRST_SEED").unwrap_or(0)..u64::MAX,
    };
    let mut done = 0;
    for seed in seeds {
        if done >= kills {
            break;
        }
        done += until_done(seed);
    }
}
