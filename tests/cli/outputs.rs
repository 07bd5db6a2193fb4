//! Output that cannot be written: a device that is full, and a reader that has gone.

use std::fs::File;
use std::process::{Command, Stdio};

use spillway_tests::program::{Ended, Running};

use super::support::*;

#[test]
fn what_cannot_be_written_is_a_failure_of_every_command() {
    let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", "http://127.0.0.1:1");
    for arguments in commands() {
        let ended = into(&place, arguments, full());
        let said = ["standard output cannot be written", "No space left on device"];
        assert_fails(&ended, 1, &said);
    }
}

#[test]
fn a_reader_that_has_gone_has_heard_enough() {
    let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", "http://127.0.0.1:1");
    for arguments in commands() {
        let ended = into(&place, arguments, gone());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_summary_that_cannot_be_written_is_said_elsewhere_and_loses_nothing() {
    let lines = event("a", "1") + &event("b", "2");
    for (more, out) in [(&["--json"][..], "one"), (&[][..], "two")] {
        let place = Place::of(FLOW, &lines).with("ENDPOINT", "http://127.0.0.1:1");
        let run = [&["run", "flow.toml", "--local", out], more].concat();
        let ended = into(&place, &run, full());
        assert_fails(&ended, 1, &["Done: 2 of 2 lines became events, stored in 2 objects"]);
        assert_eq!(place.files(out).len(), 2);
        // Nor does it where nobody listens.
        let ended = into(&place, &run, gone());
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    }
}

#[test]
fn how_it_ended_counts_more_than_what_could_not_be_said() {
    let place =
        Place::of(&FLOW.replace("bucket", "buket"), "").with("ENDPOINT", "http://127.0.0.1:1");
    assert_eq!(into(&place, &["check", "flow.toml"], full()).code, Some(2));
    assert_eq!(into(&place, &["no-such-command"], full()).code, Some(2));
}

#[test]
fn a_log_that_cannot_be_written_stops_nobody() {
    let flow = FLOW.replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
    let place =
        Place::of(&flow, &(event("a", "1") + "wrong\n")).with("ENDPOINT", "http://127.0.0.1:1");
    for more in [&[][..], &["--log", "json", "--log-level", "debug"]] {
        let mut command = Command::new("sh");
        place.prepare(&mut command);
        let script = "exec \"$0\" \"$@\" 2>/dev/full";
        command.args(["-c", script, SPILLWAY, "run", "flow.toml", "--local", "out", "--json"]);
        let ended = guarded(Running::start(command.args(more)).end());
        assert_eq!((ended.code, &summary(&ended)["objects"]), (Some(0), &1.into()), "{ended:?}");
    }
}

#[test]
fn a_machine_that_is_short_of_files_is_no_wrong_use() {
    // Where nothing is short it fails as well: nobody listens.
    let more = "retry_time_max_ms = 0\n[checkpoint]\npath = \"run.checkpoint\"\n";
    let place = Place::of(&(FLOW.to_owned() + more), &event("a", "1"));
    let place = place.with("ENDPOINT", "http://127.0.0.1:1");
    let mut short = 0;
    // Wherever it runs out of them: at the threads, the flow, the lock, the source.
    for files in 8..32 {
        let mut command = Command::new("sh");
        place.prepare(&mut command);
        let script = format!("ulimit -n {files}; exec \"$0\" run flow.toml");
        let ended = guarded(Running::start(command.args(["-c", &script, SPILLWAY])).end());
        assert_eq!(ended.code, Some(1), "{files}: {ended:?}");
        short += u32::from(ended.err.contains("Too many open files"));
    }
    assert!(short > 1, "with 8 files nothing can be run");
}

/// Commands that print something, and need no store.
fn commands() -> [&'static [&'static str]; 8] {
    [
        &["--help"],
        &["--version"],
        &["run", "--help"],
        &["check", "flow.toml"],
        &["inspect"],
        &["component", "-o", "component.wasm"],
        &["run", "flow.toml", "--local", "out", "--log-level", "error"],
        &["run", "flow.toml", "--local", "out", "--log-level", "error", "--json"],
    ]
}

fn into(place: &Place, arguments: &[&str], out: Stdio) -> Ended {
    guarded(Running::start_into(&mut place.command(arguments), out).end())
}

/// Takes nothing.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// Nobody reads it.
fn gone() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}
