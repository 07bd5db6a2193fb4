//! A component that is loaded, fails and is dropped leaves nothing behind, however often.

use std::fs;
use std::process::Command;

use spillway::component::{Component, ComponentSource};
use spillway::engine::Limits;

use super::{engine, trapped, within};
use crate::component::setup::event;

/// Other tests of this process use memory, too: so the rounds have a process of their own.
#[test]
fn a_thousand_rounds_leave_nothing_behind() {
    let own = std::env::current_exe().unwrap();
    let done = Command::new(own)
        .args(["--exact", "hostile::leaks::rounds", "--nocapture", "--test-threads", "1"])
        .env(ROUNDS, "1000")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{out}\n{}", String::from_utf8_lossy(&done.stderr));
    assert!(out.contains("1000 rounds"), "{out}");
}

/// Some rounds, and as many as its caller asks for.
#[tokio::test]
async fn rounds() {
    let rounds = std::env::var(ROUNDS).map_or(20, |rounds| rounds.parse().unwrap());
    let tmp = env!("CARGO_TARGET_TMPDIR");
    let file = spillway_tests::components::built(tmp, "examples/hostile.wasm");
    let source = ComponentSource::File(file);
    let engine = engine();
    let grants =
        within(Limits { resources_max: 50, memory_bytes_max: 16 << 20, ..Limits::default() });
    let begun = rounds / 5;
    let mut before = None;
    for round in 0..rounds {
        if round == begun {
            before = Some(Left::now());
        }
        let component = Component::load(&engine, &source).unwrap();
        let does = ["recurses", "grows", "holds", "makes", "divides", "reads"][round % 6];
        let config = format!(r#"{{"does": "write {does}"}}"#);
        let mut sink = component.open(&config, None, &grants).await.unwrap();
        let said = trapped(sink.write(&[event("k", 0, vec![1])]).await);
        assert!(said.starts_with("the component "), "{said}");
    }
    let (before, after) = (before.expect("the first rounds are over"), Left::now());
    println!("{rounds} rounds: {before:?}, then {after:?}");
    if rounds >= 1_000 {
        // What a round leaves behind is seen from ten kibibytes on.
        assert_eq!((after.files, after.threads), (before.files, before.threads));
        assert!(after.bytes < before.bytes + GROWTH_BYTES_MAX, "{before:?}, then {after:?}");
    }
}

/// What this process holds.
#[derive(Debug)]
struct Left {
    bytes: usize,
    files: usize,
    threads: usize,
}

impl Left {
    fn now() -> Left {
        let pages = fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
        let count = |folder| fs::read_dir(folder).unwrap().count();
        let (files, threads) = (count("/proc/self/fd"), count("/proc/self/task"));
        Left { bytes: pages * 4_096, files, threads }
    }
}

const ROUNDS: &str = "SPILLWAY_LEAK_ROUNDS";
const GROWTH_BYTES_MAX: usize = 8 << 20;
