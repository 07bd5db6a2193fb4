//! Checkpoints of a sink in several lanes: one for all of them.

use super::*;

/// Objects of keys that take turns are all open.
fn with(flow: &str, lanes: &str) -> String {
    let named = "key_template = \"{key}-{sequence}\"\nmax_open_objects = 8";
    let lanes = format!("[sink]\nlanes = {lanes}\n[sink.config]\n{named}");
    flow.replace("[sink.config]", &lanes)
}

fn keys(lines: usize) -> String {
    let event = |n: usize| event(&format!("k{}", n % 8), &format!("{n:06}").repeat(16_666));
    (0..lines).map(event).collect()
}

/// What there is of each key, in its one object.
fn stored(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let key = |name: String| name.trim_start_matches("p/").trim_end_matches("-0").to_owned();
    store.contents().into_iter().map(|(name, bytes)| (key(name), bytes)).collect()
}

/// With `orphans = "abort"`, a lane that took the uploads of another for orphans would end them.
#[test]
fn a_run_that_was_stopped_goes_on_in_all_lanes() {
    let lines = keys(8 * 110);
    for own in ["", "prefix = \"p/\"\norphans = \"abort\"\n"] {
        let flow = flow().replace("[checkpoint]", &format!("{own}[checkpoint]"));
        let (place, store, ended) = stopped(&lines, &with(&flow, "2"));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let left = store.open_uploads().len();
        assert!(left > 1, "uploads of several lanes are open");
        let shown = place.spillway(&["checkpoint", "show", "run.checkpoint", "--json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
        assert_eq!(shown["configuration"]["lanes"], "2");
        assert_eq!(shown["objects"].as_array().unwrap().len(), 8);

        for lanes in ["1", "3"] {
            place.write("flow.toml", with(&flow, lanes));
            let said = format!("`lanes` was \"2\", but is now \"{lanes}\"");
            let refused = place.spillway(&["run", "flow.toml"]);
            assert_fails(&refused, 2, &["another configuration of the sink", &said]);
        }
        place.write("flow.toml", with(&flow, "'auto'"));
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.err.contains("unknown to the checkpoint"), "{ended:?}");
        assert!(stored(&store) == expected(&lines));
        assert!(store.open_uploads().is_empty());
    }
}

/// A lane that is full until a commit has taken nothing of a batch, and another has. The checkpoint
/// that makes room has what is left, also where that is a part of a line.
#[test]
fn a_run_that_was_killed_while_one_lane_was_ahead_goes_on() {
    let mut random = fastrand::Rng::with_seed(4);
    let lines: Vec<Vec<String>> = (0..20)
        .map(|line| {
            let event = |at| {
                let key = format!("k{}", random.usize(..8));
                let repeats = [2, 2, 2, 400_000, 800_000][random.usize(..5)];
                event(&key, &format!("{line:02}{at:03}").repeat(repeats)).trim().to_owned()
            };
            (0..9).map(event).collect()
        })
        .collect();
    let packed: String = lines.iter().map(|line| format!("[{}]\n", line.join(","))).collect();
    let flow = flow()
        .replace("path = \"events.json\"", "path = \"events.json\"\nline_bytes_max = 67108864")
        .replace("[map]", "[map]\nevents = \".[]\"")
        .replace("every = \"0s\"", "every = \"1h\"")
        .replace(
            "[sink.config]",
            "[sink]\nlanes = 2\n[sink.config]\nkey_template = \"{key}/{first}\"\n\
             memory_bytes_max = 12582912\nrequests_in_flight_max = 1",
        );
    let store = Store::start(|_| {});
    let place = Place::of(&flow, &packed).with("ENDPOINT", &store.endpoint());
    let mut kills = 0;
    loop {
        let mut child = place.command(&["run", "flow.toml"]).spawn().unwrap();
        let before = std::fs::read(place.path("run.checkpoint")).unwrap_or_default();
        let ended = loop {
            let ended = child.try_wait().unwrap();
            let now = std::fs::read(place.path("run.checkpoint")).unwrap_or_default();
            let is_ahead = now != before && untaken::is_with_untaken(&now);
            if ended.is_some() || is_ahead {
                break ended;
            }
        };
        if let Some(status) = ended {
            assert_eq!(status.code(), Some(0), "after {kills} kills");
            break;
        }
        kills += 1;
        // It is no error where it has ended meanwhile.
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(kills > 0, "no lane was ahead");
    let events: String = lines.iter().flatten().map(|event| format!("{event}\n")).collect();
    assert!(killed::by_key(&store.contents()) == expected(&events), "{kills} kills");
    assert!(store.open_uploads().is_empty());
}

#[test]
fn a_checkpoint_that_holds_nothing_goes_on_with_any_number() {
    let store = Store::start(|_| {});
    let (first, second) = (event("a", "1") + &event("b", "2"), event("c", "3"));
    let place = Place::of(&with(&flow(), "2"), &first).with("ENDPOINT", &store.endpoint());
    place.run(&[]);
    place.write("events.json", first.clone() + &second);
    place.write("flow.toml", with(&flow(), "3"));
    let summary = place.run(&[]);
    assert_eq!(summary["resumed_from_line"], 3);
    assert_eq!(stored(&store), expected(&(first + &second)));
}
