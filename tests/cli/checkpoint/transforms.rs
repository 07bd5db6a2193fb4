//! A flow with transforms and a checkpoint: kills, and transforms that are others when it goes on.

use spillway_tests::components::built;
use spillway_tests::server::Server;

use super::super::transforms::through;
use super::*;
use spillway::parts::Part;

const RULES: &str = r#"[
    { contains = "000003", action = "drop" },
    { key = "b", action = "set_key", template = "c" },
]"#;

/// What [`RULES`] make of lines.
fn routed(lines: &str) -> BTreeMap<String, Vec<u8>> {
    let kept = lines.lines().filter(|line| !line.contains("000003"));
    let kept = kept.map(|line| line.replace("{\"key\":\"b\"", "{\"key\":\"c\"") + "\n");
    expected(&kept.collect::<String>())
}

#[test]
fn every_event_is_there_once_however_often_it_is_killed() {
    // Large enough for parts, and with events that are dropped at the end.
    let lines = large(&["a", "b", "d"], 200) + &event("d", "000003").repeat(3);
    let sizes = "memory_bytes_max = 12582912\n[checkpoint]";
    let flow = through(&flow(), &[RULES]).replace("[checkpoint]", sizes);
    let store = Store::start(|_| {});
    let place = Place::of(&flow, &lines).with("ENDPOINT", &store.endpoint());
    place.write("route.wasm", Part::Route.bytes());
    let (sender, reached) = channel();
    // Fewer than are needed, all in all, so that each run comes to its kill.
    for requests in [1, 2, 3, 4] {
        let (sender, mut count) = (sender.clone(), 0);
        store.server().on_request(move |_| {
            count += 1;
            if count == requests {
                let _ = sender.send(());
            }
            None
        });
        let running = place.start(&["run", "flow.toml"]);
        reached.recv_timeout(spillway_tests::program::PATIENCE).unwrap();
        running.signal("KILL");
        let ended = running.ends();
        assert_eq!(ended.code, None, "{ended:?}");
    }
    store.server().on_request(|_| None);
    let summary = place.run(&[]);
    assert_eq!(summary["end"], "complete");
    assert!(store.contents() == routed(&lines));
    let left = store.open_uploads();
    assert!(left.is_empty(), "{left:?} are left behind");
    let again = place.run(&[]);
    assert_eq!((&again["end"], &again["objects"]), (&"nothing_to_do".into(), &0.into()));
}

/// Events of objects that may fail are read again, and must pass what they passed.
#[test]
fn where_dead_letters_need_them_other_transforms_are_refused_until_the_source_is_through() {
    let lines = large(&["a"], 120);
    let on_failed = "[sink]\non_failed = { file = \"failed\" }\n[[transform]]";
    let written = through(&flow(), &[RULES]).replacen("[[transform]]", on_failed, 1);
    let (place, store) = stopped_with(&lines, &written);
    let shown = place.spillway(&["checkpoint", "show", "run.checkpoint"]);
    assert!(shown.out.contains("\nthrough  spillway-route 0.1.0\nflow "), "{shown:?}");
    let config = written.replace("000003", "000004");
    let two = through(&written, &[RULES]);
    let none = written.split("[[transform]]").next().unwrap().to_owned()
        + "[sink.config]"
        + written.split("[sink.config]").nth(1).unwrap();
    for (flow, said) in [
        (&config, "checkpoint.path: transform[0].config was changed since the checkpoint"),
        (&two, "checkpoint.path: the flow had 1 [[transform]], and has 2 [[transform]]"),
        (&none, "checkpoint.path: the flow had 1 [[transform]], and has 0 [[transform]]"),
    ] {
        place.write("flow.toml", flow);
        for command in ["check", "run"] {
            let ended = place.spillway(&[command, "flow.toml"]);
            assert_fails(&ended, 2, &[said, "which has 1 object that may still fail"]);
        }
    }
    // A component more, in which nothing is said.
    place.write("flow.toml", &written);
    place.write("route.wasm", [Part::Route.bytes(), &[0, 3, 2, b'h', b'i']].concat());
    let said = "transform[0].component was another build of spillway-route 0.1.0";
    assert_fails(&place.spillway(&["run", "flow.toml"]), 2, &[said]);
    place.write("route.wasm", Part::Route.bytes());
    place.run(&[]);
    assert!(store.contents() == routed(&lines));

    // Now it is through, and what comes may pass others.
    place.write("events.json", lines + &event("e", "000003"));
    place.write("flow.toml", &config);
    place.run(&[]);
    assert_eq!(store.contents()["e"], b"\"000003\"\n");
}

