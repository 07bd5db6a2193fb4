//! A store that is away: what is said of it, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use spillway_tests::scripted::{Reply, Scripted};

use super::support::*;

#[test]
fn it_is_said_at_once_what_is_waited_for_and_when_that_is_over() {
    let is_back = Arc::new(AtomicBool::new(false));
    let back = is_back.clone();
    let server = Scripted::start(move |_| match back.load(Ordering::Relaxed) {
        true => Reply::stored(),
        false => Reply::error(503, "SlowDown", "later"),
    });
    let place = Place::of(&patient(), &event("a", "1")).with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml"]);
    running.wait_for("waiting for the store (503");
    // However many attempts there are, it is said once.
    (0..4).for_each(|_| drop(server.wait_for("attempt", |request| request.method == "PUT")));
    is_back.store(true, Ordering::Relaxed);
    running.wait_for("the store is back after 0:");
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Besides, the component tells for how long it will be tried.
    let said = ended.err.lines().filter(|line| line.starts_with("waiting for the store"));
    assert_eq!(said.count(), 1, "{ended:?}");
}

#[test]
fn programs_are_told_the_cause() {
    let place = Place::of(&patient(), &event("a", "1")).with("ENDPOINT", NOBODY);
    let mut running = place.start(&["run", "flow.toml", "--log", "json"]);
    running.wait_for("\"event\":\"waiting\"");
    running.signal("INT");
    running.wait_for("\"event\":\"stopping\"");
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let waiting = ended.err.lines().find(|line| line.contains("\"event\":\"waiting\"")).unwrap();
    let waiting: Value = serde_json::from_str(waiting).unwrap();
    assert_eq!(waiting["cause"], "connection refused", "{waiting}");
    assert!(waiting["attempts"].as_u64().unwrap() > 0 && waiting["seconds"].is_u64(), "{waiting}");
}

#[test]
fn who_is_told_to_stop_says_what_it_waits_for_and_what_ends_that() {
    let place = Place::of(&patient(), &event("a", "1")).with("ENDPOINT", NOBODY);
    let mut running = place.start(&["run", "flow.toml"]);
    running.wait_for("waiting for the store (connection refused");
    running.signal("TERM");
    let said = running.told("interrupt again to abort them");
    assert!(said.starts_with(" (waiting for the store (connection refused"), "{said}");
    running.signal("TERM");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.out.contains("The events that were not stored are in line 1."), "{ended:?}");
}

#[test]
fn a_run_that_goes_on_says_what_it_waits_for_before_it_reads() {
    let flow = patient() + "\n[checkpoint]\npath = \"run.checkpoint\"\nevery = \"0s\"\n";
    let lines: String = (0..7).map(|_| event("a", &"x".repeat(MIB))).collect();
    let place = Place::of(&flow, &lines).with("ENDPOINT", NOBODY);
    // Its first checkpoint is stored before anything is sent.
    let mut running = place.start(&["run", "flow.toml"]);
    running.wait_for("waiting for the store (connection refused");
    running.signal("KILL");
    assert_eq!(running.ends().code, None);
    let mut running = place.start(&["run", "flow.toml"]);
    running.wait_for("resuming from line ");
    running.wait_for("waiting for the store (connection refused");
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn commands_that_ask_say_it_as_well() {
    for arguments in [&["check", "--connect", "flow.toml"][..], &["uploads", "list", "flow.toml"]] {
        let place = Place::of(&patient(), "").with("ENDPOINT", NOBODY);
        let mut running = place.start(arguments);
        running.wait_for("waiting for the store (connection refused");
        running.signal("INT");
        let ended = guarded(running.ends());
        assert_fails(&ended, 130, &["interrupted: "]);
    }
}

#[test]
fn an_answer_is_nothing_to_wait_for() {
    // The name is free, which a store says with an error.
    let server = Scripted::start(|request| match request.method.as_str() {
        "HEAD" => Reply::status(404),
        _ => Reply::stored(),
    });
    let flow = FLOW.to_owned() + "key_template = \"{key}-{sequence}\"\non_existing = \"next\"\n";
    let lines: String = (0..20).map(|n| event(&format!("k{n}"), "1")).collect();
    let place = Place::of(&flow, &lines).with("ENDPOINT", &server.endpoint());
    let ended = place.spillway(&["run", "flow.toml"]);
    assert!(!ended.err.contains("waiting for the store"), "{ended:?}");
}

/// Tries again for as long as the tests last.
fn patient() -> String {
    FLOW.replace("attempts_max = 2", "attempts_max = 1000\nretry_time_max_ms = 1800000")
}

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1";
