//! Signals that find the command waiting for something that never comes. The servers here are
//! silent for longer than any test lasts: that a command ends is that it waited for none of them.

use std::process::Command;
use std::sync::mpsc;

use spillway_simulation::bucket::Operation;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::components::built;
use spillway_tests::program::{Ended, PATIENCE, Running};
use spillway_tests::scripted::{Reply, Request, Scripted};
use spillway_tests::server::Server;
use spillway_tests::store::Store;

use super::support::*;

#[test]
fn two_end_a_run_whose_uploads_cannot_be_aborted() {
    let server = Scripted::start(begins);
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    (0..7).for_each(|_| running.write(event("a", &"x".repeat(MIB)).as_bytes()));
    server.wait_for("part", |request| request.method == "PUT");
    let ended = twice(running);
    // It is this side that ended it.
    assert!(!ended.err.contains("the other side"), "{ended:?}");
    assert!(!ended.err.contains("is back after"), "{ended:?}");
    assert_fails(&ended, 130, &["incomplete uploads may remain", "`spillway uploads`"]);
    let summary = summary(&ended);
    assert_eq!(
        (&summary["end"], &summary["failed_events"]),
        (&"given_up".into(), &summary["events"])
    );
    let last = summary["events"].as_u64().expect("a number");
    assert_eq!(summary["not_stored"], not_stored(&[(1, last)]), "{summary}");
}

#[test]
fn the_cause_and_the_lines_are_right_where_reading_was_held_up() {
    let server = Scripted::start(|request| match request.method.as_str() {
        "DELETE" => Reply::status(204),
        _ => begins(request),
    });
    // Many small lines, far more than the sink may hold: it stops taking them somewhere.
    let lines = event("a", &"x".repeat(1_000)).repeat(60_000);
    let place = Place::of(FLOW, &lines).with("ENDPOINT", &server.endpoint());
    let running = place.start(&["run", "flow.toml"]);
    (0..4).for_each(|_| drop(server.wait_for("part", |request| request.method == "PUT")));
    let ended = twice(running);
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.out.starts_with("Interrupted; open objects were aborted: "), "{ended:?}");
    assert!(ended.out.contains("The events that were not stored are in lines 1 to "), "{ended:?}");
    assert!(!ended.err.contains("does not allow") && !ended.err.contains("failed"), "{ended:?}");
}

#[test]
fn objects_that_became_visible_are_not_among_what_is_not_stored() {
    let server = Scripted::start(|request| match request.target.as_str() {
        "/events/a" => Reply::stored(),
        _ => Reply::Silence,
    });
    let lines = event("a", "1") + &event("a", "2") + &event("b", "3") + &event("c", "4");
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--json", "--log-level", "debug"]);
    running.write(lines.as_bytes());
    running.wait_for("stored: the object `a`");
    let ended = twice(running);
    let summary = summary(&ended);
    assert_eq!((ended.code, &summary["stored_events"]), (Some(130), &2.into()), "{ended:?}");
    assert_eq!(summary["not_stored"], not_stored(&[(3, 4)]), "{ended:?}");
}

#[test]
fn one_with_a_checkpoint_leaves_by_it() {
    let silent = Scripted::start(begins);
    let flow = FLOW.to_owned() + "\n[checkpoint]\npath = \"run.checkpoint\"\nevery = \"0s\"\n";
    let lines: String = (0..7).map(|_| event("a", &"x".repeat(MIB))).collect();
    let place = Place::of(&flow, &lines).with("ENDPOINT", &silent.endpoint());
    let running = place.start(&["run", "flow.toml"]);
    silent.wait_for("part", |request| request.method == "PUT");
    let ended = twice(running);
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.out.starts_with("Interrupted; the objects of the last checkpoint are kept"));
    assert!(!ended.out.contains("not stored"), "the next run stores it: {ended:?}");
    let checkpoint = place.spillway(&["checkpoint", "show", "run.checkpoint"]);
    assert_eq!(checkpoint.code, Some(0), "{checkpoint:?}");
}

#[test]
fn nothing_is_set_aside_of_what_is_given_up() {
    let server = Scripted::start(|_| Reply::Silence);
    let flow =
        from_stdin().replace("[sink.config]", "[sink]\non_failed.file = \"bad\"\n[sink.config]");
    let place = Place::of(&flow, "").with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    server.wait_for("object", |request| request.method == "PUT");
    let ended = twice(running);
    let summary = summary(&ended);
    assert_eq!((ended.code, &summary["dead_letters"]), (Some(130), &0.into()), "{ended:?}");
    assert_eq!(summary["not_stored"], not_stored(&[(1, 2)]), "{ended:?}");
    assert_eq!(std::fs::read(place.path("bad")).unwrap(), b"");
}