#[test]
fn elsewhere_the_rest_passes_the_transforms_of_now() {
    let lines = large(&["a"], 120);
    let (place, store) = stopped_with(&lines, &through(&flow(), &[RULES]));
    // The first part holds more than fifty events; this is the last.
    let other = r#"[{ contains = "000119", action = "drop" }]"#;
    place.write("flow.toml", through(&flow(), &[other]));
    place.run(&[]);
    let kept = lines.lines().filter(|l| !l.contains("000003") && !l.contains("000119"));
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    assert!(kept.len() < lines.len() - 300_000);
    assert!(store.contents() == expected(&kept));
}

/// A rule that stops a flow can be mended: nothing is lost, and nothing is stored twice.
#[test]
fn a_flow_that_a_rule_stopped_goes_on_with_another_rule() {
    let lines = ["a", "b", "bad", "c"].map(|text| event("k", text)).concat();
    let reject = r#"[{ contains = "bad", action = "reject" }]"#;
    let server = Server::start();
    let place = Place::of(&through(&flow(), &[reject]), &lines).at(&server);
    place.write("route.wasm", Part::Route.bytes());
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_fails(
        &ended,
        1,
        &["line 3 was rejected", "the next run resumes from line 1, from the checkpoint"],
    );
    place.write("flow.toml", through(&flow(), &["[{ contains = \"bad\", action = \"drop\" }]"]));
    place.run(&[]);
    assert_eq!(server.contents()["k"], b"\"a\"\n\"b\"\n\"c\"\n");
}

/// The summary tells what was done until then, as after any failure.
#[test]
fn one_that_traps_and_cannot_be_opened_again_ends_with_the_summary() {
    let held = Held::start();
    let lines = large(&["a"], 120) + &event("a", "trap");
    let transform = "[[transform]]\ncomponent = \"trapping.wasm\"\n[sink.config]";
    let flow = flow().replace("[sink.config]", transform);
    let place = Place::of(&flow, &lines).with("ENDPOINT", &held.store.endpoint());
    let trapping = built(env!("CARGO_TARGET_TMPDIR"), "examples/trapping.wasm");
    std::fs::copy(trapping, place.path("trapping.wasm")).unwrap();
    let running = place.start(&["run", "flow.toml", "--json"]);
    // A checkpoint waits for the part that is held, and the rest of the source is not read yet.
    held.wait();
    std::fs::rename(place.path("events.json"), place.path("away")).unwrap();
    let store = held.go_on();
    let ended = guarded(running.ends());
    let said = [
        "the component trapped: unreachable; a new instance resumes from line",
        "error: the source file events.json does not exist",
        "the next run resumes from line",
    ];
    assert_fails(&ended, 1, &said);
    let summary = summary(&ended);
    assert_eq!(summary["end"], "failed", "{ended:?}");
    // The sink had taken all but those that were in the call with the last one.
    let (events, next) = (summary["events"].as_u64(), summary["next_line"].as_u64());
    assert!(events > Some(50) && next == events.map(|events| events + 1), "{ended:?}");

    // With its source in place and nothing that traps, all is there.
    std::fs::rename(place.path("away"), place.path("events.json")).unwrap();
    place.write("events.json", lines.replace("\"trap\"", "\"fine\""));
    place.run(&[]);
    assert!(store.contents() == expected(&lines.replace("\"trap\"", "\"fine\"")));
}

/// As [`stopped`], with the transform.
fn stopped_with(lines: &str, flow: &str) -> (Place, Store) {
    let held = Held::start();
    let place = Place::of(flow, lines).with("ENDPOINT", &held.store.endpoint());
    place.write("route.wasm", Part::Route.bytes());
    let mut running: Running = place.start(&["run", "flow.toml"]);
    held.wait();
    running.signal("INT");
    running.wait_for("stopping: saving open objects for the next run");
    let store = held.go_on();
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    (place, store)
}
