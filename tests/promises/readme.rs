//! The README says what is: its tables come from the code, its flows and commands parse, and the
//! messages it explains are there.

use std::collections::BTreeSet;

use clap::{CommandFactory as _, Parser as _};
use spillway::engine::Engine;
use spillway::flow::{Config, Draft, Variables};
use spillway::sink::{Sink, Source};
use spillway::telemetry::Monitor;
use spillway_core::config::{
    Absent, Field, GROUPS, Group, HEADER_BYTES_MAX, Kind, PROVIDERS, Provider, Region,
};
use spillway_core::metrics::{Metric, Value, metrics};
use spillway_core::settings::Settings;
use spillway_tests::openmetrics;

use spillway_tests::server::CUSTOMER_KEY;

use crate::support::{files, read, root};

#[allow(dead_code, reason = "only parsed here; the command reads the fields")]
#[path = "../../host/src/cli/args.rs"]
mod args;

#[test]
fn the_table_of_the_sink_is_that_of_the_code() {
    let tables = GROUPS.iter().map(|Group { title, fields }| {
        let head =
            format!("**{title}**\n\n| Field | Values | Default | Meaning |\n|---|---|---|---|\n");
        fields.iter().fold(head, |table, field| {
            let (values, absent) = (values(&field.kind), absent(&field.absent));
            format!("{table}| {} | {values} | {absent} | {} |\n", names(field), field.doc)
        })
    });
    assert_section("sink.config", &tables.collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_metrics_are_those_of_the_code() {
    let settings = Settings::parse(r#"{"bucket": "events", "endpoint": "http://s3.test"}"#);
    let sink = spillway_core::sink::Sink::new(settings.expect("a configuration"), 0);
    let mut metrics = metrics(&sink);
    metrics.dedup_by(|one, before| one.name == before.name);
    let mut table = METRICS_HEAD.to_owned();
    for Metric { name, help, label, value } in metrics {
        let kind = match value {
            Value::Counter(_) => "counter",
            Value::Gauge(_) => "gauge",
            Value::Histogram(_) => "histogram",
        };
        let label = label.map_or(String::new(), |(label, _)| format!("`{label}`"));
        table.push_str(&format!("| `{name}` | {kind} | {label} | {help} |\n"));
    }
    assert_section("metrics of the sink", &table);

    let page = openmetrics::parse(&Monitor::new().view().exposition()).expect("a page");
    let mut table = METRICS_HEAD.to_owned();
    for openmetrics::Family { kind, help, samples } in page.into_values() {
        let (name, labels) = samples.into_keys().next().expect("a sample");
        let labels: Vec<_> = labels.into_keys().map(|label| format!("`{label}`")).collect();
        table.push_str(&format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", ")));
    }
    assert_section("metrics of the host", &table);
}

#[test]
fn the_table_of_providers_is_that_of_the_code() {
    let head = "| `provider` | `region` | `checksum` | `content_md5` | `equal_parts` | `parts_max` \
                | Why |\n|---|---|---|---|---|---|---|\n";
    let table = PROVIDERS.iter().fold(head.to_owned(), |table, provider| {
        let Provider { name, checksum, content_md5, equal_parts, parts_max, .. } = provider;
        let Provider { why, source, .. } = provider;
        let region = match provider.region {
            Region::Fixed(region) => format!("`{region}`"),
            Region::OfHost { before, after } => format!("of `{before}REGION{after}`"),
        };
        format!(
            "{table}| `{name}` | {region} | `{checksum}` | `{content_md5}` | `{equal_parts}` | \
             `{parts_max}` | {why} [Source]({source}) |\n"
        )
    });
    assert_section("providers", &table);
}

#[test]
fn the_imports_are_those_of_the_component() {
    let engine = Engine::new(None).expect("an engine");
    let sink = Sink::load(&engine, &Source::Embedded).expect("the component");
    let mut imports = sink.imports().to_vec();
    imports.sort();
    let list: String = imports.iter().map(|name| format!("- `{name}`\n")).collect();
    assert_section("imports", &list);
    for name in imports {
        let name = name.split('@').next().unwrap_or_default().trim_start_matches("spillway:sink/");
        assert!(WORLD.contains(name), "wit/world.wit does not know {name}");
    }
}

#[test]
fn the_exit_codes_are_those_of_the_code() {
    let mut table = "| Code | Meaning |\n|---|---|\n".to_owned();
    let mut codes = Vec::new();
    for (doc, variant) in EXIT.lines().zip(EXIT.lines().skip(1)) {
        let code = variant.trim().strip_suffix(',').and_then(|v| v.split_once(" = "));
        if let (Some(doc), Some((_, code))) = (doc.trim().strip_prefix("/// "), code) {
            table.push_str(&format!("| {code} | {doc} |\n"));
            codes.push(code);
        }
    }
    assert_eq!(codes.len(), 4, "the codes of `Exit`");
    assert_section("exit codes", &table);
    let help = args::Arguments::command().get_after_help().expect("a last line").to_string();
    for code in codes {
        let said = help.contains(&format!(": {code} ")) || help.contains(&format!(", {code} "));
        assert!(said, "--help does not know {code}: {help}");
    }
}

#[test]
fn every_command_parses() {
    let lines = blocks("console").flat_map(|block| block.lines().collect::<Vec<_>>());
    let lines = lines.filter_map(|line| line.strip_prefix("$ ")).chain(inline_code(README));
    let mut parsed = 0;
    for line in lines {
        let mine = ["cargo run --release -- ", "spillway "];
        let Some(rest) = mine.iter().find_map(|mine| line.strip_prefix(mine)) else { continue };
        let words = std::iter::once("spillway").chain(rest.split_whitespace());
        if let Err(error) = args::Arguments::try_parse_from(words) {
            panic!("`{line}` does not parse: {error}");
        }
        parsed += 1;
    }
    assert!(parsed >= 5, "only {parsed} commands were found");
}

#[test]
fn every_flow_is_in_order() {
    let flows: Vec<_> = blocks("toml").filter(|block| block.contains("[source]")).collect();
    assert!(!flows.is_empty(), "there is a flow to begin with");
    flows.iter().for_each(|flow| assert_in_order("a flow of the README", flow));
    let mut examples = 0;
    for path in files(&root().join("examples"), "toml") {
        assert_in_order(&path.display().to_string(), &read(&path));
        examples += 1;
    }
    assert!(examples > 0, "there are examples");
}

#[test]
fn the_tables_of_a_flow_name_every_field() {
    for section in ["source", "map", "sink", "credentials", "checkpoint"] {
        let title = format!("### `[{section}]`");
        let (_, text) = README.split_once(&title).unwrap_or_else(|| panic!("no {title}"));
        let text = text.split("\n#").next().unwrap_or_default();
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.map(|row| row.split('|').nth(1).unwrap_or_default());
        let documented: BTreeSet<_> = cells.flat_map(inline_code).map(str::to_owned).collect();
        assert_eq!(documented, fields(section), "[{section}]");
    }
}

#[test]
fn the_rust_lines_are_those_of_the_doctest() {
    let lines = blocks("rust").flat_map(|block| block.lines().collect::<Vec<_>>());
    for line in lines.filter(|line| !line.trim().starts_with("//")) {
        assert!(LIBRARY.contains(&format!("//! {line}\n")), "host/src/lib.rs has no `{line}`");
    }
}

#[test]
fn the_messages_explained_are_there() {
    let (_, text) = README.split_once("## Troubleshooting").expect("the section");
    let text = text.split("\n## ").next().unwrap_or_default();
    let code: String = ["host", "guest"].iter().flat_map(|f| files(&root().join(f), "rs")).fold(
        String::new(),
        |mut all, path| {
            all.push_str(&joined(&read(&path)));
            all
        },
    );
    let entries = text.lines().filter_map(|line| line.trim().strip_prefix("- `"));
    let keys: Vec<_> = entries.filter_map(|entry| entry.split('`').next()).collect();
    assert!(keys.len() > 10, "only {keys:?}");
    for key in keys {
        for fragment in key.split('…').map(str::trim) {
            assert!(code.contains(fragment), "no message has `{fragment}` of `{key}`");
        }
    }
}

#[test]
fn what_is_linked_is_there() {
    for (name, text) in [("README.md", README), ("ARCHITECTURE.md", ARCHITECTURE)] {
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|t| !t.contains("://") && !t.starts_with('#')) {
            assert!(root().join(target).exists(), "{name} links {target}");
        }
    }
}

