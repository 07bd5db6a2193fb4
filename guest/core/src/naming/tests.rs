//! Names of objects.

use super::*;
use crate::naming::template::Uuid;
use crate::time::Timestamp;

fn names(prefix: &str, template: &str) -> Names {
    Names {
        prefix: prefix.to_owned(),
        template: Template::parse(template).unwrap(),
        suffix: "",
        on_existing: OnExisting::Overwrite,
        state_prefix: "_spillway/".to_owned(),
        lane: Lane::default(),
    }
}

fn stem(names: &Names, key: &str) -> Result<Stem, String> {
    names.stem(&Facts { key, first: 7, at: Timestamp(0), uuid: Uuid(1) })
}

#[test]
fn no_name_is_below_the_prefix_of_the_state_whichever_number_it_has() {
    for (state_prefix, template, is_refused) in [
        ("k-1/", "k-{sequence}/{key}", true),
        ("k-/", "k-{sequence}/{key}", false),
        ("k-1/", "k-{key}/{sequence}", true),
        ("k-1/", "k-0{key}/{sequence}", false),
    ] {
        let names = Names { state_prefix: state_prefix.to_owned(), ..names("", template) };
        assert_eq!(stem(&names, "1").is_err(), is_refused, "{state_prefix} {template}");
    }
}

#[test]
fn a_name_says_how_its_object_is_compressed() {
    let named = |template: &str, key: &str| {
        let names = Names { suffix: ".gz", ..names("", template) };
        stem(&names, key).map(|stem| stem.name(3))
    };
    assert_eq!(named("{key}", "a/b.json"), Ok("a/b.json.gz".to_owned()));
    assert_eq!(named("{key}", "a.gz"), Ok("a.gz".to_owned()), "it has that already");
    assert_eq!(named("{key}-{sequence}", "a.gz"), Ok("a.gz-3.gz".to_owned()));
    let names = Names { suffix: ".gz", ..names("", "{sequence}/{key}") };
    assert_eq!(stem(&names, "a").unwrap().id(), stem(&names, "a.gz").unwrap().id());
    assert!(named("{key}", &"k".repeat(1_021)).is_ok());
    let error = named("{key}", &"k".repeat(1_022)).unwrap_err();
    assert!(error.starts_with("the object's name has 1025 bytes"), "{error}");
}

#[test]
fn a_name_is_prefix_template_and_number() {
    let names = names("logs/", "{key}/{date:%Y}-{sequence:03}");
    let stem = stem(&names, "a").unwrap();
    assert_eq!(stem.name(0), "logs/a/1970-000");
    assert_eq!(stem.name(1_234), "logs/a/1970-1234");
}

#[test]
fn a_name_has_up_to_1024_bytes_whatever_its_number() {
    let free = names("", "{key}");
    assert_eq!(stem(&free, ""), Err("the key is empty".to_owned()));
    assert!(stem(&free, &"é".repeat(512)).is_ok());
    let long = stem(&free, &"k".repeat(1_025)).unwrap_err();
    assert_eq!(long, "the object's name has 1025 bytes, but S3 allows 1024");
    let numbered = names("p", "{key}-{sequence}");
    assert!(stem(&numbered, &"k".repeat(1_002)).is_ok());
    let long = stem(&numbered, &"k".repeat(1_003)).unwrap_err();
    assert!(long.contains("1025 bytes with a number of 20 digits"), "{long}");
    let any_key = names("", "{first}");
    assert!(stem(&any_key, &"k".repeat(5_000)).is_ok(), "the key is no part of the name");
}

#[test]
fn no_key_leads_out_of_a_prefix() {
    let (free, confined) = (names("", "{key}"), names("logs/", "{key}"));
    for key in [
        "/etc",
        "\\etc",
        "..",
        ".",
        "../up",
        "a/../../up",
        "a/..",
        "a\\..\\up",
        "./a",
        "a/./b",
        "//a",
    ] {
        assert!(stem(&free, key).is_ok(), "{key}");
        let refused = stem(&confined, key).unwrap_err();
        assert!(refused.starts_with("behind the prefix"), "{key}: {refused}");
    }
    for key in ["a//b", "a/", "...", "..a", "a../b", ".hidden", "%2e%2e/a", "a\\b"] {
        assert!(stem(&confined, key).unwrap().name(0).starts_with("logs/"), "{key}");
    }
    let dots = names("logs/", ".{key}/x");
    assert!(stem(&dots, ".").is_err(), "what the template adds counts as well");
}

#[test]
fn stems_are_told_apart() {
    let ids = [
        stem(&names("", "{key}-{sequence}"), "a").unwrap().id(),
        stem(&names("", "{key}-{sequence}"), "b").unwrap().id(),
        stem(&names("", "{key}-{sequence:06}"), "a").unwrap().id(),
        stem(&names("", "{key}-{sequence}-"), "a").unwrap().id(),
        stem(&names("a", "-{sequence}"), "b").unwrap().id(),
    ];
    let mut unlike = ids.to_vec();
    unlike.sort();
    unlike.dedup();
    assert_eq!(unlike.len(), ids.len());
    assert_eq!(ids[0], StemId(STEM_ID), "it is kept in checkpoints, and must stay what it is");
}

#[test]
fn several_objects_of_one_key_want_names_that_differ() {
    let refused = names("", "{date:%F}/{key}")
        .refuse_several_of_one_key("max_open_objects", "max_open_objects = 8");
    let problem = refused.unwrap();
    assert_eq!(problem.field, "max_open_objects");
    let remedy = "put `{first}`, `{sequence}` or `{uuid}` into `key_template`";
    assert!(problem.message.contains(remedy), "{problem:?}");
    let refuses = |names: &Names| names.refuse_several_of_one_key("f", "f = 1").is_some();
    for template in ["{key}-{first}", "{key}-{sequence}", "{key}-{uuid}"] {
        assert!(!refuses(&names("", template)), "{template}");
    }
    assert!(!refuses(&Names { on_existing: OnExisting::Fail, ..names("", "{key}") }));
}

/// The first eight bytes of the SHA-256 of `a-` and a number, computed with another tool.
const STEM_ID: u64 = 14_364_181_000_216_037_020;
