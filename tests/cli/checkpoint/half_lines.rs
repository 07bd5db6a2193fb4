//! A last line that its writer is not through with.

use serde_json::Value;
use spillway_tests::server::Server;

use super::*;

/// Runs, and returns how many lines were read, and how many bytes wait.
fn run(place: &Place) -> (u64, u64, Value) {
    let summary = place.run(&[]);
    let number = |name: &str| summary[name].as_u64().unwrap();
    (number("lines"), number("unfinished_bytes"), summary["end"].clone())
}

#[test]
fn it_waits_over_several_runs_and_comes_whole() {
    let server = Server::start();
    let line = event("b", "two halves and more");
    let place = Place::of(&flow(), &(event("a", "1") + &line[..10])).at(&server);
    let first = place.spillway(&["run", "flow.toml"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let said = "starts at line 2. The last line has no line feed yet: 10 bytes wait for the next \
                run.\n";
    assert!(first.out.ends_with(said), "{first:?}");
    // Nothing else is done for it, however far it has grown.
    let requests = server.requests_total();
    for to in [10, 15, line.len() - 1] {
        place.write("events.json", event("a", "1") + &line[..to]);
        assert_eq!(run(&place), (0, to as u64, "nothing_to_do".into()));
        let said = place.spillway(&["run", "flow.toml"]);
        assert!(said.out.starts_with("Nothing to do: "), "{said:?}");
        assert!(said.out.contains(&format!("no line feed yet: {to} bytes wait")), "{said:?}");
        assert_eq!(place.spillway(&["check", "flow.toml"]).code, Some(0));
    }
    assert_eq!(server.requests_total(), requests);
    let lines = event("a", "1") + &line;
    place.write("events.json", lines.clone() + "{");
    assert_eq!(run(&place), (1, 1, "complete".into()));
    assert_eq!(server.contents(), expected(&lines));
}

#[test]
fn a_file_may_have_nothing_else() {
    let server = Server::start();
    let place = Place::of(&flow(), "").at(&server);
    assert_eq!(run(&place), (0, 0, "complete".into()));
    assert_eq!(run(&place), (0, 0, "nothing_to_do".into()));
    place.write("events.json", "{\"key\":");
    assert_eq!(run(&place), (0, 7, "nothing_to_do".into()));
    place.write("events.json", event("a", "1"));
    assert_eq!(run(&place), (1, 0, "complete".into()));
    assert_eq!(server.contents(), expected(&event("a", "1")));
}

#[test]
fn half_a_line_end_is_none() {
    let server = Server::start();
    let raw = flow().replace("[source]", "[source]\ncodec = \"raw\"");
    let raw = raw.replace("key = \".key\"\npayload = \".payload\"", "fixed_key = \"all\"");
    let raw = raw.replace("bucket =", "key_template = \"{first}\"\nbucket =");
    let place = Place::of(&raw, "one\r\ntwo\r").at(&server);
    assert_eq!(run(&place), (1, 4, "complete".into()));
    place.write("events.json", "one\r\ntwo\r\nthree");
    assert_eq!(run(&place), (1, 5, "complete".into()));
    let wanted = [("0".to_owned(), b"one\n".to_vec()), ("1".to_owned(), b"two\n".to_vec())];
    assert_eq!(server.contents(), BTreeMap::from(wanted));
}

#[test]
fn one_over_the_limit_is_rejected_once_it_is_whole() {
    let server = Server::start();
    let flow = flow().replace("[source]", "[source]\nline_bytes_max = 40");
    let flow = flow.replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
    let half = event("a", "1") + &"x".repeat(300_000);
    let place = Place::of(&flow, &half).at(&server);
    assert_eq!(run(&place), (1, 300_000, "complete".into()));
    place.write("events.json", half + "\n" + &event("b", "2"));
    let summary = place.run(&[]);
    assert_eq!((&summary["lines"], &summary["rejected"]), (&2.into(), &1.into()));
    assert_eq!(server.contents(), expected(&(event("a", "1") + &event("b", "2"))));
}

#[test]
fn a_dead_letter_may_be_half_written_too() {
    let server = Server::start();
    let letter = |key: &str| format!("{{\"key\":\"{key}\",\"payload\":\"1\"}}\n");
    let flow = flow().replace("[source]", "[source]\ncodec = \"dead-letters\"");
    let place = Place::of(&flow, &(letter("a") + &letter("b")[..9])).at(&server);
    assert_eq!(run(&place), (1, 9, "complete".into()));
    place.write("events.json", letter("a") + &letter("b"));
    assert_eq!(run(&place), (1, 0, "complete".into()));
    assert_eq!(server.contents().len(), 2);
}

#[test]
fn a_run_that_is_killed_leaves_it_as_well() {
    let held = Held::start();
    let lines = large(&["a"], 150);
    let half = event("b", "in halves");
    let place = Place::of(&flow(), &(lines.clone() + &half[..12]));
    let place = place.with("ENDPOINT", &held.store.endpoint());
    let running = place.start(&["run", "flow.toml"]);
    held.wait();
    running.signal("KILL");
    let store = held.go_on();
    running.ends();
    place.write("events.json", lines.clone() + &half);
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(store.contents(), expected(&(lines + &half)));
}

#[test]
fn without_checkpoints_it_is_a_line() {
    let place = Place::of(FLOW, event("a", "1").trim_end());
    let summary = place.run(&["--local", "out"]);
    assert_eq!((&summary["events"], &summary["unfinished_bytes"]), (&1.into(), &Value::Null));
}
