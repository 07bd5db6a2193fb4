//! `spillway inspect`: what a component is.

use std::collections::BTreeSet;

use serde_json::Value;

use super::support::Place;

#[test]
fn the_command_says_its_version() {
    let ended = Place::new().spillway(&["--version"]);
    assert_eq!(ended.out.trim(), concat!("spillway ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn it_shows_what_is_imported_and_that_is_the_world() {
    let out = inspected();
    assert_eq!(
        out.lines().next(),
        Some(concat!("spillway-s3 ", env!("CARGO_PKG_VERSION"), " (built in)"))
    );
    let imports = section(&out, "imports");
    assert_eq!(imports.len(), 10, "{imports:?}");
    let names: BTreeSet<_> = imports.iter().map(|name| name.split('@').next().unwrap()).collect();
    let world = [
        "spillway:s3/credentials",
        "spillway:sink/types",
        "wasi:clocks/monotonic-clock",
        "wasi:clocks/wall-clock",
        "wasi:http/outgoing-handler",
        "wasi:http/types",
        "wasi:io/error",
        "wasi:io/poll",
        "wasi:io/streams",
        "wasi:random/random",
    ];
    assert_eq!(names, BTreeSet::from(world));
    for name in imports.iter().filter(|name| name.starts_with("wasi:")) {
        assert!(name.contains("@0.2."), "{name}");
    }
    assert!(imports.contains(&"spillway:s3/credentials@0.2.0".to_owned()));
    assert_eq!(section(&out, "exports"), ["spillway:sink/sink@0.2.0"]);
}

#[test]
fn the_schema_has_every_field() {
    let out = inspected();
    let (_, schema) = out.split_once("configuration (JSON Schema)\n").unwrap();
    let schema: Value = serde_json::from_str(schema).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    let mut names = 0;
    for field in spillway_core::config::fields() {
        for name in [&[field.name], field.aliases].concat() {
            let property = name.split('.').fold(&schema, |table, name| &table["properties"][name]);
            let text = property["description"].as_str().unwrap();
            assert!(text.ends_with('.'), "{name}: {text}");
            names += 1;
        }
    }
    assert_eq!(leaves(&schema), names, "and no other");
    let properties = &schema["properties"];
    assert_eq!(properties["part_bytes"]["minimum"], 5_242_880);
}

/// How many properties there are that are no tables of others.
fn leaves(schema: &Value) -> usize {
    match schema["properties"].as_object() {
        Some(properties) => properties.values().map(leaves).sum(),
        None => 1,
    }
}

fn inspected() -> String {
    let ended = Place::new().spillway(&["inspect"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    ended.out
}

/// The names under a title.
fn section(out: &str, title: &str) -> Vec<String> {
    let lines = out.lines().skip_while(|line| *line != title).skip(1);
    lines.take_while(|line| !line.is_empty()).map(|line| line.trim().to_owned()).collect()
}
