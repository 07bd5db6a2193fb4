//! Lines that become several events.

use super::*;

#[test]
fn each_output_of_the_payload_is_an_event() {
    let line = r#"{"k":"a","r":[{"n": 1},{"n": 2.50},3],"none":[]}"#;
    let events = [("a", r#"{"n":1}"#), ("a", r#"{"n":2.50}"#), ("a", "3")];
    assert_eq!(map(".k", ".r[]", line), several(&events));
    assert_eq!(map(".k", ".r[0,1]", line), several(&events[..2]));
    assert_eq!(map(".k", ".r[] | numbers", line), event("a", "3"));
    assert_eq!(map(".k", ".none[]", line), Owned::Filtered);
    assert_eq!(map(".nothing", ".none[]", line), Owned::Filtered, "needs no key");
    assert_eq!(map(".k | ascii_upcase", ".r[2],.r[2]", line), several(&[("A", "3"), ("A", "3")]));
}

#[test]
fn of_a_line_that_fails_in_part_nothing_is_an_event() {
    let line = r#"{"k":"a","r":[1,"x",3]}"#;
    for (key, payload, reason) in [
        (
            ".k",
            ".r[] | tonumber",
            "the payload `.r[] | tonumber` failed: \"cannot parse \\\"x\\\" as JSON",
        ),
        (".k", "1,2,nan", "the payload `1,2,nan` is or contains a value that JSON does not have"),
        (".k", "1,2,halt", "the payload `1,2,halt` failed: it calls `halt`"),
        (
            ".k",
            ".r[], (def f: f; f)",
            "the payload `.r[], (def f: f; f)` failed: it takes too many",
        ),
        (".none", ".r[]", "no key: `.none` is missing"),
        (".r[]", ".r[]", "the key `.r[]` has more than one output, expected one"),
    ] {
        let Owned::Rejected(said) = map(key, payload, line) else { panic!("{payload}") };
        assert!(said.starts_with(reason), "{said}");
    }
}

#[test]
fn key_payload_and_time_of_each_of_the_events() {
    let records = [
        r#"{"id":"a","t":1,"p":{"x": 1}}"#,
        r#"{"id":"b","t":2,"p":[2]}"#,
        r#"{"id":"b","t":2,"p":3}"#,
    ];
    let line = &format!(r#"{{"Records":[{}]}}"#, records.join(","));
    let map = of("events = '.Records[]'\nkey = '.id'\npayload = '.p'\nat = '.t'");
    let Mapped::Several(runs) = apply(&map, line.as_bytes()) else { panic!() };
    let shown: Vec<_> =
        runs.iter().map(|run| (&*run.key, run.first, run.at, &*run.payload)).collect();
    let second = 1_000_000_000;
    let wanted = [("a", 0, Some(second), &b"{\"x\":1}"[..]), ("b", 1, Some(2 * second), b"[2]3")];
    assert_eq!(shown, wanted);
    for (settings, line, wanted) in [
        ("key = '.id'", r#"[{"id":"a"}]"#, Ok(&[("a", r#"{"id":"a"}"#)][..])),
        ("key = '.id'", "[]", Ok(&[])),
        ("key = '.id'", r#"[{"id":"a"},{"x":1}]"#, Err("event 2: no key: `.id` is missing")),
        ("key = '.id'", r#"[{"id":"a"},{"id":7}]"#, Err("event 2: the key `.id` is a number")),
        ("key = '.id'\npayload = '.p'", r#"[{"id":"a"}]"#, Err("event 1: no payload: `.p` is")),
        ("key = '.id'", r#"{"a":[{"id":"b"}]}"#, Err("event 1: no key: `.id` is missing, since")),
        ("key = '.id'", "7", Err("the events `.[]` failed: cannot use 7 as iterable")),
        ("key = '.id'", "x", Err("not JSON")),
        ("fixed_key = 'k'", "[1,[]]", Ok(&[("k", "1"), ("k", "[]")])),
        ("fixed_key = 'k'\nat = '.t'", r#"[{"t":"x"}]"#, Err("event 1: the time `.t` is \"x\"")),
        // An expression for each of them, of which some have none, and others several.
        (
            "key = '.k | tostring'\npayload = '.v[]'",
            r#"[{"k":1,"v":[1,2]},{"k":2,"v":[]},{"k":3,"v":[4]}]"#,
            Ok(&[("1", "1"), ("1", "2"), ("3", "4")]),
        ),
    ] {
        let found = owned(apply(&of(&format!("events = '.[]'\n{settings}")), line.as_bytes()));
        match (found, wanted) {
            (Owned::Filtered, Ok(&[])) => {}
            (found, Ok(wanted)) => assert_eq!(found, several(wanted), "{settings} {line}"),
            (Owned::Rejected(found), Err(said)) => assert!(found.starts_with(said), "{found}"),
            (found, Err(said)) => panic!("{said}: {found:?}"),
        }
    }
}

#[test]
fn a_path_to_the_events_leads_to_one() {
    let map = of("events = '.a'\nkey = '.k'");
    let found = |line: &'static str| owned(apply(&map, line.as_bytes()));
    assert_eq!(found(r#"{"a": {"k": "x"}}"#), several(&[("x", r#"{"k":"x"}"#)]));
    assert_eq!(found(r#"{"b":1}"#), rejected("no event: `.a` is missing"));
    let Owned::Rejected(said) = found(r#"{"a":[{"k":"x"}]}"#) else { panic!() };
    assert!(said.contains("since there is an array; `[]` behind the path in `events`"), "{said}");
}

#[test]
fn a_line_has_one_time_for_all_its_events() {
    let map = of("fixed_key = 'k'\nevents = '.[]'\npayload = 'now'\nat = 'now'");
    let about = About::default();
    let Mapped::Several(first) = map.apply(b"[1,2,3]", Framing::Newline, &about) else { panic!() };
    let [run] = &first[..] else { panic!("{first:?}") };
    let payloads: Vec<_> = run.payloads().collect();
    assert_eq!((payloads[0], payloads[1]), (payloads[1], payloads[2]));
    let asked = about.clock.asked().unwrap();
    assert_eq!(run.at.unwrap() / 1_000_000_000, asked / 1_000_000_000);
    let at = |asked| About { clock: Clock::at(Some(asked)), ..About::default() };
    let same = at(asked);
    let Mapped::Several(again) = map.apply(b"[1,2,3]", Framing::Newline, &same) else { panic!() };
    assert_eq!(again, first);
    let other = at(asked - 5_000_000_000);
    assert_ne!(map.apply(b"[1,2,3]", Framing::Newline, &other), Mapped::Several(first));
    let none = About::default();
    of("fixed_key = 'k'\npayload = '.[]'").apply(b"[1]", Framing::Newline, &none);
    assert_eq!(none.clock.asked(), None);
}
