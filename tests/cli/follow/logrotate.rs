//! Logs that the `logrotate` of Debian rotates.
//!
//! Where it is not installed each of these tests says on standard error that it did not run. So
//! does the summary of `.ci/run`.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use spillway_tests::program::Running;
use spillway_tests::store::Store;

use super::lines::{self, line};
use crate::support::*;

#[test]
fn create() {
    rotated("create");
}

#[test]
fn copytruncate() {
    rotated("copytruncate");
}

#[test]
fn copytruncate_and_compress() {
    rotated("copytruncate\ncompress");
}

#[test]
fn compress() {
    rotated("create\ncompress");
}

#[test]
fn delaycompress() {
    rotated("create\ncompress\ndelaycompress");
}

#[test]
fn dateext() {
    rotated("create\ndateext\ndateformat -%Y%m%d-%s");
}

#[test]
fn dateext_and_compress() {
    rotated("create\ndateext\ndateformat -%Y%m%d-%s\ncompress");
}

#[test]
fn olddir() {
    rotated("create\nolddir old\ncreateolddir 755");
}

#[test]
fn olddir_and_copytruncate() {
    rotated("copytruncate\nolddir old\ncreateolddir 755");
}

/// Lines are written before, between and after rotations, and each is stored once.
fn rotated(options: &str) {
    let Some(program) = program() else {
        // Not by a macro: what those print of a test that passes is not shown.
        let said = "the rotation `{options}` was NOT TESTED: logrotate is not installed\n";
        return std::io::stderr().write_all(said.replace("{options}", options).as_bytes()).unwrap();
    };
    by_its_name(program, options);
    by_all_names(program, options);
}

/// The flow names the log alone, and goes on all the while.
fn by_its_name(program: &Path, options: &str) {
    let store = Store::start(|_| {});
    let place = place("logs/app.log", &store);
    let mut log = Log::new(program, &place, options);
    log.write(10);
    let running = starts(&place);
    log.is_stored(&store);
    for _ in 0..3 {
        log.write(10);
        if log.is_truncated {
            // What was not read by then may be in the copy alone.
            log.is_stored(&store);
        }
        log.rotate();
        log.write(10);
        log.is_stored(&store);
    }
    ends(running);
    log.is_there_once(&store);
}

/// The flow names what was rotated as well, and nobody reads now and then.
fn by_all_names(program: &Path, options: &str) {
    let store = Store::start(|_| {});
    let place = place("logs/**/app.log*", &store);
    let mut log = Log::new(program, &place, options);
    log.write(10);
    log.rotate();
    log.write(10);
    let running = starts(&place);
    log.is_stored(&store);
    log.write(10);
    log.rotate();
    log.write(10);
    log.rotate();
    log.is_stored(&store);
    ends(running);
    log.write(10);
    log.rotate();
    log.write(10);
    let running = starts(&place);
    log.is_stored(&store);
    ends(running);
    // Without a line that is new.
    log.rotate();
    let running = starts(&place);
    log.write(10);
    log.rotate();
    log.is_stored(&store);
    ends(running);
    log.is_there_once(&store);
}

fn place(path: &str, store: &Store) -> Place {
    Place::of(&FLOW.replace("PATH", path), "").with("ENDPOINT", &store.endpoint())
}

/// A run that is there by now, to be told to end.
fn starts(place: &Place) -> Running {
    let mut running = place.start(&["run", "flow.toml"]);
    // It says where it begins, of a checkpoint or not.
    running.wait_for("checkpoint");
    running
}

