//! Disks that are full, and processes that are two.

use std::process::Command;

use spillway_tests::program::Running;

use super::*;

#[test]
fn two_processes_do_not_share_one() {
    let held = Held::start();
    let lines = large(&["a"], 80);
    let place = Place::of(&flow(), &lines).with("ENDPOINT", &held.store.endpoint());
    let running = place.start(&["run", "flow.toml"]);
    held.wait();
    let second = place.spillway(&["run", "flow.toml"]);
    let pid = format!("run.checkpoint is in use by another process (pid {})", running.id());
    assert_fails(&second, 1, &[&pid]);
    // It has begun uploads that the checkpoint does not know yet, and will.
    let aborted = place.spillway(&["uploads", "abort", "flow.toml", "--older-than", "0s"]);
    assert_fails(&aborted, 1, &[&pid]);
    // To look at it is always allowed.
    assert_eq!(place.spillway(&["checkpoint", "show", "run.checkpoint"]).code, Some(0));
    let store = held.go_on();
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(store.contents(), expected(&lines));
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
}

#[test]
fn a_disk_that_is_full_ends_the_run_and_leaves_the_last_one() {
    let store = Store::start(|_| {});
    let lines = large(&["a", "b"], 30);
    let place = Place::of(&flow(), &lines).with("ENDPOINT", &store.endpoint());
    // Once the component is compiled, nothing but checkpoints is written.
    assert_eq!(place.spillway(&["check", "flow.toml"]).code, Some(0));
    // A file may have 2 MiB at most. The first checkpoint does, and those do not that hold what is
    // not yet a part.
    let mut command = Command::new("bash");
    place.prepare(&mut command);
    let script = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" run flow.toml";
    let ended = guarded(Running::start(command.args(["-c", script, SPILLWAY])).end());
    let said = [
        "error: no checkpoint could be stored",
        "because: the checkpoint run.checkpoint cannot be stored: the previous checkpoint is",
        "File too large",
        ", from the checkpoint run.checkpoint",
    ];
    assert_fails(&ended, 1, &said);
    assert!(ended.out.starts_with("Failed: "), "{ended:?}");
    assert_eq!((store.contents().len(), store.open_uploads().len()), (0, 0), "{ended:?}");
    let names = place.files(".").into_keys().filter(|name| name.starts_with("run.checkpoint"));
    assert_eq!(names.collect::<Vec<_>>(), ["run.checkpoint", "run.checkpoint.lock"]);
    let line = place.run(&[])["resumed_from_line"].as_u64().unwrap();
    assert!(
        ended.err.contains(&format!("the next run resumes from line {line}, from")),
        "{ended:?}"
    );
    assert_eq!(store.contents(), expected(&lines));
}

#[test]
fn where_the_first_cannot_be_stored_none_is_spoken_of() {
    let store = Store::start(|_| {});
    let lines = event("a", "1");
    let place = Place::of(&flow(), &lines).with("ENDPOINT", &store.endpoint());
    // What stands in the way of the temporary file is no file, and stays.
    std::fs::create_dir_all(place.path("run.checkpoint.tmp/taken")).unwrap();
    let ended = place.spillway(&["run", "flow.toml"]);
    let said = [
        "run.checkpoint cannot be stored: there is none yet, so the next run starts over",
        "the next run starts at line 1: no checkpoint run.checkpoint was stored",
    ];
    assert_fails(&ended, 1, &said);
    assert!(!ended.err.contains("the previous") && !ended.err.contains("resumes"), "{ended:?}");
    std::fs::remove_dir_all(place.path("run.checkpoint.tmp")).unwrap();
    place.run(&[]);
    assert_eq!(store.contents(), expected(&lines));
}

#[test]
fn one_may_be_as_large_as_what_is_held() {
    let store = Store::start(|_| {});
    // More than wasmtime lets a component hand over by itself, none of it in a part.
    let keys: Vec<_> = (0..30).map(|n| format!("k{n}")).collect();
    let lines: String = keys.iter().map(|key| event(key, &"x".repeat(4_800_000))).collect();
    let open = "max_open_objects = 30\nkey_template = \"{key}/{first}\"\n[checkpoint]";
    let flow = flow().replace("[checkpoint]", open).replace("0s", "1h");
    let place = Place::of(&flow, &lines).with("ENDPOINT", &store.endpoint());
    place.run(&[]);
    assert_eq!(store.contents().len(), 30);
}
