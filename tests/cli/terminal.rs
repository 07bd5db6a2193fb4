//! What a person sees who runs a flow on a terminal.

use std::process::Command;

use spillway_tests::program::Running;

use super::support::*;

/// `script` of util-linux gives the command a terminal.
#[test]
#[cfg(target_os = "linux")]
fn a_line_moves_and_goes_before_the_summary() {
    let place = Place::of(&from_stdin(), "");
    place.write("events.json", event("a", "1") + "wrong\n" + &event("b", "2"));
    let flow = from_stdin().replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
    place.write("flow.toml", flow);
    let line = format!("{SPILLWAY} run flow.toml --local out < events.json");
    let mut command = Command::new("script");
    place.prepare(&mut command);
    command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm");
    let ended = guarded(Running::start(&mut command).end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("2 events"), "no progress in {:?}", ended.out);
    // What comes after the line was taken away is what stays.
    let (_, stays) = ended.out.rsplit_once("\u{1b}[2K").unwrap();
    assert!(stays.starts_with("Done: 2 of 3 lines became events"), "{:?}", ended.out);
    let rejected = ended.out.lines().find(|line| line.contains("rejected: line 2: not JSON"));
    let rejected = rejected.map(str::trim_end).unwrap_or_else(|| panic!("{:?}", ended.out));
    assert!(
        rejected.ends_with("rejected: line 2: not JSON: expected a value at byte 1"),
        "{rejected:?}"
    );
}

#[test]
fn nobody_needs_to_listen() {
    let place = Place::of(FLOW, &"wrong\n".repeat(100));
    let flow = FLOW.replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
    place.write("flow.toml", flow);
    for arguments in ["run flow.toml --local out", "run none.toml", "inspect", "demo", "--help"] {
        let line = format!("({SPILLWAY} {arguments} 2>&1; echo $? > code) | true");
        let mut command = Command::new("sh");
        place.prepare(&mut command);
        let ended = guarded(Running::start(command.args(["-c", &line])).end());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let code = std::fs::read_to_string(place.path("code")).unwrap();
        let wanted = if arguments.contains("none") { "2" } else { "0" };
        assert_eq!(code.trim(), wanted, "{arguments}");
    }
}

#[test]
fn without_a_terminal_there_are_no_escapes() {
    let place = Place::of(FLOW, &event("a", "1"));
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_eq!(ended.err, "");
    assert!(!ended.out.contains('\u{1b}'), "{ended:?}");
    assert_eq!(ended.out.lines().count(), 1);
}

#[test]
fn what_a_terminal_would_act_on_is_shown_and_not_done() {
    let place =
        Place::of(FLOW, &event("a\u{1b}[2J\u{9b}b", "1")).with("ENDPOINT", "http://127.0.0.1:1");
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_fails(&ended, 1, &["the object `a\\u{1b}[2J\\u{9b}b` was not stored"]);
    assert!(!ended.err.contains(['\u{1b}', '\u{9b}']), "{ended:?}");
}
