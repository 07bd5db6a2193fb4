//! A component that means harm, run by the command: it ends with one line that says why, and
//! nothing is stored on its word.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use spillway_tests::components::{built, misdescribed};
use spillway_tests::program::Ended;

use super::support::*;

/// A flow whose sink is a component of the tests that does so, with 200 lines to read.
fn place(component: &str, field: &str, does: &str, more: &str) -> Place {
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

fn breaker(breaks: &str, more: &str) -> Place {
    place("breaker", "breaks", breaks, more)
}

fn checkpointed(place: &Place) {
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
    let ended = place.spillway(&["run", "flow.toml"]);
    let said = "`wants-checkpoint` is still true after 100 commits, and nothing has moved";
    assert_fails(&ended, 1, &["error: the component broke the contract: in `", said]);
    assert!(ended.out.contains(" 101 checkpoints stored"), "{ended:?}");
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
    place.write("sink.wasm", misdescribed(env!("CARGO_TARGET_TMPDIR"), "is long"));
    let ended = place.spillway(&["inspect", "sink.wasm"]);
    assert_fails(&ended, 1, &["in `describe`, the schema has 2097152 bytes"]);
    is_short(&ended);
}

#[test]
fn a_trap_while_uploads_are_listed_is_told_by_its_cause() {
    let place = breaker("incomplete-uploads traps", "");
    let ended = place.spillway(&["uploads", "list", "flow.toml"]);
    assert_fails(&ended, 1, &["the component trapped: unreachable"]);
    assert!(!ended.err.contains("cannot enter"), "{ended:?}");
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
        grant(&place);
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_fails(&ended, 1, &["error: the component ", said]);
        is_short(&ended);
    }
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
        assert!(!is_handled || ended.out.starts_with("Stopped"), "{ended:?}");
    }
}

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

/// Lists what the component asks for.
fn grant(place: &Place) {
    let flow = std::fs::read_to_string(place.path("flow.toml")).unwrap();
    place.write("flow.toml", flow.replace("egress = []", "egress = [\"s3.test:443\"]"));
}

/// Each way out of this program for a text of a component, with what a terminal, a log or a reader
/// would take for something else. A way that is new belongs here.
#[test]
fn no_text_of_a_component_acts_where_it_is_shown() {
    let run = &["run", "flow.toml"][..];
    let json = &["run", "flow.toml", "--log", "json"][..];
    let debug = &["run", "flow.toml", "--log-level", "debug"][..];
    let rejected = "on_failed = { file = \"failed.ndjson\" }";
    for (component, does, more, arguments) in [
        ("breaker", "notice says", "", run),
        ("breaker", "notice says", "", json),
        ("breaker", "notice says", "", debug),
        ("breaker", "reason says", "", run),
        ("breaker", "reason says", "", json),
        ("breaker", "reason says", "", debug),
        ("breaker", "failure says", "", run),
        ("breaker", "failure says", "", json),
        ("breaker", "failure says", rejected, run),
        ("breaker", "failure says", rejected, json),
        ("breaker", "object says", "", debug),
        ("breaker", "object says", "", json),
        ("breaker", "egress says", "", run),
        ("breaker", "egress says", "", json),
        ("breaker", "egress says", "", &["check", "flow.toml"]),
        ("breaker", "egress forges", "", &["check", "flow.toml"]),
        ("breaker", "check says", "", &["check", "--connect", "flow.toml"]),
        ("breaker", "upload says", "", &["uploads", "list", "flow.toml"]),
        ("breaker", "upload says", "", &["uploads", "list", "flow.toml", "--json"]),
        ("breaker", "upload says", "", &["uploads", "abort", "flow.toml", "--older-than", "0s"]),
        ("hostile", "nothing", "", &["inspect", "sink.wasm"]),
    ] {
        let place = place(component, "breaks", does, more);
        let flow = std::fs::read_to_string(place.path("flow.toml")).unwrap();
        let map = "[map]\non_rejected = { file = \"rejected.ndjson\" }";
        place.write("flow.toml", flow.replace("[map]", map));
        let ended = place.spillway(arguments);
        let mut shown = vec![ended.out.clone(), ended.err.clone()];
        for file in ["rejected.ndjson", "failed.ndjson"] {
            shown.extend(std::fs::read_to_string(place.path(file)).ok());
        }
        // It was shown, but for an authority, which is none and is not repeated.
        let is_shown = shown.iter().any(|text| text.contains("forged"));
        assert!(is_shown || does == "egress forges", "{does}: {ended:?}");
        for text in shown {
            let acts = |c: char| c != '\n' && ACTS.contains(&c);
            assert!(!text.contains(acts), "{does} {arguments:?}: {text:?}");
            let forged = text.lines().any(|line| line.trim_start().starts_with("error: forged"));
            assert!(!forged, "{does} {arguments:?}: {text}");
        }
    }
}

/// All that the components say.
const ACTS: [char; 18] = [
    '\r', '\u{1b}', '\u{7}', '\u{85}', '\u{9b}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{202a}',
    '\u{2066}', '\u{2069}', '\u{200e}', '\u{200f}', '\u{61c}', '\u{200b}', '\u{200d}', '\u{2060}',
    '\u{feff}',
];