fn names(field: &Field) -> String {
    let names = std::iter::once(field.name).chain(field.aliases.iter().copied());
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn values(kind: &Kind) -> String {
    match kind {
        Kind::Text => "a text".to_owned(),
        Kind::Url => "a URL".to_owned(),
        Kind::Flag => "`true`, `false`".to_owned(),
        Kind::Header => format!("printable ASCII, {HEADER_BYTES_MAX} characters at most"),
        Kind::Secret => "a text, which is never shown".to_owned(),
        Kind::Texts { max } => format!("a table of {max} texts at most"),
        Kind::Integer { min, max } => format!("{min} to {max}"),
        Kind::Choice(words) => {
            words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
        }
    }
}

fn absent(absent: &Absent) -> String {
    match absent {
        Absent::Required => "required".to_owned(),
        Absent::Text(text) => format!("`\"{text}\"`"),
        Absent::Number(number) => number.to_string(),
        Absent::False => "`false`".to_owned(),
        Absent::True => "`true`".to_owned(),
        Absent::Derived(rule) => (*rule).to_owned(),
    }
}

/// What stands between the markers of that name must be `wanted`.
fn assert_section(name: &str, wanted: &str) {
    let begin = README.split_once(&format!("<!-- begin {name}")).expect("a marker").1;
    let begin = begin.split_once("-->\n").expect("the marker's end").1;
    let found = begin.split(&format!("<!-- end {name} -->")).next().unwrap_or_default();
    let wanted = format!("\n{wanted}\n");
    assert!(found == wanted, "README.md, between the markers of `{name}`, should have\n{wanted}");
}

/// A flow without problems, whose sink takes its configuration. Its variables are all set.
fn assert_in_order(name: &str, flow: &str) {
    let variables = flow.split("${").skip(1).map(|rest| {
        let end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        let name = rest.split(end).next().unwrap_or_default().to_owned();
        // Of variables, only a key has a form.
        let value = if name == "CUSTOMER_KEY" { CUSTOMER_KEY } else { "value" };
        (name, value.to_owned())
    });
    let draft = Draft::parse(flow, &Variables::of(variables), &Config::new());
    let draft = draft.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert_eq!(draft.problems, [], "{name}");
    let config = draft.sink.expect("a flow without problems has a sink").config;
    let settings = Settings::parse(&serde_json::Value::Object(config).to_string());
    assert_eq!(settings.err(), None, "{name}");
}

/// The fields that a section may have, as a flow with another one is told.
fn fields(section: &str) -> BTreeSet<String> {
    let flow = format!("[{section}]\nno_such_field_at_all = 1");
    let draft = Draft::parse(&flow, &Variables::of([]), &Config::new()).expect("it is TOML");
    let messages = draft.problems.iter().map(|problem| problem.message.as_str());
    let list = messages.filter_map(|m| m.strip_prefix("unknown field; there are ")).next();
    list.expect("the fields are listed").split(", ").map(str::to_owned).collect()
}

/// The texts of the README's fenced blocks in that language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let fence = format!("```{language}\n");
    let begins: Vec<_> = README.match_indices(&fence).map(|(at, _)| at + fence.len()).collect();
    begins.into_iter().filter_map(|at| README[at..].split("```").next())
}

/// The spans between two backticks, line by line; lines of fenced blocks have none.
fn inline_code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.contains("```")).flat_map(|l| l.split('`').skip(1).step_by(2))
}

/// Texts that go on in the next line of the code, as they are printed.
fn joined(code: &str) -> String {
    let mut pieces = code.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.trim_start())
}

const METRICS_HEAD: &str = "| Name | Type | Label | Meaning |\n|---|---|---|---|\n";
const README: &str = include_str!("../../README.md");
const ARCHITECTURE: &str = include_str!("../../ARCHITECTURE.md");
const EXIT: &str = include_str!("../../host/src/cli/exit.rs");
const LIBRARY: &str = include_str!("../../host/src/lib.rs");
const WORLD: &str = include_str!("../../wit/world.wit");
