//! From a line to an event: paths, expressions, keys and times.

mod limits;
mod raw;
mod several;

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
    assert_eq!(map.verbatim(&LinePlace::default()).as_deref(), Some("k"));
    assert_eq!(
        owned(apply(&map, b"no \xff json")),
        Owned::Event("k".into(), b"no \xff json".into())
    );
}

#[test]
fn a_fixed_key_still_needs_json() {
    let config = MapConfig { fixed_key: Some("k".to_owned()), ..MapConfig::default() };
    let map = config.settings(Codec::Json).unwrap().map;
    assert_eq!(map.verbatim(&LinePlace::default()), None);
    assert_eq!(owned(apply(&map, b"[1, 2]")), event("k", "[1,2]"));
    assert!(matches!(apply(&map, b"[1, 2"), Mapped::Rejected(_)));
}

#[test]
fn maps_can_move_between_threads() {
    fn send<T: Send>(_: T) {}
    send(compiled(".k | .", "."));
}

#[derive(Debug, PartialEq)]
enum Owned {
    Event(String, Vec<u8>),
    Several(Vec<(String, String)>),
    Filtered,
    Rejected(String),
}

fn apply<'a>(map: &'a Map, line: &'a [u8]) -> Mapped<'a> {
    map.apply(line, Framing::Bare, &About::default())
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
