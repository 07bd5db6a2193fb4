//! Logs that are written and rotated while a run follows them, which is killed at any moment and
//! started again.
//!
//! `SPILLWAY_SOAK_SECONDS` says for how long; `SPILLWAY_FIRST_SEED` or `SPILLWAY_SEED` with which
//! seed. A seed gives the same rotations and the same moments, by the clock of this machine. With
//! `SPILLWAY_SOAK_STRICT` a log is copied and truncated as often as others are renamed, and the
//! order of lines is asserted: see the limits in docs/following-files.md. With
//! `SPILLWAY_SOAK_KILLS=0` one run lives all the time, and its memory is looked at.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use spillway_simulation::seeds::variable as number;
use spillway_tests::program::signal;
use spillway_tests::store::Store;

use super::logs::Logs;
use super::rotation::ROTATIONS;
use super::seen::Seen;
use crate::support::*;

#[test]
fn each_line_is_there_once_however_logs_are_rotated_and_runs_are_killed() {
    let seed = number("SPILLWAY_SEED").or(number("SPILLWAY_FIRST_SEED")).unwrap_or(0);
    let time = Duration::from_secs(number("SPILLWAY_SOAK_SECONDS").unwrap_or(SECONDS));
    println!("SPILLWAY_SEED={seed} SPILLWAY_SOAK_SECONDS={}", time.as_secs());
    let store = Store::start(|_| {});
    let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
    // Of a log that is copied and truncated many times a second some lines may be stored twice, and
    // some that were written to a renamed log may come behind those of the new one.
    let is_strict = std::env::var_os("SPILLWAY_SOAK_STRICT").is_some();
    let truncated_after = if is_strict { Duration::ZERO } else { TRUNCATED_AFTER };
    let mut logs = Logs::new(&place.path("logs"), LOGS, &ROTATIONS, truncated_after, seed);
    let is_killed = number("SPILLWAY_SOAK_KILLS") != Some(0);
    let warm_up = (time / 6).min(WARM_UP_MAX);
    let mut warm = None;
    let seen = Mutex::new(Seen::default());
    let is_over = AtomicBool::new(false);
    let mut agent = Agent::start(&place);
    let mut kills = 0;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let end = EndOnDrop(&is_over);
            let begun = Instant::now();
            while begun.elapsed() < time && !is_over.load(Ordering::Relaxed) {
                logs.step(|log, number| seen.lock().unwrap().has(log, number));
                // The pace of a writer; nothing waits for it.
                std::thread::sleep(Duration::from_millis(1));
            }
            logs.finish();
            drop(end);
        });
        let end = EndOnDrop(&is_over);
        let mut random = Rng::with_seed(seed ^ 0xDEAD);
        let mut killed_at = moment(&mut random);
        let begun = Instant::now();
        while !is_over.load(Ordering::Relaxed) {
            seen.lock().unwrap().look(&store);
            agent.goes_on(&place);
            if !is_killed && warm.is_none() && begun.elapsed() >= warm_up {
                warm = Some(agent.usage());
            }
            if is_killed && Instant::now() >= killed_at {
                agent.kill();
                kills += 1;
                // Nobody is there for a while, now and then.
                if random.bool() {
                    std::thread::sleep(Duration::from_millis(random.u64(..500)));
                }
                agent = Agent::start(&place);
                killed_at = moment(&mut random);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(end);
        writer.join().unwrap();
    });
    let mut seen = seen.into_inner().unwrap();
    if let Some(warm) = warm {
        let now = agent.usage();
        println!("after {} s {warm:?}, at the end {now:?}", warm_up.as_secs());
        assert!(now.files < FILES_MAX, "{now:?}");
        if time >= AN_HOUR {
            assert!(now.rss_kib * 100 <= warm.rss_kib * 105, "memory grows: {warm:?}, {now:?}");
        }
    }
    all_arrive(&mut seen, &logs, &store, &mut agent, &place);
    agent.stop(&place);
    // What another run adds is no line that was there.
    logs.write_one_each();
    let mut agent = Agent::start(&place);
    all_arrive(&mut seen, &logs, &store, &mut agent, &place);
    agent.stop(&place);
    seen.look(&store);
    if is_strict {
        logs.logs.iter().for_each(|log| seen.in_order(log));
    }
    let left = store.open_uploads();
    assert!(left.is_empty(), "{left:?} are left behind");
    let uncertain: usize = logs.logs.iter().map(|log| log.uncertain.len()).sum();
    let lost = logs
        .logs
        .iter()
        .flat_map(|log| log.uncertain.iter().filter(|number| !seen.has(&log.name, **number)));
    let rotations: usize = logs.logs.iter().map(|log| log.rotations.len()).sum();
    println!(
        "{} lines, {rotations} rotations, {kills} kills; of {uncertain} lines that nobody can know \
         of {} are missing",
        seen.lines(),
        lost.count(),
    );
    assert_eq!(kills > 0, is_killed, "{kills} kills");
}

