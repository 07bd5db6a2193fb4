//! `[[transform]]`: what becomes of events on their way to the sink.

use std::collections::BTreeMap;

use serde_json::json;
use spillway::component::Component;
use spillway::parts::Part;
use spillway_tests::program::Running;
use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::server::Server;

use super::support::*;

/// A flow whose events pass these rules, each in a transform of its own.
pub fn through(flow: &str, rules: &[&str]) -> String {
    let transforms = rules.iter().map(|rules| {
        format!("[[transform]]\ncomponent = \"route.wasm\"\n[transform.config]\nrules = {rules}\n")
    });
    flow.replace("[sink.config]", &format!("{}[sink.config]", transforms.collect::<String>()))
}

/// A folder with the flow, what it reads, and the transform.
pub fn place(flow: &str, lines: &str) -> Place {
    let place = Place::of(flow, lines);
    place.write("route.wasm", Part::Route.bytes());
    place
}

pub const DROP: &str = r#"[{ contains = "drop", action = "drop" }]"#;
const REJECT: &str = r#"[{ contains = "bad", action = "reject", reason = "it is bad" }]"#;
const RENAME: &str = r#"[{ key_prefix = "k", action = "set_key", template = "new/{key}" }]"#;

#[test]
fn they_change_drop_and_rename_in_their_order() {
    let service = r#"[{ field = "/service", action = "set_key", template = "{/service}/{key}" }]"#;
    let debug = r#"[{ field = "/level", equals = "debug", action = "drop" }]"#;
    let flow = through(FLOW, &[debug, service]).replace(
        "attempts_max",
        "max_open_objects = 4\nkey_template = \"{key}/{first}\"\nattempts_max",
    );
    let payload = |n: u64| {
        let level = if n.is_multiple_of(3) { "debug" } else { "info" };
        format!("{{\"service\":\"s{}\",\"level\":\"{level}\",\"n\":{n}}}", n % 4)
    };
    // The last ones are dropped.
    let numbers: Vec<u64> = (0..300_000).chain([3, 6, 9]).collect();
    let line = |n: &u64| format!("{{\"key\":\"all\",\"payload\":{}}}\n", payload(*n));
    let server = Server::start();
    let place = place(&flow, &numbers.iter().map(line).collect::<String>()).at(&server);
    let check = place.spillway(&["check", "--connect", "flow.toml"]);
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(check.out.contains("\ntransform[1] is spillway-route 0.1.0\n"), "{check:?}");
    let summary = place.run(&[]);
    let counted = ["lines", "events", "filtered", "stored_events", "rejected"];
    let counted = counted.map(|name| summary[name].as_u64().unwrap());
    assert_eq!(counted, [300_003, 200_000, 100_003, 200_000, 0]);
    // Of 0 and 3, which were the first of their service, nothing is left.
    let names = [4, 1, 2, 7].map(|first| format!("s{}/all/{first}", first % 4));
    let mut wanted = BTreeMap::<String, Vec<u8>>::new();
    for n in (0..300_000).filter(|n: &u64| !n.is_multiple_of(3)) {
        let name = names[(n % 4) as usize].clone();
        wanted.entry(name).or_default().extend((payload(n) + "\n").bytes());
    }
    assert!(server.contents() == wanted);
}

