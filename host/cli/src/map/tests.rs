use super::*;

#[test]
fn a_path_to_each() {
    assert_eq!(
        map(".meta.user", ".items[1]", r#"{"meta":{"user":"u"},"items":[1, {"a": 2.50}]}"#),
        event("u", r#"{"a":2.50}"#)
    );
    assert_eq!(map(".k", ".", r#" {"k":"a","n":1e5} "#), event("a", r#"{"k":"a","n":1e5}"#));
    assert_eq!(map(".k", ".p", r#"{"k":"a","p":null}"#), event("a", "null"));
    assert_eq!(map(".k", ".p", r#"{"k":"a","p":"\u00e9"}"#), event("a", r#""\u00e9""#));
}

#[test]
fn a_compact_payload_is_taken_as_it_lies() {
    let (map, line) = (compiled(".k", ".p"), br#"{ "k" : "a", "p": {"x":1} }"#);
    let Mapped::Event { key: Cow::Borrowed("a"), payload, .. } = apply(&map, line) else {
        panic!()
    };
    assert_eq!(payload, Payload(Bytes::AsIs(br#"{"x":1}"#)));
}

#[test]
fn keys_are_decoded() {
    for (json, key) in [
        (r#""a b""#, "a b"),
        (r#""\u00e9\n\"""#, "é\n\""),
        (r#""\ud83d\ude00/x""#, "😀/x"),
        (r#""naïve""#, "naïve"),
    ] {
        let line = format!(r#"{{"k":{json}}}"#);
        assert_eq!(map(".k", ".", &line), event(key, &line));
        assert_eq!(map(".k | .", ".", &line), event(key, &line), "by jq");
    }
}

#[test]
fn events_without_a_key_are_rejected() {
    for (line, reason) in [
        (r#"{"x":1}"#, "no key: `.k` is missing"),
        (r#"{"k":null}"#, "no key: `.k` is null"),
        (
            r#"{"k":1.5}"#,
            "the key `.k` is a number, expected a string; key = '.k | tostring' converts it",
        ),
        (
            r#"{"k":true}"#,
            "the key `.k` is a boolean, expected a string; key = '.k | tostring' converts it",
        ),
        (r#"{"k":[]}"#, "the key `.k` is an array, expected a string"),
        (r#"{"k":{}}"#, "the key `.k` is an object, expected a string"),
        (r#"{"k":""}"#, "the key `.k` is an empty string"),
        (r#"{"k":"\ud800"}"#, "the key `.k` has half of a surrogate pair, which is no character"),
        (
            "[1]",
            "no key: `.k` is missing, since there is an array; `[]` behind the path in `events`, \
             as \
             in events = '.[]', makes an event of each of its elements",
        ),
        (
            "{",
            "not JSON: expected a member's name in quotes at byte 2. A document has one line, and \
             this document seems to span several lines: `jq -c .` makes one line of each \
             document, and `jq -c '.[]'` of each element of an array",
        ),
        (r#"{"k":"a"} x"#, "not JSON: something follows the document at byte 11"),
    ] {
        assert_eq!(map(".k", ".", line), rejected(reason), "{line}");
    }
    assert_eq!(map(".k", ".p", r#"{"k":"a"}"#), rejected("no payload: `.p` is missing"));
}

#[test]
fn expressions() {
    let line = r#"{"a":"x","b":[1, 2],"n":10000000000000000000001.50}"#;
    assert_eq!(
        map(r#""\(.a)/k""#, "{b: .b, n}", line),
        event("x/k", r#"{"b":[1,2],"n":10000000000000000000001.50}"#)
    );
    assert_eq!(map(".a", ".b | add", line), event("x", "3"));
    assert_eq!(map(".a", ".missing?", line), event("x", "null"));
    assert_eq!(map(".a", r#".b | map("s\n")"#, line), event("x", r#"["s\n","s\n"]"#));
    assert_eq!(map(".a | ascii_upcase", "empty", line), Owned::Filtered);
    assert_eq!(map(".nothing", "select(.a == \"y\")", line), Owned::Filtered, "needs no key");
    assert_eq!(map(r#".a | sub("x"; "y")"#, "1", line), event("y", "1"));
}

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
fn expressions_that_make_ever_more_events_fail() {
    let line = r#"{"k":"a"}"#;
    let outputs = "has more than 10009 outputs for a line of 9 bytes: the limit is 10000 and one \
                   for each byte";
    let bytes = "makes more than 16777234 bytes of a line of 9 bytes: the limit is 16 MiB and 2 \
                 for each byte";
    for (settings, said) in [
        (
            "key = '.k'\npayload = 'range(300000000000)'",
            format!("the payload `range(300000000000)` {outputs}"),
        ),
        ("key = '.k'\npayload = 'repeat(1)'", format!("the payload `repeat(1)` {outputs}")),
        (
            "key = '.k'\npayload = 'range(20) | \"x\" * 1000000'",
            format!("the payload `range(20) | \"x\" * 1000000` {bytes}"),
        ),
        ("fixed_key = 'k'\nevents = 'range(1e15)'", format!("the events `range(1e15)` {outputs}")),
        // What is not kept counts, too.
        (
            "fixed_key = 'k'\nevents = 'range(1e15)'\npayload = 'empty'",
            format!("the events `range(1e15)` {outputs}"),
        ),
        (
            "fixed_key = 'k'\nevents = 'range(9000)'\npayload = '.,.'",
            format!("event 5005: the payload `.,.` {outputs}"),
        ),
        (
            "key = '\"x\" * 10000'\nevents = 'range(9000)'",
            format!("the key `\"x\" * 10000` {bytes}"),
        ),
        // Each by itself would be allowed.
        (
            "fixed_key = 'k'\nevents = 'range(9000)'\npayload = 'reduce range(1000) as $i (0; . + \
             $i)'",
            LONG.to_owned(),
        ),
    ] {
        let Owned::Rejected(reason) = owned(apply(&of(settings), line.as_bytes())) else {
            panic!("{settings}")
        };
        let holds = reason.starts_with(&said) || (said == LONG && reason.ends_with(LONG));
        assert!(holds, "{settings}: {reason}");
    }
}

#[test]
fn a_line_has_one_time_for_all_its_events() {
    let map = of("fixed_key = 'k'\nevents = '.[]'\npayload = 'now'\nat = 'now'");
    let clock = Clock::default();
    let Mapped::Several(first) = map.apply(b"[1,2,3]", Framing::Newline, &clock) else { panic!() };
    let [run] = &first[..] else { panic!("{first:?}") };
    let payloads: Vec<_> = run.payloads().collect();
    assert_eq!((payloads[0], payloads[1]), (payloads[1], payloads[2]));
    let asked = clock.asked().unwrap();
    assert_eq!(run.at.unwrap() / 1_000_000_000, asked / 1_000_000_000);
    let Mapped::Several(again) = map.apply(b"[1,2,3]", Framing::Newline, &Clock::at(Some(asked)))
    else {
        panic!()
    };
    assert_eq!(again, first);
    let other = Clock::at(Some(asked - 5_000_000_000));
    assert_ne!(map.apply(b"[1,2,3]", Framing::Newline, &other), Mapped::Several(first));
    let none = Clock::default();
    of("fixed_key = 'k'\npayload = '.[]'").apply(b"[1]", Framing::Newline, &none);
    assert_eq!(none.asked(), None);
}

#[test]
fn expressions_that_give_no_event() {
    let line = r#"{"k":"a","d":[[1]]}"#;
    for (key, payload, reason) in [
        ("empty", ".", "no key: `empty` has no output"),
        (".k,.k", ".", "the key `.k,.k` has more than one output, expected one"),
        (".d?", ".", "the key `.d?` is an array, expected a string"),
        ("null", ".", "no key: `null` is null"),
        ("\"\"", ".", "the key `\"\"` is an empty string"),
        (".k | error", ".", "the key `.k | error` failed: \"a\""),
        (".k", "nan", "the payload `nan` is or contains a value that JSON does not have"),
        (
            ".k",
            "[infinite]",
            "the payload `[infinite]` is or contains a value that JSON does not have",
        ),
        (
            ".k",
            "{(1|tostring):1} | .[0:1]",
            "the payload `{(1|tostring):1} | .[0:1]` failed: \
            cannot use {\"1\":1} as rangeable (array or string)",
        ),
        (".k", "halt", "the payload `halt` failed: it calls `halt`, which is not supported"),
    ] {
        assert_eq!(map(key, payload, line), rejected(reason), "{key} {payload}");
    }
}

#[test]
fn a_failure_does_not_repeat_a_whole_document() {
    let line = format!(r#"{{"k":"{}"}}"#, "é".repeat(1 << 20));
    let Owned::Rejected(reason) = map("\"k\"", ".k | .[0]", &line) else { panic!() };
    assert!(reason.len() < 1000 && reason.ends_with("…"), "{}", reason.len());
}

#[test]
fn half_a_surrogate_pair_passes_through_a_path_but_not_through_jq() {
    let line = r#"{"k":"a","p":"\ud800"}"#;
    assert_eq!(map(".k", ".p", line), event("a", r#""\ud800""#));
    let Owned::Rejected(reason) = map(".k", ".p | .", line) else { panic!() };
    assert!(reason.starts_with("jq cannot take the document: byte offset"), "{reason}");
}

#[test]
fn an_expression_sees_json_and_nothing_more_lenient() {
    for line in ["NaN", "+1", "1 # comment", r#"{1:2}"#, r#"b"x""#] {
        let Owned::Rejected(reason) = map("\"k\"", ".", line) else { panic!("{line}") };
        assert!(reason.starts_with("not JSON: "), "{reason}");
    }
}

#[test]
fn deep_documents_do_not_overflow_a_small_stack() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let test = move || {
        let too_deep = "the payload `[.]` is nested more than 256 deep";
        assert_eq!(map("\"k\"", ".[0:]", &nested(256)), event("k", &nested(256)));
        assert_eq!(map("\"k\"", "[.]", &nested(256)), rejected(too_deep));
    };
    thread.spawn(test).unwrap().join().unwrap();
}

#[test]
fn an_expression_without_end_fails_on_any_thread() {
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let test = || {
        let line = r#"{"k":"a"}"#;
        for (expression, reason) in [
            ("def f: 1 + f; f", DEEP),
            ("def f: [f]; f", DEEP),
            ("def f: {a: f}; f", DEEP),
            ("def f: f; f", LONG),
            ("def f: f, 1; f", LONG),
            ("until(false; .)", LONG),
            ("last(repeat(.))", LONG),
        ] {
            let said = format!("the payload `{expression}` failed: {reason}");
            assert_eq!(map(".k", expression, line), rejected(&said), "{expression}");
            let said = format!("the key `{expression}` failed: {reason}");
            assert_eq!(map(expression, ".", line), rejected(&said), "{expression}");
        }
    };
    thread.spawn(test).unwrap().join().unwrap();
}

#[test]
fn an_expression_that_makes_ever_more_fails_on_a_large_stack() {
    let thread = std::thread::Builder::new().stack_size(1 << 30);
    let test = || {
        let line = r#"{"k":"a"}"#;
        // Whichever comes first.
        for expression in [
            "def f: try f catch 1 | 1; f",
            "def f: f.a; path(f)",
            "def f: f.a; f |= 1",
            "def f: 1, f; [f]",
            "[recurse([.])]",
            "reduce repeat(1) as $x (0; . + $x)",
        ] {
            let Owned::Rejected(reason) = map(".k", expression, line) else {
                panic!("{expression}")
            };
            assert!(reason.ends_with(DEEP) || reason.ends_with(LONG), "{expression}: {reason}");
        }
    };
    thread.spawn(test).unwrap().join().unwrap();
}

#[test]
fn an_expression_may_take_more_steps_for_a_longer_line() {
    let numbers = vec!["1"; 1 << 18].join(",");
    let line = format!("{{\"n\":[{numbers}]}}");
    // Sixty times each number: more than any line may.
    let many = "[.n[] | reduce range(20) as $i (0; . + $i)] | length";
    assert_eq!(map("\"k\"", many, &line), event("k", "262144"));
    let short = "[range(262144) | reduce range(20) as $i (0; . + $i)] | length";
    let said = format!("the payload `{short}` failed: {LONG}");
    assert_eq!(map("\"k\"", short, "{}"), rejected(&said));
}

#[test]
fn the_time_of_an_event() {
    let noon = 1_777_636_800_000_000_000;
    for (settings, line, at) in [
        ("at = '.t'", r#"{"t":"2026-05-01T12:00:00Z"}"#, Ok(noon)),
        ("at = '.t'", r#"{"t": "2026-05-01T14:00:00.5+02:00"}"#, Ok(noon + 500_000_000)),
        ("at = '.t'", r#"{"t":"2026-05-01\u005412:00:00Z"}"#, Ok(noon)),
        ("at = '.t'", r#"{"t":1777636800.000000001}"#, Ok(noon + 1)),
        ("at = '.t'\nat_unit = 's'", r#"{"t":1777636800}"#, Ok(noon)),
        ("at = '.t'\nat_unit = 'ms'", r#"{"t":1777636800001}"#, Ok(noon + 1_000_000)),
        ("at = '.t'\nat_unit = 'us'", r#"{"t":1777636800000001}"#, Ok(noon + 1_000)),
        ("at = '.t'\nat_unit = 'ns'", r#"{"t":1777636800000000001}"#, Ok(noon + 1)),
        ("at = '.t'\nat_unit = 'ms'", r#"{"t":"2026-05-01T12:00:00Z"}"#, Ok(noon)),
        ("at = '.t / 1000'", r#"{"t":1777636800500}"#, Ok(noon + 500_000_000)),
        ("at = '.d + \"T12:00:00Z\"'", r#"{"d":"2026-05-01"}"#, Ok(noon)),
        ("at = '.t'", "{}", Err("no time: `.t` is missing")),
        ("at = '.t'", r#"{"t":null}"#, Err("no time: `.t` is null")),
        ("at = '.t?'", "{}", Err("no time: `.t?` is null")),
        (
            "at = '.t'",
            r#"{"t":[]}"#,
            Err("the time `.t` is an array, expected a string or a number"),
        ),
        ("at = '.t'", r#"{"t":-1}"#, Err("the time `.t` is -1, expected a time from 1970 to 2554")),
        ("at = 'nan'", "{}", Err("the time `nan` is or contains a value that JSON does not have")),
        ("at = 'empty'", "{}", Err("no time: `empty` has no output")),
        ("at = '1,2'", "{}", Err("the time `1,2` has more than one output, expected one")),
        ("at = '.t'", r#"{"t":"noon"}"#, Err("the time `.t` is \"noon\", expected a time after")),
    ] {
        let config: MapConfig = toml::from_str(&format!("fixed_key = 'k'\n{settings}")).unwrap();
        let map = config.settings(Codec::Json).unwrap().map;
        match (apply(&map, line.as_bytes()), at) {
            (Mapped::Event { at: found, .. }, Ok(at)) => assert_eq!(found, Some(at), "{line}"),
            (Mapped::Rejected(reason), Err(said)) => assert!(reason.starts_with(said), "{reason}"),
            (other, _) => panic!("{line}: {other:?}"),
        }
    }
    let filtered = "fixed_key = 'k'\npayload = 'empty'\nat = '.t'";
    let config: MapConfig = toml::from_str(filtered).unwrap();
    let map = config.settings(Codec::Json).unwrap().map;
    assert_eq!(apply(&map, b"{}"), Mapped::Filtered, "it needs no time");
}

#[test]
fn raw_lines_are_their_payload() {
    let config = MapConfig { fixed_key: Some("k".to_owned()), ..MapConfig::default() };
    let map = config.settings(Codec::Raw).unwrap().map;
    assert_eq!(map.verbatim(), Some("k"));
    assert_eq!(
        owned(apply(&map, b"no \xff json")),
        Owned::Event("k".into(), b"no \xff json".into())
    );
}

#[test]
fn a_fixed_key_still_needs_json() {
    let config = MapConfig { fixed_key: Some("k".to_owned()), ..MapConfig::default() };
    let map = config.settings(Codec::Json).unwrap().map;
    assert_eq!(map.verbatim(), None);
    assert_eq!(owned(apply(&map, b"[1, 2]")), event("k", "[1,2]"));
    assert!(matches!(apply(&map, b"[1, 2"), Mapped::Rejected(_)));
}

#[test]
fn maps_can_move_between_threads() {
    fn send<T: Send>(_: T) {}
    send(compiled(".k | .", "."));
}

const DEEP: &str = "it recurses too deeply";
const LONG: &str = "it takes too many steps; it may not terminate";

#[derive(Debug, PartialEq)]
enum Owned {
    Event(String, Vec<u8>),
    Several(Vec<(String, String)>),
    Filtered,
    Rejected(String),
}

fn apply<'a>(map: &'a Map, line: &'a [u8]) -> Mapped<'a> {
    map.apply(line, Framing::Bare, &Clock::default())
}

fn map(key: &str, payload: &str, line: &str) -> Owned {
    owned(apply(&compiled(key, payload), line.as_bytes()))
}

fn owned(mapped: Mapped<'_>) -> Owned {
    match mapped {
        Mapped::Event { key, payload, .. } => {
            let mut arena = Vec::new();
            payload.append_to(&mut arena);
            Owned::Event(key.into_owned(), arena)
        }
        Mapped::Several(runs) => Owned::Several(
            runs.iter()
                .flat_map(|run| run.payloads().map(|payload| (run.key.clone(), payload.to_vec())))
                .map(|(key, payload)| (key, String::from_utf8(payload).unwrap()))
                .collect(),
        ),
        Mapped::Filtered => Owned::Filtered,
        Mapped::Rejected(reason) => Owned::Rejected(reason),
    }
}

fn compiled(key: &str, payload: &str) -> Map {
    let key = Some(key.to_owned());
    let payload = Some(payload.to_owned());
    let config = MapConfig { key, payload, ..MapConfig::default() };
    config.settings(Codec::Json).unwrap().map
}

fn of(settings: &str) -> Map {
    let config: MapConfig = toml::from_str(settings).unwrap();
    config.settings(Codec::Json).unwrap().map
}

fn several(events: &[(&str, &str)]) -> Owned {
    let owned = |(key, payload): &(&str, &str)| ((*key).to_owned(), (*payload).to_owned());
    Owned::Several(events.iter().map(owned).collect())
}

fn event(key: &str, payload: &str) -> Owned {
    Owned::Event(key.to_owned(), payload.trim().as_bytes().to_vec())
}

fn rejected(reason: &str) -> Owned {
    Owned::Rejected(reason.to_owned())
}
