//! A flow whose lines are several events, and that stops within one.

use serde_json::{Value, json};

use super::*;

/// A flow that makes an event of each of the `r` of a line.
fn each() -> String {
    flow().replace("[map]", "[map]\nevents = \".r[]\"")
}

/// Events of several lines as one.
fn packed(lines: &str) -> String {
    let events: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    format!("{}\n", json!({"r": events}))
}

fn shown(place: &Place) -> Value {
    summary(&place.spillway(&["checkpoint", "show", "run.checkpoint", "--json"]))
}

#[test]
fn it_goes_on_behind_those_that_were_taken() {
    let events = large(&["a"], 150);
    let first = event("first", "1");
    let (place, store, ended) = stopped(&(packed(&first) + &packed(&events)), &each());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let shown = shown(&place);
    let taken = shown["source"]["begun"]["events"].as_u64().unwrap();
    assert!(0 < taken && taken < 150, "{shown}");
    assert_eq!((&shown["next_line"], &shown["source"]["position"]), (&2.into(), &1.into()));
    let object = &shown["objects"][0];
    assert_eq!(
        (&object["first_position"], &object["last_position"], &object["first_line"]),
        (&1.into(), &taken.into(), &Value::Null)
    );
    let behind = format!("the next run starts at line 2, after {taken} events of it.");
    assert!(ended.out.contains(&behind), "{ended:?}");
    let people = place.spillway(&["checkpoint", "show", "run.checkpoint"]).out;
    let read = format!("events.json: 1 line and {taken} events of the next read, ");
    assert!(people.contains(&read), "{people}");
    assert!(people.contains(&format!(" events, positions 1 to {taken}, ")), "{people}");

    let from = format!("from line 2, after {taken} events, from the checkpoint run.checkpoint");
    let checked = place.spillway(&["check", "flow.toml"]);
    assert!(checked.out.contains(&format!("It resumes {from}.")), "{checked:?}");
    let ended = place.spillway(&["run", "flow.toml", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains(&format!("resuming {from} of ")), "{ended:?}");
    let summary = summary(&ended);
    assert_eq!(
        (&summary["resumed_from_line"], &summary["events"]),
        (&2.into(), &(150 - taken).into())
    );
    assert_eq!((store.contents(), store.open_uploads().len()), (expected(&(first + &events)), 0));
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
}

#[test]
fn a_line_that_begins_otherwise_now_is_told_and_one_that_ends_otherwise_is_not() {
    let events = large(&["a"], 150);
    let line = packed(&events);
    let (place, store, _) = stopped(&line, &each());
    let taken = shown(&place)["source"]["begun"]["events"].as_u64().unwrap();
    let said = format!("line 1 begins with other events than the {taken} that an earlier run");
    let refused = || assert_fails(&place.spillway(&["run", "flow.toml"]), 2, &[&said]);
    // In its place, so that it is the same file.
    place.write("events.json", line.replacen("000000", "000001", 1));
    refused();
    place.write("events.json", packed(&large(&["a"], taken as usize)));
    refused();
    place.write("events.json", "{}\n");
    refused();
    place.write("events.json", &line);
    place.write("flow.toml", each().replace("payload = \".payload\"", "payload = \".key\""));
    refused();
    assert_eq!(store.contents().len(), 0);
    place.write("flow.toml", each());
    let last = format!("{:06}", 149);
    let changed = |text: &str| text.replace(&last, "777777");
    place.write("events.json", changed(&line));
    place.run(&[]);
    assert_eq!(store.contents(), expected(&changed(&events)));
}

#[test]
fn an_expression_that_asks_the_clock_gives_the_same_events_again() {
    let clocked = each().replace("payload = \".payload\"", "payload = \"{t: now, p: .payload}\"");
    let (place, store, _) = stopped(&packed(&large(&["a"], 150)), &clocked);
    assert!(shown(&place)["source"]["begun"]["now"].as_u64().is_some());
    place.run(&[]);
    let contents = store.contents();
    let text = std::str::from_utf8(&contents["a"]).unwrap();
    let times: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["t"].take()).collect();
    assert_eq!(times.len(), 150);
    assert!(
        times[0].as_f64() > Some(1.7e9) && times.iter().all(|time| *time == times[0]),
        "{times:?}"
    );
}