#[test]
fn what_they_reject_is_rejected_as_by_the_sink() {
    let lines = ["a", "bad", "b", "drop", "bad", "c"].map(|text| event("k", text)).concat();
    let rules = [DROP, REJECT, RENAME];
    for (on_rejected, letters_wanted) in [("\"skip\"", 0), ("{ file = \"rejected\" }", 2)] {
        let flow = through(FLOW, &rules).replacen(
            "[[transform]]",
            &format!("on_rejected = {on_rejected}\n[[transform]]"),
            1,
        );
        let server = Server::start();
        let place = place(&flow, &lines).at(&server);
        let ended = place.spillway(&["run", "flow.toml", "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.err.contains("rejected: line 2: it is bad"), "{ended:?}");
        let summary = summary(&ended);
        assert_eq!((&summary["rejected"], &summary["filtered"]), (&2.into(), &1.into()));
        assert_eq!(server.contents(), objects(&[("new/k", "\"a\"\n\"b\"\n\"c\"\n")]));
        if letters_wanted > 0 {
            // As they were read: a second flow with the same transforms stores them.
            let letter = |line: u64| {
                let position = line - 1;
                json!({"line": line, "position": position, "key": "k", "payload": "\"bad\""})
            };
            assert_eq!(letters(&place, "rejected"), [letter(2), letter(5)]);
        }
    }
}

#[test]
fn where_a_rejection_stops_the_flow_nothing_behind_it_is_stored() {
    let lines = ["a", "b", "bad", "c", "drop"].map(|text| event("k", text)).concat();
    let server = Server::start();
    let place = place(&through(FLOW, &[REJECT, RENAME]), &lines).at(&server);
    let ended = place.spillway(&["run", "flow.toml", "--json"]);
    assert_fails(&ended, 1, &["line 3 was rejected: it is bad"]);
    assert_eq!(server.contents(), objects(&[("new/k", "\"a\"\n\"b\"\n")]));
    let summary = summary(&ended);
    assert_eq!((&summary["events"], &summary["rejected"]), (&2.into(), &1.into()));
}

/// The key that a transform gave may be one that the sink does not take.
#[test]
fn a_key_that_a_transform_gave_is_rejected_by_the_sink() {
    let long = format!(
        r#"[{{ contains = "long", action = "set_key", template = "{}" }}]"#,
        "x".repeat(1_025)
    );
    let lines = ["a", "long", "b"].map(|text| event("k", text)).concat();
    let server = Server::start();
    let place = place(&through(FLOW, &[&long]), &lines).at(&server);
    let said = ["line 2 was rejected: the object's name has 1025 bytes"];
    assert_fails(&place.spillway(&["run", "flow.toml"]), 1, &said);
    assert_eq!(server.contents(), objects(&[("k", "\"a\"\n")]));
}

#[test]
fn dead_letters_of_failed_objects_are_events_as_they_were_read() {
    let split = r#"[
        { contains = "x", action = "set_key", template = "x" },
        { contains = "drop", action = "drop" },
    ]"#;
    let flow = through(FLOW, &[split]).replacen(
        "[[transform]]",
        "[sink]\non_failed = { file = \"failed\" }\n[[transform]]",
        1,
    );
    let flow = flow.replace(
        "attempts_max",
        "max_open_objects = 4\nkey_template = \"{key}/{first}\"\nattempts_max",
    );
    let store = Scripted::start(|request| match request.target.as_str() {
        "/events/x/0" => Reply::error(403, "AccessDenied", "no"),
        _ => Reply::stored(),
    });
    let events = [("a", "x1"), ("a", "y"), ("b", "x2"), ("a", "drop"), ("a", "x3"), ("b", "z")];
    let lines = events.map(|(key, text)| event(key, text)).concat();
    let place = place(&flow, &lines).with("ENDPOINT", &store.endpoint());
    let summary = place.run(&[]);
    assert_eq!((&summary["failed_events"], &summary["dead_letters"]), (&3.into(), &3.into()));
    let letters: Vec<_> = letters(&place, "failed")
        .iter()
        .map(|letter| (letter["line"].clone(), letter["key"].clone(), letter["payload"].clone()))
        .collect();
    let wanted = [(1, "a", "\"x1\""), (3, "b", "\"x2\""), (5, "a", "\"x3\"")];
    assert_eq!(letters, wanted.map(|(n, key, text)| (json!(n), json!(key), json!(text))));

    // With the same transforms they come out as if nothing had failed.
    let server = Server::start();
    let again =
        flow.replace("path = \"events.json\"", "path = \"failed\"\ncodec = \"dead-letters\"");
    let again = again.replace("{ file = \"failed\" }", "\"stop\"");
    place.write("flow.toml", again);
    let place = place.at(&server);
    place.run(&[]);
    assert_eq!(server.contents(), objects(&[("x/0", "\"x1\"\n\"x2\"\n\"x3\"\n")]));
}

#[test]
fn what_is_wrong_with_them_is_said_by_field() {
    let server = Server::start();
    let place = place("", &event("k", "a")).at(&server);
    place.write("sink.wasm", Component::embedded());
    place.write("text.wasm", "hello");
    place.write("credentials.wasm", Part::EnvCredentials.bytes());
    let good = through(FLOW, &["[]", "[]"]);
    let second = |from: &str, to: &str| {
        let (before, after) = good.rsplit_once(from).unwrap();
        format!("{before}{to}{after}")
    };
    let component = "component = \"route.wasm\"";
    for (flow, said) in [
        (
            second(component, "componet = \"route.wasm\""),
            "transform[1].componet: unknown field; did you mean `component`?",
        ),
        (second(component, ""), "transform[1].component: is missing"),
        (
            second(component, "component = \"no.wasm\""),
            "transform[1].component: cannot read the component no.wasm: No such file",
        ),
        (
            second(component, "component = \"text.wasm\""),
            "transform[1].component: not a WebAssembly component",
        ),
        (
            second(component, "component = \"sink.wasm\""),
            "transform[1].component: the component does not export spillway:sink/transform@0.2.0; \
             it exports spillway:sink/sink@0.2.0",
        ),
        (
            second(component, "component = \"credentials.wasm\""),
            "it exports spillway:s3/credentials@0.2.0",
        ),
        (
            second("rules = []", "rules = [{ acton = \"drop\", action = \"drop\" }]"),
            "transform[1].config.rules[0].acton: unknown field; did you mean `action`?",
        ),
        (
            second("rules = []", "rule = []"),
            "transform[1].config.rule: unknown field; did you mean `rules`?",
        ),
        (
            second("rules = []", "rules = [\"${NOT_SET}\"]"),
            "transform[1].config.rules[0]: the environment variable NOT_SET is not set",
        ),
        (
            good.replace("[[transform]]", "[transform]").replacen(
                "[transform]\ncomponent = \"route.wasm\"\n[transform.config]\nrules = []\n",
                "",
                1,
            ),
            "transform: is a table; write [[transform]]",
        ),
        (
            good.replace("[transform", "[transfrom"),
            "transfrom: unknown field; did you mean `transform`?",
        ),
    ] {
        place.write("flow.toml", &flow);
        for command in ["check", "run"] {
            let ended = place.spillway(&[command, "flow.toml"]);
            assert_fails(&ended, 2, &["wrong with flow.toml", said]);
        }
    }
    // Of several, each is told. Who only asks about the store needs none of them.
    let flow = good.replace(component, "component = \"no.wasm\"");
    place.write("flow.toml", &flow);
    let said = ["transform[0].component", "transform[1].component"];
    assert_fails(&place.spillway(&["check", "flow.toml"]), 2, &said);
    assert_eq!(place.spillway(&["uploads", "list", "flow.toml"]).code, Some(0));
    assert!(server.objects().is_empty());
}

#[test]
fn one_that_outgrows_its_memory_is_named_and_loses_nothing() {
    let flow = through(FLOW, &["[]"])
        .replace("[transform.config]", "memory_bytes_max = 2097152\n[transform.config]");
    let server = Server::start();
    let lines = event("k", "a") + &event("k2", &"x".repeat(4 << 20));
    let place = place(&flow, "").at(&server);
    place.write(
        "flow.toml",
        flow.replace("type = \"file\"\npath = \"events.json\"", "type = \"stdin\""),
    );
    let mut running: Running = place.start(&["run", "flow.toml", "--json"]);
    running.write(lines.as_bytes());
    let ended = guarded(running.end());
    assert_fails(&ended, 1, &["transform[0] failed"]);
    let stored = server.contents();
    let events = summary(&ended)["stored_events"].as_u64().unwrap();
    assert_eq!(stored.len() as u64, events, "what was accepted before is stored: {ended:?}");
}

fn objects(objects: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    objects.iter().map(|(key, text)| ((*key).to_owned(), text.as_bytes().to_vec())).collect()
}
