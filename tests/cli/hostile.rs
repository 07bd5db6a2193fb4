//! A component that means harm, run by the command: it ends with one line that says why, and
//! nothing is stored on its word.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use spillway_tests::components::{built, misdescribed};
use spillway_tests::program::{Ended, PATIENCE, Running};
use spillway_tests::scripted::{Reply, Scripted};

use super::support::*;

/// A flow whose sink is a component of the tests that does so, with 200 lines to read.
pub fn place(component: &str, field: &str, does: &str, more: &str) -> Place {
    let sink = format!(
        "[sink]\ncomponent = \"sink.wasm\"\negress = []\n{more}\n[sink.config]\n\
         {field} = \"{does}\""
    );
    let flow = FLOW.split("[sink.config]").next().unwrap().to_owned() + &sink;
    let place = Place::of(&flow, &event("a", "1").repeat(200));
    let file = built(env!("CARGO_TARGET_TMPDIR"), &format!("examples/{component}.wasm"));
    std::fs::copy(file, place.path("sink.wasm")).unwrap();
    place
}

pub fn breaker(breaks: &str, more: &str) -> Place {
    place("breaker", "breaks", breaks, more)
}

pub fn checkpointed(place: &Place) {
    let flow = std::fs::read_to_string(place.path("flow.toml")).unwrap();
    place.write("flow.toml", flow + "\n[checkpoint]\npath = \"c\"\nevery = \"1h\"\n");
}

#[track_caller]
fn is_short(ended: &Ended) {
    assert!(ended.err.len() < 2_000 && ended.out.len() < 2_000, "{ended:?}");
}

#[test]
fn whoever_lies_is_ended_and_nothing_is_stored_on_its_word() {
    for (breaks, said) in [
        ("rejection", "in `write`, position 1000 is rejected, and the batch has no such position"),
        ("rejected twice", "in `write`, position 0 is rejected after 0"),
        ("rejections fall", "in `write`, position 0 is rejected after 1"),
        ("durable jumps", "and the next position to be written is "),
        ("durable is short", "`durable` is 0 when `"),
        ("object outside", "a visible object reaches position 1000"),
        ("object twice", "position 0 is reported twice"),
        ("object size", "a visible object has 18446744073709551615 bytes"),
        ("failure outside", "a failure reaches position 1000"),
        ("notices", "1001 notices, at most 1000 are allowed"),
    ] {
        let flow = |place: &Place| {
            let text = std::fs::read_to_string(place.path("flow.toml")).unwrap();
            let map = "[map]\non_rejected = { file = \"rejected.ndjson\" }";
            place.write("flow.toml", text.replace("[map]", map));
        };
        for with_checkpoints in [false, true] {
            let place = breaker(breaks, "");
            flow(&place);
            if with_checkpoints {
                checkpointed(&place);
            }
            let ended = place.spillway(&["run", "flow.toml"]);
            assert_fails(&ended, 1, &["error: the component broke the contract: in `", said]);
            assert!(!ended.out.contains("Done"), "{ended:?}");
            let letters = std::fs::read(place.path("rejected.ndjson")).unwrap_or_default();
            assert_eq!(letters, b"", "{breaks}");
            // The one that is stored before anything is read knows of none of it.
            let beginning = ["resumes from line 1,", "starts at line 1:"];
            let begins = beginning.iter().any(|line| ended.err.contains(line));
            assert_eq!(begins, with_checkpoints, "{ended:?}");
            is_short(&ended);
        }
    }
}

#[test]
fn a_state_is_no_larger_than_it_may_be() {
    for breaks in ["state", "large state"] {
        let place = breaker(breaks, "state_bytes_max = 1048576");
        checkpointed(&place);
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_fails(&ended, 1, &["the component broke the contract: in `checkpoint`, "]);
        assert!(!place.path("c").exists());
        is_short(&ended);
    }
}

#[test]
fn checkpoints_that_nothing_comes_of_have_an_end() {
    let place = breaker("wants", "");
    checkpointed(&place);
    let ended = place.spillway(&["run", "flow.toml", "--json"]);
    let said = "`wants-checkpoint` is still true after 100 commits, and nothing has moved";
    assert_fails(&ended, 1, &["error: the component broke the contract: in `", said]);
    // What moves at first begins the count anew.
    let stored = summary(&ended)["checkpoints"].as_u64().unwrap();
    assert!((101..110).contains(&stored), "{ended:?}");
}