/// What was appended to the first file meanwhile comes after it.
#[test]
fn of_followed_files_the_one_is_read_first_whose_line_it_is() {
    let events = large(&["b"], 150);
    let (place, store, taken) = stopped_in_second(&events, "30s");
    place.write("a.log", packed(&event("a", "1")) + &packed(&event("a", "2")));
    std::fs::rename(place.path("b.log"), place.path("b.log.1")).unwrap();
    place.write("b.log", packed(&event("b", "last")));
    let mut running = place.start(&["run", "flow.toml"]);
    running.wait_for(&format!("after {taken} events, from the checkpoint"));
    ends_behind(&place, running, 153);
    assert!(stored(&store, "b") == told(&(events + &event("b", "last"))));
    assert_eq!(stored(&store, "a"), told(&(event("a", "1") + &event("a", "2"))));
}

/// What is said of the file first is no line of it.
#[test]
fn the_file_may_be_found_later_as_a_copy() {
    let events = large(&["b"], 150);
    let (place, store, taken) = stopped_in_second(&events, "30s");
    place.write("a.log", packed(&event("a", "1")) + &packed(&event("a", "2")));
    place.write("b.log", packed(&event("b", "last")));
    let mut running = place.start(&["run", "flow.toml"]);
    running.wait_for(&format!("after {taken} events, from the checkpoint"));
    running.wait_for("b.log` was truncated or rewritten");
    place.write("copy", packed(&events));
    std::fs::rename(place.path("copy"), place.path("b.log.1")).unwrap();
    ends_behind(&place, running, 153);
    assert!(stored(&store, "b") == told(&(events + &event("b", "last"))));
    assert_eq!(stored(&store, "a"), told(&(event("a", "1") + &event("a", "2"))));
}

#[test]
fn what_is_left_of_a_line_is_given_up_where_its_file_is_gone() {
    let events = large(&["b"], 150);
    let (place, store, taken) = stopped_in_second(&events, "1s");
    place.write("a.log", packed(&event("a", "1")) + &packed(&event("a", "2")));
    std::fs::remove_file(place.path("b.log")).unwrap();
    let mut running = place.start(&["run", "flow.toml"]);
    running.wait_for("is in no file any more; its other events are in no object");
    ends_behind(&place, running, 2 + taken);
    let first: String = events.split_inclusive('\n').take(taken as usize).collect();
    assert!(stored(&store, "b") == told(&first));
    assert_eq!(stored(&store, "a"), told(&(event("a", "1") + &event("a", "2"))));
}

/// A run that follows two files and stopped within the one line of the second, of which so many
/// events were taken.
fn stopped_in_second(events: &str, rotate_wait: &str) -> (Place, Store, u64) {
    let follow = &format!("paths = [\"*.log*\"]\nfollow = true\nrotate_wait = \"{rotate_wait}\"");
    let flow = each()
        .replace("path = \"events.json\"", follow)
        .replace("payload = \".payload\"", "payload = \"{p: .payload, f: $file}\"")
        .replace("part_bytes", "key_template = \"{key}/{first}\"\npart_bytes");
    let held = Held::start();
    let place = Place::of(&flow, "").with("ENDPOINT", &held.store.endpoint());
    place.write("a.log", packed(&event("a", "1")));
    place.write("b.log", packed(events));
    let mut running = place.start(&["run", "flow.toml"]);
    held.wait();
    running.signal("INT");
    running.wait_for("stopping: saving open objects for the next run");
    let store = held.go_on();
    assert_eq!(guarded(running.ends()).code, Some(0));
    let shown = shown(&place);
    let taken = shown["source"]["begun"]["events"].as_u64().unwrap();
    assert!(0 < taken && taken < 150, "{shown}");
    // There is no order between the two files.
    let index = shown["source"]["begun_file"].as_u64().unwrap() as usize;
    assert_eq!(shown["source"]["files"][index][0], "b.log", "{shown}");
    (place, store, taken)
}

