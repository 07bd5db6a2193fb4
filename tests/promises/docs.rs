//! The pages say what is: their tables come from the code, their flows and commands parse, and the
//! messages they explain are there.
//!
//! `UPDATE_DOCS=1` writes the tables anew.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use clap::{CommandFactory as _, Parser as _};
use flate2::Compression;
use flate2::write::GzEncoder;
use spillway::component::{Component, ComponentSource};
use spillway::engine::Engine;
use spillway_cli::Arguments;
use spillway_cli::flow::{Config, Draft, Variables};
use std::sync::{Arc, Mutex};

use spillway_cli::source::{FileStats, GroupStats, Partition};
use spillway_cli::telemetry::Monitor;
use spillway_core::config::{
    Absent, Field, GROUPS, Group, HEADER_BYTES_MAX, Kind, PROVIDERS, Provider, Region,
};
use spillway_core::{Metric, Settings, Value};
use spillway_tests::openmetrics;

use spillway_tests::server::CUSTOMER_KEY;

use crate::support::{files, read, root};
use pages::{Page, blocks, inline_code, pages, slug};

mod pages;

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
    let sink = spillway_core::Sink::new(settings.expect("a configuration"), 0);
    let mut metrics = sink.metrics();
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

    let monitor = Monitor::new();
    let files = [FileStats { family: "a".to_owned(), ..FileStats::default() }];
    monitor.follow(Arc::new(Mutex::new(files.into())));
    let partition = Partition { topic: "a".to_owned(), number: 0 };
    let partitions = BTreeMap::from([(partition, Some(1))]);
    monitor.join(Arc::new(Mutex::new(GroupStats { partitions, ..GroupStats::default() })));
    let page = openmetrics::parse(&monitor.view().exposition()).expect("a page");
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
    let sink = Component::load(&engine, &ComponentSource::Embedded).expect("the component");
    let mut imports = sink.imports().to_vec();
    imports.sort();
    let list: String = imports.iter().map(|name| format!("- `{name}`\n")).collect();
    assert_section("imports", &list);
}

/// A few percent more or less are the same size: not each change of the component changes a page.
#[test]
fn the_sizes_are_about_those_of_the_component() {
    let component = Component::embedded();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(component).expect("it is written to memory");
    let gzip = gzip.finish().expect("it is written to memory").len();
    let sizes = [component.len() / 1024, gzip / 1024];
    let [plain, gzip] = sizes;
    let table = format!("| Form | KiB |\n|---|---|\n| plain | {plain} |\n| `gzip -9` | {gzip} |\n");
    assert_section_like("sizes", &table, |found| {
        let rows: Vec<&str> = found.lines().collect();
        let said = rows.iter().filter_map(|row| row.split('|').nth(2)?.trim().parse().ok());
        let said: Vec<usize> = said.collect();
        let near = |(said, size): (&usize, &usize)| said.abs_diff(*size) * 100 <= size * 3;
        rows.len() == 4 && said.len() == 2 && said.iter().zip(&sizes).all(near)
    });
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
    let help = Arguments::command().get_after_help().expect("a last line").to_string();
    for code in codes {
        let said = help.contains(&format!(": {code} ")) || help.contains(&format!(", {code} "));
        assert!(said, "--help does not know {code}: {help}");
    }
}

#[test]
fn every_command_parses() {
    let pages = pages();
    // The history names commands without their arguments.
    let today = pages.iter().filter(|page| page.name != "CHANGELOG.md");
    let texts = today.map(|page| page.text.as_str());
    let lines = texts.flat_map(|text| {
        let lines = blocks(text, "console").flat_map(str::lines);
        lines.filter_map(|line| line.strip_prefix("$ ")).chain(inline_code(text))
    });
    let mut parsed = 0;
    for line in lines {
        let mine = ["cargo run --release -- ", "spillway "];
        let Some(rest) = mine.iter().find_map(|mine| line.strip_prefix(mine)) else { continue };
        let words = std::iter::once("spillway").chain(rest.split_whitespace());
        if let Err(error) = Arguments::try_parse_from(words) {
            panic!("`{line}` does not parse: {error}");
        }
        parsed += 1;
    }
    assert!(parsed >= 5, "only {parsed} commands were found");
}

