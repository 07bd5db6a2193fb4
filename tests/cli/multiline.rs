//! Events of several lines, and lines that say where they are from.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use spillway_tests::server::Server;

use super::support::*;

const TRACE: &str = "ERROR request failed\r\njava.lang.Error: no\r\n\tat a.B.c(B.java:57)\r\n\r\n\
                     Caused by: java.net.ConnectException\r\n\t... 12 more\r\n";

#[test]
fn a_stack_trace_is_one_event_that_says_where_it_is_from() {
    let log = format!("INFO up\r\n{TRACE}INFO on\r\n");
    let map = "fixed_key = \"logs/{file}\"\n\
               payload = '{message: ., file: $file, line: $line, offset: $offset, host: $host}'";
    let place = Place::of(&traced(map), &log);
    let summary = place.run(&["--local", "out"]);
    assert_eq!((&summary["lines"], &summary["events"]), (&json!(3), &json!(3)));
    let host = std::process::Command::new("uname").arg("-n").output().unwrap();
    let host = String::from_utf8(host.stdout).unwrap();
    let event = |message: &str, line: u64, offset: usize| {
        json!({
            "message": message, "file": "events.json", "line": line, "offset": offset,
            "host": host.trim_end(),
        })
    };
    let behind = 9 + TRACE.len();
    let wanted = [
        event("INFO up", 1, 0),
        event(&TRACE[..TRACE.len() - 2], 2, 9),
        event("INFO on", 8, behind),
    ];
    let stored = place.files("out/events").remove("logs/events.json").unwrap();
    let stored: Vec<Value> = serde_json::Deserializer::from_slice(&stored)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(stored, wanted);
}

#[test]
fn raw_events_of_several_lines_stay_as_they_are() {
    let log = format!("INFO up\n{}INFO on\n", TRACE.replace('\r', ""));
    let place = Place::of(&traced("fixed_key = \"all\""), &log);
    assert_eq!(place.run(&["--local", "out"])["events"], 3);
    assert_eq!(place.files("out/events")["all"], log.as_bytes());
    // Without an end of the last line, and from standard input, it is the same.
    place.write("flow.toml", from_stdin_of(&traced("fixed_key = \"all\"")));
    let mut running = place.start(&["run", "flow.toml", "--local", "piped", "--json"]);
    running.write(log.trim_end().as_bytes());
    let ended = guarded(running.end());
    assert_eq!(summary(&ended)["events"], 3, "{ended:?}");
    assert_eq!(place.files("piped/events")["all"], log.as_bytes());
}

#[test]
fn the_next_run_goes_on_with_the_event_that_was_left() {
    let server = Server::start();
    let flow = traced("fixed_key = \"all\"\npayload = '[$line, .]'");
    let flow = flow.replace("bucket =", "key_template = \"{first}\"\nbucket =");
    let flow = flow + "\n[checkpoint]\npath = \"run.checkpoint\"\n";
    let place = Place::of(&flow, "ERROR 1\n\tat a\nERROR 2\n\tat b\n\tat").at(&server);
    assert_eq!(place.run(&[])["events"], 1);
    place.write("events.json", "ERROR 1\n\tat a\nERROR 2\n\tat b\n\tat c\nINFO on\n");
    assert_eq!(place.run(&[])["events"], 2);
    let wanted = [
        ("0", "[1,\"ERROR 1\\n\\tat a\"]\n"),
        ("1", "[3,\"ERROR 2\\n\\tat b\\n\\tat c\"]\n[6,\"INFO on\"]\n"),
    ];
    let wanted = wanted.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    assert_eq!(server.contents(), BTreeMap::from(wanted));
}

#[test]
fn documents_may_have_several_lines() {
    let log =
        "{\n  \"key\": \"a\",\n  \"payload\": 1\n}\n{\n  \"key\": \"b\",\n  \"payload\": 2\n}";
    let flow = FLOW.replace("[map]", "[source.multiline]\nstart = '^\\{'\n[map]");
    let place = Place::of(&flow, log);
    assert_eq!(place.run(&["--local", "out"])["events"], 2);
    let files = place.files("out/events");
    assert_eq!((&files["a"], &files["b"]), (&b"1\n".to_vec(), &b"2\n".to_vec()));
}

#[test]
fn a_raw_line_that_is_no_utf_8_is_rejected_where_an_expression_sees_it() {
    let flow = traced("fixed_key = \"all\"\npayload = '{m: .}'\non_rejected = \"skip\"");
    let place = Place::of(&flow, "");
    place.write("events.json", b"INFO caf\xE9\nINFO on\n");
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    let said = "line 1: the line is not UTF-8 at byte 9, and an expression sees it as a string";
    assert!(ended.out.contains(said) || ended.err.contains(said), "{ended:?}");
    assert_eq!(place.files("out/events")["all"], b"{\"m\":\"INFO on\"}\n");
}

#[test]
fn wrong_patterns_and_keys_are_refused() {
    let flow = traced("fixed_key = \"{path}\"").replace("'^[A-Z]+ '", "'^([A-Z'");
    let place = Place::of(&(flow + "\n[checkpoint]\npath = \"c\"\n"), "");
    let ended = place.spillway(&["check", "flow.toml"]);
    assert_fails(
        &ended,
        2,
        &[
            "source.multiline.start: `^([A-Z` is not a regular expression: unclosed character",
            "map.fixed_key: has `{path}`, expected `{file}`, `{topic}`, `{partition}` or `{host}`",
        ],
    );
}

#[test]
fn the_example_joins_stack_traces() {
    let place = Place::new();
    std::fs::create_dir(place.path("examples")).unwrap();
    for name in ["examples/stack-traces.toml", "examples/server.log"] {
        std::fs::copy(repository().join(name), place.path(name)).unwrap();
    }
    let ended = place.spillway(&["run", "examples/stack-traces.toml", "--local", "out"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.starts_with("Done: 3 of 3 lines became events"), "{ended:?}");
    let files = place.files("out/logs");
    let (name, stored) = files.first_key_value().unwrap();
    assert!(name.ends_with("/examples/server.log.ndjson"), "{name}");
    let trace = stored.split(|byte| *byte == b'\n').nth(1).unwrap();
    let trace: Value = serde_json::from_slice(trace).unwrap();
    assert_eq!((&trace["file"], &trace["line"]), (&json!("examples/server.log"), &json!(2)));
    assert!(trace["message"].as_str().unwrap().ends_with("\n\t... 12 more"), "{trace}");
}

/// A flow of raw events that begin with a word in capitals.
fn traced(map: &str) -> String {
    let flow = FLOW.replace("[source]", "[source]\ncodec = \"raw\"");
    let flow = flow.replace("[map]", "[source.multiline]\nstart = '^[A-Z]+ '\n[map]");
    flow.replace("key = \".key\"\npayload = \".payload\"", map)
}

fn from_stdin_of(flow: &str) -> String {
    flow.replace("\"file\"\npath = \"events.json\"", "\"stdin\"")
}