/// Waits until so many events are in the checkpoint, and completes their objects with a run that
/// does not follow.
fn ends_behind(place: &Place, running: Running, events: u64) {
    eventually("a checkpoint of all", || shown(place)["events"] == events);
    running.signal("INT");
    assert_eq!(guarded(running.ends()).code, Some(0));
    let flow = std::fs::read_to_string(place.path("flow.toml")).unwrap();
    let mut lines: Vec<&str> = flow.lines().collect();
    lines.retain(|line| !line.starts_with("follow") && !line.starts_with("rotate_wait"));
    place.write("flow.toml", lines.join("\n"));
    place.run(&[]);
}

/// The events of the objects of a key, in their order.
fn stored(store: &Store, key: &str) -> Vec<Value> {
    let contents = store.contents();
    let objects = contents.iter().filter_map(|(name, bytes)| {
        let first: u64 = name.strip_prefix(key)?.strip_prefix('/')?.parse().unwrap();
        Some((first, str::from_utf8(bytes).unwrap()))
    });
    let objects: BTreeMap<_, _> = objects.collect();
    let lines = objects.into_values().flat_map(str::lines);
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What events become: each has the name that its file had when its line was begun.
fn told(events: &str) -> Vec<Value> {
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let file = |event: &Value| format!("{}.log", event["key"].as_str().unwrap());
    events.map(|event| json!({"p": event["payload"], "f": file(&event)})).collect()
}

#[test]
fn one_that_the_sink_rejects_stops_each_run_and_nothing_is_there_twice() {
    let store = Store::start(|_| {});
    let long = "k".repeat(1_025);
    let events = event("a", "1") + &event(&long, "2") + &event("b", "3");
    let (lines, last) = (event("first", "0"), event("last", "4"));
    let place = Place::of(&each(), &(packed(&lines) + &packed(&events) + &packed(&last)));
    let place = place.with("ENDPOINT", &store.endpoint());
    for _ in 0..2 {
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_fails(&ended, 1, &["error: event 2 of 3 of line 2 was rejected: "]);
        assert_eq!(store.contents().len(), 0, "nothing is visible before a checkpoint");
    }
    place.write(
        "flow.toml",
        each().replace("[sink.config]", "on_rejected = \"skip\"\n[sink.config]"),
    );
    assert_eq!(place.run(&[])["rejected"], 1);
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
    let wanted = lines + &event("a", "1") + &event("b", "3") + &last;
    assert_eq!(store.contents(), expected(&wanted));
}

/// The events lie in lines of seven, and what was given before is read again from its line on.
#[test]
fn what_an_earlier_run_had_is_set_aside_as_well() {
    let events = large(&["a"], 150);
    let aside = "[sink]\non_failed.file = \"bad\"\n[sink.config]\nmax_open_objects = 2\n\
                 on_existing = \"fail\"";
    let flow = each().replace("[sink.config]", aside);
    let first = event("first", "1") + &event("first", "2");
    let of_a: Vec<&str> = events.split_inclusive('\n').collect();
    let lines: String = of_a.chunks(7).map(|events| packed(&events.concat())).collect();
    let (place, store, ended) =
        stopped(&(packed(&first) + &lines + &packed(&event("last", "2"))), &flow);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(shown(&place)["source"]["position"].as_u64() > Some(2));
    store.bucket(|bucket| {
        let id = bucket.open_uploads().keys().next().cloned().unwrap();
        bucket.expire_upload(&id);
    });
    let summary = place.run(&[]);
    assert!(summary["resumed_from_line"].as_u64() > Some(2), "{summary}");
    assert_eq!((&summary["end"], &summary["dead_letters"]), (&"complete".into(), &150.into()));
    let letters = letters(&place, "bad");
    let found: Vec<_> = letters
        .iter()
        .map(|l| (l["line"].as_u64().unwrap(), l["position"].as_u64().unwrap()))
        .collect();
    let wanted: Vec<_> = (0..150).map(|n| (2 + n / 7, 2 + n)).collect();
    assert_eq!(found, wanted);
    assert_eq!(store.contents(), expected(&(first + &event("last", "2"))));
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
}