#[test]
fn every_flow_is_in_order() {
    let mut flows = 0;
    for Page { name, text } in &pages() {
        for flow in blocks(text, "toml").filter(|block| block.contains("[source]")) {
            assert_in_order(&format!("a flow of {name}"), flow);
            flows += 1;
        }
    }
    assert!(flows > 0, "there is a flow to begin with");
    let mut examples = 0;
    for path in files(&root().join("examples"), "toml") {
        assert_in_order(&path.display().to_string(), &read(&path));
        examples += 1;
    }
    assert!(examples > 0, "there are examples");
}

#[test]
fn the_tables_of_a_flow_name_every_field() {
    for section in ["source", "map", "[transform]", "sink", "credentials", "checkpoint", "run"] {
        let text = section_of(&format!("`[{section}]`"));
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.map(|row| row.split('|').nth(1).unwrap_or_default());
        let documented: BTreeSet<_> = cells.flat_map(inline_code).map(str::to_owned).collect();
        assert_eq!(documented, fields(section), "[{section}]");
    }
}

#[test]
fn the_rules_of_route_are_those_of_its_schema() {
    let schema: serde_json::Value = serde_json::from_str(ROUTE_SCHEMA).expect("it is JSON");
    let rule = &schema["properties"]["rules"]["items"]["properties"];
    let page = section_of("The rules of `route`");
    let rows = page.lines().filter(|line| line.starts_with("| `")).count();
    let rule = rule.as_object().expect("a rule has fields");
    assert_eq!(rows, rule.len());
    for (name, field) in rule {
        let row = format!("| `{name}` | {} |", field["description"].as_str().expect("a text"));
        assert!(page.contains(&row), "docs/composition.md has no row {row}");
    }
}

#[test]
fn the_components_are_those_that_the_command_writes() {
    let page = section_of("Components for `wac`");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let names = rows.filter_map(|row| inline_code(row).next().map(str::to_owned));
    let documented: BTreeSet<String> = names.collect();
    let command = Arguments::command();
    let component = command.find_subcommand("component").expect("a subcommand");
    let name = component.get_positionals().next().expect("the name");
    let names = name.get_possible_values();
    let written = names.iter().map(|value| value.get_name().to_owned());
    assert_eq!(documented, written.collect());
}

#[test]
fn the_rust_lines_are_those_of_the_doctest() {
    let pages = pages();
    let lines = pages.iter().flat_map(|page| blocks(&page.text, "rust")).flat_map(str::lines);
    for line in lines.filter(|line| !line.trim().starts_with("//")) {
        assert!(LIBRARY.contains(&format!("//! {line}\n")), "host/src/lib.rs has no `{line}`");
    }
}

#[test]
fn the_messages_explained_are_there() {
    let text = section_of("Troubleshooting");
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
    for Page { name, text } in &pages() {
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let own = root().join(name);
            let file = match path {
                "" => own,
                path => own.parent().expect("a page is in a folder").join(path),
            };
            assert!(file.exists(), "{name} links {target}, and there is no such file");
            let heads = anchor.is_empty() || slugs(&read(&file)).any(|slug| slug == anchor);
            assert!(heads, "{name} links {target}, and there is no such heading");
        }
    }
}

#[test]
fn the_book_has_every_page_of_docs() {
    let summary = read(&root().join("docs/SUMMARY.md"));
    for Page { name, .. } in &pages() {
        let Some(page) = name.strip_prefix("docs/") else { continue };
        let is_listed = page == "SUMMARY.md" || summary.contains(&format!("]({page})"));
        assert!(is_listed, "docs/SUMMARY.md does not list {page}");
    }
}

/// The anchors of a page's headings.
fn slugs(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(slug)
}