#[test]
fn two_signals_at_once_are_two() {
    let server = Scripted::start(begins);
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    (0..7).for_each(|_| running.write(event("a", &"x".repeat(MIB)).as_bytes()));
    server.wait_for("part", |request| request.method == "PUT");
    let id = running.id();
    let both = format!("kill -INT {id}; kill -TERM {id}");
    assert!(Command::new("sh").args(["-c", &both]).status().unwrap().success());
    let ended = guarded(running.ends());
    assert_eq!((ended.code, &summary(&ended)["end"]), (Some(130), &"given_up".into()), "{ended:?}");
}

/// It has asked the sink for nothing: what is open can be aborted.
#[test]
fn two_end_a_run_whose_transform_does_not_answer() {
    let server = Scripted::start(|request| match request.method.as_str() {
        "DELETE" => Reply::status(204),
        "PUT" => Reply::stored(),
        _ => begins(request),
    });
    let transform =
        "[[transform]]\ncomponent = \"trapping.wasm\"\ncompute_max = \"1h\"\n[sink.config]";
    let flow = from_stdin().replace("[sink.config]", transform);
    let place = Place::of(&flow, "").with("ENDPOINT", &server.endpoint());
    let trapping = built(env!("CARGO_TARGET_TMPDIR"), "examples/trapping.wasm");
    std::fs::copy(trapping, place.path("trapping.wasm")).unwrap();
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    (0..7).for_each(|_| running.write(event("a", &"x".repeat(MIB)).as_bytes()));
    server.wait_for("part", |request| request.method == "PUT");
    running.write(event("a", "loop").as_bytes());
    let before = computed(&running);
    eventually("it loops", || computed(&running) > before + 100);
    let ended = twice(running);
    assert_fails(&ended, 130, &["stopping: ", "aborting open objects"]);
    let summary = summary(&ended);
    assert_eq!((&summary["end"], &summary["events"]), (&"aborted".into(), &7.into()), "{ended:?}");
    // The last one never came to the sink.
    assert_eq!(summary["not_stored"], not_stored(&[(1, 7)]), "{ended:?}");
    server.wait_for("abort", |request| request.method == "DELETE");
}

#[test]
fn a_terminal_that_goes_is_a_signal_like_others() {
    let server = Server::start();
    let place = Place::of(&from_stdin(), "").at(&server);
    // Whoever runs the tests may have been started to ignore it.
    let mut running = with_hangup(&place, "--default-signal=HUP");
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    eventually("a", || server.objects().len() == 1);
    running.signal("HUP");
    let ended = guarded(running.ends());
    assert_eq!((ended.code, &summary(&ended)["end"]), (Some(0), &"stopped".into()), "{ended:?}");
    assert_eq!(server.contents()["b"], b"\"2\"\n");
}

#[test]
fn what_was_started_to_outlive_its_terminal_does() {
    let server = Server::start();
    let place = Place::of(&from_stdin(), "").at(&server);
    let mut running = with_hangup(&place, "--ignore-signal=HUP");
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    eventually("a", || server.objects().len() == 1);
    running.signal("HUP");
    running.signal("HUP");
    running.signal("HUP");
    // It reads on.
    running.write(event("c", "3").as_bytes());
    eventually("b", || server.objects().len() == 2);
    let ended = guarded(running.end());
    assert_eq!((ended.code, &summary(&ended)["end"]), (Some(0), &"complete".into()), "{ended:?}");
}

#[test]
fn one_ends_a_run_before_anything_is_read() {
    let place =
        Place::of(&FLOW.replace("events.json", "pipe"), "").with("ENDPOINT", "http://127.0.0.1:1");
    let made = Command::new("mkfifo").arg(place.path("pipe")).status().unwrap();
    assert!(made.success());
    // Nobody ever writes to the pipe, so that opening it takes for ever.
    let running = place.start(&["run", "flow.toml", "--json"]);
    catches(&running);
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!((ended.code, &summary(&ended)["lines"]), (Some(0), &0.into()), "{ended:?}");
}

#[test]
fn one_ends_a_run_whose_component_is_being_compiled() {
    let cold = tempfile::tempdir().unwrap();
    let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", "http://127.0.0.1:1");
    let place = place.with("XDG_CACHE_HOME", cold.path().to_str().unwrap());
    let running = place.start(&["run", "flow.toml", "--json"]);
    catches(&running);
    running.signal("TERM");
    let ended = guarded(running.ends());
    let summary = summary(&ended);
    assert_eq!((ended.code, &summary["end"]), (Some(0), &"stopped".into()), "{ended:?}");
    assert_eq!(summary["stored_events"], 0);
}

