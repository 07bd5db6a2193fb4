//! Lines that cannot become events, and what becomes of them.

use serde_json::{Value, json};
use spillway_tests::server::Server;

use super::support::*;

/// Lines with the reason that is given for each.
const LINES: &[(&str, &str)] = &[
    ("hello", "not JSON"),
    ("{\"key\": \"a\", \"payload\": 1", "not JSON"),
    ("{\"payload\": 1}", "no key: `.key` is missing"),
    ("{\"key\": null, \"payload\": 1}", "no key: `.key` is null"),
    ("{\"key\": 7, \"payload\": 1}", "the key `.key` is a number, expected a string"),
    ("{\"key\": \"\", \"payload\": 1}", "the key `.key` is an empty string"),
    ("{\"key\": \"a\"}", "no payload: `.payload` is missing"),
    ("7", "no key: `.key` is missing"),
];

#[test]
fn the_first_of_them_stops_the_flow() {
    for (line, reason) in LINES {
        let server = Server::start();
        let events = event("a", "1") + line + "\n" + &event("b", "2");
        let place = Place::of(FLOW, &events).at(&server);
        let ended = place.spillway(&["run", "flow.toml", "--json"]);
        assert_fails(&ended, 1, &[&format!("line 2 was rejected: {reason}")]);
        let summary = summary(&ended);
        assert_eq!(summary["end"], "failed");
        assert_eq!((&summary["events"], &summary["rejected"]), (&1.into(), &1.into()));
        assert_eq!(summary["objects"], 1);
        // What stands before it is stored, and nothing behind.
        assert_eq!(server.contents().keys().collect::<Vec<_>>(), ["a"]);
    }
}

#[test]
fn the_summary_for_people_says_so_too() {
    let place = Place::of(FLOW, &(event("a", "1") + "wrong\n"));
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_fails(&ended, 1, &["error: line 2 was rejected: not JSON"]);
    assert!(
        ended.out.starts_with("Failed: 1 of 2 lines became events, stored in 1 object (4 B)"),
        "{ended:?}"
    );
    assert!(ended.out.contains(" 1 rejected."), "{ended:?}");
    // Neither is there anything of the server's own.
    assert_eq!(place.files("out").keys().collect::<Vec<_>>(), ["events/a"]);
}

#[test]
fn they_can_be_skipped() {
    let events: String = LINES.iter().map(|(line, _)| format!("{line}\n")).collect();
    let server = Server::start();
    let place = Place::of(&rejecting("\"skip\""), &(events + &event("a", "1"))).at(&server);
    let ended = place.spillway(&["run", "flow.toml", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for (index, (_, reason)) in LINES.iter().enumerate() {
        let said = format!("rejected: line {}: {reason}", index + 1);
        assert!(ended.err.contains(&said), "{said} is not in\n{}", ended.err);
    }
    let summary = summary(&ended);
    assert_eq!((&summary["events"], &summary["rejected"]), (&1.into(), &LINES.len().into()));
    assert_eq!(server.objects().len(), 1);
}

#[test]
fn many_of_them_do_not_flood_the_terminal() {
    let place = Place::of(&rejecting("\"skip\""), &"wrong\n".repeat(5_000));
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.err.lines().count(), 11, "{ended:?}");
    assert!(ended.err.contains("more lines; the summary has their number"), "{ended:?}");
    assert!(ended.out.contains("5,000 rejected."), "{ended:?}");
}

#[test]
fn they_can_be_set_aside_in_a_file() {
    let mut events: Vec<u8> = event("a", "1").into();
    events.extend_from_slice(b"wrong\n\xff\xfe\n");
    let place = Place::of(&rejecting("{ file = \"rejected.ndjson\" }"), "");
    place.write("events.json", &events);
    let wanted = |line: u64, event: Value| {
        let mut rejected = json!({"line": line, "position": line - 1});
        rejected.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        rejected
    };
    let twice = [wanted(2, json!({"event": "wrong"})), wanted(3, json!({"event_base64": "//4="}))];
    for runs in 1..=2 {
        let summary = place.run(&["--local", "out"]);
        assert_eq!((&summary["events"], &summary["rejected"]), (&1.into(), &2.into()));
        // A later run adds to it.
        assert_eq!(letters(&place, "rejected.ndjson"), vec![twice.clone(); runs].concat());
    }
}

#[test]
fn a_line_over_the_limit_is_rejected_however_long() {
    let limited = |on_rejected: &str| {
        rejecting(on_rejected).replace("[source]", "[source]\nline_bytes_max = 100")
    };
    // Longer than any buffer, so that it is passed over without being held.
    let long = event("a", &"x".repeat(20 * MIB));
    let length = long.len() - 1;
    let events = event("a", "1") + &long + &event("b", "2");
    let reason =
        format!("the line is {length} bytes long, more than the 100 that `line_bytes_max` allows");

    let place = Place::of(&limited("\"stop\""), &events);
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_fails(&ended, 1, &[&format!("line 2 was rejected: {reason}")]);
    assert_eq!(place.files("out/events").len(), 1);

    let place = Place::of(&limited("{ file = \"rejected.ndjson\" }"), &events);
    assert_eq!(place.run(&["--local", "out"])["events"], 2);
    let [rejected] = &letters(&place, "rejected.ndjson")[..] else {
        panic!("{:?}", letters(&place, "rejected.ndjson"))
    };
    assert_eq!(rejected["event_bytes"], length);
    assert_eq!(rejected["event"].as_str().unwrap(), &long[..1_024]);
}

#[test]
fn an_expression_that_fails_rejects_its_line() {
    let flow = rejecting("\"skip\"").replace("\".payload\"", "'.payload | tonumber'");
    let place = Place::of(&flow, &(event("a", "seven") + &event("b", "7")));
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("line 1: the payload `.payload | tonumber` failed"), "{ended:?}");
    assert_eq!(place.files("out/events")["b"], b"7\n");
}

#[test]
fn an_expression_without_end_rejects_its_line() {
    for (expression, reason) in [
        ("def f: 1 + f; f", "it recurses too deeply"),
        ("def f: f; f", "it takes too many steps; it may not terminate"),
    ] {
        let flow = rejecting("\"stop\"").replace("\".payload\"", &format!("'{expression}'"));
        let place = Place::of(&flow, &event("a", "1"));
        let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
        let said = format!("line 1 was rejected: the payload `{expression}` failed: {reason}");
        assert_fails(&ended, 1, &[&said]);
    }
}

fn rejecting(on_rejected: &str) -> String {
    FLOW.replace("[sink.config]", &format!("on_rejected = {on_rejected}\n[sink.config]"))
}

#[test]
fn they_are_not_written_to_the_file_that_is_read() {
    let flow = FLOW.replace("[sink.config]", "on_rejected = { file = \"again\" }\n[sink.config]");
    let place = Place::of(&flow, "wrong\n");
    std::fs::hard_link(place.path("events.json"), place.path("again")).unwrap();
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_fails(&ended, 2, &["map.on_rejected.file: again is the source; name another file"]);
    assert_eq!(std::fs::read(place.path("again")).unwrap(), b"wrong\n");
}
