//! A flow that is told to stop, and goes on later.

use std::sync::mpsc::channel;

use spillway_core::Timestamp;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::program::PATIENCE;

use super::*;

#[test]
fn what_is_open_is_kept_and_the_next_run_goes_on_with_it() {
    let lines = large(&["a"], 150);
    let (place, store, ended) = stopped(&lines, &flow());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.out.starts_with("Stopped; open objects are saved for the next run: "),
        "{ended:?}"
    );
    assert_eq!((store.contents().len(), store.open_uploads()), (0, vec!["a".to_owned()]));

    // It is nobody's to end.
    let listed = place.spillway(&["uploads", "list", "flow.toml"]);
    assert!(listed.out.starts_with("there is no incomplete upload under "), "{listed:?}");
    let said = "skipped: 1 upload, which the checkpoint run.checkpoint needs\n";
    assert!(listed.out.ends_with(said), "{listed:?}");
    let aborted = place.spillway(&["uploads", "abort", "flow.toml", "--older-than", "0s"]);
    assert!(aborted.out.ends_with(said), "{aborted:?}");
    assert_eq!(store.open_uploads().len(), 1);

    let summary = place.run(&[]);
    let line = summary["resumed_from_line"].as_u64().unwrap();
    assert!(line > 1 && line <= 150, "{summary}");
    assert_eq!(summary["lines"], 151 - line);
    assert_eq!((store.contents(), store.open_uploads().len()), (expected(&lines), 0));
    assert_eq!(asked(&store, Operation::CreateMultipartUpload), 1, "it is the same upload");
}

#[test]
fn what_is_sealed_becomes_visible_before_it_stops() {
    // The first is sealed by the second, whose part is held.
    let lines = event("small", "1") + &large(&["a"], 150);
    let (place, store, ended) = stopped(&lines, &flow());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(store.contents().keys().collect::<Vec<_>>(), ["small"]);
    place.run(&[]);
    assert_eq!(store.contents(), expected(&lines));
}

#[test]
fn a_second_signal_leaves_with_what_the_last_checkpoint_knows() {
    let store = Store::start(|_| {});
    let (reaching, reached) = channel();
    store.server().on_request(move |request| {
        let stalls = request.part_number == Some(2);
        stalls.then(|| {
            let _ = reaching.send(());
            SocketFault::StallBefore
        })
    });
    let lines = large(&["a"], 150);
    let place = Place::of(&flow(), &lines).with("ENDPOINT", &store.endpoint());
    let mut running = place.start(&["run", "flow.toml"]);
    reached.recv_timeout(PATIENCE).unwrap();
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("INT");
    running.wait_for("aborting objects that are in no checkpoint");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.out.starts_with("Interrupted; the objects of the last checkpoint are kept"));
    assert!(!ended.out.contains("not stored"), "{ended:?}");
    store.server().on_request(|_| None);
    let summary = place.run(&[]);
    assert!(summary["resumed_from_line"].as_u64().unwrap() > 1, "{summary}");
    assert_eq!(store.contents(), expected(&lines));
}

#[test]
fn what_loses_its_name_meanwhile_gets_another_before_it_stops() {
    let held = Held::start();
    held.store.bucket(|bucket| bucket.put_by_another(Timestamp(1), "a/1"));
    // The second object of `a` is sealed by the one of `c`, whose part is held. Its number is the
    // one behind the first, and the store has something there. There is more of `c` than memory, so
    // that the source does not end while its part is held.
    let lines = event("a", "1") + &event("b", "2") + &event("a", "3") + &large(&["c"], 600);
    let names = "key_template = \"{key}/{sequence}\"\non_existing = \"next\"\n[checkpoint]";
    let flow = flow().replace("[checkpoint]", names).replace("0s", "1h");
    let place = Place::of(&flow, &lines).with("ENDPOINT", &held.store.endpoint());
    let mut running = place.start(&["run", "flow.toml"]);
    held.wait();
    running.signal("INT");
    running.wait_for("stopping: ");
    let store = held.go_on();
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let contents = store.contents();
    assert_eq!(contents.keys().collect::<Vec<_>>(), ["a/0", "a/1", "a/2", "b/0"], "{ended:?}");
    assert_eq!(contents["a/2"], b"\"3\"\n");
}

#[test]
fn one_that_asks_its_store_what_a_crash_left_behind_is_stopped_at_once() {
    let (place, store, _) = stopped(&large(&["a"], 150), &flow());
    let before = std::fs::read(place.path("run.checkpoint")).unwrap();
    let (reaching, reached) = channel();
    store.server().on_request(move |_| {
        let _ = reaching.send(());
        Some(SocketFault::StallBefore)
    });
    let running = place.start(&["run", "flow.toml"]);
    reached.recv_timeout(PATIENCE).unwrap();
    running.signal("INT");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.out.starts_with("Stopped; open objects are saved for the next run: "),
        "{ended:?}"
    );
    assert_eq!(std::fs::read(place.path("run.checkpoint")).unwrap(), before);
    store.server().on_request(|_| None);
    place.run(&[]);
    assert_eq!(store.open_uploads().len(), 0);
}
