//! A run that is watched: metrics while it goes on, and logs for programs.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::Value;
use spillway_tests::openmetrics::{Page, ask, scrape, value};
use spillway_tests::program::{Ended, PATIENCE};
use spillway_tests::scripted::{Reply, Request, Scripted};
use spillway_tests::server::SECRET_ACCESS_KEY;

use super::support::*;

/// Whoever connects and asks nothing makes room for who asks.
#[test]
fn half_sent_requests_hold_nobody_up() {
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", "http://127.0.0.1:1");
    let mut running = place.start(&["run", "flow.toml", "--metrics", "127.0.0.1:0"]);
    let address = served_at(&mut running);
    let half = || {
        let mut half = TcpStream::connect(address).unwrap();
        half.write_all(b"GET /metrics HTTP/1.1\r\nhost: ").unwrap();
        half
    };
    // More than are served at the same time, and all of them are still there.
    let halves: Vec<_> = (0..100).map(|_| half()).collect();
    scrape(address);
    // Of those, the ones that came first made room.
    let mut first = halves[0].try_clone().unwrap();
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(matches!(first.read(&mut [0]), Ok(0) | Err(_)));
    assert_eq!(guarded(running.end()).code, Some(0));
}

#[test]
fn the_metrics_are_what_the_store_saw() {
    let mut answers = vec![Reply::stored(), Reply::error(503, "SlowDown", "not so fast")];
    let server = Scripted::start(move |_| answers.pop().unwrap_or_else(Reply::stored));
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--metrics", "127.0.0.1:0"]);
    let address = served_at(&mut running);
    assert_eq!(value(&scrape(address), "spillway_run_lines_total", None), 0.0);
    // The second key ends the object of the first; its own stays open.
    running.write((event("a", "one") + &event("a", "two") + &event("b", "three")).as_bytes());
    let page =
        eventually_scraped(address, |page| value(page, "spillway_objects_total", None) > 0.0);

    let seen = server.rest();
    let bytes: usize = seen.iter().map(|request| request.body.len()).sum();
    assert_eq!(seen.len(), 2, "{seen:?}");
    let put = Some(("operation", "PutObject"));
    for (name, label, expected) in [
        ("spillway_requests_total", put, 2),
        ("spillway_request_duration_seconds_count", put, 2),
        ("spillway_requests_total", Some(("operation", "UploadPart")), 0),
        ("spillway_request_bytes_total", None, bytes),
        ("spillway_retries_total", Some(("class", "throttled")), 1),
        ("spillway_retries_total", Some(("class", "transient")), 0),
        ("spillway_throttled_total", None, 1),
        ("spillway_events_total", None, 3),
        ("spillway_object_bytes_total", None, seen[1].body.len()),
        ("spillway_objects_open", None, 1),
        ("spillway_objects_unfinished", None, 1),
        ("spillway_held_bytes", None, "\"three\"\n".len()),
        ("spillway_requests_in_flight", None, 0),
        ("spillway_egress_requests_in_flight", None, 0),
        ("spillway_egress_requests_total", Some(("status", "2xx")), 1),
        ("spillway_egress_requests_total", Some(("status", "5xx")), 1),
        ("spillway_egress_requests_total", Some(("status", "none")), 0),
        ("spillway_run_lines_total", None, 3),
        ("spillway_run_events_stored_total", None, 2),
        ("spillway_run_durable_lag_events", None, 1),
        ("spillway_run_metrics_refused", None, 0),
        ("spillway_uploads_left", None, 0),
    ] {
        assert_eq!(value(&page, name, label), expected as f64, "{name} {label:?}");
    }
    assert!(value(&page, "spillway_run_durable_lag_seconds", None) > 0.0);
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(TcpStream::connect(address).is_err(), "it goes with the run");
}

/// The sink is in the middle of a call for as long as the store is silent. Whoever asks is answered
/// all the same, by what can be known.
#[test]
fn a_sink_that_waits_for_its_store_is_seen_waiting() {
    let server = Scripted::start(|_| Reply::Silence);
    let events: String = (0..40).map(|_| event("a", &"x".repeat(MIB))).collect();
    let place = Place::of(FLOW, &events).with("ENDPOINT", &server.endpoint());
    let mut running = place.start(&["run", "flow.toml", "--metrics", "127.0.0.1:0"]);
    let address = served_at(&mut running);
    server.wait_for("CreateMultipartUpload", |request| request.method == "POST");
    let lag = |page: &Page| value(page, "spillway_run_durable_lag_seconds", None);
    let stalled = |page: &Page| value(page, "spillway_egress_stalled_seconds", None);
    let first = eventually_scraped(address, |page| lag(page) > 0.0 && stalled(page) > 0.0);
    assert_eq!(value(&first, "spillway_egress_requests_in_flight", None), 1.0);
    assert!(value(&first, "spillway_run_durable_lag_events", None) >= 1.0);
    eventually_scraped(address, |page| {
        lag(page) > lag(&first) + 1.0 && stalled(page) > stalled(&first) + 1.0
    });
    running.signal("INT");
    running.wait_for("stopping: completing open objects");
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(130), "{ended:?}");
}