fn ends(running: Running) {
    running.signal("TERM");
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// A log that `logrotate` knows.
struct Log {
    program: PathBuf,
    folder: PathBuf,
    /// What its writer has open.
    file: Option<File>,
    /// Whether the writer goes on with the same file.
    is_truncated: bool,
    /// Whether it is compressed as it is rotated.
    is_compressed: bool,
    next: u64,
}

impl Log {
    fn new(program: &Path, place: &Place, options: &str) -> Log {
        let folder = place.path("logs");
        fs::create_dir(&folder).unwrap();
        let path = folder.join("app.log");
        let configuration = format!("{} {{\nrotate 20\n{options}\n}}\n", path.display());
        place.write("logrotate.conf", configuration);
        let has = |option| options.lines().any(|line| line == option);
        Log {
            program: program.to_owned(),
            folder,
            file: None,
            is_truncated: has("copytruncate"),
            is_compressed: has("compress") && !has("delaycompress"),
            next: 0,
        }
    }

    fn write(&mut self, count: u64) {
        let path = self.folder.join("app.log");
        let file = self
            .file
            .get_or_insert_with(|| File::options().append(true).create(true).open(path).unwrap());
        for number in self.next..self.next + count {
            file.write_all(line(LOG, number).as_bytes()).unwrap();
        }
        self.next += count;
    }

    /// Rotates it now. Its writer opens the new file some lines later, as one that is sent a
    /// signal, unless the old one is compressed by then.
    fn rotate(&mut self) {
        let (top, before) = (self.folder.parent().unwrap(), self.files());
        let mut said = None;
        // Two rotations have one date where they are in the same second, and the second is refused.
        eventually("a rotation", || {
            let mut command = Command::new(&self.program);
            command.args(["--force", "--state"]).arg(top.join("logrotate.state"));
            said = Some(command.arg(top.join("logrotate.conf")).output().unwrap());
            self.files() > before
        });
        assert!(said.as_ref().is_some_and(|said| said.status.success()), "{said:?}");
        if !self.is_truncated {
            self.write(if self.is_compressed { 0 } else { 3 });
            self.file = None;
        }
    }

    /// How many files there are.
    fn files(&self) -> usize {
        let count = |folder| fs::read_dir(folder).map_or(0, Iterator::count);
        count(self.folder.clone()) + count(self.folder.join("old"))
    }

    /// Asserts that each line is visible once. They are in order where each file is written to its
    /// end before the next one is begun, and all are in one folder.
    fn is_there_once(&self, store: &Store) {
        let mut found = numbers(store);
        let is_ordered =
            (self.is_truncated || self.is_compressed) && !self.folder.join("old").exists();
        if !is_ordered {
            found.sort_unstable();
        }
        assert_eq!(found, (0..self.next).collect::<Vec<_>>());
    }

    /// Waits until all that was written is visible.
    fn is_stored(&self, store: &Store) {
        eventually("all lines", || numbers(store).len() as u64 >= self.next);
    }
}

/// The numbers of the lines that are visible, in their order.
fn numbers(store: &Store) -> Vec<u64> {
    let mut objects: Vec<(u64, Vec<u64>)> = store.bucket(|bucket| {
        let object =
            |(name, object): (&String, &std::sync::Arc<spillway_simulation::bucket::Object>)| {
                let first = name.rsplit_once('/').unwrap().1.parse().unwrap();
                let text = str::from_utf8(&object.bytes).unwrap();
                (first, text.lines().map(|line| lines::read(line).1).collect())
            };
        bucket.objects().iter().map(object).collect()
    });
    objects.sort();
    objects.into_iter().flat_map(|(_, numbers)| numbers).collect()
}

/// Where it is: its folder is not in the `PATH` of everybody.
fn program() -> Option<&'static Path> {
    let places = ["/usr/sbin/logrotate", "/usr/bin/logrotate", "/sbin/logrotate"].map(Path::new);
    places.into_iter().find(|path| path.exists())
}

const LOG: &str = "app";
const FLOW: &str = r#"
[source]
type = "file"
paths = ["PATH"]
follow = true
compression = "auto"

[map]
key = ".file"

[sink.config]
bucket = "events"
endpoint = "${ENDPOINT}"
key_template = "{key}/{first}"
rotate = { age_ms = 100 }

[checkpoint]
path = "run.checkpoint"
every = "50ms"
"#;
