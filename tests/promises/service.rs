//! The files of `examples/service` use commands, paths and probes that there are, and leave a run
//! the time that its flow wants.

use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use spillway_cli::Arguments;
use spillway_cli::flow::{Config, Draft, Variables};
use spillway_cli::telemetry::{Endpoint, Monitor};
use spillway_tests::openmetrics::ask;

use crate::support::{read, root};

#[test]
fn the_unit_starts_what_there_is() {
    let unit = example("systemd/spillway.service");
    let before = command(&value(&unit, "ExecStartPre="));
    let run = command(&value(&unit, "ExecStart="));
    assert!(before.contains(&"--check-config".to_owned()), "{before:?}");
    assert_eq!(before.last(), run.last(), "what is proven is what is run");
    assert!(
        value(&unit, "ReadOnlyPaths=").split(' ').any(|path| run.last().unwrap().starts_with(path))
    );
    assert_eq!(value(&unit, "Type="), "notify");

    let flow = example("systemd/flow.toml");
    let draft = draft(&flow);
    let state = format!("/var/lib/{}/", value(&unit, "StateDirectory="));
    let checkpoint = draft.checkpoint.expect("a checkpoint").store;
    assert!(checkpoint.file().is_some_and(|path| path.starts_with(&state)), "{state}");
    let stop = seconds(&value(&unit, "TimeoutStopSec="));
    assert!(stop > draft.run.shutdown_timeout.expect("a limit") + ABORT_TIME_MAX);
    assert_variables(&flow, &unit);
}

#[test]
fn the_manifest_starts_what_there_is() {
    let manifest = example("kubernetes/daemonset.yaml");
    let flow = example("kubernetes/flow.toml");
    let args = manifest.lines().filter_map(|line| line.trim().strip_prefix("args: "));
    let args: Vec<Vec<String>> = args.map(|a| serde_json::from_str(a).expect("a list")).collect();
    assert_eq!(args.len(), 2, "the check, and the run");
    for args in &args {
        assert_parses(args);
        let flow = args.last().unwrap();
        assert!(values(&manifest, "mountPath: ").any(|path| flow.starts_with(&format!("{path}/"))));
    }
    let metrics = args[1].iter().skip_while(|arg| *arg != "--metrics").nth(1).expect("an address");
    let port = metrics.rsplit(':').next().unwrap();
    assert_eq!(value(&manifest, "containerPort: "), port);
    assert_eq!(value(&manifest, "prometheus.io/port: "), format!("\"{port}\""));

    let draft = draft(&flow);
    let checkpoint = draft.checkpoint.expect("a checkpoint").store;
    let path = checkpoint.file().expect("a file");
    let folder = path.parent().unwrap().to_str().unwrap();
    let mount = manifest.split("mountPath: ").find(|rest| rest.lines().next() == Some(folder));
    let mount = mount.unwrap_or_else(|| panic!("{folder} is no volume"));
    let is_read_only = mount.lines().nth(1).is_some_and(|line| line.trim() == "readOnly: true");
    assert!(!is_read_only, "the checkpoint cannot be stored in {folder}");
    let grace = seconds(&value(&manifest, "terminationGracePeriodSeconds: "));
    assert!(grace > draft.run.shutdown_timeout.expect("a limit") + ABORT_TIME_MAX);
    assert_variables(&flow, &manifest);

    let kustomization = example("kubernetes/kustomization.yaml");
    for file in ["daemonset.yaml", "flow.toml"] {
        assert!(kustomization.contains(&format!("- {file}\n")), "{file}");
    }
    let name = values(&kustomization, "- name: ").next().unwrap();
    assert!(manifest.contains(&format!("configMap:\n            name: {name}\n")), "{name}");
}

