//! Modules import downwards only: each knows those that stand before it in its table, and no other.

use crate::support::{files, read, root};

#[test]
fn the_core_imports_downwards() {
    assert_layers("guest/core/src", CORE);
}

#[test]
fn the_sink_host_imports_downwards() {
    assert_layers("host/src", SINK_HOST);
}

#[test]
fn the_command_imports_downwards() {
    assert_layers("host/cli/src", COMMAND);
}

/// Every module of the crate in `folder` is in `layers`, and its files name only earlier ones.
/// Tests may name any.
fn assert_layers(folder: &str, layers: &[&str]) {
    let root = root().join(folder);
    let mut seen = 0;
    for path in files(&root, "rs") {
        let own = path.strip_prefix(&root).expect("it is in the folder");
        let own = own.iter().next().expect("a file has a name").to_string_lossy();
        let own = own.trim_end_matches(".rs");
        if matches!(own, "lib" | "main") {
            continue;
        }
        let place = |module: &str| layers.iter().position(|layer| *layer == module);
        let at = place(own).unwrap_or_else(|| panic!("{folder}: no layer is named `{own}`"));
        let inner = path.strip_prefix(&root).expect("it is in the folder");
        if inner.iter().any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        let code = read(&path);
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for named in line.split("crate::").skip(1) {
                let end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
                let module = named.split(end).next().unwrap_or_default();
                let below = place(module).is_some_and(|module| module <= at);
                assert!(below, "{}: `{own}` imports `{module}`:\n{line}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{folder}: only {seen} imports were found");
}

const CORE: &[&str] = &[
    "bounds",
    "time",
    "http",
    "error",
    "notice",
    "histogram",
    "suggest",
    "quote",
    "hiding",
    "credentials",
    "run",
    "encode",
    "sigv4",
    "s3",
    "checksum",
    "config",
    "schema",
    "naming",
    "settings",
    "client",
    "incomplete",
    "object",
    "writer",
    "admin",
    "checkpoint",
    "sink",
    "testing",
];
const SINK_HOST: &[&str] = &[
    "problem",
    "parts",
    "contract",
    "ticker",
    "engine",
    "bounds",
    "egress",
    "credentials",
    "trap",
    "meter",
    "grants",
    "metadata",
    "state",
    "sink",
    "scan",
    "load",
    "component",
    "transform",
];
const COMMAND: &[&str] = &[
    "escape",
    "cut",
    "age",
    "time",
    "testing",
    "shutdown",
    "notify",
    "source",
    "place",
    "layout",
    "totals",
    "batch",
    "dead_letters",
    "map",
    "lanes",
    "checkpoint",
    "flow",
    "events",
    "telemetry",
    "run",
    "plan",
    "command",
];
