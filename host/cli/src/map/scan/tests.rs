use super::*;
use crate::map::nesting::DEPTH_MAX;
use crate::map::path::Path;
use crate::testing::{Random, random_json, seeds};

#[test]
fn values_at_paths() {
    let line = r#" {"a":{"b":[10,{"c":true}]},"key" : "k","odd key":-0.5e+3} "#;
    for (path, found) in [
        (".key", Some(r#""k""#)),
        (".a.b[0]", Some("10")),
        (".a.b[1].c", Some("true")),
        (".a.b", Some(r#"[10,{"c":true}]"#)),
        (r#"."odd key""#, Some("-0.5e+3")),
        (".", Some(line.trim())),
        (".b", None),
        (".a.b[2]", None),
        (".a[0]", None),
        (".key.c", None),
        (".a.b.c", None),
    ] {
        assert_eq!(at(line, path), found, "{path}");
    }
}

#[test]
fn both_values_in_one_pass() {
    let paths = [".a.x", ".a"].map(|path| Path::parse(path).unwrap());
    let line = br#"{"a":{"x":1, "y":2}}"#;
    let [inner, outer] = scan(line, [Some(paths[0].steps()), Some(paths[1].steps())]).unwrap();
    assert_eq!(&line[inner.unwrap().range()], b"1");
    assert_eq!(&line[outer.unwrap().range()], br#"{"x":1, "y":2}"#);
    assert_eq!((inner.unwrap().compact, outer.unwrap().compact), (true, false));
}

#[test]
fn of_members_of_the_same_name_the_last_counts() {
    assert_eq!(at(r#"{"a":1,"a":2}"#, ".a"), Some("2"));
    assert_eq!(at(r#"{"a":{"b":1},"\u0061":{"c":2}}"#, ".a.b"), None);
    assert_eq!(at(r#"{"a":{"b":1},"a":{"b":3}}"#, ".a.b"), Some("3"));
    assert_eq!(at(r#"{"a":{"b":1},"a":7}"#, ".a.b"), None);
}

#[test]
fn names_are_compared_as_text() {
    assert_eq!(at(r#"{"k\u0065y":1}"#, ".key"), Some("1"));
    assert_eq!(at(r#"{"\ud83d\ude00":1}"#, r#"."😀""#), Some("1"));
    assert_eq!(at(r#"{"k\\u0065y":1}"#, ".key"), None);
}

#[test]
fn blanks_around_a_value_do_not_belong_to_it() {
    let path = Path::parse(".a").unwrap();
    let line = b"{ \"a\" :\t{\"b\":[ ]} , \"c\":[1 ]}";
    let [found, _] = scan(line, [Some(path.steps()), None]).unwrap();
    assert_eq!(&line[found.unwrap().range()], br#"{"b":[ ]}"#);
    assert!(!found.unwrap().compact);
    let [found, _] = scan(b"{ \"a\" : [1,2] }", [Some(path.steps()), None]).unwrap();
    assert!(found.unwrap().compact);
}

#[test]
fn what_is_not_json_is_said_with_its_place() {
    for (line, message) in [
        (&b""[..], "expected a value at byte 1"),
        (b"nul", "expected a value at byte 1"),
        (b"{} {}", "something follows the document at byte 4"),
        (b"{\"a\" 1}", "expected `:` at byte 6"),
        (b"{\"a\":1,}", "expected a member's name in quotes at byte 8"),
        (b"[1 2]", "expected `,` or `]` at byte 4"),
        (b"[1,]", "expected a value at byte 4"),
        (b"[1}", "expected `,` or `]` at byte 3"),
        (b"{\"a\":1]", "expected `,` or `}` at byte 7"),
        (b"\"a", "expected `\"` at byte 3"),
        (b"\"a\tb\"", "a control character in a string at byte 3"),
        (b"\"\\x\"", "a wrong escape in a string at byte 2"),
        (b"\"\\u12g4\"", "a wrong escape in a string at byte 2"),
        (b"\"\\", "a wrong escape in a string at byte 2"),
        (b"01", "something follows the document at byte 2"),
        (b"1.", "expected a digit at byte 3"),
        (b"1e+", "expected a digit at byte 4"),
        (b"-", "expected a digit at byte 2"),
        (b"+1", "expected a value at byte 1"),
        (b"NaN", "expected a value at byte 1"),
        (b"\"a\xff\"", "invalid UTF-8 at byte 3"),
        (b"'a'", "expected a value at byte 1"),
        (b"1 # comment", "something follows the document at byte 3"),
    ] {
        let fault = scan(line, [None, None]).unwrap_err().to_string();
        assert_eq!(fault, message, "{}", line.escape_ascii());
    }
}

#[test]
fn nesting_is_bounded_along_a_path_and_off_it() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deep = "[0]".repeat(300);
    let path = Path::parse(&format!(".{deep}")).unwrap();
    for wanted in [None, Some(path.steps())] {
        assert!(scan(nested(DEPTH_MAX).as_bytes(), [wanted, None]).is_ok());
        let fault = scan(nested(DEPTH_MAX + 1).as_bytes(), [wanted, None]).unwrap_err();
        assert_eq!(fault.to_string(), "nested more than 256 deep at byte 257");
    }
}

#[test]
fn what_is_json_is_what_serde_json_says() {
    for seed in seeds(3000) {
        let random = &mut Random::new(seed);
        let mut line = serde_json::to_vec(&random_json(random, 3)).unwrap();
        for _ in 0..random.below(3) {
            let at = random.below(line.len());
            line[at] = *random.pick(b" \t\"\\{}[]:,0123456789.eE+-truefalsn\x01\x80u");
        }
        let expected = serde_json::from_slice::<&serde_json::value::RawValue>(&line).is_ok();
        let seen = scan(&line, [None, None]).is_ok();
        assert_eq!(seen, expected, "SPILLWAY_SEED={seed} {}", line.escape_ascii());
    }
}

#[test]
fn values_at_random_paths_are_those_of_serde_json() {
    for seed in seeds(2000) {
        let random = &mut Random::new(seed);
        let document = random_json(random, 4);
        let line = match random.below(2) {
            0 => serde_json::to_string(&document).unwrap(),
            _ => serde_json::to_string_pretty(&document).unwrap(),
        };
        let path = [".a", ".b.a", ".c[1]", "[0].a", ".a.b.c"];
        let path = random.pick(&path).trim_start_matches('.').to_owned();
        let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
        let pointer = pointer.replace("//", "/");
        let found = at(&line, &format!(".{path}"));
        let found = found.map(|json| serde_json::from_str::<serde_json::Value>(json).unwrap());
        assert_eq!(found.as_ref(), document.pointer(&pointer), "SPILLWAY_SEED={seed} {line}");
    }
}

fn at<'l>(line: &'l str, path: &str) -> Option<&'l str> {
    let path = Path::parse(path).unwrap();
    let [_, found] = scan(line.as_bytes(), [None, Some(path.steps())]).unwrap();
    found.map(|span| &line[span.range()])
}
