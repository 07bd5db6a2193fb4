//! Valid and invalid configurations.

use serde_json::json;

use super::*;
use crate::config::HEADER_BYTES_MAX;

#[test]
fn a_number_without_a_fraction_is_whole_however_it_is_written() {
    for (json, part_bytes) in [
        (r#"{"bucket": "b", "part_bytes": 8388608}"#, Some(8_388_608)),
        (r#"{"bucket": "b", "part_bytes": 8388608.0}"#, Some(8_388_608)),
        (r#"{"bucket": "b", "part_bytes": 1e9}"#, Some(1_000_000_000)),
        (r#"{"bucket": "b", "part_bytes": 8388608.5}"#, None),
        (r#"{"bucket": "b", "part_bytes": 1e300}"#, None),
        (r#"{"bucket": "b", "part_bytes": -1.0}"#, None),
    ] {
        let (raw, problems) = RawConfig::parse(json);
        let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
        match part_bytes {
            Some(_) => assert_eq!(fields, [""; 0], "{json}"),
            None => assert_eq!(fields, ["part_bytes"], "{json}"),
        }
        assert_eq!(raw.number("part_bytes"), part_bytes.or(Some(8 << 20)), "{json}");
    }
}

#[test]
fn a_field_that_is_given_twice_is_refused_under_whatever_names() {
    for json in [
        r#"{"bucket": "b", "tags": {"t": "1", "t": "2"}}"#,
        r#"{"bucket": "a", "bucket": "b"}"#,
        r#"{"bucket": 1, "bucket": "b"}"#,
        r#"{"bucket": "b", "region": "r", "aws_region": "r"}"#,
    ] {
        let (_, problems) = RawConfig::parse(json);
        let twice = |p: &Problem| p.message.starts_with("given twice");
        assert_eq!(problems.iter().filter(|p| twice(p)).count(), 1, "{json}: {problems:?}");
    }
    let (_, problems) = RawConfig::parse(r#"{"bucket": "b", "aws_region": "r", "region": "r"}"#);
    let wanted = Problem::new("region", "given twice: `aws_region` is the same field");
    assert_eq!(problems, [wanted]);
}

#[test]
fn fields_may_stand_in_a_table() {
    let json = r#"{"bucket": "b", "rotate": {"events": 7, "age_ms": 5e3}}"#;
    let (raw, problems) = RawConfig::parse(json);
    assert_eq!(problems, []);
    let numbers = ["rotate.events", "rotate.age_ms", "rotate.idle_ms"];
    assert_eq!(numbers.map(|name| raw.number(name)), [Some(7), Some(5_000), None]);
    let (_, problems) = RawConfig::parse(r#"{"bucket": "b", "rotate": {}}"#);
    assert_eq!(problems, [], "an empty table says nothing");
}

#[test]
fn what_is_wrong_with_a_table_is_said_of_its_field() {
    let cases = [
        (r#"{"rotate": {"event": 1}}"#, "rotate.event", "did you mean `rotate.events`?"),
        (r#"{"rotate": {"nonsense": 1}}"#, "rotate.nonsense", "unknown field; the fields are"),
        (r#"{"rotat": {"events": 1}}"#, "rotat", "did you mean `rotate`?"),
        (r#"{"rotate_events": 1}"#, "rotate_events", "did you mean `rotate.events`?"),
        (r#"{"rotate": {"events": {}}}"#, "rotate.events", "a table; expected a whole number"),
        (r#"{"rotate": {"events": 0}}"#, "rotate.events", "the number 0; expected a whole number"),
        (r#"{"rotate": 7}"#, "rotate", "the number 7; expected a table"),
        (r#"{"rotate": [{"events": 1}]}"#, "rotate", "a list; expected a table"),
        (r#"{"rotate": null}"#, "rotate", "null; expected a table"),
        (r#"{"rotate.events": 1}"#, "rotate.events", "write what stands before it as a table"),
        (
            r#"{"rotate": {"events": 1, "events": 1}}"#,
            "rotate.events",
            "given twice: `rotate.events` is the same field",
        ),
        (
            r#"{"rotate": {"events": 1}, "rotate": {"age_ms": 1}}"#,
            "rotate",
            "given twice: `rotate` is the same field",
        ),
    ];
    for (json, field, said) in cases {
        let with_bucket = json.replacen('{', r#"{"bucket": "b", "#, 1);
        let (_, problems) = RawConfig::parse(&with_bucket);
        let [problem] = &problems[..] else { panic!("{json}: {problems:?}") };
        assert_eq!(problem.field, field, "{json}");
        assert!(problem.message.contains(said), "{json}: {}", problem.message);
    }
}

#[test]
fn a_header_holds_printable_ascii_and_says_where_it_is_not() {
    let long = "x".repeat(HEADER_BYTES_MAX);
    for good in ["text/plain; charset=utf-8", "a  b", "~", &long] {
        assert_eq!(refused("content_type", json!(good)), None, "{good}");
    }
    for (bad, message) in [
        (json!("a\r\nx-amz-acl: public-read"), "character 2 is U+000D; expected printable ASCII"),
        (json!("no\ttab"), "character 3 is U+0009"),
        (json!("na\u{ef}ve"), "character 3 is U+00EF"),
        (json!(""), "an empty string"),
        (json!(" a"), "a blank at its beginning or end"),
        (json!("a "), "a blank at its beginning or end"),
        (json!(long + "x"), "a string of 1025 characters; the limit is 1024"),
        (json!(7), "the number 7; expected a string"),
    ] {
        let said = refused("content_type", bad.clone()).expect("it is refused");
        assert!(said.contains(message), "{bad}: {said}");
    }
}

#[test]
fn a_table_of_texts_has_texts_and_not_too_many() {
    let tags = |count: usize| (0..count).map(|n| (n.to_string(), json!("v"))).collect();
    assert_eq!(refused("tags", Value::Object(tags(10))), None);
    let many = refused("tags", Value::Object(tags(11)));
    assert_eq!(many.as_deref(), Some("a table of 11; the limit is 10"));
    let number = refused("tags", json!({"a": "1", "b": 2}));
    assert_eq!(number.as_deref(), Some("the number 2 as `b`; expected a string"));
    let list = refused("tags", json!(["a"]));
    assert_eq!(list.as_deref(), Some("a list; expected a table of strings"));
}

#[test]
fn a_secret_is_not_shown() {
    for value in [json!(["s3cr3t"]), json!({"s3cr3t": "s3cr3t"}), json!(53_017)] {
        let said = refused("customer_key", value).expect("it is refused");
        assert_eq!(said, "no string, or an empty one");
    }
    let (raw, _) = RawConfig::parse(r#"{"bucket": "b", "customer_key": "s3cr3t"}"#);
    assert_eq!(raw.text("customer_key"), Some("s3cr3t"));
    assert_eq!(format!("{raw:?}"), r#"{"bucket", "customer_key"}"#);
}

/// The problem reported for this field with this value.
fn refused(field: &str, value: Value) -> Option<String> {
    let (_, problems) = RawConfig::parse(&json!({"bucket": "b", field: value}).to_string());
    assert!(problems.iter().all(|problem| problem.field == field), "{problems:?}");
    problems.into_iter().next().map(|problem| problem.message)
}
