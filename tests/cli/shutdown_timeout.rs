//! `[run] shutdown_timeout`: a run that was told to stop ends, whatever its store does. And
//! standard input that does not end.

use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use spillway_simulation::bucket::Operation;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::program::Running;
use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::server::Server;
use spillway_tests::store::Store;

use super::support::*;

#[test]
fn a_store_that_never_answers_is_given_up_at_the_limit() {
    let server = Scripted::start(|_| Reply::Silence);
    let flow = from_stdin() + LIMITED;
    let place = Place::of(&flow, "").with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    server.wait_for("an object", |request| request.method == "PUT");
    running.signal("TERM");
    let ended = guarded(running.ends());
    let said = [
        "stopping: completing open objects",
        "was not completed or saved within shutdown_timeout (1s)",
        "aborting open objects",
    ];
    assert_fails(&ended, 130, &said);
    let summary = summary(&ended);
    assert_eq!((&summary["events"], &summary["objects"]), (&2.into(), &0.into()));
    assert_eq!(summary["not_stored"], not_stored(&[(1, 2)]));
}

/// What the last checkpoint knows is kept, and the next run stores each event once.
#[test]
fn with_a_checkpoint_the_next_run_goes_on() {
    let store = Store::start(|_| {});
    let (reaching, reached) = channel();
    store.server().on_request(move |request| {
        let stalls = request.operation != Operation::CreateMultipartUpload;
        stalls.then(|| {
            let _ = reaching.send(());
            SocketFault::StallBefore
        })
    });
    let flow = FLOW.to_owned() + LIMITED + "[checkpoint]\npath = \"run.checkpoint\"\n";
    // More than the sink holds: it is full, and waits for the store in the middle of a call.
    let payload = "x".repeat(MIB);
    let lines: String = (0..90).map(|n| event("a", &format!("{n:03} {payload}"))).collect();
    let sink = "[sink.config]\nmemory_bytes_max = 33554432";
    let place = Place::of(&flow.replace("[sink.config]", sink), &lines);
    let place = place.with("ENDPOINT", &store.endpoint());
    let running = place.start(&["run", "flow.toml", "--json"]);
    reached.recv().unwrap();
    running.signal("TERM");
    let ended = guarded(running.ends());
    let said = ["saving open objects for the next run", "within shutdown_timeout (1s)"];
    assert_fails(&ended, 130, &said);
    assert_eq!(store.bucket(|bucket| bucket.objects().len()), 0);

    store.server().on_request(|_| None);
    let summary = place.run(&[]);
    assert_eq!(summary["end"], "complete");
    let stored = store.bucket(|bucket| bucket.objects()["a"].bytes.to_vec());
    let lines = stored.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let numbers: Vec<_> = lines.map(|line| String::from_utf8_lossy(&line[1..4])).collect();
    let wanted: Vec<_> = (0..90).map(|n| format!("{n:03}")).collect();
    assert_eq!(numbers, wanted);
}

/// A store that answers is waited for no longer than it takes.
#[test]
fn a_run_that_ends_in_time_does_not_notice() {
    let server = Server::start();
    let flow = from_stdin() + "[run]\nshutdown_timeout = \"1h\"\n";
    let place = Place::of(&flow, "").at(&server);
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    eventually("a", || server.objects().len() == 1);
    running.signal("TERM");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("shutdown_timeout"), "{ended:?}");
    assert_eq!(summary(&ended)["objects"], 2);
}

#[test]
fn what_is_no_limit_is_named() {
    for (written, said) in [
        ("shutdown_timeout = \"0s\"", "run.shutdown_timeout: is zero, expected a time such as"),
        ("shutdown_timeout = \"25\"", "run.shutdown_timeout: 25 has no unit"),
        ("shutdown_timeout = 25", "run.shutdown_timeout: invalid type"),
        ("timeout = \"25s\"", "run.timeout: unknown field; there are shutdown_timeout"),
    ] {
        let place = Place::of(&format!("{FLOW}[run]\n{written}\n"), &event("a", "1"));
        let place = place.with("ENDPOINT", "http://127.0.0.1:1");
        assert_fails(&place.spillway(&["check", "flow.toml"]), 2, &[said]);
    }
}

/// A log that grows, through `tail -F`: objects end by their age while nothing comes, a signal
/// completes what is open, and the summary comes last.
#[test]
fn the_output_of_tail_is_stored_as_it_comes() {
    let server = Server::start();
    let sink = "[sink.config]\nrotate = { age_ms = 50 }\nkey_template = \"{key}-{first}\"";
    let flow = from_stdin().replace("[sink.config]", sink) + LIMITED;
    let place = Place::of(&flow, &event("a", "1")).at(&server);
    let mut tail = Command::new("tail");
    tail.args(["-n", "+1", "-F", "events.json"]).current_dir(place.path(""));
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut command = place.command(&["run", "flow.toml", "--json"]);
    let running = Running::start_from(&mut command, tail.stdout.take().unwrap().into());
    eventually("the first object", || server.contents().contains_key("a-0"));
    let more = event("a", "2") + &event("b", "3");
    append(&place, &more);
    eventually("the next ones", || {
        let contents = server.contents();
        contents.contains_key("a-1") && contents.contains_key("b-2")
    });
    running.signal("TERM");
    let ended = guarded(running.ends());
    // It would not end by itself.
    tail.kill().and_then(|()| tail.wait()).unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = summary(&ended);
    assert_eq!((&summary["end"], &summary["objects"]), (&"stopped".into(), &3.into()));
    assert_eq!(server.contents()["a-1"], b"\"2\"\n");
}

fn append(place: &Place, lines: &str) {
    let mut file = std::fs::File::options().append(true).open(place.path("events.json")).unwrap();
    std::io::Write::write_all(&mut file, lines.as_bytes()).unwrap();
}

const LIMITED: &str = "[run]\nshutdown_timeout = \"1s\"\n";
