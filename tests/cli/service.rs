//! A run that a service manager has started: what it tells it over the socket of sd_notify(3), and
//! what is proven before it starts.

use std::os::unix::net::UnixDatagram;

use spillway_tests::program::PATIENCE;
use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn a_run_says_that_it_is_ready_and_alive_and_that_it_stops() {
    let server = Server::start();
    let (place, manager) = Manager::of(Place::of(&from_stdin(), "").at(&server));
    let place = place.with("WATCHDOG_USEC", "200000");
    let mut running = place.start(&["run", "flow.toml"]);
    assert_eq!(manager.next(), "READY=1\n");
    manager.wait_for("WATCHDOG=1\n");
    manager.wait_for("WATCHDOG=1\n");
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    eventually("a", || server.objects().len() == 1);
    running.signal("TERM");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let rest = manager.rest();
    assert_eq!(rest.iter().filter(|told| *told == "STOPPING=1\n").count(), 1, "{rest:?}");
    assert!(!rest.contains(&"READY=1\n".to_owned()), "{rest:?}");
}

#[test]
fn its_status_says_how_far_it_is() {
    let server = Scripted::start(|_| Reply::error(503, "SlowDown", "not so fast"));
    let patient = from_stdin().replace("attempts_max = 2\n", "");
    let place = Place::of(&patient, "").with("ENDPOINT", &server.endpoint());
    let (place, manager) = Manager::of(place);
    let mut running = place.start(&["run", "flow.toml"]);
    assert_eq!(manager.next(), "READY=1\n");
    assert_eq!(manager.next(), "STATUS=0 lines read, 0 objects stored\n");
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    // With the second attempt, the answer to the first is known.
    server.wait_for("an object", |request| request.method == "PUT");
    server.wait_for("another attempt", |request| request.method == "PUT");
    running.signal("TERM");
    manager.wait_for("STOPPING=1\n");
    let status = manager.next();
    let said = ["STATUS=stopping, waiting for the store (503", "2 lines read, 0 objects stored, "];
    assert!(said.iter().all(|said| status.contains(said)), "{status}");
    assert!(status.contains("2 not stored, the oldest for "), "{status}");
    assert!(!status.trim_end().contains('\n'), "it is one line");
    running.signal("TERM");
    assert_eq!(guarded(running.ends()).code, Some(130));
}

