//! A place to run the command in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use spillway_tests::program::{Ended, PATIENCE, Running};
use spillway_tests::server::{ACCESS_KEY_ID, CUSTOMER_KEY, SECRET_ACCESS_KEY, Server};
use tempfile::TempDir;

/// A folder of a test's own, and an environment that holds nothing else.
pub struct Place {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

impl Place {
    /// An empty folder, with the keys of a [`Server`] in the standard variables.
    pub fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap(), variables: BTreeMap::new() };
        std::fs::create_dir(place.path("tmp")).unwrap();
        place
            .with("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .with("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
            // A test looks for no instance that this machine may be.
            .with("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// A folder with `flow.toml` and `events.json`.
    pub fn of(flow: &str, events: &str) -> Place {
        let place = Place::new();
        place.write("flow.toml", flow);
        place.write("events.json", events);
        place
    }

    /// With the server's URL in `ENDPOINT`, where [`FLOW`] looks for it.
    pub fn at(self, server: &Server) -> Place {
        self.with("ENDPOINT", &server.endpoint())
    }

    pub fn with(mut self, variable: &str, value: &str) -> Place {
        self.variables.insert(variable.to_owned(), value.to_owned());
        self
    }

    pub fn without(mut self, variable: &str) -> Place {
        self.variables.remove(variable);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// The files below a folder, with what they hold.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let top = self.path(folder);
        let mut files = BTreeMap::new();
        let mut folders = vec![top.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&top).unwrap().to_str().unwrap().to_owned();
                    files.insert(name, std::fs::read(path).unwrap());
                }
            }
        }
        files
    }

    /// The command, ready to start in this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SPILLWAY);
        self.prepare(&mut command);
        command.args(arguments);
        command
    }

    /// Sets folder and environment of another command.
    pub fn prepare(&self, command: &mut Command) {
        command.env_clear().current_dir(self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path()).env("TMPDIR", self.path("tmp"));
        // What the first test compiles, the others find.
        command.env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
        command.envs(&self.variables);
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments))
    }

    /// Runs the command to its end.
    pub fn spillway(&self, arguments: &[&str]) -> Ended {
        guarded(self.start(arguments).end())
    }

    /// Runs a flow that succeeds, and returns its summary.
    pub fn run(&self, arguments: &[&str]) -> Value {
        let ended = self.spillway(&[&["run", "flow.toml", "--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        summary(&ended)
    }
}

/// The summary that `--json` prints: one document on one line, and nothing else on standard output.
pub fn summary(ended: &Ended) -> Value {
    assert_eq!(ended.out.matches('\n').count(), 1, "{ended:?}");
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// The lines of events that are not stored, as a summary has them: exactly these ranges.
pub fn not_stored(ranges: &[(u64, u64)]) -> Value {
    let lines = |&(first, last): &(u64, u64)| json!({"first": first, "last": last});
    let (first, last) = (ranges[0].0, ranges[ranges.len() - 1].1);
    let ranges: Vec<_> = ranges.iter().map(lines).collect();
    json!({"first": first, "last": last, "ranges": ranges})
}

/// What ended, having shown no secret.
pub fn guarded(ended: Ended) -> Ended {
    for text in [&ended.out, &ended.err] {
        for secret in [SECRET_ACCESS_KEY, CUSTOMER_KEY] {
            assert!(!text.contains(secret), "a secret is shown: {ended:?}");
        }
        assert!(!text.contains("panicked"), "{ended:?}");
    }
    ended
}

/// Asserts how it ended, and that it said all of these on standard error.
#[track_caller]
pub fn assert_fails(ended: &Ended, code: i32, said: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for text in said {
        assert!(ended.err.contains(text), "{text:?} is not in\n{}", ended.err);
    }
}

/// Holds again and again, until it does.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it never comes: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A flow that reads `events.json` and writes to the server at `ENDPOINT`.
pub const FLOW: &str = r#"
[source]
type = "file"
path = "events.json"

[map]
key = ".key"
payload = ".payload"

[sink.config]
bucket = "events"
endpoint = "${ENDPOINT}"
part_bytes = 5242880
attempts_max = 2
"#;

/// The same, from standard input.
pub fn from_stdin() -> String {
    FLOW.replace("type = \"file\"\npath = \"events.json\"", "type = \"stdin\"")
}

/// Where a run says that it serves metrics.
pub fn served_at(running: &mut Running) -> SocketAddr {
    let url = running.told("metrics are served at http://");
    let address = url.strip_suffix("/metrics").unwrap_or_else(|| panic!("{url}"));
    address.parse().unwrap()
}

/// An event as a line.
pub fn event(key: &str, payload: &str) -> String {
    format!("{}\n", serde_json::json!({"key": key, "payload": payload}))
}

/// The repository's folder.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

pub const SPILLWAY: &str = env!("CARGO_BIN_EXE_spillway");
pub const MIB: usize = 1 << 20;

/// An example as it stands in the repository, with what it reads, in a folder of its own.
pub fn example(name: &str) -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("examples")).unwrap();
    for name in [&format!("examples/{name}.toml"), "examples/sample.json"] {
        std::fs::copy(repository().join(name), place.path(name)).unwrap();
    }
    place
}

/// What was set aside, without the reasons, which must be there.
pub fn letters(place: &Place, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path(file)).unwrap();
    let parsed = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let reason = line.as_object_mut().unwrap().remove("reason");
        assert!(reason.is_some_and(|r| r.as_str().is_some_and(|r| !r.is_empty())), "{line}");
        line
    });
    parsed.collect()
}
