//! Texts of components that a terminal, a log or a reader would take for something else.

use spillway_tests::components::built;

use super::hostile::{breaker, checkpointed, checkpointed_by, place};
use super::support::*;

/// Each way out of this program for a text of a sink. A way that is new belongs here.
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
        let is_shown = shows(&place, arguments, does);
        // But for an authority, which is none and is not repeated.
        assert_eq!(is_shown, does != "egress forges", "{does} {arguments:?}");
    }
}

/// What a checkpoint has, and what a flow says that goes on from it.
#[test]
fn no_text_of_a_state_acts_where_it_is_shown() {
    let run = &["run", "flow.toml"][..];
    let json = &["run", "flow.toml", "--log", "json"][..];
    let show = &["checkpoint", "show", "c", "--component", "sink.wasm"][..];
    let show_json = &["checkpoint", "show", "c", "--component", "sink.wasm", "--json"][..];
    for (first, arguments) in [
        ("differs", run),
        ("differs", json),
        ("differs and holds", run),
        ("differs and holds", json),
        ("differs and holds", &["check", "flow.toml"]),
        ("differs and holds", show),
        ("differs and holds", show_json),
    ] {
        let place = checkpointed_by(first);
        assert!(shows(&place, arguments, first), "{first} {arguments:?}");
    }
}

#[test]
fn no_text_of_a_transform_acts_where_it_is_shown() {
    let run = &["run", "flow.toml"][..];
    let json = &["run", "flow.toml", "--log", "json"][..];
    let debug = &["run", "flow.toml", "--log-level", "debug"][..];
    let check = &["check", "flow.toml"][..];
    for (says, arguments) in [
        ("nothing", &["inspect", "sayer.wasm"][..]),
        ("nothing", check),
        ("open", run),
        ("open", json),
        ("open", check),
        ("denies", run),
        ("rejects", run),
        ("rejects", json),
        ("rejects", debug),
        ("fails", run),
        ("fails", json),
        ("renames", debug),
        ("renames", json),
    ] {
        let place = breaker("", "");
        through(&place, says);
        assert!(shows(&place, arguments, says), "{says} {arguments:?}");
    }
}

/// What a checkpoint says of the transforms before it.
#[test]
fn no_text_of_a_transform_acts_where_a_checkpoint_has_it() {
    let place = breaker("holds", "on_failed = { file = \"failed.ndjson\" }");
    through(&place, "nothing");
    checkpointed(&place);
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(shows(&place, &["checkpoint", "show", "c", "--component", "sink.wasm"], "through"));
    let other = built(env!("CARGO_TARGET_TMPDIR"), "examples/trapping.wasm");
    std::fs::copy(other, place.path("sayer.wasm")).unwrap();
    place.write("events.json", event("a", "1").repeat(300));
    assert!(shows(&place, &["run", "flow.toml"], "another transform"));
}

/// Puts a transform before the sink that says what it is told to.
fn through(place: &Place, says: &str) {
    let sayer = built(env!("CARGO_TARGET_TMPDIR"), "examples/sayer.wasm");
    std::fs::copy(sayer, place.path("sayer.wasm")).unwrap();
    let transform =
        format!("[[transform]]\ncomponent = \"sayer.wasm\"\nconfig = {{ says = \"{says}\" }}\n");
    let flow = std::fs::read_to_string(place.path("flow.toml")).unwrap();
    let map = "[map]\non_rejected = { file = \"rejected.ndjson\" }";
    let flow = flow.replace("[map]", map).replace("[sink]\n", &(transform + "[sink]\n"));
    place.write("flow.toml", flow);
}

/// Whether the command shows what components say; it must not act there.
fn shows(place: &Place, arguments: &[&str], context: &str) -> bool {
    let ended = place.spillway(arguments);
    let mut shown = vec![ended.out, ended.err];
    for file in ["rejected.ndjson", "failed.ndjson"] {
        shown.extend(std::fs::read_to_string(place.path(file)).ok());
    }
    for text in &shown {
        let acts = |c: char| c != '\n' && ACTS.contains(&c);
        assert!(!text.contains(acts), "{context} {arguments:?}: {text:?}");
        let forged = text.lines().any(|line| line.trim_start().starts_with("error: forged"));
        assert!(!forged, "{context} {arguments:?}: {text}");
    }
    shown.iter().any(|text| text.contains("forged"))
}

/// All that the components say.
const ACTS: [char; 18] = [
    '\r', '\u{1b}', '\u{7}', '\u{85}', '\u{9b}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{202a}',
    '\u{2066}', '\u{2069}', '\u{200e}', '\u{200f}', '\u{61c}', '\u{200b}', '\u{200d}', '\u{2060}',
    '\u{feff}',
];