/// Whoever hears that it is ready knows that its checkpoints can be stored. One that is to come
/// after an hour is stored at once.
#[test]
fn with_a_checkpoint_it_is_ready_once_one_is_stored() {
    let server = Scripted::start(|_| Reply::Silence);
    let flow = FLOW.to_owned() + CHECKPOINTED;
    let place = Place::of(&flow, &event("a", "1")).with("ENDPOINT", &server.endpoint());
    let (place, manager) = Manager::of(place);
    let running = place.start(&["run", "flow.toml", "--json"]);
    assert_eq!(manager.next(), "READY=1\n");
    assert!(place.path("run.checkpoint").exists());
    // It may be asked whether another one could start meanwhile.
    let checked = place.spillway(&["run", "--check-config", "flow.toml"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    running.signal("TERM");
    manager.wait_for("STOPPING=1\n");
    running.signal("TERM");
    let ended = guarded(running.ends());
    assert!(matches!(ended.code, Some(0 | 130)), "{ended:?}");
}

#[test]
fn one_with_nothing_to_do_was_ready_for_it() {
    let place = Place::of(&(FLOW.to_owned() + CHECKPOINTED), &event("a", "1"));
    place.run(&["--local", "out"]);
    let (place, manager) = Manager::of(place);
    assert_eq!(place.run(&["--local", "out"])["end"], "nothing_to_do");
    assert_eq!(manager.rest(), ["READY=1\n", "STOPPING=1\n"]);
}

#[test]
fn one_that_cannot_start_is_not_ready() {
    let (place, manager) = Manager::of(Place::of(&FLOW.replace("events.json", "none"), ""));
    let ended = place.with("ENDPOINT", "http://127.0.0.1:1").spillway(&["run", "flow.toml"]);
    assert_fails(&ended, 2, &["source.path"]);
    assert_eq!(manager.rest(), [""; 0]);
}

#[test]
fn a_manager_that_is_not_there_is_said_to_be_gone_and_nothing_else_happens() {
    let place = Place::of(FLOW, &event("a", "1")).with("NOTIFY_SOCKET", "no-such-socket");
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = "the service manager cannot be told how this run is";
    assert_eq!(ended.err.matches(said).count(), 1, "{ended:?}");
}

/// A watchdog without a manager to tell is none of ours.
#[test]
fn without_a_socket_nothing_is_told() {
    let place = Place::of(FLOW, &event("a", "1")).with("WATCHDOG_USEC", "1");
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
}

#[test]
fn a_config_is_checked_in_one_line_and_nothing_is_done() {
    let server = Server::start();
    let rejects = "on_rejected = { file = \"rejected.ndjson\" }\n[sink.config]";
    // Names that repeat would be warned of.
    let named = "key_template = \"{key}-{first}\"\n";
    let flow = FLOW.replace("[sink.config]", rejects) + named + CHECKPOINTED;
    let place = Place::of(&flow, &event("a", "1")).at(&server);
    let (place, manager) = Manager::of(place);
    let files = place.files("");
    for more in [&[][..], &["--metrics", "127.0.0.1:0"], &["--log", "json"]] {
        let ended = place.spillway(&[&["run", "--check-config", "flow.toml"], more].concat());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        let authority = server.endpoint().replace("http://", "");
        assert_eq!(ended.out, format!("flow.toml is valid; it connects to {authority}\n"));
    }
    assert_eq!((server.requests_total(), place.files("")), (0, files));
    assert_eq!(manager.rest(), [""; 0]);
}

#[test]
fn a_config_that_is_wrong_is_said_to_be_as_by_check() {
    let flow = FLOW.replace("bucket", "buket").replace("\".key\"", "\"key\"");
    let place = Place::of(&flow, &event("a", "1")).with("ENDPOINT", "http://127.0.0.1:1");
    let ended = place.spillway(&["run", "--check-config", "flow.toml"]);
    assert_fails(&ended, 2, &["map.key", "sink.config.buket"]);
    assert_eq!(ended.err, place.spillway(&["check", "flow.toml"]).err);
    for more in [&["--local", "out"][..], &["--json"]] {
        let ended = place.spillway(&[&["run", "--check-config", "flow.toml"], more].concat());
        assert_fails(&ended, 2, &["--check-config", "cannot be used with"]);
    }
}

/// The other end of the socket.
struct Manager(UnixDatagram);

impl Manager {
    /// One that has started what runs in that place.
    fn of(place: Place) -> (Place, Manager) {
        // Outside of the files that a test compares: a socket cannot be read as one.
        let path = place.path("").with_extension("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        (place.with("NOTIFY_SOCKET", path.to_str().unwrap()), Manager(socket))
    }

    /// The next that it is told.
    fn next(&self) -> String {
        let mut bytes = [0; 4_096];
        let count = self.0.recv(&mut bytes).expect("it is told something");
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    fn wait_for(&self, told: &str) {
        while self.next() != told {}
    }

    /// What it was told and has not heard yet.
    fn rest(&self) -> Vec<String> {
        self.0.set_nonblocking(true).unwrap();
        let mut bytes = [0; 4_096];
        let told = std::iter::from_fn(|| {
            self.0.recv(&mut bytes).ok().map(|count| bytes[..count].to_vec())
        });
        let told = told.map(|told| String::from_utf8(told).unwrap()).collect();
        self.0.set_nonblocking(false).unwrap();
        told
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        if let Some(path) = self.0.local_addr().ok().and_then(|a| a.as_pathname().map(Into::into)) {
            let path: std::path::PathBuf = path;
            let _ = std::fs::remove_file(path);
        }
    }
}

const CHECKPOINTED: &str = "[checkpoint]\npath = \"run.checkpoint\"\nevery = \"1h\"\n";
