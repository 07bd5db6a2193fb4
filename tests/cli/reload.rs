//! A flow that follows files is read again at SIGHUP.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Command;

use spillway_tests::program::Running;
use spillway_tests::server::Server;

use super::support::*;

/// What is appended to `a.log` has the key of its line, and each object ends soon.
const FOLLOW: &str = r#"
[source]
type = "file"
paths = ["*.log"]
follow = true
[map]
key = ".key"
payload = ".payload"
[sink.config]
endpoint = "${ENDPOINT}"
bucket = "events"
key_template = "{key}-{sequence}"
max_open_objects = 4
[sink.config.rotate]
idle_ms = 300
[checkpoint]
path = "c"
every = "100ms"
"#;

#[test]
fn what_differs_in_source_and_map_holds_from_the_next_line() {
    let server = Server::start();
    let place = Place::of(FOLLOW, "").at(&server);
    append(&place, "a.log", &event("k", "1"));
    append(&place, "b.txt", &event("t", "text"));
    let mut running = start(&place);
    stored(&server, "\"1\"\n");
    place.write(
        "flow.toml",
        FOLLOW
            .replace("\".payload\"", "'.payload + \"!\"'")
            .replace("\"*.log\"", "\"*.log\", \"*.txt\""),
    );
    reload(&mut running, "its open objects go on");
    stored(&server, "\"text!\"\n");
    append(&place, "a.log", &event("k", "2"));
    stored(&server, "\"2!\"\n");
    let summary = ends(running);
    assert_eq!((&summary["end"], &summary["stored_events"]), (&"stopped".into(), &3.into()));
    assert_eq!(server.objects().len(), 3);
}

#[test]
fn an_object_that_is_open_goes_on_where_the_sink_is_the_same() {
    let server = Server::start();
    let flow = FOLLOW.replace("idle_ms = 300", "events = 2");
    let place = Place::of(&flow, "").at(&server);
    append(&place, "a.log", &event("k", "1"));
    let mut running = start(&place);
    checkpointed(&place, 1);
    place.write("flow.toml", flow.clone() + "\n# A remark.\n");
    reload(&mut running, "its open objects go on");
    append(&place, "a.log", &event("k", "2"));
    stored(&server, "\"1\"\n\"2\"\n");
    ends(running);
}

#[test]
fn another_sink_begins_once_the_objects_of_the_one_before_are_completed() {
    let server = Server::start();
    let flow = FOLLOW.replace("idle_ms = 300", "events = 1000");
    let place = Place::of(&flow, "").at(&server);
    append(&place, "a.log", &event("k", "1"));
    let mut running = start(&place);
    checkpointed(&place, 1);
    assert_eq!(server.objects().len(), 0);
    place.write("flow.toml", flow.replace("{key}-{sequence}", "new/{key}-{sequence}"));
    reload(&mut running, "all objects were completed, and new ones begin");
    assert_eq!(server.objects().len(), 1);
    append(&place, "a.log", &event("k", "2"));
    checkpointed(&place, 2);
    running.signal("KILL");
    drop(running.end());
    // The next process goes on from the checkpoint of the new sink.
    let mut running = start(&place);
    running.wait_for("resuming from");
    place.write("flow.toml", flow);
    reload(&mut running, "all objects were completed, and new ones begin");
    ends(running);
    let keys: Vec<String> = server.contents().into_keys().collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys[0].starts_with("k-") && keys[1].starts_with("new/k-"), "{keys:?}");
}

/// As where it is killed between the last checkpoint of one sink and the first of the next.
#[test]
fn a_sink_that_held_nothing_may_be_configured_otherwise_at_the_next_start() {
    let server = Server::start();
    let flow = FOLLOW.replace("idle_ms = 300", "events = 1");
    let place = Place::of(&flow, "").at(&server);
    append(&place, "a.log", &event("k", "1"));
    let running = start(&place);
    stored(&server, "\"1\"\n");
    eventually("a checkpoint without objects", || {
        let shown = checkpoint(&place);
        shown["events"] == 1 && shown["objects"] == serde_json::json!([])
    });
    running.signal("KILL");
    drop(running.end());
    place.write("flow.toml", flow.replace("{key}-{sequence}", "new/{key}-{sequence}"));
    append(&place, "a.log", &event("k", "2"));
    let mut running = start(&place);
    running.wait_for("begins anew there, since no object was open: `key_template` was");
    stored(&server, "\"2\"\n");
    let summary = ends(running);
    assert_eq!(summary["stored_events"], 1);
    let keys: Vec<String> = server.contents().into_keys().collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys[0].starts_with("k-") && keys[1].starts_with("new/k-"), "{keys:?}");
}

#[test]
fn a_flow_that_is_wrong_is_told_and_the_one_before_goes_on() {
    let server = Server::start();
    let place = Place::of(FOLLOW, "").at(&server);
    append(&place, "a.log", &event("k", "1"));
    let mut running = start(&place);
    stored(&server, "\"1\"\n");
    for (wrong, said) in [
        (FOLLOW.replace("paths =", "pahts ="), "source.pahts"),
        ("[".to_owned(), "the flow is not TOML"),
        (FOLLOW.replace("follow = true", "follow = false"), "source.follow cannot be changed"),
        (FOLLOW.replace("path = \"c\"", "path = \"d\""), "[checkpoint] cannot be changed"),
        (FOLLOW.replace("bucket =", "buckt ="), "sink.config.buckt"),
    ] {
        place.write("flow.toml", wrong);
        running.signal("HUP");
        running.wait_for(said);
        running.wait_for("was not reloaded");
    }
    append(&place, "a.log", &event("k", "2"));
    stored(&server, "\"2\"\n");
    let summary = ends(running);
    assert_eq!(summary["stored_events"], 2);
}

#[test]
fn without_follow_it_stops() {
    let server = Server::start();
    let place = Place::of(&from_stdin(), "").at(&server);
    let mut running = start(&place);
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    eventually("a", || server.objects().len() == 1);
    running.signal("HUP");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(summary(&ended)["end"], "stopped");
}

/// Starts a run that hears SIGHUP, also where whoever started the tests ignores it.
fn start(place: &Place) -> Running {
    let mut command = Command::new("env");
    place.prepare(&mut command);
    command.args(["--default-signal=HUP", SPILLWAY, "run", "flow.toml", "--json"]);
    Running::start(&mut command)
}

fn append(place: &Place, name: &str, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(place.path(name)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn stored(server: &Server, content: &str) {
    eventually(content, || server.contents().values().any(|stored| stored == content.as_bytes()));
}

/// Waits for a checkpoint behind so many events.
fn checkpointed(place: &Place, events: u64) {
    eventually("a checkpoint", || checkpoint(place)["events"] == events);
}

/// What the checkpoint says, where there is one.
fn checkpoint(place: &Place) -> serde_json::Value {
    let shown = place.spillway(&["checkpoint", "show", "c", "--json"]);
    serde_json::from_str(&shown.out).unwrap_or_default()
}

fn reload(running: &mut Running, said: &str) {
    running.signal("HUP");
    running.wait_for(said);
}

fn ends(running: Running) -> serde_json::Value {
    running.signal("TERM");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    summary(&ended)
}