/// What stands under the heading that begins so, up to the next one of its level or above.
fn section_of(title: &str) -> String {
    for Page { text, .. } in pages() {
        let lines: Vec<_> = text.lines().collect();
        let is_it = |line: &&str| {
            line.starts_with('#') && line.trim_start_matches('#').trim_start().starts_with(title)
        };
        let Some(at) = lines.iter().position(is_it) else { continue };
        let level = |line: &str| line.len() - line.trim_start_matches('#').len();
        let own = level(lines[at]);
        let ends = |line: &&&str| (1..=own).contains(&level(line)) && line.contains("# ");
        let rest = &lines[at + 1..];
        let end = rest.iter().position(|line| ends(&line)).unwrap_or(rest.len());
        return rest[..end].join("\n");
    }
    panic!("no page has a heading {title}")
}

fn names(field: &Field) -> String {
    let names = std::iter::once(field.name).chain(field.aliases.iter().copied());
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn values(kind: &Kind) -> String {
    match kind {
        Kind::Text => "a string".to_owned(),
        Kind::Url => "a URL".to_owned(),
        Kind::Flag => "`true`, `false`".to_owned(),
        Kind::Header => format!("printable ASCII, {HEADER_BYTES_MAX} characters at most"),
        Kind::Secret => "a string, which is never shown".to_owned(),
        Kind::Texts { max } => format!("a table of at most {max} strings"),
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

/// What stands between the markers of that name, on whichever page has them, must be `wanted`.
fn assert_section(name: &str, wanted: &str) {
    assert_section_like(name, wanted, |found| found == wanted);
}

/// What stands between the markers of that name must do; `wanted` is written where it does not.
fn assert_section_like(name: &str, wanted: &str, does: impl Fn(&str) -> bool) {
    let begin = format!("<!-- begin {name}: made from ");
    let has_it = |page: &Page| page.text.contains(&begin);
    let page = pages().into_iter().find(has_it).unwrap_or_else(|| panic!("no page has {begin}"));
    let (before, rest) = page.text.split_once(&begin).expect("it has the marker");
    let (origin, rest) = rest.split_once("-->\n").expect("the marker's end");
    let end = format!("<!-- end {name} -->");
    let (found, after) = rest.split_once(&end).expect("the marker of the end");
    let found = found.strip_prefix('\n').and_then(|found| found.strip_suffix('\n'));
    if found.is_some_and(does) {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return page.write(&format!("{before}{begin}{origin}-->\n\n{wanted}\n{end}{after}"));
    }
    let name = format!("{}, between the markers of `{name}`", page.name);
    panic!("{name}, should be as UPDATE_DOCS=1 writes it:\n{wanted}");
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
    let draft = Draft::parse(flow, "flow", &Variables::of(variables), &Config::default());
    let draft = draft.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert_eq!(draft.problems, [], "{name}");
    let config = draft.sink.expect("a flow without problems has a sink").config;
    let settings = Settings::parse(&serde_json::Value::Object(config).to_string());
    assert_eq!(settings.err(), None, "{name}");
}

/// The fields that a section may have, as a flow with another one is told.
fn fields(section: &str) -> BTreeSet<String> {
    let flow = format!("[{section}]\nno_such_field_at_all = 1");
    let draft =
        Draft::parse(&flow, "flow", &Variables::of([]), &Config::default()).expect("it is TOML");
    let messages = draft.problems.iter().map(|problem| problem.message.as_str());
    let list = messages.filter_map(|m| m.strip_prefix("unknown field; there are ")).next();
    list.expect("the fields are listed").split(", ").map(str::to_owned).collect()
}

/// Texts that go on in the next line of the code, as they are printed.
fn joined(code: &str) -> String {
    let mut pieces = code.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.trim_start())
}

const METRICS_HEAD: &str = "| Name | Type | Label | Meaning |\n|---|---|---|---|\n";
const EXIT: &str = include_str!("../../host/cli/src/command/exit.rs");
const ROUTE_SCHEMA: &str = include_str!("../../guest/compose/route/src/schema.json");
const LIBRARY: &str = include_str!("../../host/src/lib.rs");
