//! Objects and lines that cannot be stored, in a flow with checkpoints.

use spillway_simulation::faults::Fault;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::server::Server;

use super::*;

/// Refuses all that writes the object `b`.
fn refuse_b(store: &Store) {
    store.server().on_request(|request| {
        (request.key == "b").then_some(SocketFault::Bucket(Fault::AccessDenied))
    });
}

#[test]
fn one_that_stops_the_flow_is_tried_again_by_the_next_run() {
    let store = Store::start(|_| {});
    let lines = event("a", "1") + &event("b", "2") + &event("c", "3");
    let place = Place::of(&flow(), &lines).with("ENDPOINT", &store.endpoint());
    refuse_b(&store);
    for _ in 0..2 {
        let ended = place.spillway(&["run", "flow.toml"]);
        let said = ["error: the object `b` was not stored", "the next run resumes from line "];
        assert_fails(&ended, 1, &said);
    }
    store.server().on_request(|_| None);
    place.run(&[]);
    assert_eq!((store.contents(), store.open_uploads().len()), (expected(&lines), 0));
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
}

#[test]
fn one_that_is_set_aside_is_done_with() {
    let store = Store::start(|_| {});
    let lines = event("a", "1") + &large(&["b"], 60) + &event("c", "3");
    let flow = flow().replace("[sink.config]", "[sink]\non_failed.file = \"bad\"\n[sink.config]");
    let place = Place::of(&flow, &lines).with("ENDPOINT", &store.endpoint());
    refuse_b(&store);
    let summary = place.run(&[]);
    assert_eq!((&summary["end"], &summary["dead_letters"]), (&"complete".into(), &60.into()));
    let mut wanted = expected(&lines);
    wanted.remove("b");
    assert_eq!(store.contents(), wanted);
    assert_eq!(letters(&place, "bad").len(), 60);
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
    assert_eq!(letters(&place, "bad").len(), 60);
}

/// It is read again for that: from the file, and no further than where the run goes on.
#[test]
fn what_an_earlier_run_had_is_set_aside_as_well() {
    let lines = event("first", "1") + &large(&["a"], 150) + &event("last", "2");
    let settings = "[sink]\non_failed.file = \"bad\"\n[sink.config]\nmax_open_objects = 2\n\
                    on_existing = \"fail\"";
    let flow = flow().replace("[sink.config]", settings);
    let (place, store, ended) = stopped(&lines, &flow);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    store.bucket(|bucket| {
        let id = bucket.open_uploads().keys().next().cloned().unwrap();
        bucket.expire_upload(&id);
    });
    let summary = place.run(&[]);
    assert!(summary["resumed_from_line"].as_u64() > Some(2), "{summary}");
    assert_eq!((&summary["end"], &summary["dead_letters"]), (&"complete".into(), &150.into()));
    let positions: Vec<_> = letters(&place, "bad").iter().map(|l| l["line"].as_u64()).collect();
    assert_eq!(positions, (2..=151).map(Some).collect::<Vec<_>>());
    let mut wanted = expected(&lines);
    wanted.remove("a");
    assert_eq!(store.contents(), wanted);
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
}

#[test]
fn a_line_that_stops_the_flow_is_met_again() {
    let store = Store::start(|_| {});
    let lines = event("a", "1") + "wrong\n" + &event("b", "2");
    let place = Place::of(&flow(), &lines).with("ENDPOINT", &store.endpoint());
    for _ in 0..2 {
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_fails(
            &ended,
            1,
            &["error: line 2 was rejected", "the next run resumes from line 1"],
        );
        assert_eq!(store.contents().len(), 0);
    }
    let skips = flow().replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
    place.write("flow.toml", skips);
    assert_eq!(place.run(&[])["rejected"], 1);
    assert_eq!(store.contents(), expected(&lines.replace("wrong\n", "")));
}

/// A disk that is full, as a run that follows meets it: a folder is in the way.
#[test]
fn a_run_that_follows_stores_again_what_found_no_room() {
    let server = Server::start();
    let follow = "paths = [\"*.log\"]\nfollow = true";
    let template = "key_template = \"{key}-{sequence}\"\nrotate.events = 1\npart_bytes";
    let flow = flow()
        .replace("path = \"events.json\"", follow)
        .replace("part_bytes", template)
        .replace("\"0s\"", "\"100ms\"");
    let place = Place::of(&flow, "").at(&server);
    place.write("a.log", event("a", "1"));
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    eventually("the first", || server.objects().len() == 1);
    let in_the_way = place.path("run.checkpoint.tmp/x");
    // While one is being stored, that is in the way of the folder.
    eventually("a folder", || std::fs::create_dir_all(&in_the_way).is_ok());
    place.write("a.log", event("a", "1") + &event("a", "2"));
    running.wait_for("the previous checkpoint is unchanged");
    running.wait_for("nothing is read until it can, which is tried again");
    assert_eq!(server.objects().len(), 1, "nothing is visible before a checkpoint");
    std::fs::remove_dir_all(in_the_way.parent().unwrap()).unwrap();
    eventually("the second", || server.objects().len() == 2);
    running.signal("TERM");
    let ended = guarded(running.ends());
    assert_eq!((ended.code, &summary(&ended)["stored_events"]), (Some(0), &2.into()));
}