#[test]
fn only_the_metrics_are_served_and_nobody_keeps_others_from_them() {
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", "http://127.0.0.1:1");
    let mut running = place.start(&["run", "flow.toml", "--metrics", "127.0.0.1:0"]);
    let address = served_at(&mut running);
    let idle: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost: here\r\n\r\n", "404"),
        ("GET /metrics/more HTTP/1.1\r\nhost: here\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\nhost: here\r\ncontent-length: 0\r\n\r\n", "405"),
        ("no http\r\n\r\n", "400"),
    ] {
        let (head, body) = ask(address, request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {head}");
        assert!(!body.contains("spillway_"), "{body}");
    }
    let (head, body) = ask(address, "HEAD /metrics HTTP/1.1\r\nhost: here\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty(), "{head}{body}");
    scrape(address);
    drop(idle);
    assert_eq!(guarded(running.end()).code, Some(0));
}

#[test]
fn an_address_that_cannot_be_is_named() {
    let place = Place::of(FLOW, "").with("ENDPOINT", "http://127.0.0.1:1");
    for address in ["localhost", "localhost:9464", "127.0.0.1", ":9464", "127.0.0.1:65536"] {
        let ended = place.spillway(&["run", "flow.toml", "--metrics", address]);
        let said = ["--metrics <ADDR>", address, "expected an IP address and a port, such as"];
        assert_fails(&ended, 2, &said);
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = place.spillway(&["run", "flow.toml", "--metrics", &address]);
    let said = format!("--metrics {address}: cannot listen there; expected a free address");
    assert_fails(&ended, 2, &[&said, "because: Address already in use"]);
}

#[test]
fn formats_and_levels_are_named() {
    let place = Place::of(FLOW, "").with("ENDPOINT", "http://127.0.0.1:1");
    for (flag, value, allowed) in [
        ("--log", "xml", "possible values: text, json"),
        ("--log-level", "trace", "possible values: error, warn, info, debug"),
    ] {
        let ended = place.spillway(&["run", "flow.toml", flag, value]);
        assert_fails(&ended, 2, &[flag, &format!("'{value}'"), allowed]);
    }
}

#[test]
fn a_log_in_json_tells_the_course_of_a_run() {
    let mut slow = true;
    let server = Scripted::start(move |request: &Request| match request.target.as_str() {
        "/events/c" => Reply::error(403, "AccessDenied", "no"),
        _ if std::mem::take(&mut slow) => Reply::error(503, "SlowDown", "not so fast"),
        _ => Reply::stored(),
    });
    let flow = FLOW.replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
    let events = event("a\u{1b}[2J\u{9b}", "a payload") + "wrong\n" + &event("b", "2");
    let place = Place::of(&flow, &(events + &event("c", "3")));
    let place = place.with("ENDPOINT", &server.endpoint());
    let ended = place.spillway(&["run", "flow.toml", "--log", "json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.starts_with("Failed: 3 of 4 lines became events"), "{ended:?}");
    let log = logged(&ended);
    let events: Vec<_> = log.iter().map(|line| line["event"].as_str().unwrap()).collect();
    let count = |event: &str| events.iter().filter(|e| **e == event).count();
    assert_eq!((events[0], events[events.len() - 2]), ("started", "ended"), "{events:?}");
    assert_eq!(*events.last().unwrap(), "error");
    assert_eq!((count("stored"), count("rejected"), count("failed")), (2, 1, 1), "{events:?}");
    let of = |event: &str| log.iter().find(|line| line["event"] == event).unwrap();
    assert_eq!(of("rejected")["line"], 2);
    assert_eq!(of("rejected")["reason"], "not JSON: expected a value at byte 1");
    assert_eq!(of("rejected")["level"], "WARN");
    assert!(of("notice")["message"].as_str().unwrap().contains("503 SlowDown: not so fast"));
    let failed = of("failed");
    assert_eq!(
        (&failed["key"], &failed["first"], &failed["last"]),
        (&"c".into(), &3.into(), &3.into())
    );
    assert_eq!((&failed["level"], &failed["events"]), (&"ERROR".into(), &1.into()));
    let stored = log.iter().find(|line| line["event"] == "stored" && line["first"] == 0).unwrap();
    assert_eq!(stored["object_key"], "a\u{1b}[2J\u{9b}");
    assert_eq!((&stored["bytes"], &stored["parts"]), (&12.into(), &0.into()));
    let end = of("ended");
    assert_eq!(
        (&end["end"], &end["objects"], &end["failed_objects"]),
        (&"failed".into(), &2.into(), &1.into())
    );
}

#[test]
fn what_stops_a_run_before_it_begins_is_a_document_as_well() {
    let place = Place::of(FLOW, "");
    let ended = place.spillway(&["run", "flow.toml", "--log", "json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let log = logged(&ended);
    assert_eq!((log.len(), &log[0]["event"]), (1, &"error".into()), "{log:?}");
    assert!(log[0]["problems"].as_str().unwrap().contains("ENDPOINT"), "{log:?}");
    let ended = place.spillway(&["run", "none.toml", "--log", "json"]);
    let log = logged(&ended);
    assert_eq!(log[0]["message"], "cannot read the flow none.toml");
    assert!(log[0]["causes"].as_str().unwrap().contains("No such file"), "{log:?}");
}

#[test]
fn the_level_is_the_least_that_is_said() {
    let flow = FLOW.replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
    let place = Place::of(&flow, &(event("a", "1") + "wrong\n"));
    let run = |more: &[&str]| {
        let ended = place.spillway(&[&["run", "flow.toml", "--local", "out"], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.err
    };
    let rejected = "rejected: line 2: not JSON: expected a value at byte 1\n";
    assert_eq!(run(&[]), rejected);
    assert_eq!(run(&["--log-level", "warn"]), rejected);
    assert_eq!(run(&["--log-level", "error"]), "");
    assert_eq!(run(&["--log-level", "error", "--log", "json"]), "");
    let all = run(&["--log-level", "debug"]);
    assert!(all.contains("stored: the object `a` (1 event, 4 bytes)\n"), "{all}");
    assert_eq!(run(&["--log-level", "warn", "--log", "json"]).lines().count(), 1);
}

#[test]
fn many_rejected_lines_are_counted_rather_than_named() {
    let flow = FLOW.replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
    let place = Place::of(&flow, &"wrong\n".repeat(1_000));
    let ended = place.spillway(&["run", "flow.toml", "--local", "out", "--log", "json"]);
    let log = logged(&ended);
    assert_eq!(log.iter().filter(|line| line["event"] == "rejected").count(), 11);
    assert_eq!(log.last().unwrap()["rejected"], 1_000);
}

/// Every object that failed is named, the first one as the reason why the run did.
#[test]
fn each_object_that_failed_is_named() {
    let server = Scripted::start(|_| Reply::error(403, "AccessDenied", "no"));
    let events: String = ["a", "b", "c"].map(|key| event(key, "x")).concat();
    let place = Place::of(FLOW, &events).with("ENDPOINT", &server.endpoint());
    let ended = place.spillway(&["run", "flow.toml"]);
    for key in ["a", "b", "c"] {
        let said = format!("the object `{key}` was not stored");
        assert_eq!(ended.err.matches(&said).count(), 1, "{ended:?}");
    }
    assert_eq!(ended.err.matches("error: the object").count(), 1, "{ended:?}");
    assert_eq!(ended.err.matches("failed: the object").count(), 2, "{ended:?}");
}

fn eventually_scraped(address: SocketAddr, holds: impl Fn(&Page) -> bool) -> Page {
    let mut page = Page::new();
    eventually("the metrics", || {
        page = scrape(address);
        // Those of the sink are there once it was asked.
        let is_told = value(&page, "spillway_run_metrics_timestamp_seconds", None) > 0.0;
        is_told && holds(&page)
    });
    page
}

/// The documents on standard error, one a line, and nothing else.
#[track_caller]
fn logged(ended: &Ended) -> Vec<Value> {
    assert!(!ended.err.contains(SECRET_ACCESS_KEY), "{ended:?}");
    assert!(!ended.err.contains("a payload"), "{ended:?}");
    assert!(!ended.err.contains(|c: char| c.is_control() && c != '\n'), "{ended:?}");
    let documents = ended.err.lines().map(|line| {
        let document: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        for field in ["timestamp", "level", "target", "event", "message"] {
            assert!(document[field].is_string(), "no {field} in {line}");
        }
        document
    });
    documents.collect()
}
