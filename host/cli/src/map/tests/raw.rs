//! Raw lines that expressions look at, and what is known of a line.

use super::*;

#[test]
fn an_expression_sees_a_raw_line_as_a_string() {
    let map = raw("key = 'split(\" \")[0]'\npayload = '{message: .}'");
    assert_eq!(owned(apply(&map, b"a \"b\"")), event("a", r#"{"message":"a \"b\""}"#));
    // Without one for the payload, that is the line.
    let map = raw("key = '.[:1]'\nat = '.[2:]'");
    let line = "k 2026-05-01T00:00:00Z";
    let Mapped::Event { key, payload, at } = apply(&map, line.as_bytes()) else { panic!() };
    assert_eq!((&*key, at), ("k", Some(1_777_593_600_000_000_000)));
    assert_eq!(payload, Payload(Bytes::AsIs(line.as_bytes())));
    let map = raw("fixed_key = 'k'\npayload = 'split(\",\")[]'");
    assert_eq!(owned(apply(&map, b"1,2")), several(&[("k", "\"1\""), ("k", "\"2\"")]));
    let map = raw("fixed_key = 'k'\npayload = 'select(test(\"error\"))'");
    assert_eq!(owned(apply(&map, b"all is well")), Owned::Filtered);
}

#[test]
fn events_of_a_raw_line_are_documents() {
    let map = raw("events = '{who: .[:1], rest: .[1:]}'\nkey = '.who'\npayload = '.rest'");
    assert_eq!(owned(apply(&map, b"abc")), several(&[("a", "\"bc\"")]));
}

#[test]
fn an_expression_needs_utf_8() {
    for settings in ["fixed_key = 'k'\npayload = '{m: .}'", "key = '.[:1]'", "events = '{m: .}'"] {
        let settings = settings.replace("events", "fixed_key = 'k'\nevents");
        let reason = "the line is not UTF-8 at byte 4, and an expression sees it as a string";
        assert_eq!(owned(apply(&raw(&settings), b"caf\xe9")), rejected(reason), "{settings}");
    }
    let map = raw("fixed_key = 'k'");
    assert!(matches!(apply(&map, b"caf\xe9"), Mapped::Event { .. }));
}

#[test]
fn what_is_known_of_a_line_is_a_variable() {
    let expression = "payload = '{m: ., f: $file, l: $line, o: $offset}'";
    let map = raw(&format!("fixed_key = 'logs/{{file}}'\n{expression}"));
    assert!(map.asks_for_place() && map.needs_file());
    let place = LinePlace { file: Some("/var/log/a.log"), line: 7, offset: 120, record: None };
    let about = About { place, ..About::default() };
    let json = r#"{"m":"x","f":"/var/log/a.log","l":7,"o":120}"#;
    let mapped = owned(map.apply(b"x", Framing::Bare, &about));
    assert_eq!(mapped, event("logs/var/log/a.log", json));
    let reason = "no key: `fixed_key` names what the line is of, and there is none";
    assert_eq!(owned(apply(&map, b"x")), rejected(reason));

    let map = of("key = '$file // \"-\"'\npayload = '.n as $line | [$line, $offset]'");
    assert!(map.asks_for_place() && !map.needs_file());
    assert_eq!(owned(apply(&map, br#"{"n":3}"#)), event("-", "[3,0]"));

    let map = of("key = '$host'\npayload = '.'");
    assert!(!map.asks_for_place());
    let host = hostname::get().unwrap().into_string().unwrap();
    assert_eq!(owned(apply(&map, b"{}")), event(&host, "{}"));
}

#[test]
fn lines_of_a_file_stay_as_they_are() {
    let map = raw("fixed_key = '{file}'");
    assert_eq!(map.verbatim(&in_file("/a")).as_deref(), Some("a"));
    assert_eq!(map.verbatim(&LinePlace::default()), None);
    for settings in ["key = '.[:1]'", "fixed_key = 'k'\nat = '.'", "fixed_key = 'k'\nat = 'now'"] {
        let config: MapConfig = toml::from_str(settings).unwrap();
        let map = config.settings(Codec::Raw).map(|settings| settings.map);
        assert_eq!(map.ok().and_then(|map| map.verbatim(&in_file("/a")).map(|_| ())), None);
    }
}

fn in_file(file: &str) -> LinePlace<'_> {
    LinePlace { file: Some(file), ..LinePlace::default() }
}

fn raw(settings: &str) -> Map {
    let config: MapConfig = toml::from_str(settings).unwrap();
    config.settings(Codec::Raw).unwrap().map
}
