//! Runs that are killed at any moment, and started again until one comes to its end.
//!
//! `SPILLWAY_KILLS` says how many kills there are at least, `SPILLWAY_FIRST_SEED` with which seed
//! they begin; `SPILLWAY_SEED` replays one of them.

use std::time::{Duration, Instant};

use super::*;

#[test]
fn every_event_is_there_once_however_often_it_is_killed() {
    kill_often(KILLS, |seed| until_done(seed, 1));
}

/// Two or three lanes, whose one checkpoint is in a file or in the bucket.
#[test]
fn every_event_is_there_once_in_lanes() {
    kill_often(KILLS, |seed| until_done(seed, 2 + seed as usize / 2 % 2));
}

/// Kills runs until one ends by itself, and looks at what is there then. Returns how many it
/// killed.
fn until_done(seed: u64, lanes: usize) -> u64 {
    let mut random = fastrand::Rng::with_seed(seed);
    let open = random.usize(1..=3);
    let lines = lines(&mut random, open);
    let mut settings = format!("max_open_objects = {open}\nkey_template = \"{{key}}/{{first}}\"\n");
    // So little that a batch is refused before another checkpoint, within a line too.
    if random.bool() {
        let memory = 6_291_456 * lanes.next_power_of_two();
        settings += &format!("memory_bytes_max = {memory}\nrequests_in_flight_max = 1\n");
    }
    if random.bool() {
        settings += &format!("rotate = {{ events = {} }}\n", random.usize(1..50));
    }
    let mut flow = flow().replace("[checkpoint]", &format!("{settings}[checkpoint]"));
    let mut input = lines.clone();
    // Each second seed, so that few of them have both.
    if seed.is_multiple_of(2) {
        flow = flow.replace("[map]", "[map]\nevents = \".[]\"");
        input = packed(&mut random, &lines);
        if random.bool() {
            flow = flow.replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]");
        }
    }
    if lanes > 1 {
        let sink = format!("[sink]\nlanes = {lanes}\n[sink.config]");
        flow = flow.replace("[sink.config]", &sink);
        if random.bool() {
            let kept = "store = \"bucket\"\nlease = \"0s\"";
            flow = flow.replace("path = \"run.checkpoint\"", kept);
        }
    }
    let store = Store::start(|_| {});
    let place = Place::of(&flow, &input).with("ENDPOINT", &store.endpoint());
    let mut kills = 0;
    let mut longest = Duration::from_millis(40);
    loop {
        let begun = Instant::now();
        let mut child = place.command(&["run", "flow.toml"]);
        child.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        let mut child = child.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let deadline = longest.mul_f64(random.f64());
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() >= deadline {
                // It is no error where it has ended meanwhile.
                let _ = child.kill();
                break child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        match status.code() {
            Some(0) => break,
            None => kills += 1,
            Some(code) => {
                let mut said = String::new();
                let _ = std::io::Read::read_to_string(&mut child.stderr.unwrap(), &mut said);
                panic!("SPILLWAY_SEED={seed}: after {kills} kills it ended with {code}: {said}");
            }
        }
        // So that it comes to its end.
        longest = longest.mul_f64(1.2).min(PATIENCE_WITH_ONE);
    }
    let mut contents = store.contents();
    contents.retain(|name, _| !name.starts_with(STATES));
    assert!(by_key(&contents) == expected(&lines), "SPILLWAY_SEED={seed}, {kills} kills");
    let left = store.open_uploads();
    assert!(left.is_empty(), "SPILLWAY_SEED={seed}, {kills} kills: {left:?} are left behind");
    // What was put in one request is put again where a crash hid the answer, and is the same.
    let was_same = store.bucket(|bucket| {
        let history = bucket.visible_history().iter();
        history
            .filter(|visible| !visible.key.starts_with(STATES))
            .all(|visible| contents.get(&visible.key).is_some_and(|c| *c == visible.object.bytes))
    });
    assert!(was_same, "SPILLWAY_SEED={seed}, {kills} kills: something else was visible before");
    kills
}

/// What the objects of each key hold, one after the other.
pub(super) fn by_key(contents: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let mut objects: Vec<_> = contents
        .iter()
        .map(|(name, bytes)| {
            let (key, first) = name.rsplit_once('/').unwrap();
            (key.to_owned(), first.parse::<u64>().unwrap(), bytes)
        })
        .collect();
    objects.sort();
    let mut keys = BTreeMap::<String, Vec<u8>>::new();
    for (key, _, bytes) in objects {
        keys.entry(key).or_default().extend(bytes);
    }
    keys
}

/// Lines of a few MiB, whose keys take turns where several objects may be open: more keys than
/// that.
pub(super) fn lines(random: &mut fastrand::Rng, open: usize) -> String {
    let bytes: Vec<usize> = (0..5).map(|_| [10, 1_000, 100_000][random.usize(..3)]).collect();
    let (mut lines, mut key) = (String::new(), 0);
    for n in 0..random.usize(20..300) {
        if random.usize(..if open > 1 { 3 } else { 30 }) == 0 {
            key = random.usize(..bytes.len());
        }
        lines += &event(&format!("k{key}"), &format!("{n:05}").repeat(bytes[key] / 5));
    }
    lines
}

/// The same events, up to a hundred of them in a line, and lines without any between them.
fn packed(random: &mut fastrand::Rng, lines: &str) -> String {
    let events: Vec<&str> = lines.lines().collect();
    let (mut packed, mut from) = (String::new(), 0);
    while from < events.len() {
        let most = [1, 4, 100][random.usize(..3)];
        let to = events.len().min(from + random.usize(0..=most));
        packed += &format!("[{}]\n", events[from..to].join(","));
        from = to;
    }
    packed
}

/// Checkpoints in the bucket.
const STATES: &str = "_spillway/";
const KILLS: u64 = 5;
/// How long a run may take at most before it is killed.
const PATIENCE_WITH_ONE: Duration = Duration::from_secs(20);
