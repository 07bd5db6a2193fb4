//! Lanes that are full in turn, in runs that are killed: what one of them has left is in the
//! checkpoint, and is given to it by the next run.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

use fastrand::Rng;
use spillway::parts::Part;
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_server::SocketFault;

use super::super::transforms::through;
use super::killed::by_key;
use super::*;

/// The files may be read in another order after each kill.
#[test]
fn each_line_of_logs_that_are_rotated_is_there_once() {
    for (seed, kept) in [(1, IN_A_FILE), (2, IN_THE_BUCKET)] {
        let mut random = Rng::with_seed(seed);
        let flow = lanes(kept).replace("path = \"events.json\"", FOLLOWED);
        let (place, store) = start(&flow, "");
        std::fs::create_dir(place.path("logs")).unwrap();
        let (mut written, mut sights) = (String::new(), 0);
        for life in 0..LIVES {
            for log in ["a", "b", "c"] {
                let lines = lines(&mut random, 15, &format!("{log}{life}"), 8);
                let path = place.path(&format!("logs/{log}.log"));
                if random.bool() && path.exists() {
                    std::fs::rename(&path, place.path(&format!("logs/{log}.log.{life}"))).unwrap();
                }
                let mut options = std::fs::File::options();
                let mut file = options.append(true).create(true).open(path).unwrap();
                file.write_all(lines.as_bytes()).unwrap();
                written += &lines;
            }
            sights += u32::from(live(&place, &store, &mut random) == End::OnSight);
        }
        assert!(sights > 0, "nothing was left by a lane that was full");
        // It ends with the last line.
        place.write("flow.toml", flow.replace("follow = true", ""));
        place.run(&[]);
        let (found, wanted) = (sorted(&objects(&store)), sorted(&expected(&written)));
        let begin = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| line.chars().take(9).collect()).collect()
        };
        assert!(found == wanted, "seed {seed}: {:?}, not {:?}", begin(&found), begin(&wanted));
        assert!(store.open_uploads().is_empty());
    }
}

/// With transforms and without: each event is in an object, or in a dead letter since its key is
/// none, since a rule rejects it, or since its object failed.
#[test]
fn each_event_is_in_an_object_or_a_dead_letter() {
    let rules = r#"[
        { contains = "~1", action = "drop" },
        { contains = "~2", action = "reject", reason = "it is bad" },
        { key = "k5", action = "set_key", template = "other" },
    ]"#;
    let mut sights = 0;
    for seed in 0..4 {
        let mut random = Rng::with_seed(seed);
        let (transforms, kept) = (seed % 2 == 1, [IN_A_FILE, IN_THE_BUCKET][seed as usize / 2]);
        let mut flow = lanes(kept).replace("[sink]", ASIDE);
        if transforms {
            flow = through(&flow, &[rules]);
        }
        let input = lines(&mut random, 120, "", 10);
        let (place, store) = start(&flow, &input);
        place.write("route.wasm", Part::Route.bytes());
        store.server().on_request(|request| {
            request.key.starts_with("k3/").then_some(SocketFault::Bucket(Fault::AccessDenied))
        });
        loop {
            match live(&place, &store, &mut random) {
                End::Own => break,
                End::OnSight => sights += 1,
                End::AtATime => {}
            }
        }
        let (mut wanted, mut rejected, mut failed) =
            (String::new(), BTreeSet::new(), BTreeSet::new());
        for (line, of_line) in (1_u64..).zip(input.lines()) {
            let of_line: serde_json::Value = serde_json::from_str(of_line).unwrap();
            let text = |name: &str| of_line[name].as_str().unwrap().to_owned();
            let (key, payload) = (text("key"), text("payload"));
            if transforms && payload.contains("~1") {
                continue;
            }
            if key.len() > 1_024 || transforms && payload.contains("~2") {
                rejected.insert((line, payload));
            } else if key == "k3" {
                failed.insert((line, payload));
            } else {
                let key = if transforms && key == "k5" { "other" } else { &key };
                wanted += &event(key, &payload);
            }
        }
        assert!(by_key(&objects(&store)) == expected(&wanted), "seed {seed}");
        for (file, wanted) in [("rejected", rejected), ("failed", failed)] {
            // They are written at least once.
            let letters = letters(&place, file).into_iter().map(|letter| {
                let payload = letter["payload"].as_str().unwrap();
                let payload: String = serde_json::from_str(payload).unwrap();
                (letter["line"].as_u64().unwrap(), payload)
            });
            let found: BTreeSet<_> = letters.collect();
            let lines =
                |set: &BTreeSet<(u64, String)>| set.iter().map(|it| it.0).collect::<Vec<_>>();
            let (lines, of) = (lines(&found), lines(&wanted));
            assert!(found == wanted && !of.is_empty(), "seed {seed}: {file} {lines:?}, not {of:?}");
        }
        assert_eq!(place.run(&[])["end"], "nothing_to_do");
    }
    assert!(sights > 0, "nothing was left by a lane that was full");
}

