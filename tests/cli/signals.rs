//! Signals: one completes what is open, two abort it, three leave.

use std::io::Write as _;

use spillway_tests::program::{PATIENCE, Running};
use spillway_tests::scripted::{Reply, Request, Scripted};
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn one_completes_what_is_open() {
    for signal in ["INT", "TERM"] {
        let server = Server::start();
        let place = Place::of(&from_stdin(), "").at(&server);
        let mut running = place.start(&["run", "flow.toml", "--json"]);
        running.write((event("a", "1") + &event("b", "2")).as_bytes());
        eventually("a", || server.objects().len() == 1);
        running.signal(signal);
        let ended = guarded(running.ends());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.err.contains("stopping: completing open objects"), "{ended:?}");
        let summary = summary(&ended);
        assert_eq!((&summary["end"], &summary["objects"]), (&"stopped".into(), &2.into()));
        assert_eq!(server.contents()["b"], b"\"2\"\n");
    }
}

#[test]
fn one_stops_in_the_middle_of_a_source_that_does_not_end() {
    let server = Server::start();
    let place = Place::of(&from_stdin(), "").at(&server);
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    let mut stdin = running.take_stdin();
    let line = event("large", &"x".repeat(1_000));
    let written = line.clone();
    let writing = std::thread::spawn(move || while stdin.write_all(written.as_bytes()).is_ok() {});
    eventually("a part", || server.requests().iter().any(|r| r.part_number == Some(2)));
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    writing.join().unwrap();
    let summary = summary(&ended);
    assert_eq!((&summary["end"], &summary["events"]), (&"stopped".into(), &summary["lines"]));
    let stored = &server.contents()["large"];
    let event_bytes = 1_000 + "\"\"\n".len();
    assert_eq!(summary["events"], stored.len() / event_bytes);
    assert_eq!(stored.len() % event_bytes, 0);
}

#[test]
fn one_stops_an_expression_that_does_not_end() {
    let server = Server::start();
    let payload = "'if .payload == \"loop\" then last(range(infinite)) else .payload end'";
    let flow = from_stdin().replace("\".payload\"", payload);
    let place = Place::of(&flow, "").at(&server);
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    eventually("a", || server.objects().len() == 1);
    running.write(event("c", "loop").as_bytes());
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = summary(&ended);
    assert_eq!((&summary["end"], &summary["events"]), (&"stopped".into(), &2.into()));
    assert_eq!(server.contents()["b"], b"\"2\"\n");
}

#[test]
fn two_abort_an_upload_that_the_store_stalls() {
    let server = Scripted::start(stalling);
    let (place, mut running) = uploading(&server, 12 * MIB);
    server.wait_for("part", |request| request.method == "PUT");
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("TERM");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(summary(&ended)["end"], "aborted");
    assert_eq!(deleted(&server), ["/events/a?uploadId=one"]);
    drop(place);
}

#[test]
fn two_abort_also_while_the_sink_is_full() {
    let server = Scripted::start(stalling);
    // Far more than it may hold, so it waits for the store in the middle of a write.
    let (place, mut running) = uploading(&server, 60 * MIB);
    (0..4).for_each(|_| drop(server.wait_for("part", |request| request.method == "PUT")));
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(deleted(&server), ["/events/a?uploadId=one"]);
    drop(place);
}

#[test]
fn two_say_what_was_aborted() {
    let server = Scripted::start(stalling);
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml"]);
    running.write(event("a", &"x".repeat(6 * MIB)).as_bytes());
    server.wait_for("part", |request| request.method == "PUT");
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("INT");
    let ended = guarded(running.ends());
    assert!(
        ended.out.starts_with("Interrupted; open objects were aborted: 1 of 1 lines"),
        "{ended:?}"
    );
    assert!(ended.out.contains("1 not stored, of 1 object."), "{ended:?}");
}

#[test]
fn two_say_that_an_upload_may_be_left_behind() {
    let server = Scripted::start(|_| Reply::Silence);
    let (place, mut running) = uploading(&server, 6 * MIB);
    server.wait_for("create", |request| request.method == "POST");
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("INT");
    let ended = guarded(running.ends());
    // The store has the request, and may have done what it asks.
    assert_fails(&ended, 130, &["a multipart upload of `a` may have been left behind"]);
    drop(place);
}

#[test]
fn three_leave_at_once() {
    let server = Scripted::start(|request| match request.method.as_str() {
        "POST" => stalling(request),
        _ => Reply::Silence,
    });
    let (place, mut running) = uploading(&server, 6 * MIB);
    server.wait_for("part", |request| request.method == "PUT");
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("INT");
    server.wait_for("abort", |request| request.method == "DELETE");
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!((ended.code, ended.out.as_str()), (Some(130), ""), "{ended:?}");
    drop(place);
}

#[test]
fn nothing_open_is_nothing_to_abort() {
    let server = Server::start();
    let place = Place::of(&from_stdin(), "").at(&server);
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    eventually("a", || server.objects().len() == 1);
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Begins uploads, and never takes a part.
fn stalling(request: &Request) -> Reply {
    match request.method.as_str() {
        "POST" => {
            let body = "<InitiateMultipartUploadResult><UploadId>one</UploadId>\
                        </InitiateMultipartUploadResult>";
            Reply::Answer(200, vec![], body.to_owned())
        }
        "DELETE" => Reply::status(204),
        _ => Reply::Silence,
    }
}

/// A run whose standard input stays open behind an event of that size.
fn uploading(server: &Scripted, bytes: usize) -> (Place, Running) {
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    let mut stdin = running.take_stdin();
    std::thread::spawn(move || {
        let event = event("a", &"x".repeat(MIB));
        // It may stop reading, and end, before it has everything.
        let _ = (0..bytes / MIB).try_for_each(|_| stdin.write_all(event.as_bytes()));
        std::thread::park_timeout(PATIENCE);
    });
    (place, running)
}

fn deleted(server: &Scripted) -> Vec<String> {
    let deleted = server.rest().into_iter().filter(|request| request.method == "DELETE");
    deleted.map(|request| request.target).collect()
}