/// A log that is rotated, or compressed, while no run is there has the same lines.
#[test]
fn the_flows_name_what_was_rotated() {
    for name in ["systemd/flow.toml", "kubernetes/flow.toml"] {
        let flow = example(name);
        let paths: Vec<String> = serde_json::from_str(&value(&flow, "paths = ")).expect("a list");
        assert!(!paths.is_empty() && paths.iter().all(|path| path.ends_with(".log*")), "{paths:?}");
        let (source, _) = flow.split_once("[map]").expect("a map");
        assert_eq!(value(source, "compression = "), "\"auto\"", "{name}");
        assert_eq!(value(source, "follow = "), "true", "{name}");
    }
}

#[test]
fn the_probes_are_answered() {
    let manifest = example("kubernetes/daemonset.yaml");
    let paths: Vec<_> = values(&manifest, "path: ").filter(|p| p.starts_with("/health")).collect();
    assert_eq!(paths, ["/health/live", "/health/ready"]);
    let address = "127.0.0.1:0".parse().unwrap();
    let endpoint = Endpoint::start(address, Monitor::new()).unwrap();
    // Its run has not begun: it is live, and not ready.
    for (path, status) in paths.into_iter().zip(["200", "503"]) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n");
        let (head, body) = ask(endpoint.address(), &request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}{body}");
    }
}

#[test]
fn the_image_has_the_program_where_the_others_expect_it() {
    let image = example("Dockerfile");
    assert!(image.contains(&format!(" {PROGRAM}\n")));
    assert_eq!(value(&image, "ENTRYPOINT "), format!("[\"{PROGRAM}\"]"));
    assert!(image.contains("cargo build --release --locked --package spillway-cli"));
    // What the toolchain of this repository is.
    let toolchain = read(&root().join("rust-toolchain.toml"));
    let version = values(&toolchain, "channel = ").next().unwrap().trim_matches('"').to_owned();
    let (minor, _) = version.rsplit_once('.').unwrap();
    assert!(image.contains(&format!("FROM rust:{minor}-")), "{version}");
}

fn example(name: &str) -> String {
    read(&root().join("examples/service").join(name))
}

/// The values of lines that begin so.
fn values<'a>(text: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.trim().strip_prefix(begin))
}

/// The value of the one line that begins so.
fn value(text: &str, begin: &str) -> String {
    let found: Vec<_> = values(text, begin).collect();
    assert_eq!(found.len(), 1, "{begin}");
    found[0].to_owned()
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.parse().expect("seconds"))
}

/// The arguments of a command line of the program, which parse.
fn command(line: &str) -> Vec<String> {
    let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
    assert_eq!(words[0], PROGRAM);
    assert_parses(&words[1..]);
    words[1..].to_vec()
}

fn assert_parses(arguments: &[String]) {
    let words = std::iter::once("spillway").chain(arguments.iter().map(String::as_str));
    if let Err(error) = Arguments::try_parse_from(words) {
        panic!("{arguments:?}: {error}");
    }
    let flow = Path::new(arguments.last().expect("a flow"));
    assert!(flow.is_absolute() && flow.ends_with("flow.toml"), "{arguments:?}");
}

fn draft(flow: &str) -> Draft {
    let variables = variables(flow).map(|name| (name, "value".to_owned()));
    Draft::parse(flow, "flow", &Variables::of(variables), &Config::default()).expect("it is TOML")
}

/// The variables that a flow needs.
fn variables(flow: &str) -> impl Iterator<Item = String> {
    let named = flow.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    named.map(|(name, _)| name.split(":-").next().unwrap_or_default().to_owned())
}

/// Each of them is set, or asked for, where the flow is started.
fn assert_variables(flow: &str, text: &str) {
    let words: Vec<_> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for name in variables(flow) {
        assert!(words.contains(&name.as_str()), "nobody sets {name}");
    }
}

const PROGRAM: &str = "/usr/local/bin/spillway";
/// How long it takes to abort what is open.
const ABORT_TIME_MAX: Duration = Duration::from_secs(1);
