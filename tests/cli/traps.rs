//! Components that trap in the middle of a flow.

use spillway::component::Component;
use spillway::parts::Part;
use spillway_tests::components::built;
use spillway_tests::composition::compose;
use spillway_tests::program::Running;
use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::server::Server;

use super::support::*;

/// A flow into the S3 sink behind a transform that traps, in one component.
fn flow(config: &str) -> String {
    let sink = format!(
        "[sink]\ncomponent = \"trapping.wasm\"\negress = [\"${{AUTHORITY}}\"]\n\
         [sink.config.transform]\n{config}\n[sink.config.sink]"
    );
    FLOW.replace("[sink.config]", &sink)
}

fn checkpointed(flow: &str) -> String {
    flow.to_owned() + "\n[checkpoint]\npath = \"run.checkpoint\"\nevery = \"0s\"\n"
}

fn place(flow: &str, lines: &str, endpoint: &str) -> Place {
    let place = Place::of(flow, lines)
        .with("ENDPOINT", endpoint)
        .with("AUTHORITY", &endpoint.replace("http://", ""));
    place.write("trapping.wasm", composed());
    place
}

fn composed() -> Vec<u8> {
    let trapping = std::fs::read(trapping()).unwrap();
    compose(Part::Chain.bytes(), &[&trapping, Component::embedded()])
}

fn trapping() -> std::path::PathBuf {
    built(env!("CARGO_TARGET_TMPDIR"), "examples/trapping.wasm")
}

/// Events of 100,000 bytes, ten of which make a batch.
fn lines(keys: &[&str], events: usize) -> String {
    let events = keys.iter().flat_map(|key| (0..events).map(move |n| (key, n)));
    events.map(|(key, n)| event(key, &format!("{n:06}").repeat(16_666))).collect()
}

