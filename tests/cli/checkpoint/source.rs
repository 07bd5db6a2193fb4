//! A source that is not what was read, or not any more.

use spillway_tests::server::Server;

use super::*;

/// A flow that is through, with three events of its own keys.
fn through() -> (Server, Place) {
    let server = Server::start();
    let lines = event("a", "1") + &event("b", "2") + &event("c", "3");
    let place = Place::of(&flow(), &lines).at(&server);
    place.run(&[]);
    (server, place)
}

/// Neither runs nor is in order, and says why; nothing is stored.
#[track_caller]
fn refused(server: &Server, place: &Place, said: &[&str]) {
    let (requests, checkpoint) = (server.requests_total(), place.files("."));
    for command in ["run", "check"] {
        assert_fails(&place.spillway(&[command, "flow.toml"]), 2, said);
    }
    assert_eq!(server.requests_total(), requests);
    assert_eq!(place.files(".")["run.checkpoint"], checkpoint["run.checkpoint"]);
}

#[test]
fn replaced() {
    let (server, place) = through();
    let lines = std::fs::read(place.path("events.json")).unwrap();
    place.write("new", [lines, event("d", "4").into_bytes()].concat());
    std::fs::rename(place.path("events.json"), place.path("old")).unwrap();
    std::fs::rename(place.path("new"), place.path("events.json")).unwrap();
    let said = ["source.path: events.json was replaced", "Restore the file", "its inode is"];
    refused(&server, &place, &said);
    // It is put back.
    std::fs::rename(place.path("old"), place.path("events.json")).unwrap();
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
}

#[test]
fn written_anew_in_its_place() {
    let (server, place) = through();
    place.write("events.json", event("x", "1").repeat(10));
    refused(&server, &place, &["source.path: events.json was replaced", "its first bytes differ"]);
    // To begin anew, the checkpoint goes.
    std::fs::remove_file(place.path("run.checkpoint")).unwrap();
    assert_eq!(place.run(&[])["events"], 10);
}

#[test]
fn truncated() {
    let (server, place) = through();
    place.write("events.json", event("a", "1"));
    let said =
        ["source.path: events.json was truncated: it has 26 bytes, but 78 were already read"];
    refused(&server, &place, &said);
}

#[test]
fn truncated_and_written_anew_while_it_is_read() {
    let held = Held::start();
    let lines = large(&["a"], 150);
    let place = Place::of(&flow(), &lines).with("ENDPOINT", &held.store.endpoint());
    let running = place.start(&["run", "flow.toml"]);
    held.wait();
    // As `copytruncate` of logrotate does it; what comes then is longer than what was read.
    place.write("events.json", large(&["x"], 200));
    let store = held.go_on();
    let ended = guarded(running.ends());
    let said = [
        "error: no checkpoint could be stored",
        "events.json was replaced",
        "its first bytes differ",
    ];
    assert_fails(&ended, 1, &said);
    assert_eq!(store.contents().len(), 0, "{ended:?}");
    assert_fails(&place.spillway(&["run", "flow.toml"]), 2, &["events.json was replaced"]);
}

/// Lines that become no events take positions as well.
#[test]
fn with_no_more_than_empty_lines_since_then() {
    for lanes in [1, 2] {
        let server = Server::start();
        let sink = format!("[sink]\nlanes = {lanes}\n[sink.config]");
        let flow = flow().replace("[sink.config]", &sink);
        let lines = event("a", "1") + &event("b", "2") + "\n";
        let place = Place::of(&flow, &lines).at(&server);
        assert_eq!(place.run(&[])["end"], "complete");
        let stored = server.contents();
        assert_eq!(stored.len(), 2);
        for _ in 0..2 {
            let lines = std::fs::File::options().append(true).open(place.path("events.json"));
            std::io::Write::write_all(&mut lines.unwrap(), b"\n\n").unwrap();
            assert_eq!(place.run(&[])["end"], "complete", "{lanes} lanes");
        }
        assert_eq!(place.run(&[])["end"], "nothing_to_do");
        assert!(server.contents() == stored);
    }
}

#[test]
fn gone() {
    let (server, place) = through();
    std::fs::remove_file(place.path("events.json")).unwrap();
    refused(&server, &place, &["source.path: the source file events.json does not exist"]);
}

#[test]
fn that_cannot_be_read_again() {
    let server = Server::start();
    let stdin = from_stdin() + "\n[checkpoint]\npath = \"run.checkpoint\"\n";
    let place = Place::of(&stdin, "").at(&server);
    for command in ["run", "check"] {
        let said =
            ["checkpoint: standard input cannot be read again after a crash; remove [checkpoint]"];
        assert_fails(&place.spillway(&[command, "flow.toml"]), 2, &said);
    }
    place.write("flow.toml", flow().replace("events.json", "/dev/null"));
    let said = ["source.path: /dev/null is not a regular file, and cannot be read again"];
    assert_fails(&place.spillway(&["run", "flow.toml"]), 2, &said);
    assert!(!place.path("run.checkpoint").exists());
}
