//! A flow whose checkpoint is kept in the bucket.

use spillway_simulation::bucket::{Action, Logged};
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::program::PATIENCE;

use super::*;

pub(super) const STATE: &str = "_spillway/flow";

/// A flow that stores how far it is after each batch, and takes over at once.
pub(super) fn flow() -> String {
    FLOW.to_owned() + "\n[checkpoint]\nstore = \"bucket\"\nlease = \"0s\"\nevery = \"0s\"\n"
}

/// The same flow, which goes on at the end of its file.
pub(super) fn follow(flow: &str) -> String {
    flow.replace("path = \"events.json\"", "path = \"events.json\"\nfollow = true")
}

/// So many events of 100,000 bytes each.
pub(super) fn large(key: &str, events: usize) -> String {
    (0..events).map(|n| event(key, &format!("{n:06}").repeat(16_666))).collect()
}

/// The objects of a store but the state, with what they hold.
pub(super) fn contents(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let mut contents = store.contents();
    contents.remove(STATE);
    contents
}

pub(super) fn place(flow: &str, lines: &str, store: &Store) -> Place {
    Place::of(flow, lines).with("ENDPOINT", &store.endpoint())
}

#[test]
fn it_is_stored_shown_and_gone_on_with_on_another_machine() {
    let store = Store::start(|_| {});
    let first = event("a", "1") + &event("b", "2");
    let here = place(&flow(), &first, &store);
    let checked = here.spillway(&["check", "flow.toml", "--connect"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let none = "It starts at line 1: there is no checkpoint `flow` in the bucket yet.";
    assert!(checked.out.contains(none), "{checked:?}");
    assert!(checked.out.contains("the bucket keeps checkpoints: conditional writes are evaluated"));
    assert!(store.bucket(|bucket| bucket.objects().is_empty()), "a check leaves nothing");

    let ended = here.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let begun = "starting at line 1; checkpoints are stored as `flow` in the bucket";
    assert!(ended.err.contains(begun), "{ended:?}");
    assert_eq!(contents(&store), expected(&first));
    assert_eq!(here.files(".").keys().filter(|name| name.contains("checkpoint")).count(), 0);

    // Another folder, with a file that begins alike and has another inode.
    let all = first + &event("c", "3");
    let there = place(&flow(), &all, &store);
    let checked = there.spillway(&["check", "flow.toml", "--connect"]);
    let from = "It resumes from line 3, from the checkpoint `flow` in the bucket.";
    assert!(checked.out.contains(from), "{checked:?}");
    let shown = there.spillway(&["checkpoint", "show", "--flow", "flow.toml"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.out.contains("flow     finished") && shown.out.contains("2 lines read"));
    let summary = there.run(&[]);
    assert_eq!((&summary["resumed_from_line"], &summary["lines"]), (&3.into(), &1.into()));
    assert_eq!(contents(&store), expected(&all));
    assert_eq!(there.run(&[])["end"], "nothing_to_do");

    // What begins otherwise is another file.
    let other = place(&flow(), &all.replace('1', "7"), &store);
    let said = ["events.json was replaced", "its first bytes differ"];
    assert_fails(&other.spillway(&["run", "flow.toml"]), 2, &said);
    // Nobody who cannot go on with it has taken it.
    assert_eq!(there.run(&[])["end"], "nothing_to_do");
}

#[test]
fn its_name_is_that_of_the_flow_or_the_one_that_is_written() {
    let store = Store::start(|_| {});
    let named = flow().replace("lease", "name = \"logs/eu-1\"\nlease");
    let place = place(&named, &event("a", "1"), &store);
    place.run(&[]);
    assert!(store.bucket(|bucket| bucket.objects().contains_key("_spillway/logs/eu-1")));
    place
        .write("flow.toml", named.replace("[sink.config]", "[sink.config]\nstate_prefix = \"s/\""));
    place.run(&[]);
    assert!(store.bucket(|bucket| bucket.objects().contains_key("s/logs/eu-1")));
    place.write("flow.toml", named.replace("logs/eu-1", "a//b"));
    let said = ["the checkpoint `a//b` in the bucket does not fit: name: `a//b` has a segment"];
    assert_fails(&place.spillway(&["run", "flow.toml"]), 2, &said);
}

#[test]
fn a_store_that_ignores_conditions_is_refused() {
    for (ignored, named) in [("if-match", "`If-Match`"), ("if-none-match", "`If-None-Match`")] {
        let store = Store::start(|options| options.ignored_conditions = vec![ignored]);
        let place = place(&flow(), &event("a", "1"), &store);
        let said = [&format!("this store ignores {named}")[..], "overwrite each other's state"];
        assert_fails(&place.spillway(&["run", "flow.toml"]), 1, &said);
        assert_eq!(contents(&store).len(), 0);
        assert_fails(&place.spillway(&["check", "flow.toml", "--connect"]), 1, &said);
    }
}

/// What may not be read is not taken for what is not there.
#[test]
fn uploads_that_a_checkpoint_needs_are_not_touched() {
    let store = Store::start(|_| {});
    let lines = large("a", 120);
    let flow = follow(
        &flow().replace("lease = \"0s\"\nevery = \"0s\"", "lease = \"60s\"\nevery = \"1s\""),
    );
    let place = place(&flow, &lines, &store);
    let mut running = place.start(&["run", "flow.toml", "--log-level", "debug"]);
    running.wait_for("checkpoint stored: the next run would start at line 121");
    let abort = ["uploads", "abort", "flow.toml", "--older-than", "0s"];
    let held = place.spillway(&abort);
    assert_fails(&held, 1, &["a run holds the checkpoint `flow` in the bucket for "]);
    running.signal("TERM");
    assert_eq!(guarded(running.ends()).code, Some(0));
    assert_eq!(store.open_uploads().len(), 1);
    store.bucket(|bucket| bucket.options.denied = vec![Action::GetObject]);
    let denied = place.spillway(&abort);
    assert_fails(
        &denied,
        1,
        &["the checkpoint `flow` in the bucket cannot be read", "s3:GetObject"],
    );
    let shown = place.spillway(&["checkpoint", "show", "--flow", "flow.toml"]);
    assert_fails(&shown, 1, &["cannot be read"]);
    store.bucket(|bucket| bucket.options.denied = Vec::new());
    let left = place.spillway(&abort);
    assert!(left.code == Some(0) && left.out.contains("skipped: 1 upload"), "{left:?}");
    assert_eq!(store.open_uploads().len(), 1);
}

/// The position would be lost there.
#[test]
fn a_reload_to_another_bucket_is_refused() {
    let store = Store::start(|_| {});
    let flow = follow(&flow().replace("every = \"0s\"", "every = \"1s\""));
    let place = place(&flow, &event("a", "1"), &store);
    let mut running = place.start(&["run", "flow.toml", "--log-level", "debug"]);
    running.wait_for("checkpoint stored: the next run would start at line 2");
    place.write("flow.toml", flow.replace("[sink.config]", "[sink.config]\nstate_prefix = \"s/\""));
    running.signal("HUP");
    running.wait_for("[sink.config] cannot be changed while it runs: the checkpoint is not where");
    running.signal("TERM");
    assert_eq!(guarded(running.ends()).code, Some(0));
    assert!(!store.bucket(|bucket| bucket.objects().contains_key("s/flow")));
}

/// S3 answers 403 where an object is missing, to a user who may not list.
#[test]
fn the_right_to_list_is_not_needed() {
    let store = Store::start(|options| options.denied = vec![Action::ListBucket]);
    let place = place(&flow(), &event("a", "1"), &store);
    place.run(&[]);
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
    let store = Store::start(|options| options.denied = vec![Action::GetObject]);
    let place = place.with("ENDPOINT", &store.endpoint());
    let said = ["the checkpoint `flow` in the bucket cannot be", "s3:GetObject"];
    assert_fails(&place.spillway(&["run", "flow.toml"]), 1, &said);
}

/// What `docs/exactly-once.md` says that it costs.
#[test]
fn requests_are_as_many_as_the_page_says() {
    let store = Store::start(|_| {});
    let rare = flow().replace("every = \"0s\"", "every = \"1h\"");
    let place = place(&rare, &event("a", "1"), &store);
    let stored = place.run(&[])["checkpoints"].as_u64().unwrap();
    let asked = |operation| {
        store.bucket(|bucket| {
            let is_it = |l: &&Logged| l.operation == Some(operation) && l.key == STATE;
            bucket.log().iter().filter(is_it).count()
        })
    };
    let counts = (asked(Operation::GetObject), asked(Operation::PutObject) as u64);
    assert_eq!(counts, (2, 4 + stored + 1), "a start, each checkpoint, and the end");
    assert!(stored > 0);
}

/// Some writes of the state are refused, and of others it stays unknown whether they were done.
#[test]
fn a_store_that_fails_for_a_while_ends_nothing() {
    let store = Store::start(|_| {});
    let lines = large("a", 30) + &large("b", 30);
    let place = place(&flow(), &lines, &store);
    let mut writes = 0;
    store.server().on_request(move |request| {
        let is_write = request.operation == Operation::PutObject && request.key == STATE;
        writes += u32::from(is_write);
        match writes.saturating_sub(BEGINS) {
            _ if !is_write => None,
            1 | 2 => Some(SocketFault::Bucket(Fault::InternalError)),
            3 | 6 => Some(SocketFault::ResetAfter),
            _ => None,
        }
    });
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(contents(&store), expected(&lines));
}

/// Whichever of its first writes it waits for: one signal ends a run that has not read anything.
#[test]
fn one_signal_ends_a_run_that_waits_for_its_checkpoint() {
    for stalled in 1..=BEGINS {
        let store = Store::start(|_| {});
        let place = place(&flow(), &event("a", "1"), &store);
        let (reaching, reached) = channel();
        let mut writes = 0;
        store.server().on_request(move |request| {
            let is_write = request.operation == Operation::PutObject && request.key == STATE;
            writes += u32::from(is_write);
            (is_write && writes == stalled).then(|| {
                let _ = reaching.send(());
                SocketFault::StallBefore
            })
        });
        let running = place.start(&["run", "flow.toml", "--json"]);
        reached.recv_timeout(PATIENCE).unwrap();
        running.signal("INT");
        let ended = guarded(running.ends());
        let summary = summary(&ended);
        let end = (ended.code, &summary["end"]);
        assert_eq!(end, (Some(0), &"stopped".into()), "{stalled}: {ended:?}");
        assert!(contents(&store).is_empty());
    }
}

/// The writes of the state that begin a run.
const BEGINS: u32 = 4;