#[test]
fn a_trap_is_told_by_its_cause_and_frames_only_to_who_asks() {
    for call in ["open", "write", "poll", "close", "egress"] {
        let place = breaker(&format!("{call} traps"), "");
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_fails(&ended, 1, &["error: the component trapped: unreachable\n"]);
        assert!(
            !ended.err.contains("wasm backtrace") && !ended.err.contains(" at 0x"),
            "{ended:?}"
        );
        is_short(&ended);
        let ended = place.spillway(&["run", "flow.toml", "--log-level", "debug"]);
        assert_fails(&ended, 1, &["error: the component trapped: unreachable\n", " at 0x"]);
    }
}

#[test]
fn what_is_lost_with_a_component_that_ends_at_its_close_is_named() {
    for breaks in ["durable is short", "nothing is stored"] {
        let place = breaker(breaks, "");
        let ended = place.spillway(&["run", "flow.toml", "--json"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let summary = summary(&ended);
        let lost = [&summary["failed_events"], &summary["not_stored"]["first"]];
        let lost = [lost[0], lost[1], &summary["not_stored"]["last"]].map(|n| n.as_u64());
        assert_eq!(lost, [200, 1, 200].map(Some), "{breaks}: {ended:?}");
    }
}

#[test]
fn what_describes_itself_without_end_is_not_shown() {
    let place = Place::new();
    place.write("sink.wasm", misdescribed(env!("CARGO_TARGET_TMPDIR"), "breaker", "is long"));
    let ended = place.spillway(&["inspect", "sink.wasm"]);
    assert_fails(&ended, 1, &["in `describe`, the schema has 2097152 bytes"]);
    is_short(&ended);
}

#[test]
fn the_id_of_an_upload_is_shown_as_far_as_any_store_goes() {
    for arguments in [
        &["uploads", "list", "flow.toml"][..],
        &["uploads", "abort", "flow.toml", "--older-than", "0s"],
    ] {
        let ended = breaker("upload id", "").spillway(arguments);
        assert_eq!(ended.code, Some(0), "{} bytes", ended.out.len() + ended.err.len());
        assert!(ended.out.contains(&("x".repeat(1_024) + "…")), "{ended:?}");
        is_short(&ended);
    }
}

#[test]
fn a_trap_while_uploads_are_listed_is_told_by_its_cause() {
    let place = breaker("incomplete-uploads traps", "");
    let ended = place.spillway(&["uploads", "list", "flow.toml"]);
    assert_fails(&ended, 1, &["the component trapped: unreachable"]);
    assert!(!ended.err.contains("cannot enter"), "{ended:?}");
}

/// A component whose checkpoint has as much to say of its configuration as it may.
#[test]
fn no_difference_from_a_checkpoint_fills_the_screen() {
    for (first, code, said) in [
        ("differs", 0, "the sink is configured otherwise than at the checkpoint"),
        ("differs and holds", 2, "the checkpoint has another configuration of the sink"),
    ] {
        let place = checkpointed_by(first);
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_fails(&ended, code, &[said, "`f0 said", " and 990 more"]);
        assert!(ended.err.len() < 8_000, "{} bytes", ended.err.len());
    }
}

/// A flow whose checkpoint is of this sink, and that goes on with one that is configured otherwise.
pub fn checkpointed_by(breaks: &str) -> Place {
    let place = breaker(breaks, "");
    checkpointed(&place);
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let flow = std::fs::read_to_string(place.path("flow.toml")).unwrap();
    place.write("flow.toml", flow.replace(&format!("breaks = \"{breaks}\""), "breaks = \"\""));
    place.write("events.json", event("a", "1").repeat(300));
    place
}

#[test]
fn each_limit_is_a_setting_and_is_named_where_it_ends_a_component() {
    for (does, setting, said) in [
        ("write loops", "compute_max = \"1s\"", "`[sink] compute_max` raises that"),
        (
            "write holds",
            "resources_max = 50",
            "more than 50 handles; `[sink] resources_max` raises that",
        ),
        ("write grows", "memory_bytes_max = 8388608", "`[sink] memory_bytes_max` raises that"),
        ("poll sleeps", "prompt_call_max = \"1s\"", "in `poll`, it did not answer within 1s"),
        ("egress loops", "compute_max = \"1s\"", "`[sink] compute_max` raises that"),
        ("egress sleeps", "prompt_call_max = \"1s\"", "`[sink] prompt_call_max` raises that"),
        ("open sleeps", "prompt_call_max = \"1s\"", "in `open`, it did not answer within 1s"),
    ] {
        let place = place("hostile", "does", does, setting);
        grant(&place, None);
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_fails(&ended, 1, &["error: the component ", said]);
        is_short(&ended);
    }
    let silent = Scripted::start(|_| Reply::Silence);
    let authority = silent.address().to_string();
    let does = format!("write floods {authority}");
    let place = place("hostile", "act", &does, "requests_in_flight_max = 20");
    grant(&place, Some(&authority));
    let ended = place.spillway(&["run", "flow.toml"]);
    let said = "more than 20 requests in flight; `[sink] requests_in_flight_max` raises that";
    assert_fails(&ended, 1, &["error: the component ", said]);
}

/// The flow may be right: it is the component that is more than it allows.
#[test]
fn what_is_too_much_to_compile_is_no_mistake_of_the_flow() {
    let many = format!("(component (core module {}))", "(func)".repeat(2_000));
    let (slow, large) = (slow_to_compile(250), wat::parse_str(many).unwrap());
    for (bytes, said) in [
        (slow, "the component takes longer than 1ms to compile; `compile_max` raises that"),
        (large, "the component has 2000 functions, at most 1000 are allowed"),
    ] {
        let place = breaker("", "compile_max = \"1ms\"");
        let cold = place.path("cold").to_str().unwrap().to_owned();
        let place = place.with("XDG_CACHE_HOME", &cold);
        let sink = std::fs::read(place.path("sink.wasm")).unwrap();
        place.write("sink.wasm", &bytes);
        for command in ["run", "check"] {
            let ended = place.spillway(&[command, "flow.toml"]);
            assert_fails(&ended, 1, &["error: sink.component cannot be compiled", said]);
            is_short(&ended);
        }
        let flow = std::fs::read_to_string(place.path("flow.toml")).unwrap();
        let transform =
            "[[transform]]\ncomponent = \"large.wasm\"\ncompile_max = \"1ms\"\n[sink]\n";
        place.write("flow.toml", flow.replace("[sink]\n", transform));
        place.write("sink.wasm", sink);
        place.write("large.wasm", bytes);
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_fails(&ended, 1, &["error: transform[0].component cannot be compiled", said]);
    }
    let place = breaker("", "");
    let many = format!("(component (core module {}))", "(func)".repeat(70_000));
    place.write("sink.wasm", wat::parse_str(many).unwrap());
    assert_fails(&place.spillway(&["inspect", "sink.wasm"]), 1, &["at most 60000 are allowed"]);
    // What is no component at all is.
    place.write("sink.wasm", "hello");
    for arguments in [&["inspect", "sink.wasm"][..], &["run", "flow.toml"]] {
        assert_fails(&place.spillway(arguments), 2, &["not a WebAssembly component"]);
    }
}

#[test]
fn a_limit_that_is_none_is_a_problem_of_the_flow() {
    for (setting, said) in [
        ("compute_max = \"9\"", "sink.compute_max: 9 has no unit; write 9s"),
        ("compile_max = \"0s\"", "sink.compile_max: is zero, expected a time such as 60s"),
        ("resources_max = 0", "sink.resources_max: is 0, expected a number from 1 up"),
        ("requests_in_flight_max = \"many\"", "sink.requests_in_flight_max: invalid type"),
        (
            "state_bytes_mx = 1",
            "sink.state_bytes_mx: unknown field; did you mean `state_bytes_max`",
        ),
    ] {
        let ended = breaker("", setting).spillway(&["check", "flow.toml"]);
        assert_fails(&ended, 2, &[said]);
    }
}

/// The first signal ends a run that waits for its component before anything is read.
#[test]
fn one_ends_a_run_whose_component_does_not_hand_out_the_checkpoint() {
    for call in ["load-state", "check-state", "store-state"] {
        let place = place("hostile", "act", &format!("{call} sleeps"), "");
        grant(&place, Some("s3.test:443"));
        let flow = std::fs::read_to_string(place.path("flow.toml")).unwrap();
        place.write("flow.toml", flow + "[checkpoint]\nstore = \"bucket\"\n");
        let mut running = place.start(&["run", "flow.toml", "--log-level", "debug"]);
        running.wait_for("reading flow.toml");
        running.signal("INT");
        let ended = guarded(running.ends());
        assert_eq!(ended.code, Some(0), "{call}: {ended:?}");
        assert_eq!(ended.out, NOT_BEGUN, "{call}: {ended:?}");
    }
}

/// One that has no request under way waits for nothing that may come.
#[test]
fn one_ends_a_run_whose_component_does_not_return_within_minutes() {
    let server = Scripted::start(|_| Reply::status(200));
    let authority = server.address().to_string();
    let place = place("hostile", "act", &format!("write lingers {authority}"), "");
    grant(&place, Some(&authority));
    let mut command = place.command(&["run", "flow.toml"]);
    let running = Running::start_within(&mut command, 5 * PATIENCE);
    server.wait_for("request of the call", |_| true);
    running.signal("TERM");
    let ended = guarded(running.ends());
    let said = "the component has sent nothing for a minute, so the run ends without it";
    assert_fails(&ended, 130, &["stopping: ", said]);
}

/// The first signal ends a run that is still compiling: it takes far longer than a test waits.
#[test]
fn who_compiles_for_long_is_interrupted_at_once() {
    for (arguments, is_handled) in [
        (&["run", "flow.toml"][..], true),
        (&["check", "flow.toml"], false),
        (&["inspect", "sink.wasm"], false),
    ] {
        let place = breaker("", "compile_max = \"1h\"");
        place.write("sink.wasm", slow_to_compile(2_000));
        let running = place.start(arguments);
        let tasks = format!("/proc/{}/task", running.id());
        eventually("it compiles", || is_compiling(Path::new(&tasks)));
        running.signal("INT");
        let ended = running.end();
        assert_eq!(ended.code, is_handled.then_some(0), "{ended:?}");
        assert_eq!(ended.out, if is_handled { NOT_BEGUN } else { "" }, "{ended:?}");
    }
}

/// It says neither that objects were completed nor that any are kept: there were none.
const NOT_BEGUN: &str =
    "Stopped before anything was read: the next run begins where this one would have.\n";

fn is_compiling(tasks: &Path) -> bool {
    let Ok(tasks) = std::fs::read_dir(tasks) else { return false };
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.into_iter().any(|name| name.starts_with("spillway-compil"))
}

/// Within the size of what compiles in a minute, and slower than that. It is another at each call,
/// so that no cache has it.
fn slow_to_compile(depth: usize) -> Vec<u8> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let call = std::process::id().rotate_left(8) ^ CALLS.fetch_add(1, Ordering::Relaxed);
    let begins = "(loop (local.set 1 (i32.add (local.get 1) (local.get 2)))".repeat(depth);
    let ends = "(br_if 0 (local.get 1)))".repeat(depth);
    let locals = "i32 ".repeat(90);
    let own = format!("(local.set 2 (i32.const {}))", call & 0x7fff_ffff);
    let body = format!("(func (param i32) (local {locals}) {own} {begins} {ends})");
    wat::parse_str(format!("(component (core module {body}))")).unwrap()
}

/// Lists what the component asks for: this, if any. It reads the first field of its configuration,
/// and asks for the second.
fn grant(place: &Place, authority: Option<&str>) {
    let flow = std::fs::read_to_string(place.path("flow.toml")).unwrap();
    let egress = format!("egress = [\"{}\"]", authority.unwrap_or("s3.test:443"));
    let asks = authority.map_or_else(String::new, |authority| format!("\nat = \"{authority}\"\n"));
    place.write("flow.toml", flow.replace("egress = []", &egress) + &asks);
}
