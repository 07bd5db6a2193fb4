//! Lines that are several events.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;
use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn each_output_of_the_payload_is_an_event() {
    let place = Place::of(&mapped("fixed_key = \"log\"\npayload = \".Records[]\""), LOG);
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let said = "Done: 3 events of 3 lines, stored in 1 object (24 B), in ";
    assert!(ended.out.starts_with(said), "{ended:?}");
    assert!(ended.out.ends_with(" s. 1 filtered out.\n"), "{ended:?}");
    assert_eq!(text(&place, "log"), "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
    let summary = place.run(&["--local", "again"]);
    let numbers = ["lines", "lines_of_several_events", "events", "filtered", "stored_events"];
    assert_eq!(numbers.map(|name| summary[name].as_u64().unwrap()), [3, 1, 3, 1, 3]);
}

#[test]
fn the_example_makes_an_object_for_each_service_and_day() {
    let place = Place::new();
    std::fs::create_dir(place.path("examples")).unwrap();
    for name in ["examples/cloudtrail.toml", "examples/cloudtrail.json"] {
        std::fs::copy(repository().join(name), place.path(name)).unwrap();
    }
    let ended = place.spillway(&["run", "examples/cloudtrail.toml", "--local", "out"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.starts_with("Done: 4 events of 3 lines, stored in 3 objects"), "{ended:?}");
    let record = |time: &str, source: &str, name: &str| {
        format!(
            "{{\"eventTime\":\"2026-05-0{time}Z\",\"eventSource\":\"{source}.amazonaws.com\",\
             \"eventName\":\"{name}\"}}\n"
        )
    };
    let put = record("2T00:00:00", "s3", "PutObject") + &record("2T00:00:07", "s3", "HeadObject");
    let wanted = [
        ("01/iam", record("1T23:59:59", "iam", "ListUsers")),
        ("01/s3", record("1T23:59:58", "s3", "GetObject")),
        ("02/s3", put),
    ];
    let name = |name| format!("trail/2026/05/{name}.amazonaws.com.ndjson");
    let wanted = wanted.map(|(of, text)| (name(of), text.into_bytes()));
    assert_eq!(place.files("out"), BTreeMap::from(wanted));
}

#[test]
fn lines_of_one_event_each_are_told_as_ever() {
    let log = "{\"Records\":[{\"n\":1}]}\n{\"Records\":[]}\n";
    let place = Place::of(&mapped("fixed_key = \"log\"\npayload = \".Records[]\""), log);
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert!(ended.out.starts_with("Done: 1 of 2 lines became events, stored in 1 object"));
}

#[test]
fn key_payload_and_time_are_those_of_each_event() {
    let line = json!({"Records": [
        {"who": "a", "when": "2026-05-01T23:59:59Z", "what": 1},
        {"who": "b", "when": "2026-05-01T12:00:00Z", "what": {"x": 2}},
        {"who": "a", "when": "2026-05-02T00:00:00Z", "what": [3]},
    ]});
    let map = "events = \".Records[]\"\nkey = \".who\"\npayload = \".what\"\nat = \".when\"";
    let flow = mapped(map).replace("bucket", "key_template = \"{date:%Y-%m-%d}/{key}\"\nbucket");
    let place = Place::of(&flow, &format!("{line}\n"));
    assert_eq!(place.run(&["--local", "out"])["events"], 3);
    let wanted =
        [("2026-05-01/a", "1\n"), ("2026-05-01/b", "{\"x\":2}\n"), ("2026-05-02/a", "[3]\n")];
    let wanted = wanted.map(|(name, text)| (format!("events/{name}"), text.as_bytes().to_vec()));
    assert_eq!(place.files("out"), BTreeMap::from(wanted));
}

#[test]
fn a_hundred_thousand_of_one_line() {
    let mut line = String::from("[");
    (0..100_000).for_each(|n| write!(line, "{n},").unwrap());
    line.pop();
    let wanted: String = (0..100_000).map(|n| format!("{n}\n")).collect();
    let flow = mapped("fixed_key = \"k\"\npayload = \".[]\"");
    let checkpoints = format!("{flow}\n[checkpoint]\npath = \"c\"\nevery = \"0s\"\n");
    let place = Place::of(&flow, &(line + "]\n"));
    for (flow, out) in [(flow, "out"), (checkpoints, "kept")] {
        place.write("flow.toml", flow);
        let summary = place.run(&["--local", out]);
        assert_eq!((&summary["lines"], &summary["events"]), (&1.into(), &100_000.into()));
        let stored = std::fs::read_to_string(place.path(&format!("{out}/events/k"))).unwrap();
        assert!(stored == wanted, "{out}: each is there once, in order");
    }
    // A key for each of them, which are more than a batch or the open objects hold.
    let map = "events = \".[0:3000][]\"\nkey = \"tostring\"";
    place.write("flow.toml", format!("{}\n[checkpoint]\npath = \"d\"\n", mapped(map)));
    assert_eq!(place.run(&["--local", "keys"])["objects"], 3_000);
    assert_eq!(place.files("keys/events").len(), 3_000);
}

#[test]
fn more_than_a_line_may_become_is_rejected() {
    for (map, said) in [
        (
            "fixed_key = \"k\"\npayload = \"range(1e12)\"",
            "the payload `range(1e12)` has more than 10002 outputs for a line of 2 bytes: the \
             limit is 10000 and one for each byte",
        ),
        (
            "fixed_key = \"k\"\nevents = \"repeat(.)\"",
            "the events `repeat(.)` has more than 10002 outputs for a line of 2 bytes",
        ),
        (
            "fixed_key = \"k\"\npayload = '\"x\" * 10000000 | ., .'",
            "makes more than 16777220 bytes of a line of 2 bytes: the limit is 16 MiB and 2 for \
             each byte",
        ),
    ] {
        let place = Place::of(&mapped(map), "{}\n");
        let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
        assert_fails(&ended, 1, &["line 1 was rejected: ", said]);
        assert_eq!(place.files("out").len(), 0);
    }
}

#[test]
fn an_object_may_end_within_a_line() {
    let flow = mapped("fixed_key = \"k\"\npayload = \".[]\"");
    let flow =
        flow.replace("bucket", "key_template = \"{key}-{first}\"\nrotate = { events = 2 }\nbucket");
    let place = Place::of(&flow, "[1]\n[2,3,4]\n[]\n[5,6,7]\n");
    assert_eq!(place.run(&["--local", "out"])["objects"], 4);
    let names = ["k-0", "k-2", "k-5", "k-7"].map(|name| (name, text(&place, name)));
    let wanted = [("k-0", "1\n2\n"), ("k-2", "3\n4\n"), ("k-5", "5\n6\n"), ("k-7", "7\n")];
    assert_eq!(names, wanted.map(|(name, text)| (name, text.to_owned())));
}

/// Only the sink knows that a key is too long, and it has those before it by then.
#[test]
fn one_that_the_sink_rejects_stops_the_flow_before_those_behind_it() {
    let line = packed(&[("a", 1), ("a", 2), (&"k".repeat(1_025), 3), ("b", 4)]);
    let lines = packed(&[("a", 0)]) + &line + &packed(&[("c", 5)]);
    let server = Server::start();
    let place = Place::of(&mapped(EACH), &lines).at(&server);
    let ended = place.spillway(&["run", "flow.toml", "--json"]);
    assert_fails(&ended, 1, &["error: event 3 of 4 of line 2 was rejected: "]);
    let summary = summary(&ended);
    assert_eq!((&summary["events"], &summary["rejected"]), (&3.into(), &1.into()));
    let a = ("a".to_owned(), b"0\n1\n2\n".to_vec());
    assert_eq!(server.contents(), BTreeMap::from([a]));
}

#[test]
fn one_that_the_sink_rejects_is_set_aside_alone() {
    let long = "k".repeat(1_025);
    let lines = packed(&[("a", 0)]) + &packed(&[("a", 1), (&long, 2), ("b", 3)]);
    let aside = EACH.to_owned() + "\non_rejected = { file = \"rejected.ndjson\" }";
    let place = Place::of(&mapped(&aside), &lines);
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("rejected: event 2 of 3 of line 2: "), "{ended:?}");
    let letter = json!({"line": 2, "position": 2, "key": long, "payload": "2"});
    assert_eq!(letters(&place, "rejected.ndjson"), [letter]);
    assert_eq!((text(&place, "a"), text(&place, "b")), ("0\n1\n".to_owned(), "3\n".to_owned()));

    let letter = std::fs::read_to_string(place.path("rejected.ndjson")).unwrap();
    place.write("events.json", letter.replace(&long, "c"));
    place.write("flow.toml", letters_of(&mapped(EACH)));
    assert_eq!(place.run(&["--local", "again"])["events"], 1);
    assert_eq!(place.files("again"), BTreeMap::from([("events/c".to_owned(), b"2\n".to_vec())]));
}

#[test]
fn a_line_that_fails_in_part_is_set_aside_whole_and_read_again_once() {
    let lines = packed(&[("a", 1)]) + "{\"r\":[{\"key\":\"a\",\"n\":2},{\"kye\":\"b\",\"n\":3}]}\n";
    let aside = EACH.to_owned() + "\non_rejected = { file = \"rejected.ndjson\" }";
    let place = Place::of(&mapped(&aside), &lines);
    let summary = place.run(&["--local", "out"]);
    assert_eq!((&summary["events"], &summary["rejected"]), (&1.into(), &1.into()));
    assert_eq!(text(&place, "a"), "1\n");
    let [letter] = &letters(&place, "rejected.ndjson")[..] else { panic!() };
    assert_eq!(letter["event"], lines.lines().nth(1).unwrap());

    let letter = std::fs::read_to_string(place.path("rejected.ndjson")).unwrap();
    place.write("events.json", letter.replace("kye", "key"));
    place.write("flow.toml", letters_of(&mapped(EACH)));
    let summary = place.run(&["--local", "again"]);
    assert_eq!((&summary["lines"], &summary["events"]), (&1.into(), &2.into()));
    let wanted = [("events/a", b"2\n"), ("events/b", b"3\n")];
    let wanted = wanted.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
    assert_eq!(place.files("again"), BTreeMap::from(wanted));
}

#[test]
fn events_of_failed_objects_are_set_aside_with_the_lines_they_came_from() {
    let store = Scripted::start(|request| match request.target.as_str() {
        "/events/b" => Reply::error(403, "AccessDenied", "no"),
        _ => Reply::stored(),
    });
    let lines = packed(&[("a", 0), ("b", 1), ("b", 2)]) + "{\"r\":[]}\n" + &packed(&[("b", 3)]);
    let flow = mapped(EACH);
    let aside = flow.replace("[sink.config]", "[sink]\non_failed.file = \"failed\"\n[sink.config]");
    let place = Place::of(&aside, &lines).with("ENDPOINT", &store.endpoint());
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = "set aside: the object `b` was not stored (3 events, lines 1 to 3): PutObject";
    assert!(ended.err.contains(said), "{ended:?}");
    let wanted = [(1, 1, 1), (1, 2, 2), (3, 4, 3)].map(|(line, position, n): (u64, u64, u64)| {
        json!({"line": line, "position": position, "key": "b", "payload": n.to_string()})
    });
    assert_eq!(letters(&place, "failed"), wanted);

    // Where they stop the flow, the lines are named.
    place.write("flow.toml", flow);
    let ended = place.spillway(&["run", "flow.toml", "--json"]);
    assert_fails(&ended, 1, &["the object `b` was not stored (3 events, lines 1 to 3)"]);
    assert_eq!(summary(&ended)["not_stored"], not_stored(&[(1, 1), (3, 3)]));
}

/// A flow with this `[map]`.
fn mapped(map: &str) -> String {
    FLOW.replace("key = \".key\"\npayload = \".payload\"", map)
}

/// The same flow, for what was set aside of it.
fn letters_of(flow: &str) -> String {
    flow.replace("[source]", "[source]\ncodec = \"dead-letters\"")
}

/// A line of these events.
fn packed(events: &[(&str, u64)]) -> String {
    let events: Vec<_> = events.iter().map(|(key, n)| json!({"key": key, "n": n})).collect();
    format!("{}\n", json!({"r": events}))
}

fn text(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.path(&format!("out/events/{name}"))).unwrap()
}

const EACH: &str = "events = \".r[]\"\nkey = \".key\"\npayload = \".n\"";
const LOG: &str =
    "{\"Records\":[{\"n\":1},{\"n\":2}]}\n{\"Records\":[]}\n{\"Records\":[{\"n\":3}]}\n";