/// Waits until all lines are visible that have to be.
fn all_arrive(seen: &mut Seen, logs: &Logs, store: &Store, agent: &mut Agent, place: &Place) {
    let begun = Instant::now();
    loop {
        seen.look(store);
        agent.goes_on(place);
        let missing: Vec<_> = logs
            .logs
            .iter()
            .map(|log| (&log.name, seen.missing(log).collect::<Vec<_>>(), &log.rotations))
            .filter(|(_, missing, _)| !missing.is_empty())
            .collect();
        if missing.is_empty() {
            return;
        }
        if begun.elapsed() > ARRIVAL_MAX {
            panic!("these lines never come: {missing:?}\n{}", said(place));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A run that follows, until it is told to end.
struct Agent(Child);

impl Agent {
    fn start(place: &Place) -> Agent {
        let log = File::options().append(true).create(true).open(place.path("said")).unwrap();
        let mut command: Command = place.command(&["run", "flow.toml"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Agent(command.spawn().unwrap())
    }

    /// It has not ended by itself.
    fn goes_on(&mut self, place: &Place) {
        if let Some(status) = self.0.try_wait().unwrap() {
            panic!("it ended with {status}: {}", said(place));
        }
    }

    /// What it takes of the machine now.
    fn usage(&self) -> Usage {
        let process = PathBuf::from(format!("/proc/{}", self.0.id()));
        let status = fs::read_to_string(process.join("status")).unwrap();
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss_kib = rss.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
        Usage { rss_kib, files: fs::read_dir(process.join("fd")).unwrap().count() }
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Tells it to end, and waits until it has.
    fn stop(mut self, place: &Place) {
        signal(self.0.id(), "TERM");
        let mut status = None;
        eventually("its end", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        assert_eq!(status.and_then(|status| status.code()), Some(0), "{}", said(place));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It is no error where it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The memory and the open files of a process.
#[derive(Debug)]
struct Usage {
    rss_kib: u64,
    files: usize,
}

/// Says that it is over, also where a thread panics.
struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The last of what the runs said.
fn said(place: &Place) -> String {
    let said = fs::read_to_string(place.path("said")).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(100)..].join("\n")
}

/// When it is killed next.
fn moment(random: &mut Rng) -> Instant {
    Instant::now() + Duration::from_millis(random.u64(50..2_500))
}

const FLOW: &str = r#"
[source]
type = "file"
paths = ["logs/*.log*"]
follow = true
compression = "auto"

[map]
key = ".file"

[sink.config]
bucket = "events"
endpoint = "${ENDPOINT}"
key_template = "{key}/{first}"
max_open_objects = 20
rotate = { age_ms = 300 }

[checkpoint]
path = "run.checkpoint"
every = "200ms"
"#;
const LOGS: usize = 20;
const SECONDS: u64 = 10;
/// How long a log is written before it is copied and truncated, at least.
const TRUNCATED_AFTER: Duration = Duration::from_secs(5);
/// After how long a run has all the memory that it needs, at most.
const WARM_UP_MAX: Duration = Duration::from_secs(600);
const AN_HOUR: Duration = Duration::from_secs(3_600);
/// How many files may be open: those that are not being read, and as many besides.
const FILES_MAX: usize = 1_024;
/// How long it may take after the last line until all are visible.
const ARRIVAL_MAX: Duration = Duration::from_secs(120);