#[test]
fn commands_that_ask_a_silent_store_end_with_one() {
    for arguments in [
        &["check", "--connect", "flow.toml"][..],
        &["uploads", "list", "flow.toml"],
        &["uploads", "abort", "flow.toml", "--older-than", "0s"],
    ] {
        let server = Scripted::start(|_| Reply::Silence);
        let place = Place::of(FLOW, "").with("ENDPOINT", &server.endpoint());
        let running = place.start(arguments);
        server.wait_for("request", |_| true);
        running.signal("INT");
        let ended = guarded(running.ends());
        assert_fails(&ended, 130, &["interrupted: "]);
        assert!(!ended.err.contains("error: "), "{ended:?}");
    }
}

#[test]
fn what_was_aborted_before_is_named() {
    let store = Store::start(|_| {});
    store.begin_upload("older", 0, 7_200);
    store.begin_upload("younger", 0, 3_600);
    let (reaching, reached) = mpsc::channel();
    store.server().on_request(move |request| {
        let stalls = request.operation == Operation::AbortMultipartUpload;
        (stalls && request.key == "younger").then(|| {
            let _ = reaching.send(());
            SocketFault::StallBefore
        })
    });
    let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
    let running = place.start(&["uploads", "abort", "flow.toml", "--older-than", "0s"]);
    reached.recv_timeout(PATIENCE).unwrap();
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_fails(&ended, 130, &["those that are not listed above may remain"]);
    assert!(ended.out.starts_with("aborted older (age "), "{ended:?}");
    assert_eq!(ended.out.lines().count(), 1, "{ended:?}");
}

/// Whoever sends one signal, as a supervisor does, waits for no store that is away.
#[test]
fn one_ends_a_run_within_minutes_where_the_store_stays_away() {
    let server = Scripted::start(|_| Reply::error(503, "SlowDown", "not now"));
    let flow = FLOW.replace("attempts_max = 2", "backoff_max_ms = 5000");
    let place = Place::of(&flow, &event("a", "1")).with("ENDPOINT", &server.endpoint());
    let mut command = place.command(&["run", "flow.toml", "--json"]);
    let running = Running::start_within(&mut command, 5 * PATIENCE);
    server.wait_for("object", |request| request.method == "PUT");
    running.signal("TERM");
    let ended = guarded(running.ends());
    assert_fails(
        &ended,
        130,
        &["stopping: ", "the store has not answered successfully for a minute"],
    );
    let summary = summary(&ended);
    assert_eq!(summary["not_stored"], not_stored(&[(1, 1)]), "{ended:?}");
}

#[test]
fn whoever_asks_for_metrics_does_not_hold_up_the_end() {
    let server = Scripted::start(|_| Reply::Silence);
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--metrics", "127.0.0.1:0"]);
    let url = running.told("metrics are served at http://");
    let address = url.strip_suffix("/metrics").unwrap().to_owned();
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    server.wait_for("object", |request| request.method == "PUT");
    let (connected, connects) = mpsc::channel();
    std::thread::spawn(move || {
        use std::io::Write as _;
        let mut half = std::net::TcpStream::connect(&address).unwrap();
        half.write_all(b"GET /metr").unwrap();
        connected.send(half).unwrap();
    });
    let _half = connects.recv_timeout(PATIENCE).unwrap();
    assert_eq!(twice(running).code, Some(130));
}

/// Tells a run to stop, and to stop at once.
fn twice(mut running: Running) -> Ended {
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("INT");
    guarded(running.ends())
}

/// How long a run has computed, in hundredths of a second. One that waits computes for almost none.
fn computed(running: &Running) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", running.id())).unwrap();
    // The name may have spaces in it. Behind it, these are the 12th and the 13th field.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// Begins uploads, and says nothing of what follows.
fn begins(request: &Request) -> Reply {
    let body = "<InitiateMultipartUploadResult><UploadId>one</UploadId>\
                </InitiateMultipartUploadResult>";
    match request.method.as_str() {
        "POST" if request.target.ends_with("uploads") || request.target.ends_with("uploads=") => {
            Reply::Answer(200, vec![], body.to_owned())
        }
        _ => Reply::Silence,
    }
}

/// A run that was started with SIGHUP so.
fn with_hangup(place: &Place, how: &str) -> Running {
    let mut command = Command::new("env");
    place.prepare(&mut command);
    Running::start(command.args([how, SPILLWAY, "run", "flow.toml", "--json"]))
}

/// Waits until the process handles signals. Before, they end it as they end any.
fn catches(running: &Running) {
    let status = format!("/proc/{}/status", running.id());
    let mask = |status: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    // SIGINT is 2, and SIGTERM 15.
    let both = 1 << 1 | 1 << 14;
    eventually("handlers", || {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        mask(&status).is_some_and(|mask| mask & both == both)
    });
}
