//! What a person sees who runs a flow on a terminal.

use std::process::Command;

use spillway_tests::program::{Ended, Running};
use spillway_tests::scripted::{Reply, Scripted};

use super::support::*;

#[test]
#[cfg(target_os = "linux")]
fn two_lines_move_and_go_before_the_summary() {
    let place = Place::of(&from_stdin(), "");
    place.write("events.json", event("a", "1") + "wrong\n" + &event("b", "2"));
    let flow = from_stdin().replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
    place.write("flow.toml", flow);
    let ended = on_terminal(&place, 80, "run flow.toml --local out < events.json", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("2 events"), "no progress in {:?}", ended.out);
    assert!(ended.out.contains("2 objects stored"), "no progress in {:?}", ended.out);
    // What comes after the lines were taken away is what stays.
    let (_, stays) = ended.out.rsplit_once("\u{1b}[1A").unwrap();
    assert!(stays.starts_with("Done: 2 of 3 lines became events"), "{:?}", ended.out);
    let rejected = ended.out.lines().find(|line| line.contains("rejected: line 2: not JSON"));
    let rejected = rejected.map(str::trim_end).unwrap_or_else(|| panic!("{:?}", ended.out));
    assert!(
        rejected.ends_with("rejected: line 2: not JSON: expected a value at byte 1"),
        "{rejected:?}"
    );
}

/// A line that were longer than the terminal is wide would leave its rest behind each time that it
/// is drawn anew.
#[test]
#[cfg(target_os = "linux")]
fn the_lines_are_no_longer_than_the_terminal_is_wide() {
    for columns in [20, 40, 80, 120] {
        let place = Place::of(FLOW, &(event("a", "1") + &event("b", "2")));
        let ended = on_terminal(&place, columns, "run flow.toml --local out", &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let mut drawn = 0;
        // Each drawing is two lines, the first one filled up with blanks to the terminal's width.
        for text in ended.out.split('\u{1b}').filter(|text| text.contains("stored")) {
            let text = text.trim_start_matches("[2K").trim_start_matches("[1A");
            if !text.contains('\n') {
                let characters: Vec<char> = text.chars().collect();
                assert!(characters.len() <= 2 * columns, "{columns}: {text:?}");
                let second: String = characters[columns..].iter().collect();
                assert!(
                    second.starts_with("  ") && second.contains("stored"),
                    "{columns}: {text:?}"
                );
                drawn += 1;
            }
        }
        assert!(drawn > 0, "{columns}: {:?}", ended.out);
    }
}

/// The store says 503, and then nothing for longer than it takes to draw.
#[test]
#[cfg(target_os = "linux")]
fn waiting_is_shown_and_in_colour_where_colours_are_wanted() {
    for (more, is_coloured) in [(None, true), (Some(("NO_COLOR", "1")), false)] {
        let mut answers = vec![Reply::Silence, Reply::error(503, "SlowDown", "not so fast")];
        let server = Scripted::start(move |_| answers.pop().unwrap_or(Reply::Silence));
        let timeout = "attempts_max = 2\nfirst_byte_timeout_ms = 1000";
        let place = Place::of(&FLOW.replace("attempts_max = 2", timeout), &event("a", "1"));
        let place = place.with("ENDPOINT", &server.endpoint());
        let ended = on_terminal(&place, 100, "run flow.toml", more.as_slice());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let (plain, coloured) = ("waiting for the store (503)", "\u{1b}[33mwaiting for the store");
        assert!(ended.out.contains(plain), "{ended:?}");
        assert_eq!(ended.out.contains(coloured), is_coloured, "{ended:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_that_cannot_move_its_cursor_is_not_asked_to() {
    let place = Place::of(FLOW, &event("a", "1"));
    let dumb = [("TERM", "dumb")];
    let ended = on_terminal(&place, 80, "run flow.toml --local out", &dumb);
    assert!(ended.out.starts_with("Done: 1 of 1 lines became events"), "{ended:?}");
    assert!(!ended.out.contains('\u{1b}'), "{ended:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_log_for_programs_has_no_lines_that_move() {
    let place = Place::of(FLOW, &event("a", "1"));
    let ended = on_terminal(&place, 80, "run flow.toml --local out --log json", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.out.contains('\u{1b}'), "{ended:?}");
    let documents = ended.out.lines().filter(|line| line.starts_with('{')).count();
    assert_eq!((documents, ended.out.lines().count()), (3, 4), "{ended:?}");
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
    let place = Place::of(FLOW, &event("a\u{1b}[2J\u{9b}b\u{202e}\nstored: all", "1"))
        .with("ENDPOINT", "http://127.0.0.1:1");
    let ended = place.spillway(&["run", "flow.toml"]);
    // Nor is a second line of a key a line of the log.
    let said = "the object `a\\u{1b}[2J\\u{9b}b\\u{202e}\\nstored: all` was not stored";
    assert_fails(&ended, 1, &[said]);
    assert!(!ended.err.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{ended:?}");
}

/// Runs the command on a terminal of that width, which `script` of util-linux gives it.
#[cfg(target_os = "linux")]
fn on_terminal(place: &Place, columns: usize, arguments: &str, more: &[(&str, &str)]) -> Ended {
    let line = format!("stty cols {columns} rows 24; {SPILLWAY} {arguments}");
    let mut command = Command::new("script");
    place.prepare(&mut command);
    command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").envs(more.iter().copied());
    guarded(Running::start(&mut command).end())
}
