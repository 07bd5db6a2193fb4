//! When objects end, and how many are open at once.

use std::collections::BTreeMap;

use spillway::local::Operation;
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn the_interleaved_example_becomes_an_object_for_each_sensor() {
    let readings = |sensor: &str, celsius: [&str; 3]| {
        let hours = ["08", "09", "10"].into_iter().zip(celsius);
        hours.map(|(hour, celsius)| reading(hour, sensor, celsius)).collect::<String>()
    };
    let wanted = [
        ("readings/cellar", readings("cellar", ["11.2", "11.2", "11.3"])),
        ("readings/garden", readings("garden", ["7.4", "9.8", "12.5"])),
        ("readings/kitchen", readings("kitchen", ["20.1", "20.4", "21.0"])),
    ];
    assert_eq!(objects_of("interleaved"), texts(wanted));
}

#[test]
fn the_rotating_example_becomes_an_object_for_each_hour() {
    let readings = |hour: &str, celsius: [&str; 3]| {
        let sensors = ["kitchen", "garden", "cellar"].into_iter().zip(celsius);
        sensors.map(|(sensor, celsius)| reading(hour, sensor, celsius)).collect::<String>()
    };
    let wanted = [
        ("readings/08", readings("08", ["20.1", "7.4", "11.2"])),
        ("readings/09", readings("09", ["20.4", "9.8", "11.2"])),
        ("readings/10", readings("10", ["21.0", "12.5", "11.3"])),
    ];
    assert_eq!(objects_of("rotate"), texts(wanted));
}

/// What is full, too old or idle ends while the flow goes on: nothing more is read, and the object
/// is there all the same.
#[test]
fn an_object_ends_while_the_input_is_open() {
    for rotate in ["events = 2", "bytes = 8", "age_ms = 1", "idle_ms = 1"] {
        let server = Server::start();
        let place = Place::of(&rotating(&from_stdin(), rotate), "").at(&server);
        let mut running = place.start(&["run", "flow.toml"]);
        running.write((event("a", "1") + &event("a", "2")).as_bytes());
        eventually(rotate, || server.done().get(&Operation::PutObject) >= Some(&1));
        drop(running.take_stdin());
        let ended = guarded(running.end());
        assert_eq!(ended.code, Some(0), "{rotate}: {ended:?}");
        assert!(server.contents()["a"].ends_with(b"\"2\"\n"), "{rotate}");
    }
}

#[test]
fn each_limit_cuts_at_an_event() {
    let payloads = ["one", "two", "three", "four", "five", "six", "seven"];
    let events: String = payloads.iter().map(|payload| event("a", payload)).collect();
    for (rotate, objects, last) in [
        ("events = 3", 3, "\"seven\"\n"),
        ("events = 4", 2, "\"five\"\n\"six\"\n\"seven\"\n"),
        // Two quotes and a line feed each: "three" brings the first object to 20 bytes, "six" the
        // next one.
        ("bytes = 20", 3, "\"seven\"\n"),
        ("bytes = 21", 2, "\"five\"\n\"six\"\n\"seven\"\n"),
        ("age_ms = 31536000000", 1, ""),
    ] {
        let server = Server::start();
        let place = Place::of(&rotating(FLOW, rotate), &events).at(&server);
        let summary = place.run(&[]);
        assert_eq!(summary["objects"], objects, "{rotate}");
        assert_eq!((&summary["events"], &summary["stored_events"]), (&7.into(), &7.into()));
        let last = if last.is_empty() {
            payloads.map(|p| format!("\"{p}\"\n")).concat()
        } else {
            last.into()
        };
        assert_eq!(server.contents(), texts([("a", last)]), "{rotate}: the last one stays");
    }
}

#[test]
fn one_object_too_many_ends_the_one_written_to_the_longest_ago() {
    let keys = ["a", "b", "a", "c", "a", "b"];
    let events: String = keys.iter().zip(1..).map(|(key, n)| event(key, &n.to_string())).collect();
    for (open, objects, of_a) in
        [(1, 6, "\"5\"\n"), (2, 4, "\"1\"\n\"3\"\n\"5\"\n"), (3, 3, "\"1\"\n\"3\"\n\"5\"\n")]
    {
        let server = Server::start();
        let flow = format!("{FLOW}max_open_objects = {open}\n");
        let place = Place::of(&flow, &events).at(&server);
        assert_eq!(place.run(&[])["objects"], objects, "{open} open");
        let contents = server.contents();
        assert_eq!(contents["a"], of_a.as_bytes(), "{open} open");
        let of_b = if open == 3 { "\"2\"\n\"6\"\n" } else { "\"6\"\n" };
        assert_eq!(contents["b"], of_b.as_bytes(), "{open} open");
    }
}

/// The flow with this line in the table `rotate`.
fn rotating(flow: &str, rotate: &str) -> String {
    format!("{flow}\n[sink.config.rotate]\n{rotate}\n")
}

/// Runs an example as it stands in the repository, and returns its objects.
fn objects_of(example: &str) -> BTreeMap<String, Vec<u8>> {
    let place = Place::new();
    std::fs::create_dir(place.path("examples")).unwrap();
    let flow = format!("examples/{example}.toml");
    for name in [flow.as_str(), "examples/readings.json"] {
        std::fs::copy(repository().join(name), place.path(name)).unwrap();
    }
    let ended = place.spillway(&["run", &flow, "--local", "out"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.starts_with("Done: 9 of 9 lines became events, stored in 3 objects"));
    place.files("out")
}

fn reading(hour: &str, sensor: &str, celsius: &str) -> String {
    format!("{{\"hour\":\"{hour}\",\"sensor\":\"{sensor}\",\"celsius\":{celsius}}}\n")
}

fn texts<const N: usize>(objects: [(&str, String); N]) -> BTreeMap<String, Vec<u8>> {
    objects.map(|(name, text)| (name.to_owned(), text.into_bytes())).into()
}
