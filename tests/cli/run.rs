//! `spillway run`, where all is well.

use std::collections::BTreeMap;

use spillway_local_s3::Operation;
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn the_example_becomes_three_objects() {
    let place = example("s3demo");
    let ended = place.spillway(&["run", "examples/s3demo.toml", "--local", "out"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.err, "");
    assert!(ended.out.starts_with("Done: 3 of 3 lines became events"), "{ended:?}");
    let objects = expected().into_iter().map(|(key, bytes)| (format!("tremordemo/{key}"), bytes));
    assert_eq!(place.files("out"), objects.collect());
    assert_eq!(place.files("tmp").len(), 0);
}

#[test]
fn the_example_makes_three_requests_and_no_other() {
    let server = Server::start();
    let place = example("s3demo").at(&server);
    let flow = std::fs::read_to_string(place.path("examples/s3demo.toml")).unwrap();
    let flow = flow.replace("\"tremordemo\"", "\"events\"\nendpoint = \"${ENDPOINT}\"");
    place.write("flow.toml", flow);
    place.run(&[]);
    assert_eq!(server.done(), BTreeMap::from([(Operation::PutObject, 3)]));
    assert_eq!(server.requests_total(), 3);
    assert_eq!(server.contents(), expected());
}

#[test]
fn a_second_start_on_the_same_folder_replaces_objects() {
    let place = example("s3demo");
    for _ in 0..2 {
        let ended = place.spillway(&["run", "examples/s3demo.toml", "--local", "out"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(place.files("out").len(), 3);
}

#[test]
fn the_summary_for_machines_counts_everything() {
    let events = "\n{\"key\":\"a\",\"payload\":1}\nwrong\n{\"key\":\"b\",\"payload\":2}\n";
    let flow =
        FLOW.replace("payload = \".payload\"", "payload = 'select(.key == \"b\") | .payload'");
    let flow = flow.replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
    let server = Server::start();
    let place = Place::of(&flow, events).at(&server);
    let summary = place.run(&[]);
    for (field, wanted) in [
        ("lines", 4),
        ("lines_of_several_events", 0),
        ("input_bytes", events.len() as u64),
        ("events", 1),
        ("rejected", 1),
        ("filtered", 1),
        ("stored_events", 1),
        ("objects", 1),
        ("object_bytes", 2),
        ("failed_objects", 0),
        ("failed_events", 0),
        ("dead_letters", 0),
        ("restarts", 0),
    ] {
        assert_eq!(summary[field], wanted, "{field} in {summary}");
    }
    assert_eq!(summary["end"], "complete");
    assert!(summary["seconds"].as_f64().unwrap() > 0.0);
    assert!(summary["not_stored"].is_null());
    assert_eq!(summary.as_object().unwrap().len(), 16, "{summary}");
    assert_eq!(server.contents(), BTreeMap::from([("b".to_owned(), b"2\n".to_vec())]));
}

#[test]
fn an_empty_file_makes_no_request() {
    let server = Server::start();
    let place = Place::of(FLOW, "").at(&server);
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("stored in 0 objects (0 B)"), "{ended:?}");
    assert_eq!(server.requests_total(), 0);
}

#[test]
fn lines_end_as_they_like() {
    let line = |key: &str| event(key, "x").trim_end().to_owned();
    for (events, what) in [
        (format!("{}\n{}", line("a"), line("b")), "no final newline"),
        (format!("{}\r\n{}\r\n", line("a"), line("b")), "CRLF"),
        (format!("\u{feff}{}\n{}\n", line("a"), line("b")), "a byte order mark"),
        (format!("\n\n{}\n \n{}\n\n", line("a"), line("b")), "blank lines"),
    ] {
        let server = Server::start();
        let place = Place::of(FLOW, &events).at(&server);
        assert_eq!(place.run(&[])["events"], 2, "{what}");
        let x = b"\"x\"\n".to_vec();
        let wanted = BTreeMap::from([("a".to_owned(), x.clone()), ("b".to_owned(), x)]);
        assert_eq!(server.contents(), wanted, "{what}");
    }
}

#[test]
fn raw_lines_are_taken_as_they_are() {
    let flow = FLOW.replace("path =", "codec = \"raw\"\npath =");
    let flow = flow.replace("key = \".key\"\npayload = \".payload\"", "fixed_key = \"all.log\"");
    for (events, stored) in [
        ("one\n\ntwo", "one\n\ntwo\n"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("{ not json\t\u{1}\n", "{ not json\t\u{1}\n"),
    ] {
        let server = Server::start();
        let place = Place::of(&flow, events).at(&server);
        place.run(&[]);
        let stored = BTreeMap::from([("all.log".to_owned(), stored.as_bytes().to_vec())]);
        assert_eq!(server.contents(), stored);
    }
}

#[test]
fn an_expression_makes_keys_and_payloads() {
    let flow = FLOW.replace("\".key\"", "'\"by/\" + .key + \".json\"'");
    let flow = flow.replace("\".payload\"", "'{n: (.payload | length)}'");
    let server = Server::start();
    let place = Place::of(&flow, &(event("a", "four") + &event("b", ""))).at(&server);
    place.run(&[]);
    let a = ("by/a.json".to_owned(), b"{\"n\":4}\n".to_vec());
    let b = ("by/b.json".to_owned(), b"{\"n\":0}\n".to_vec());
    assert_eq!(server.contents(), BTreeMap::from([a, b]));
}

#[test]
fn consecutive_events_with_one_key_share_an_object() {
    let server = Server::start();
    let events: String = ["1", "2", "3"].map(|text| event("a", text)).concat();
    let place = Place::of(FLOW, &events).at(&server);
    place.run(&[]);
    let wanted = BTreeMap::from([("a".to_owned(), b"\"1\"\n\"2\"\n\"3\"\n".to_vec())]);
    assert_eq!(server.contents(), wanted);
}

#[test]
fn events_are_stored_while_standard_input_stays_open() {
    let server = Server::start();
    let place = Place::of(&from_stdin(), "").at(&server);
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    running.write(event("a", "1").as_bytes());
    running.write(event("b", "2").as_bytes());
    // `b` ended `a`, so `a` is whole.
    eventually("a", || server.objects().iter().any(|object| object.key == "a"));
    assert_eq!(server.objects().len(), 1);
    running.write(event("c", "3").as_bytes());
    eventually("b", || server.objects().iter().any(|object| object.key == "b"));
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(server.objects().len(), 3);
    let summary = summary(&ended);
    assert_eq!((&summary["events"], &summary["end"]), (&3.into(), &"complete".into()));
}

#[test]
fn credentials_come_from_the_variables_that_the_flow_names() {
    let server = Server::start();
    let flow = FLOW.to_owned()
        + "[credentials]\naccess_key_id_env = \"MY_ID\"\nsecret_access_key_env = \"MY_SECRET\"";
    let (id, secret) =
        (spillway_tests::server::ACCESS_KEY_ID, spillway_tests::server::SECRET_ACCESS_KEY);
    let place = Place::of(&flow, &event("a", "1")).at(&server);
    let place = place.with("MY_ID", id).with("MY_SECRET", secret);
    let place = place.with("AWS_ACCESS_KEY_ID", "other").with("AWS_SECRET_ACCESS_KEY", "other");
    place.run(&[]);
    assert_eq!(server.objects().len(), 1);
}

fn expected() -> BTreeMap<String, Vec<u8>> {
    let objects = [
        ("key1", r#"{"event1":"hello1","key2":[1,2,3,4,5]}"#),
        ("key2", r#"{"event3":{"nested Obj":["vec1","vec2","vec3"]}}"#),
        ("key3", r#"{"event3":null}"#),
    ];
    objects.map(|(key, text)| (key.to_owned(), text.as_bytes().to_vec())).into()
}

#[test]
fn a_flow_for_named_hosts_can_be_tried_locally() {
    let flow = FLOW.to_owned() + "addressing = \"virtual-host\"\n";
    let place = Place::of(&flow, &event("a", "1")).with("ENDPOINT", "https://example.com");
    place.run(&["--local", "out"]);
    assert_eq!(place.files("out/events").len(), 1);
}

#[test]
fn a_flow_may_come_through_a_pipe() {
    let place = Place::of(FLOW, &event("a", "1"));
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
    let running = place.start(&["run", "pipe", "--local", "out"]);
    std::fs::write(place.path("pipe"), FLOW).unwrap();
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.files("out/events").len(), 1);
}
