//! `spillway inspect`: what a component is.

use std::collections::BTreeSet;

use serde_json::Value;
use spillway::component::Component;

use super::support::Place;

/// Names are as many and as long as their component likes.
#[test]
fn what_is_shown_of_names_is_bounded() {
    let names = (0..1_000).map(|n| format!("(import \"a:b{n}/{}\" (instance))", "c".repeat(900)));
    let names = names.collect::<String>();
    let place = Place::new();
    place.write("any.wasm", wat::parse_str(format!("(component {names})")).unwrap());
    let ended = place.spillway(&["inspect", "any.wasm"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("\n  and 900 more\n"), "{ended:?}");
    assert!(ended.out.len() < 100 * 300, "{} bytes", ended.out.len());
}

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
fn it_shows_what_the_file_says_of_itself() {
    let metadata = section(&inspected(), "metadata of the file");
    let said = |name: &str| metadata.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
    assert_eq!(said("version"), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(said("licenses"), Some(env!("CARGO_PKG_LICENSE")));
    assert_eq!(said("authors"), Some(env!("CARGO_PKG_AUTHORS")));
    assert!(said("description").is_some_and(|text| text.contains("S3")), "{metadata:?}");

    // Another file may say anything. It stays on its line, and changes no terminal.
    let mut forged = Component::embedded().to_vec();
    forged.extend(b"\0\x20\x08homepage\x1b[31m\nexports\n  another");
    let place = Place::new();
    std::fs::write(place.path("forged.wasm"), forged).unwrap();
    let ended = place.spillway(&["inspect", "forged.wasm"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let metadata = section(&ended.out, "metadata of the file");
    let homepage = metadata.iter().find_map(|line| line.strip_prefix("homepage"));
    assert_eq!(homepage.map(str::trim), Some(r"\u{1b}[31m\nexports\n  another"), "{metadata:?}");
}

/// One that is to be composed with others has no configuration of its own to ask for.
#[test]
fn it_shows_what_is_neither_a_sink_nor_a_transform() {
    let place = Place::new();
    for (name, imports, exports) in [
        ("static-credentials", "none", "spillway:s3/credentials@0.2.0"),
        ("env-credentials", "wasi:cli/environment@0.2", "spillway:s3/credentials@0.2.0"),
        ("command", "spillway:sink/sink@0.2.0", "wasi:cli/run@0.2"),
    ] {
        assert_eq!(place.spillway(&["component", name, "-o", "it.wasm"]).code, Some(0));
        let ended = place.spillway(&["inspect", "it.wasm"]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        let out = &ended.out;
        assert!(out.starts_with("a component that is neither a sink nor a transform\n"), "{out}");
        let holds = |title: &str, wanted: &str| {
            section(out, title).iter().any(|line| line.starts_with(wanted))
        };
        assert!(holds("imports", imports) && holds("exports", exports), "{out}");
        assert!(holds("metadata of the file", "description"), "{out}");
    }
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
