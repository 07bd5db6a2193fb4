//! A sink in several lanes: what is stored is what one sink stores, and what cannot be is refused.

use spillway_tests::server::Server;

use super::support::*;

/// As many objects as there are keys, all of them open.
const NAMED: &str = "key_template = \"{key}-{sequence}\"\nmax_open_objects = 12\n";

fn with(flow: &str, lanes: &str) -> String {
    flow.replace("[sink.config]", &format!("[sink]\nlanes = {lanes}\n[sink.config]"))
}

fn skipping(flow: &str) -> String {
    flow.replace("[sink.config]", "on_rejected = { file = \"rejected.ndjson\" }\n[sink.config]")
}

/// Keys that take turns, and one that is too long for the name of an object.
fn lines() -> String {
    let too_long = event(&"x".repeat(1_100), "rejected");
    let lines = (0..3_000).map(|n| match n % 250 {
        7 => too_long.clone(),
        _ => event(&format!("k{}", n * 7 % 12), &format!("payload {n}")),
    });
    lines.collect()
}

#[test]
fn objects_and_dead_letters_are_those_of_one_sink() {
    for content in
        ["", "compression = 'gzip'\n", "compression = 'zstd'\nrotate = { events = 40 }\n"]
    {
        let flow = skipping(FLOW) + NAMED + content;
        let stored = |flow: &str| {
            let server = Server::start();
            let place = Place::of(flow, &lines()).at(&server);
            let mut summary = place.run(&[]);
            let numbers = ["objects", "stored_events", "object_bytes", "rejected", "dead_letters"];
            let numbers = numbers.map(|name| summary[name].take());
            (server.contents(), numbers, std::fs::read(place.path("rejected.ndjson")).unwrap())
        };
        let one = stored(&flow);
        assert_eq!((&one.1[1], &one.1[3]), (&2_988.into(), &12.into()));
        for lanes in ["1", "2", "5", "\"auto\""] {
            assert!(stored(&with(&flow, lanes)) == one, "{lanes} lanes, {content}");
        }
    }
}

#[test]
fn what_wants_one_order_of_all_events_is_refused() {
    let place = Place::of("", &event("a", "1")).with("ENDPOINT", "http://127.0.0.1:1");
    let good = skipping(FLOW) + NAMED;
    let named = |template: &str| good.replace("{key}-{sequence}", template);
    for (flow, said) in [
        (with(&good, "0"), "sink.lanes: is 0, expected a number from 1 to 64, or \"auto\""),
        (with(&good, "'all'"), "sink.lanes: is \"all\", expected a number from 1 to 64"),
        (
            with(&(FLOW.to_owned() + NAMED), "2"),
            "map.on_rejected: is \"stop\", but with lanes in [sink] events behind a rejected one",
        ),
        (
            with(&named("{sequence}"), "2"),
            "sink.config.key_template: with `lanes` = 2, no two keys may give one name, but it \
             has no `{key}`",
        ),
        (with(&named("{key}{first}-{uuid}"), "3"), "sink.config.key_template: with `lanes` = 3"),
        (with(&named("{key}{first}-{uuid}"), "'auto'"), "no two keys may give one name"),
        (
            with(&(good.clone() + "memory_bytes_max = 33554432\n"), "64"),
            "sink.lanes: memory_bytes_max is 33554432, which is enough for",
        ),
        (good.clone() + "lanes = 2\n", "sink.config.lanes: is set for each lane by the command"),
        (with(&(good.clone() + "lane = 0\n"), "2"), "sink.config.lane: is set for each lane"),
    ] {
        place.write("flow.toml", &flow);
        for command in [&["check", "flow.toml"], &["run", "flow.toml"]] {
            assert_fails(&place.spillway(command), 2, &[said]);
        }
    }
    // Nor is it a failure of the run where there are checkpoints.
    place.write("flow.toml", with(&named("{sequence}"), "2") + "[checkpoint]\npath = 'c'\n");
    assert_fails(&place.spillway(&["run", "flow.toml"]), 2, &["sink.config.key_template"]);
    let kept = with(&good, "2") + "[checkpoint]\npath = 'c'\n";
    let many = kept.replace("path = \"events.json\"", "paths = [\"events.json\"]");
    let followed = many.replace("[map]", "follow = true\n[map]");
    let aside = kept.replace("lanes = 2", "lanes = 2\non_failed = { file = 'failed.ndjson' }");
    for flow in [with(&good, "2"), kept, many, followed, aside] {
        place.write("flow.toml", flow);
        assert_eq!(place.spillway(&["check", "flow.toml"]).code, Some(0));
    }
}

#[test]
fn standard_input_is_read_into_lanes() {
    let server = Server::start();
    let flow = with(&(skipping(&from_stdin()) + NAMED), "2");
    let place = Place::of(&flow, "").at(&server);
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    running.write(lines().as_bytes());
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(summary(&ended)["stored_events"], 2_988);
    assert_eq!(server.objects().len(), 12);
}
