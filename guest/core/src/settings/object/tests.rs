//! Valid and invalid properties of objects.

use serde_json::{Value, json};

use super::*;
use crate::error::Error;
use crate::settings::Settings;

#[test]
fn without_a_word_nothing_is_said() {
    assert_eq!(read(json!({})), ObjectSettings::default());
    assert_eq!(read(json!({"tags": {}, "metadata": {}})), ObjectSettings::default());
}

#[test]
fn each_field_has_its_header() {
    for (field, value, header) in [
        ("content_type", "application/x-ndjson; charset=utf-8", "content-type"),
        ("content_encoding", "gzip", "content-encoding"),
        ("content_disposition", "attachment; filename=\"a b\"", "content-disposition"),
        ("content_language", "de, en", "content-language"),
        ("cache_control", "max-age=3600", "cache-control"),
        ("storage_class", "STANDARD_IA", "x-amz-storage-class"),
        ("acl", "bucket-owner-full-control", "x-amz-acl"),
        ("object_lock_legal_hold", "ON", "x-amz-object-lock-legal-hold"),
    ] {
        let headers = read(json!({field: value})).headers;
        assert_eq!(headers, [(header.into(), value.to_owned())], "{field}");
    }
    let silent = ObjectSettings { sets_content_encoding: true, ..ObjectSettings::default() };
    assert_eq!(read(json!({"content_encoding": "none"})), silent);
}

#[test]
fn tags_are_a_query() {
    let headers = read(json!({"tags": {"team": "a=b c", "é/1": "+", "z": ""}})).headers;
    let query = "team=a%3Db%20c&z=&%C3%A9%2F1=%2B".to_owned();
    assert_eq!(headers, [("x-amz-tagging".into(), query)]);
}

#[test]
fn metadata_is_in_small_letters() {
    let headers = read(json!({"metadata": {"Owner-Team": "log  archive", "b": ""}})).headers;
    let header = |name: &'static str, value: &str| (name.into(), value.to_owned());
    let expected = [header("x-amz-meta-owner-team", "log  archive"), header("x-amz-meta-b", "")];
    assert_eq!(headers, expected);
}

#[test]
fn all_of_the_metadata_has_its_limit() {
    let metadata = |len: usize| json!({"metadata": {"a": "x".repeat(len)}});
    assert!(parse(metadata(2_001)).is_ok());
    refused(metadata(2_002), "metadata", "2003 bytes of names and values, but 2002 are");
}

#[test]
fn a_lock_ends_at_a_moment_or_after_days() {
    let fields = json!({
        "object_lock_mode": "COMPLIANCE",
        "object_lock_retain_until": "2035-01-31T00:00:00Z",
    });
    let retention = read(fields).retention.expect("a lock");
    assert_eq!(retention.mode, "COMPLIANCE");
    let moment = retention.until.moment(Timestamp(7));
    assert_eq!(moment.iso8601(), "2035-01-31T00:00:00.000Z");
    let fields = json!({"object_lock_mode": "GOVERNANCE", "object_lock_retain_days": 36_500});
    let retention = read(fields).retention.expect("a lock");
    let moment = retention.until.moment(Timestamp(1_767_225_600_000_000_000));
    assert_eq!(moment.iso8601(), "2125-12-08T00:00:00.000Z");
    assert_eq!(retention.until.moment(Timestamp(u64::MAX)), Timestamp(u64::MAX));
}

#[test]
fn what_s3_does_not_take_is_refused() {
    let tag = |key: &str, value: &str| json!({"tags": {key: value}});
    let metadata = |name: &str, value: &str| json!({"metadata": {name: value}});
    let (k128, v256) = ("k".repeat(128), "v".repeat(256));
    assert!(parse(tag(&k128, &v256)).is_ok());
    for (fields, field, said) in [
        (tag("", "v"), "tags", "a key that is empty"),
        (tag(&(k128 + "k"), "v"), "tags", "a key of 129 characters; the limit is 128"),
        (tag("k", &(v256 + "v")), "tags", "a value of 257 characters; the limit is 256"),
        (tag("k", &"\u{10400}".repeat(129)), "tags", "a value of 258 characters"),
        (tag("AWS:k", "v"), "tags", "begin with `aws:`"),
        (tag("a&b", "v"), "tags", "a tag has U+0026"),
        (tag("k", "a\nb"), "tags", "a tag has U+000A"),
        (metadata("Spillway-Nonce", "x"), "metadata", "written by Spillway itself"),
        (metadata("x-amz-meta-a", "x"), "metadata", "without `x-amz-meta-`"),
        (metadata("a b", "x"), "metadata", "`a b` is no header's name"),
        (metadata("a\r\nb", "x"), "metadata", "`a\\r\\nb` is no header's name"),
        (metadata("", "x"), "metadata", "`` is no header's name"),
        (metadata("a", "x\r\ny"), "metadata", "character 2 of `a` is not printable ASCII"),
        (metadata("a", "é"), "metadata", "character 1 of `a` is not printable ASCII"),
        (metadata("a", "x "), "metadata", "a blank at its beginning or end"),
        (json!({"metadata": {"a": "1", "A": "2"}}), "metadata", "`a` stands there twice"),
        (json!({"content_encoding": "gzip, aws-chunked"}), "content_encoding", "in pieces"),
        (json!({"acl": "public"}), "acl", "one of `private`"),
        (json!({"object_lock_mode": "GOVERNANCE"}), "object_lock_mode", "for how long say"),
        (
            json!({"object_lock_retain_days": 1}),
            "object_lock_retain_days",
            "set, but `object_lock_mode` is not",
        ),
        (
            json!({"object_lock_retain_until": "2035-01-31T00:00:00Z"}),
            "object_lock_retain_until",
            "set, but `object_lock_mode` is not",
        ),
        (
            json!({
                "object_lock_mode": "GOVERNANCE",
                "object_lock_retain_days": 1,
                "object_lock_retain_until": "2035-01-31T00:00:00Z",
            }),
            "object_lock_retain_days",
            "so is `object_lock_retain_until`",
        ),
        (
            json!({
                "object_lock_mode": "GOVERNANCE",
                "object_lock_retain_until": "2035-01-31",
            }),
            "object_lock_retain_until",
            "`2035-01-31` is no moment",
        ),
        (
            json!({"object_lock_mode": "GOVERNANCE", "object_lock_retain_days": 36_501}),
            "object_lock_retain_days",
            "from 1 to 36500",
        ),
        (
            json!({"object_lock_legal_hold": "ON", "checksum": "none"}),
            "object_lock_legal_hold",
            "`checksum` is `none` and `content_md5` is not set",
        ),
    ] {
        refused(fields, field, said);
    }
    let md5 = json!({"object_lock_legal_hold": "ON", "checksum": "none", "content_md5": true});
    assert!(parse(md5).is_ok());
}

#[track_caller]
fn refused(fields: Value, field: &str, said: &str) {
    let Err(Error::Invalid(problems)) = parse(fields.clone()) else { panic!("{fields}") };
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(problem.field, field, "{fields}");
    assert!(problem.message.contains(said), "{said:?} in {}", problem.message);
}

fn read(fields: Value) -> ObjectSettings {
    parse(fields).expect("a configuration in order").upload.object
}

fn parse(mut fields: Value) -> Result<Settings, Error> {
    fields["bucket"] = "events".into();
    Settings::parse(&fields.to_string())
}
