//! What was set aside is read again, and comes out as if it had been stored at once.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::json;
use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn the_example_rejects_is_corrected_and_is_read_again() {
    let place = Place::new();
    std::fs::create_dir(place.path("examples")).unwrap();
    let example = |name: &str| std::fs::read(repository().join("examples").join(name)).unwrap();
    for name in ["rejected.toml", "again.toml", "mistakes.ndjson"] {
        place.write(&format!("examples/{name}"), example(name));
    }
    let run = |flow: &str, folder: &str| {
        let ended = place.spillway(&["run", flow, "--local", folder, "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        summary(&ended)
    };
    let first = run("examples/rejected.toml", "out");
    assert_eq!((&first["events"], &first["dead_letters"]), (&2.into(), &3.into()));
    corrected(&place, "examples/again.toml", "rejected.ndjson");
    let second = run("examples/again.toml", "out");
    assert_eq!((&second["events"], &second["rejected"]), (&3.into(), &0.into()));
    assert_eq!(place.files(".").get("failed.ndjson"), Some(&Vec::new()), "nothing failed");

    // The same lines, corrected before they were read.
    let lines = String::from_utf8(example("mistakes.ndjson")).unwrap();
    let lines = lines.replace("kye", "key").replace(": 3}\n", ": 3}}\n");
    place.write("examples/mistakes.ndjson", lines);
    assert_eq!(run("examples/rejected.toml", "never")["rejected"], 0);
    let objects = place.files("out/tremordemo");
    assert_eq!(objects.len(), 4);
    assert_eq!(objects["day-2"], b"{\"n\":2.50}\n{\"n\":2.75}\n");
    assert_eq!(objects, place.files("never/tremordemo"));
}

#[test]
fn events_of_failed_objects_are_set_aside_and_the_flow_goes_on() {
    for flow in [FLOW.to_owned(), from_stdin()] {
        let flow = on_failed(&flow);
        let store = Scripted::start(|request| match request.target.as_str() {
            "/events/a" | "/events/c" => Reply::error(403, "AccessDenied", "no"),
            _ => Reply::stored(),
        });
        let events = ["a", "a", "b", "c", "d"].map(|key| event(key, &format!("é \0 {key}")));
        let place = Place::of(&flow, &events.concat()).with("ENDPOINT", &store.endpoint());
        let mut running = place.start(&["run", "flow.toml", "--json"]);
        if flow.contains("stdin") {
            running.write(events.concat().as_bytes());
        }
        let ended = guarded(running.end());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let said = "set aside: the object `a` was not stored (2 events, lines 1 to 2): PutObject";
        assert!(ended.err.contains(said), "{ended:?}");
        let summary = summary(&ended);
        let numbers = ["objects", "failed_objects", "failed_events", "dead_letters"];
        assert_eq!(numbers.map(|name| summary[name].as_u64().unwrap()), [2, 2, 3, 3]);
        assert_eq!(summary["end"], "complete");

        let letters = letters(&place, "failed.ndjson");
        let wanted = [(0, "a"), (1, "a"), (3, "c")].map(|(position, key)| {
            let payload = json!(format!("é \0 {key}")).to_string();
            json!({"line": position + 1, "position": position, "key": key, "payload": payload})
        });
        assert_eq!(letters, wanted);

        // Without a map: they have been through one.
        let again = again("failed.ndjson", "");
        let server = Server::start();
        let place = place.at(&server);
        place.write("flow.toml", again);
        assert_eq!(place.run(&[])["events"], 3);
        let payload = |key: &str| format!("{}\n", json!(format!("é \0 {key}"))).into_bytes();
        let (a, c) = (payload("a").repeat(2), payload("c"));
        let wanted = BTreeMap::from([("a".to_owned(), a), ("c".to_owned(), c)]);
        assert_eq!(server.contents(), wanted);
    }
}

/// Its events come before it fails, while it fails and after it has failed; they are many times
/// what the sink holds in memory.
#[test]
fn a_large_object_that_fails_is_set_aside_whole() {
    let store = Scripted::start(|request| match (request.method.as_str(), &*request.target) {
        ("POST", _) => Reply::Answer(200, vec![], UPLOAD.to_owned()),
        ("DELETE", _) => Reply::status(204),
        (_, "/events/small") => Reply::stored(),
        _ => Reply::error(403, "AccessDenied", "no"),
    });
    let lines: String = (0..120).map(|n| event("large", &n.to_string().repeat(1 << 18))).collect();
    let place = Place::of(&on_failed(FLOW), &(lines + &event("small", "x")));
    let place = place.with("ENDPOINT", &store.endpoint());
    let summary = place.run(&[]);
    let numbers = ["objects", "failed_objects", "failed_events", "dead_letters"];
    assert_eq!(numbers.map(|name| summary[name].as_u64().unwrap()), [1, 1, 120, 120]);
    assert_eq!(place.files("tmp").len(), 0);

    let server = Server::start();
    let place = place.at(&server);
    place.write("flow.toml", again("failed.ndjson", ""));
    assert_eq!(place.run(&[])["objects"], 1);
    let wanted: String =
        (0..120).map(|n| format!("\"{}\"\n", n.to_string().repeat(1 << 18))).collect();
    assert!(server.contents()["large"] == wanted.as_bytes(), "the bytes are not the same");
}

#[test]
fn what_a_person_aborts_is_not_set_aside() {
    // Whoever asks for an object that was given up is told that it is not there.
    let store = Scripted::start(|request| match request.method.as_str() {
        "PUT" => Reply::Silence,
        _ => Reply::status(404),
    });
    let place = Place::of(&on_failed(&from_stdin()), "").with("ENDPOINT", &store.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    store.wait_for("object", |request| request.method == "PUT");
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(summary(&ended)["dead_letters"], 0);
    assert_eq!(std::fs::read(place.path("failed.ndjson")).unwrap(), b"");
}

#[test]
fn raw_bytes_come_back_as_they_were() {
    let store = Scripted::start(|_| Reply::error(403, "AccessDenied", "no"));
    let raw = on_failed(FLOW).replace("[map]\nkey = \".key\"\npayload = \".payload\"", RAW);
    let raw = raw.replace("[source]", "[source]\ncodec = \"raw\"");
    let place = Place::of(&raw, "").with("ENDPOINT", &store.endpoint());
    place.write("events.json", b"one\n\xff\xfe\n\n{\"key\": 1}\r\x00\nlast");
    assert_eq!(place.run(&[])["dead_letters"], 5);
    assert_eq!(letters(&place, "failed.ndjson")[1]["payload_base64"], "//4=");
    let server = Server::start();
    let place = place.at(&server);
    place.write("flow.toml", again("failed.ndjson", ""));
    place.run(&[]);
    assert_eq!(server.contents()["k"], b"one\n\xff\xfe\n\n{\"key\": 1}\r\x00\nlast\n");
}

#[test]
fn an_event_that_the_sink_rejects_brings_its_key_and_its_payload() {
    let long = "k".repeat(1_025);
    let events = event("a", "1") + &event(&long, "2") + &event("b", "3");
    let place = Place::of(&rejecting(FLOW), &events);
    assert_eq!(place.run(&["--local", "out"])["rejected"], 1);
    let wanted = json!({"line": 2, "position": 1, "key": long, "payload": "\"2\""});
    assert_eq!(letters(&place, "rejected.ndjson"), [wanted]);

    // Read again as it is, it is rejected again: the same letter, and none that holds another.
    let flow = rejecting(&again("letters", "")).replace("rejected.ndjson", "twice.ndjson");
    place.write("flow.toml", flow.replace("\"letters\"", "\"rejected.ndjson\""));
    assert_eq!(place.run(&["--local", "out"])["rejected"], 1);
    let wanted = json!({"line": 1, "position": 0, "key": long, "payload": "\"2\""});
    assert_eq!(letters(&place, "twice.ndjson"), [wanted]);

    let text = std::fs::read_to_string(place.path("rejected.ndjson")).unwrap();
    place.write("rejected.ndjson", text.replace(&long, "short"));
    assert_eq!(place.run(&["--local", "out"])["objects"], 1);
    assert_eq!(place.files("out/events")["short"], b"\"2\"\n");
}

#[test]
fn a_line_that_was_cut_short_is_not_taken_for_a_whole_one() {
    let flow = rejecting(FLOW).replace("[source]", "[source]\nline_bytes_max = 2000");
    // What is kept of it happens to be a document.
    let long = format!("{}{}", event("a", "1").trim_end(), " ".repeat(5_000));
    let place = Place::of(&flow, &format!("{long}\nwrong\n"));
    assert_eq!(place.run(&["--local", "out"])["rejected"], 2);
    place.write("flow.toml", again("rejected.ndjson", MAP));
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    let said = format!(
        "line 1 was rejected: the dead letter has only the first 1024 of {} bytes; take the whole \
         line from the original source",
        long.len()
    );
    assert_fails(&ended, 1, &[&said]);
    assert_eq!(place.files("out").len(), 0);

    // Set aside once more it is still known to be cut.
    let skipping = rejecting(&again("letters", MAP));
    std::fs::rename(place.path("rejected.ndjson"), place.path("letters")).unwrap();
    place.write("flow.toml", skipping);
    assert_eq!(place.run(&["--local", "out"])["rejected"], 2);
    let letters = letters(&place, "rejected.ndjson");
    assert_eq!(
        (&letters[0]["event_bytes"], &letters[1]["event"]),
        (&long.len().into(), &"wrong".into())
    );
}

#[test]
fn lines_need_a_map_and_what_is_no_letter_is_rejected() {
    let place = Place::of(&again("letters", ""), "");
    for (letter, reason) in [
        (r#"{"event": "{\"key\": \"a\"}"}"#, "no key: [map] of the flow has no `key`"),
        ("{}", "not a dead letter: it has neither `payload` nor `event`"),
        (r#"{"payload": 7, "key": "a"}"#, "not a dead letter: invalid type: integer `7`"),
    ] {
        place.write("letters", letter);
        let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
        assert_fails(&ended, 1, &[&format!("line 1 was rejected: {reason}")]);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_found_before_anything_is_read() {
    let place = Place::of("", "wrong\n");
    assert!(Command::new("mkfifo").arg(place.path("fifo")).status().unwrap().success());
    std::os::unix::fs::symlink("no/where", place.path("link")).unwrap();
    for (file, said) in [
        ("no/such", "the folder no does not exist"),
        ("tmp", "tmp is a folder, expected a file"),
        ("fifo", "fifo is not a regular file"),
        ("/dev/null", "/dev/null is not a regular file"),
        ("link", "link cannot be written: No such file"),
        ("/proc/rejected", "/proc/rejected cannot be written"),
        ("events.json", "events.json is the source; name another file"),
    ] {
        let flow = on_failed(&rejecting(FLOW)).replace("rejected.ndjson", file);
        place.write("flow.toml", flow.replace("failed.ndjson", file));
        let said = ["map.on_rejected.file", "sink.on_failed.file"].map(|f| format!("{f}: {said}"));
        let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
        assert_fails(&ended, 2, &[&said[0], &said[1]]);
        let ended = place.spillway(&["check", "flow.toml"]);
        assert_fails(&ended, 2, &[&said[0], &said[1]]);
    }
    assert!(!place.path("out").exists());
    place.write(
        "flow.toml",
        on_failed(&rejecting(FLOW)).replace("${ENDPOINT}", "http://127.0.0.1:1"),
    );
    let ended = place.spillway(&["check", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!place.path("rejected.ndjson").exists() && !place.path("failed.ndjson").exists());
}

#[test]
fn both_may_go_to_one_file() {
    let store = Scripted::start(|_| Reply::error(403, "AccessDenied", "no"));
    let flow = on_failed(&rejecting(FLOW)).replace("rejected.ndjson", "failed.ndjson");
    let place =
        Place::of(&flow, &(event("a", "1") + "wrong\n")).with("ENDPOINT", &store.endpoint());
    assert_eq!(place.run(&[])["dead_letters"], 2);
    let mut letters = letters(&place, "failed.ndjson");
    letters.sort_by_key(|letter| letter["line"].as_u64());
    assert_eq!((&letters[0]["payload"], &letters[1]["event"]), (&"\"1\"".into(), &"wrong".into()));
}

#[test]
fn what_becomes_of_failed_objects_has_two_answers() {
    let place = Place::of(&on_failed(FLOW).replace("{ file = \"failed.ndjson\" }", "\"skip\""), "");
    let ended = place.spillway(&["check", "flow.toml"]);
    let said = "sink.on_failed: is \"skip\", expected \"stop\" or { file = \"failed.ndjson\" }";
    assert_fails(&ended, 2, &[said]);
}

/// Runs what a comment of the flow says about correcting the file.
fn corrected(place: &Place, flow: &str, file: &str) {
    let text = std::fs::read_to_string(place.path(flow)).unwrap();
    let command = text.lines().filter_map(|line| line.strip_prefix("#   "));
    let command = command.filter(|line| line.starts_with("sed ")).collect::<Vec<_>>();
    let [command] = command[..] else { panic!("{text}") };
    assert!(command.ends_with(file), "{command}");
    let mut shell = Command::new("sh");
    place.prepare(&mut shell);
    assert!(shell.args(["-c", command]).status().unwrap().success());
}

fn on_failed(flow: &str) -> String {
    flow.replace("[sink.config]", "[sink]\non_failed = { file = \"failed.ndjson\" }\n[sink.config]")
}

fn rejecting(flow: &str) -> String {
    let rejecting = "[map]\non_rejected = { file = \"rejected.ndjson\" }";
    if flow.contains("[map]") {
        flow.replace("[map]", rejecting)
    } else {
        flow.replace("[sink.config]", &format!("{rejecting}\n[sink.config]"))
    }
}

/// A flow that reads dead letters, with this `[map]`.
fn again(file: &str, map: &str) -> String {
    let flow = FLOW.replace(MAP, map).replace("events.json", file);
    flow.replace("[source]", "[source]\ncodec = \"dead-letters\"")
}

const MAP: &str = "[map]\nkey = \".key\"\npayload = \".payload\"\n";
const RAW: &str = "[map]\nfixed_key = \"k\"";
const UPLOAD: &str = "<InitiateMultipartUploadResult><UploadId>one</UploadId>\
                      </InitiateMultipartUploadResult>";
