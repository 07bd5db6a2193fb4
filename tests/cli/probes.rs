//! `/health` beside `/metrics`: whether a run is live, and whether it is ready.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;

use serde_json::{Value, json};
use spillway_tests::openmetrics::ask;
use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn a_run_that_goes_well_is_live_and_ready() {
    let server = Server::start();
    let place = Place::of(&from_stdin(), "").at(&server);
    let mut running = place.start(&["run", "flow.toml", "--metrics", "127.0.0.1:0"]);
    let address = served_at(&mut running);
    let well = json!({"ok": true, "reasons": []});
    eventually("ready", || probe(address, "/health/ready").0 == 200);
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    eventually("a", || server.objects().len() == 1);
    assert_eq!(probe(address, "/health/ready"), (200, well.clone()));
    assert_eq!(probe(address, "/health/live"), (200, well.clone()));
    let both = json!({"ok": true, "live": well, "ready": well});
    assert_eq!(probe(address, "/health"), (200, both));
    let (head, body) = ask(address, "HEAD /health HTTP/1.1\r\nhost: here\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty(), "{head}{body}");
    assert!(head.contains("content-type: application/json"), "{head}");
    for (request, status) in [
        ("GET /health/ HTTP/1.1\r\nhost: here\r\n\r\n", "404"),
        ("GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n", "404"),
        ("GET /health/live/more HTTP/1.1\r\nhost: here\r\n\r\n", "404"),
        ("POST /health/live HTTP/1.1\r\nhost: here\r\ncontent-length: 0\r\n\r\n", "405"),
    ] {
        let (head, _) = ask(address, request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {head}");
    }
    assert_eq!(guarded(running.end()).code, Some(0));
}

#[test]
fn a_store_that_never_answers_well_is_not_reached() {
    let server = Scripted::start(|_| Reply::error(503, "SlowDown", "not so fast"));
    let patient = from_stdin().replace("attempts_max = 2\n", "");
    let place = Place::of(&patient, "").with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--metrics", "127.0.0.1:0"]);
    let address = served_at(&mut running);
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    let said = "the store has not answered successfully yet (503, ";
    eventually("not ready", || {
        let (status, ready) = probe(address, "/health/ready");
        status == 503 && ready["reasons"][0].as_str().is_some_and(|reason| reason.contains(said))
    });
    assert_eq!(probe(address, "/health/live").0, 200);
    let (status, both) = probe(address, "/health");
    assert_eq!((status, &both["ok"], &both["live"]["ok"]), (503, &json!(false), &json!(true)));
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("INT");
    assert_eq!(guarded(running.ends()).code, Some(130));
}

/// The sink is full, and the loop waits in a call until the store takes something. To start the run
/// again would help nobody, but it does not do its work.
#[test]
fn a_loop_that_waits_for_the_store_is_live_and_its_checkpoint_is_late() {
    // It begins uploads, and takes no part, which a checkpoint waits for.
    let server = Scripted::start(|request| match request.method.as_str() {
        "POST" => {
            let body = "<InitiateMultipartUploadResult><UploadId>one</UploadId>\
                        </InitiateMultipartUploadResult>";
            Reply::Answer(200, vec![], body.to_owned())
        }
        _ => Reply::Silence,
    });
    let flow = FLOW.to_owned() + "[checkpoint]\npath = \"run.checkpoint\"\nevery = \"1s\"\n";
    let flow = flow.replace("[sink.config]", "[sink.config]\nmemory_bytes_max = 33554432");
    let events: String = (0..60).map(|_| event("a", &"x".repeat(MIB))).collect();
    let place = Place::of(&flow, &events).with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--metrics", "127.0.0.1:0"]);
    let address = served_at(&mut running);
    // For longer than the loop may stand still.
    eventually("a late checkpoint", || {
        let (status, ready) = probe(address, "/health/ready");
        let reasons = ready["reasons"].as_array().unwrap().iter().filter_map(Value::as_str);
        let late = reasons.filter(|reason| reason.contains("checkpoint"));
        let mut words = late.flat_map(|reason| reason.split(' '));
        let since = words.find_map(|word| word.parse::<u64>().ok());
        assert_eq!(probe(address, "/health/live").0, 200);
        status == 503 && since.is_some_and(|since| since >= 12)
    });
    assert_eq!(probe(address, "/health/live").0, 200);
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("INT");
    assert_eq!(guarded(running.ends()).code, Some(130));
}

/// Whoever reads its log has stopped, so the run stands still in the middle of a line. That is no
/// wait for the store: a probe fails, and the watchdog hears nothing.
#[test]
fn a_run_that_stands_still_is_not_live() {
    let server = Server::start();
    let place = Place::of(&from_stdin(), "").at(&server);
    let socket = place.path("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_nonblocking(true).unwrap();
    let mut command = place.command(&["run", "flow.toml", "--metrics", "127.0.0.1:0"]);
    command.args(["--log-level", "debug"]).env("NOTIFY_SOCKET", &socket);
    command.env("WATCHDOG_USEC", "200000");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = Killed(command.spawn().unwrap());
    let mut log = BufReader::new(child.0.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("metrics are served at http://").unwrap();
    let address: SocketAddr = address.strip_suffix("/metrics").unwrap().parse().unwrap();
    eventually("live", || probe(address, "/health/live").0 == 200);
    let mut input = child.0.stdin.take().unwrap();
    // Each is an object, and so a long line of the log; a pipe holds 64 KiB.
    let events: String = (0..400).map(|n| event(&format!("{n:0900}"), "x")).collect();
    input.write_all(events.as_bytes()).unwrap();
    let stands_still_for = |seconds: u64| {
        let (status, live) = probe(address, "/health/live");
        let said = live["reasons"][0].as_str().unwrap_or_default().to_owned();
        let rest = said.strip_prefix("the run has stood still for ");
        let since = rest.and_then(|rest| rest.strip_suffix(" s")?.parse::<u64>().ok());
        status == 503 && since.is_some_and(|since| since >= seconds)
    };
    eventually("not live", || stands_still_for(10));
    assert_eq!(probe(address, "/health/ready").0, 503);
    while manager.recv(&mut [0; 4_096]).is_ok() {}
    eventually("a while", || stands_still_for(12));
    assert!(manager.recv(&mut [0; 4_096]).is_err(), "the watchdog is told that it lives");
    // A manager that reads nothing more would hold the run up once its queue is full.
    manager.set_nonblocking(false).unwrap();
    std::thread::spawn(move || while manager.recv(&mut [0; 4_096]).is_ok() {});
    // It is read on, and all is well.
    let reading = std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
    eventually("live again", || probe(address, "/health/live").0 == 200);
    drop(input);
    assert!(child.0.wait().unwrap().success());
    reading.join().unwrap().unwrap();
    assert_eq!(server.objects().len(), 400);
}

/// A process that does not outlive its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is answered there: its status, and its JSON.
fn probe(address: SocketAddr, path: &str) -> (u16, Value) {
    let (head, body) = ask(address, &format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{head}")), serde_json::from_str(&body).unwrap())
}
