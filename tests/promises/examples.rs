//! The hosts of `host/examples` are programs that work: they run here, and what they stored is
//! compared byte by byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use spillway::component::Component;
use spillway_simulation::bucket::Operation;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::program::{Ended, Running};
use spillway_tests::server::{ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY, Server};
use spillway_tests::store::Store;
use tempfile::TempDir;

#[test]
fn embed_stores_each_line_once_also_where_it_is_killed() {
    let store = Store::start(|_| {});
    let mut lines = lines(40 << 20);
    let place = Place::new(&store.endpoint(), r#", "commit": "checkpointed""#);
    std::fs::write(place.path("lines"), &lines).unwrap();
    let embed = || place.command("embed", &["config.json", "lines", "state"]);

    // The parts of the first checkpoint are taken, and then no more, so that it is at work when it
    // is killed.
    let mut parts = 0;
    store.server().on_request(move |request| {
        parts += u32::from(request.operation == Operation::UploadPart);
        (parts > 4).then_some(SocketFault::StallBefore)
    });
    let mut first = Running::start(&mut embed());
    first.wait_for("checkpoint before line ");
    first.signal("KILL");
    assert_eq!(first.ends().code, None, "it was killed");
    assert_eq!(store.contents(), BTreeMap::new(), "nothing is visible yet");

    store.server().on_request(|_| None);
    let second = Running::start(&mut embed()).end();
    let count = lines.iter().filter(|byte| **byte == b'\n').count();
    assert_said(&second, 0, &format!("stored {count} lines"));
    assert!(store.contents() == BTreeMap::from([("lines/0".to_owned(), lines.clone())]));
    assert_eq!(store.open_uploads(), [""; 0], "nothing is left behind");

    // It goes on where the file has grown. A line without its end is left for the next time.
    let more = b"one more\nand half of".to_vec();
    lines.extend(&more);
    std::fs::write(place.path("lines"), &lines).unwrap();
    let third = Running::start(&mut embed()).end();
    assert_said(&third, 0, &format!("stored {} lines", count + 1));
    let stored = store.contents();
    assert_eq!(stored.len(), 2, "{:?}", stored.keys());
    assert_eq!(stored[&format!("lines/{count}")], b"one more\n");
}

#[test]
fn embed_says_what_is_wrong() {
    let server = Server::start();
    let place = Place::new(&server.endpoint(), r#", "no_such_field": 1"#);
    std::fs::write(place.path("lines"), "a line\n").unwrap();
    let embed = || place.command("embed", &["config.json", "lines", "state"]);
    assert_said(&Running::start(&mut embed()).end(), 1, "no_such_field");
    std::fs::write(place.path("state"), "short").unwrap();
    place.configure(&server.endpoint(), r#", "commit": "checkpointed""#);
    assert_said(&Running::start(&mut embed()).end(), 1, "cannot read STATE");
    assert_eq!(server.objects(), []);
}

#[test]
fn bare_stores_the_lines_that_come_in() {
    let server = Server::start();
    let place = Place::new(&server.endpoint(), "");
    let mut lines = lines(24 << 20);
    lines.extend(b"and one without its end");
    let mut bare = Running::start(&mut place.bare(&server.endpoint()));
    let (mut input, written) = (bare.take_stdin(), lines.clone());
    let writing = std::thread::spawn(move || std::io::Write::write_all(&mut input, &written));
    let ended = bare.ends();
    writing.join().unwrap().unwrap();
    lines.push(b'\n');
    let count = lines.iter().filter(|byte| **byte == b'\n').count();
    assert_said(&ended, 0, &format!("stored {count} lines"));
    assert!(server.contents() == BTreeMap::from([("lines/0".to_owned(), lines)]));
}

/// More requests than it has handles, each of them with options: wasmtime 48 would leave a handle
/// for each.
#[test]
fn bare_leaves_no_handle_and_keeps_connections() {
    const OBJECTS: usize = 1_200;
    let store = Store::start(|_| {});
    let place = Place::new(&store.endpoint(), r#", "rotate": {"events": 1}"#);
    let mut bare = Running::start(&mut place.bare(&store.endpoint()));
    let lines: Vec<_> = (0..OBJECTS).map(|n| format!("line {n}\n")).collect();
    bare.write(lines.concat().as_bytes());
    assert_said(&bare.end(), 0, &format!("stored {OBJECTS} lines"));
    let expected = lines.into_iter().enumerate();
    let expected = expected.map(|(n, line)| (format!("lines/{n}"), line.into_bytes()));
    assert!(store.contents() == expected.collect());
    assert!(HANDLES_MAX < store.server().requests(), "so many requests that handles would be gone");
    let connections = store.server().connections();
    assert!(connections < 100, "{connections} connections for {OBJECTS} objects");
}

#[test]
fn bare_reaches_one_server_and_shows_no_secret() {
    let server = Server::start();
    let place = Place::new(&server.endpoint(), "");
    let ended = Running::start(&mut place.bare("http://127.0.0.1:1")).end();
    assert_said(&ended, 1, "the component wants to reach");

    let mut refused = place.bare(&server.endpoint());
    let mut refused = Running::start(refused.env("AWS_SECRET_ACCESS_KEY", "another"));
    refused.write(b"a line\n");
    let ended = refused.end();
    assert_said(&ended, 1, "not stored");
    assert!(ended.err.contains("SignatureDoesNotMatch"), "{}", ended.err);
    assert_eq!(server.objects(), []);
}

/// Lines of all lengths up to some thousand bytes, of every byte but a line feed; so many bytes or
/// a few more.
fn lines(bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(12);
    let mut lines = Vec::new();
    while lines.len() < bytes {
        let bits = random.u32(..14);
        let length = random.usize(..1 << bits);
        lines.extend((0..length).map(|_| random.u8(b'\n' + 1..)));
        lines.push(b'\n');
    }
    lines
}

fn assert_said(ended: &Ended, code: i32, text: &str) {
    assert_eq!(ended.code, Some(code), "{}", ended.err);
    assert!(ended.err.contains(text), "expected {text:?} in {:?}", ended.err);
    assert!(!ended.err.contains(SECRET_ACCESS_KEY), "{}", ended.err);
}

/// A folder with a configuration, in which examples run.
struct Place {
    folder: TempDir,
}

impl Place {
    /// `more` are further fields of the configuration.
    fn new(endpoint: &str, more: &str) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.configure(endpoint, more);
        place
    }

    fn configure(&self, endpoint: &str, more: &str) {
        let config = format!(
            r#"{{"bucket": "{BUCKET}", "endpoint": "{endpoint}", "part_bytes": 5242880,
                 "key_template": "{{key}}/{{first}}"{more}}}"#
        );
        std::fs::write(self.path("config.json"), config).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bare(&self, endpoint: &str) -> Command {
        let component = self.path("spillway-s3.wasm");
        std::fs::write(component, Component::embedded()).unwrap();
        let server = endpoint.strip_prefix("http://").unwrap();
        self.command("bare", &["spillway-s3.wasm", "config.json", server])
    }

    fn command(&self, example: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(examples().join(example));
        command.args(arguments).current_dir(self.folder.path());
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID);
        command.env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
        command.env_remove("AWS_SESSION_TOKEN");
        command.env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
        command
    }
}

/// The folder of the examples. `cargo test` has built them; with `--test` it leaves them out, so
/// this looks whether they are as the sources are.
fn examples() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // This test is `target/PROFILE/deps/promises-…`.
        let test = std::env::current_exe().expect("a test is a program");
        let profile = test.ancestors().nth(2).expect("it lies in the folder of a profile");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--examples"]).current_dir(crate::support::root());
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        // What cargo sets for this test would make it build dependencies again that look at it.
        for (name, _) in std::env::vars_os() {
            let is_of_a_package = |name: &str| PACKAGE.iter().any(|begin| name.starts_with(begin));
            if name.to_str().is_some_and(is_of_a_package) {
                cargo.env_remove(name);
            }
        }
        assert!(cargo.status().expect("cargo starts").success(), "the errors stand above");
        profile.join("examples")
    })
}

/// Variables that cargo sets for the package of a test.
const PACKAGE: &[&str] = &["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_"];
/// How many handles the bare host grants: `HANDLES_MAX` in it.
const HANDLES_MAX: u64 = 1_000;
