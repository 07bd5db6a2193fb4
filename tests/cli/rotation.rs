//! When objects end, and how many are open at once.

use std::collections::BTreeMap;

use spillway_local_s3::Operation;
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn the_interleaved_example_becomes_an_object_for_each_sensor() {
    let readings = |sensor: &str, celsius: [&str; 3]| {
        let hours = ["08", "09", "10"].into_iter().zip(celsius);
        hours.map(|(hour, celsius)| reading(hour, sensor, celsius)).collect::<String>()
    };
    let wanted = [
        ("readings/cellar-2", readings("cellar", ["11.2", "11.2", "11.3"])),
        ("readings/garden-1", readings("garden", ["7.4", "9.8", "12.5"])),
        ("readings/kitchen-0", readings("kitchen", ["20.1", "20.4", "21.0"])),
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
        ("readings/08-000", readings("08", ["20.1", "7.4", "11.2"])),
        ("readings/09-000", readings("09", ["20.4", "9.8", "11.2"])),
        ("readings/10-000", readings("10", ["21.0", "12.5", "11.3"])),
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
        let contents: Vec<u8> = server.contents().into_values().flatten().collect();
        assert_eq!(contents, b"\"1\"\n\"2\"\n", "{rotate}");
    }
}

#[test]
fn each_limit_cuts_at_an_event() {
    let payloads = ["one", "two", "three", "four", "five", "six", "seven"];
    let events: String = payloads.iter().map(|payload| event("a", payload)).collect();
    for (rotate, firsts) in [
        ("events = 3", &[0, 3, 6][..]),
        ("events = 4", &[0, 4]),
        // Two quotes and a line feed each: "three" brings the first object to 20 bytes, "six" the
        // next one.
        ("bytes = 20", &[0, 3, 6]),
        ("bytes = 21", &[0, 4]),
        ("age_ms = 31536000000", &[0]),
    ] {
        let server = Server::start();
        let place = Place::of(&rotating(FLOW, rotate), &events).at(&server);
        let summary = place.run(&[]);
        assert_eq!(summary["objects"], firsts.len(), "{rotate}");
        assert_eq!((&summary["events"], &summary["stored_events"]), (&7.into(), &7.into()));
        let ends = firsts.iter().skip(1).copied().chain([payloads.len()]);
        let objects = firsts.iter().zip(ends).map(|(first, end)| {
            let events = payloads[*first..end].iter().map(|p| format!("\"{p}\"\n"));
            (format!("a-{first}"), events.collect::<String>().into_bytes())
        });
        assert_eq!(server.contents(), objects.collect(), "{rotate}");
    }
}

#[test]
fn one_object_too_many_ends_the_one_written_to_the_longest_ago() {
    let keys = ["a", "b", "a", "c", "a", "b"];
    let events: String = keys.iter().zip(1..).map(|(key, n)| event(key, &n.to_string())).collect();
    let all = |open: usize| {
        let server = Server::start();
        let flow = format!("{FLOW}{NAMES}max_open_objects = {open}\n");
        Place::of(&flow, &events).at(&server).run(&[]);
        let contents = server.contents().into_iter();
        contents
            .map(|(name, bytes)| format!("{name}:{}", String::from_utf8(bytes).unwrap()))
            .collect()
    };
    let objects: [Vec<String>; 3] = [1, 2, 3].map(all);
    let text = |name: &str, events: &[&str]| {
        format!("{name}:{}", events.iter().map(|e| format!("\"{e}\"\n")).collect::<String>())
    };
    let one = [("a-0", "1"), ("a-2", "3"), ("a-4", "5"), ("b-1", "2"), ("b-5", "6"), ("c-3", "4")];
    assert_eq!(objects[0], one.map(|(name, event)| text(name, &[event])));
    assert_eq!(
        objects[1],
        [
            text("a-0", &["1", "3", "5"]),
            text("b-1", &["2"]),
            text("b-5", &["6"]),
            text("c-3", &["4"]),
        ]
    );
    assert_eq!(
        objects[2],
        [text("a-0", &["1", "3", "5"]), text("b-1", &["2", "6"]), text("c-3", &["4"])]
    );
}

/// One key gets several objects, so each has a name of its own.
const NAMES: &str = "key_template = \"{key}-{first}\"\n";

/// The flow with this line in the table `rotate`.
fn rotating(flow: &str, rotate: &str) -> String {
    format!("{flow}{NAMES}\n[sink.config.rotate]\n{rotate}\n")
}

/// What happened when decides, and not when it was read.
#[test]
fn the_example_for_dates_has_the_folder_of_the_day() {
    let objects = objects_of("dated");
    let wanted = ["08", "09", "10"].map(|hour| format!("readings/2026/05/01/{hour}.ndjson"));
    assert_eq!(objects.keys().collect::<Vec<_>>(), wanted.each_ref());
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