#[test]
fn with_checkpoints_a_new_instance_goes_on_and_nothing_is_lost_or_doubled() {
    let server = Server::start();
    let lines = lines(&["a", "b"], 60);
    let place = place(&checkpointed(&flow("batch = 3")), &lines, &server.endpoint());
    let ended = place.spillway(&["run", "flow.toml", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("the component trapped: unreachable; a new instance resumes from"));
    assert!(ended.err.contains("from the checkpoint run.checkpoint (restart 1 of at most 3"));
    assert!(!ended.err.contains("wasm"), "{ended:?}");
    let summary = summary(&ended);
    assert!(summary["restarts"].as_u64().unwrap() > 3, "{summary}");
    let counted = ["lines", "events", "stored_events", "objects"].map(|name| &summary[name]);
    assert_eq!(counted, [120, 120, 120, 2], "{summary}");
    assert_eq!(summary["input_bytes"], lines.len(), "{summary}");
    assert_eq!((&summary["end"], &summary["next_line"]), (&"complete".into(), &121.into()));
    assert_eq!(server.contents(), stored(&lines));
    let uploads = place.spillway(&["uploads", "list", "flow.toml"]);
    assert!(uploads.out.contains("there is no incomplete upload"), "{uploads:?}");
}

/// All lanes begin again from the one checkpoint.
#[test]
fn lanes_go_on_together_behind_a_transform_that_traps() {
    let server = Server::start();
    let lines = lines(&["a", "b", "c"], 60);
    let lanes = "[sink]\nlanes = 2\n[[transform]]\ncomponent = \"alone.wasm\"\n\
                 [transform.config]\nbatch = 3\n[sink.config]";
    let flow = checkpointed(&FLOW.replace("[sink.config]", lanes));
    let place = place(&flow, &lines, &server.endpoint());
    place.write("alone.wasm", std::fs::read(trapping()).unwrap());
    let summary = place.run(&[]);
    assert!(summary["restarts"].as_u64().unwrap() > 3, "{summary}");
    let counted = ["lines", "events", "stored_events", "objects"].map(|name| &summary[name]);
    assert_eq!(counted, [180, 180, 180, 3], "{summary}");
    assert_eq!(server.contents(), stored(&lines));
}

#[test]
fn a_component_that_cannot_run_in_lanes_is_told() {
    let flow = checkpointed(&flow("batch = 3")).replace("[sink]", "[sink]\nlanes = 2");
    let place = place(&flow, &event("a", "1"), "http://127.0.0.1:1");
    let said = "sink.lanes: is set, but the component cannot run in lanes";
    assert_fails(&place.spillway(&["run", "flow.toml"]), 2, &[said]);
}

/// The contract lets a transform count lines, where the command says where each event ends.
#[test]
fn a_transform_may_count_lines() {
    let lines = event("a", "1") + &event("a", "2") + &event("b", "3") + &event("b", "4");
    for more in ["", "[checkpoint]\npath = \"run.checkpoint\"\n"] {
        let server = Server::start();
        let transform = "[sink]\non_failed = { file = \"failed\" }\n[[transform]]\n\
                         component = \"alone.wasm\"\n[transform.config]\nlines = true\n";
        let flow = FLOW.replace("[sink.config]", &format!("{transform}[sink.config]")) + more;
        let place = place(&flow, &lines, &server.endpoint());
        place.write("alone.wasm", std::fs::read(trapping()).unwrap());
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(server.contents(), stored(&lines));
    }
}

#[test]
fn dead_letters_of_all_instances_are_counted() {
    let server = Server::start();
    let rejected = "no document\n".repeat(5);
    let lines = rejected.clone() + &lines(&["a"], 60) + &rejected;
    let flow = checkpointed(&flow("batch = 3"))
        .replace("[map]", "[map]\non_rejected = { file = \"rejected\" }");
    let place = place(&flow, &lines, &server.endpoint());
    let ended = place.spillway(&["run", "flow.toml", "--json"]);
    let summary = summary(&ended);
    assert!(summary["restarts"].as_u64().unwrap() > 0, "{summary}");
    assert_eq!(summary["rejected"], 10, "{summary}");
    let letters = std::fs::read_to_string(place.path("rejected")).unwrap().lines().count();
    assert_eq!(summary["dead_letters"], letters, "{summary}");
    assert!(letters >= 10);
}

#[test]
fn one_that_cannot_get_past_an_event_ends_with_the_cause() {
    for (in_transform, config) in [(true, ""), (false, "batch = 0")] {
        let server = Server::start();
        let lines = lines(&["a", "b"], 30) + &event("b", "trap");
        let mut flow = checkpointed(&flow(config));
        if in_transform {
            flow = checkpointed(FLOW).replace(
                "[sink.config]",
                "[[transform]]\ncomponent = \"alone.wasm\"\n[sink.config]",
            );
        }
        let place = place(&flow, &lines, &server.endpoint());
        place.write("alone.wasm", std::fs::read(trapping()).unwrap());
        let ended = place.spillway(&["run", "flow.toml", "--json"]);
        let said =
            ["the component trapped: unreachable", "(restart 3 of at most 3", "resumes from line"];
        assert_fails(&ended, 1, &said);
        assert!(!ended.err.contains("restart 4"), "{ended:?}");
        let summary = summary(&ended);
        assert_eq!(summary["end"], "failed", "{summary}");
        assert!(summary["not_stored"].is_null(), "the next run reads it: {summary}");

        // The object that had ended before is there, and all of the rest once nothing traps.
        let a = server.contents().remove("a").unwrap_or_default();
        assert!(a.is_empty() || a == stored(&lines)["a"]);
        place.write("events.json", lines.replace("\"trap\"", "\"fine\""));
        let again = place.spillway(&["run", "flow.toml", "--json"]);
        assert_eq!(again.code, Some(0), "{again:?}");
        assert_eq!(server.contents(), stored(&lines.replace("\"trap\"", "\"fine\"")));
    }
}

#[test]
fn without_checkpoints_the_lines_that_are_not_stored_are_named_one_by_one() {
    let store = Scripted::start(|_| Reply::stored());
    let flow = flow("batch = 0")
        .replace("path = \"events.json\"", "")
        .replace("type = \"file\"", "type = \"stdin\"")
        .replace(
            "attempts_max",
            "max_open_objects = 2\nkey_template = \"{key}.{first}\"\nattempts_max",
        );
    let place = place(&flow, "", &store.endpoint());
    let mut running: Running = place.start(&["run", "flow.toml", "--json", "--log-level", "debug"]);
    let lines = [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("a", "5")];
    running.write(lines.map(|(key, payload)| event(key, payload)).concat().as_bytes());
    // A third open object ends the one that was written to longest ago.
    running.wait_for("stored: the object `b.1`");
    running.write((event("c", "6") + &event("a", "trap") + &event("d", "8")).as_bytes());
    let ended = running.ends();
    assert_fails(&ended, 1, &["the component trapped: unreachable"]);
    let summary = summary(&ended);
    assert_eq!(summary["not_stored"], not_stored(&[(1, 1), (3, 8)]), "{ended:?}");
    assert_eq!(summary["restarts"], 0);
    // Of those, the sink had taken four at least.
    assert!(summary["failed_events"].as_u64().unwrap() >= 4, "{summary}");
}

/// What the objects hold that come of lines made by [`event`].
fn stored(lines: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut objects = std::collections::BTreeMap::<String, Vec<u8>>::new();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let object = objects.entry(line["key"].as_str().unwrap().to_owned()).or_default();
        object.extend(format!("{}\n", line["payload"]).bytes());
    }
    objects
}