/// With another number of lanes it would be lost.
#[test]
fn what_is_left_is_shown_and_keeps_its_lanes() {
    let mut random = Rng::with_seed(7);
    let input = lines(&mut random, 120, "", 8);
    let flow = lanes(IN_A_FILE);
    let (place, store) = start(&flow, &input);
    loop {
        match live(&place, &store, &mut random) {
            End::OnSight => break,
            End::AtATime => {}
            End::Own => panic!("nothing was left by a lane that was full"),
        }
    }
    let shown = place.spillway(&["checkpoint", "show", "run.checkpoint"]);
    let told = shown.out.lines().find_map(|line| line.strip_prefix("untaken  "));
    assert!(told.is_some_and(|told| told.ends_with(" for lanes that are full")), "{shown:?}");
    let json = summary(&place.spillway(&["checkpoint", "show", "run.checkpoint", "--json"]));
    assert!(json["untaken_events"].as_u64() > Some(0), "{json}");
    place.write("flow.toml", flow.replace("lanes = 2", "lanes = 1"));
    let refused = place.spillway(&["run", "flow.toml"]);
    assert_fails(&refused, 2, &["`lanes` was \"2\", but is now \"1\""]);
    place.write("flow.toml", &flow);
    let summary = place.run(&[]);
    assert_eq!(summary["end"], "complete");
    assert!(by_key(&objects(&store)) == expected(&input));
}

/// How a life ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// By itself, since all was done.
    Own,
    /// It was killed once its checkpoint had events that a full lane has left.
    OnSight,
    /// It was killed at any moment.
    AtATime,
}

/// Runs the flow, and kills it unless it ends by itself.
fn live(place: &Place, store: &Store, random: &mut Rng) -> End {
    let before = kept(place, store);
    let log = std::fs::File::options().append(true).create(true).open(place.path("said")).unwrap();
    let mut command = place.command(&["run", "flow.toml"]);
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    let mut child = command.stderr(log).spawn().unwrap();
    let (begun, looks) = (Instant::now(), random.u8(..4) > 0);
    let limit = if looks { LOOKS } else { Duration::from_millis(random.u64(50..1_500)) };
    let end = loop {
        if let Some(status) = child.try_wait().unwrap() {
            let said = std::fs::read_to_string(place.path("said")).unwrap();
            assert_eq!(status.code(), Some(0), "{said}");
            return End::Own;
        }
        let now = kept(place, store);
        if looks && now != before && is_with_untaken(&now) {
            break End::OnSight;
        }
        if begun.elapsed() >= limit {
            break End::AtATime;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    // It is no error where it has ended meanwhile.
    let _ = child.kill();
    child.wait().unwrap();
    // It may have stored another one before it was killed.
    let is_left = is_with_untaken(&kept(place, store));
    if end == End::OnSight && !is_left { End::AtATime } else { end }
}

/// The checkpoint, wherever it is.
fn kept(place: &Place, store: &Store) -> Vec<u8> {
    let in_the_bucket = || {
        store.bucket(|bucket| {
            let mut objects = bucket.objects().iter();
            let kept = objects.find(|(name, _)| name.starts_with(STATES));
            kept.map(|(_, object)| object.bytes.to_vec()).unwrap_or_default()
        })
    };
    std::fs::read(place.path("run.checkpoint")).unwrap_or_else(|_| in_the_bucket())
}

/// Whether a checkpoint has events that full lanes have left: how many bytes they take lies behind
/// the lengths of the header and the state.
pub(super) fn is_with_untaken(checkpoint: &[u8]) -> bool {
    checkpoint.get(36..44).is_some_and(|length| length != [0; 8])
}

/// The objects of a store with what they hold, but for checkpoints.
fn objects(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let mut objects = store.contents();
    objects.retain(|name, _| !name.starts_with(STATES));
    objects
}

/// The lines of objects.
fn sorted(objects: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
    let lines = objects.values().map(text).collect::<String>();
    let mut lines: Vec<_> = lines.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// A flow with so little memory that its lanes are full in turn, and store nothing before that.
fn lanes(kept: &str) -> String {
    let sink = "[sink]\nlanes = 2\n[sink.config]\nkey_template = \"{key}/{first}\"\n\
                memory_bytes_max = 12582912\nmax_open_objects = 8\nrequests_in_flight_max = 1";
    flow()
        .replace("[sink.config]", sink)
        .replace("every = \"0s\"", "every = \"1h\"")
        .replace("path = \"run.checkpoint\"", kept)
}

fn start(flow: &str, input: &str) -> (Place, Store) {
    let store = Store::start(|_| {});
    let place = Place::of(flow, input).with("ENDPOINT", &store.endpoint());
    (place, store)
}

/// Lines of some size with keys that take turns: `k0` and so on, and two that are too long behind
/// `k7`.
fn lines(random: &mut Rng, count: usize, tag: &str, keys: usize) -> String {
    let line = |n| {
        let key = match random.usize(..keys) {
            key @ ..8 => format!("k{key}"),
            key => key.to_string().repeat(1_100),
        };
        let bytes = [10, 2_000, 200_000, 600_000][random.usize(..4)];
        event(&key, &format!("{tag}-{n:03}~{}{}", n % 7, "x".repeat(bytes)))
    };
    (0..count).map(line).collect()
}

const FOLLOWED: &str = "paths = [\"logs/*.log*\"]\nfollow = true";
const ASIDE: &str =
    "on_rejected = { file = \"rejected\" }\n[sink]\non_failed = { file = \"failed\" }";
const IN_A_FILE: &str = "path = \"run.checkpoint\"";
const IN_THE_BUCKET: &str = "store = \"bucket\"\nlease = \"0s\"";
/// Checkpoints in the bucket.
const STATES: &str = "_spillway/";
const LIVES: u32 = 6;
/// For how long a run is looked at that is to be killed on sight.
const LOOKS: Duration = Duration::from_secs(5);
