//! What objects are called, and what becomes of those whose name is taken.

use spillway_local_s3::Operation;
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn the_example_for_names_makes_a_folder_a_day_and_keeps_what_is_there() {
    let place = example("names.toml");
    let ended = place.spillway(&["run", "examples/names.toml", "--local", "out"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let before = place.files("out/my-events/events");
    let names: Vec<_> = before.keys().map(String::as_str).collect();
    for (index, name) in names.iter().enumerate() {
        // 2026/05/01/key1-000000.ndjson
        let (day, name) = name.split_at(11);
        let digits: String = day.chars().filter(|c| *c != '/').collect();
        assert!(digits.len() == 8 && digits.parse::<u32>().is_ok(), "{names:?}");
        assert_eq!(name, format!("key{}-{index:06}.ndjson", index + 1));
    }
    assert_eq!(names.len(), 3);
    // Unless midnight has passed, the names are the same.
    let ended = place.spillway(&["run", "examples/names.toml", "--local", "out"]);
    if place.files("out/my-events/events").len() == 3 {
        let said = ["412 PreconditionFailed", "an object of that name exists, and `on_existing`"];
        assert_fails(&ended, 1, &said);
    }
    for (name, bytes) in before {
        assert_eq!(place.files("out/my-events/events").get(&name), Some(&bytes), "{name}");
    }
}

#[test]
fn the_example_for_numbers_replaces_nothing() {
    let place = example("next.toml");
    for run in 1..=3 {
        let ended = place.spillway(&["run", "examples/next.toml", "--local", "out"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let files = place.files("out/my-events");
        assert_eq!(files.len(), 3 * run, "{files:?}");
        for key in 1..=3 {
            let first = &files[&format!("key{key}/000000.ndjson")];
            assert_eq!(&files[&format!("key{key}/{:06}.ndjson", run - 1)], first);
        }
    }
}

#[test]
fn a_large_object_keeps_what_is_there_as_well() {
    let large = "x".repeat(6 * MIB);
    for (on_existing, template) in [("fail", "{key}"), ("next", "{key}-{sequence}")] {
        let flow =
            format!("{FLOW}on_existing = \"{on_existing}\"\nkey_template = \"{template}\"\n");
        let server = Server::start();
        let place = Place::of(&flow, &event("a", &large)).at(&server);
        place.run(&[]);
        let ended = place.spillway(&["run", "flow.toml", "--json"]);
        let names: Vec<_> = server.contents().into_keys().collect();
        match on_existing {
            "fail" => {
                assert_fails(&ended, 1, &["CompleteMultipartUpload", "`on_existing` is `fail`"]);
                assert_eq!(names, ["a"]);
            }
            _ => {
                assert_eq!(ended.code, Some(0), "{ended:?}");
                assert_eq!(names, ["a-0", "a-1"]);
                // The first is looked for, and not begun in vain.
                assert_eq!(server.done()[&Operation::CreateMultipartUpload], 2);
            }
        }
    }
}

#[test]
fn a_prefix_and_a_template_are_put_before_and_around_the_key() {
    let server = Server::start();
    let more = "prefix = \"a b/é-\"\nkey_template = \"{{{key}}}+{sequence:03}\"\n";
    let events = event("x/y", "1") + &event("z", "2") + &event("x/y", "3");
    let place = Place::of(&format!("{FLOW}{more}"), &events).at(&server);
    place.run(&[]);
    let names: Vec<_> = server.contents().into_keys().collect();
    assert_eq!(names, ["a b/é-{x/y}+000", "a b/é-{x/y}+001", "a b/é-{z}+000"]);
}

#[test]
fn a_key_that_leads_out_of_the_prefix_is_rejected_by_its_line() {
    let events = event("a", "1") + &event("../b", "2");
    let place = Place::of(&format!("{FLOW}prefix = \"logs/\"\n"), &events);
    let place = place.with("ENDPOINT", "http://127.0.0.1:1");
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    let said = "line 2 was rejected: behind the prefix the object's name has a segment `..`";
    assert_fails(&ended, 1, &[said]);
    assert_eq!(place.files("out").into_keys().collect::<Vec<_>>(), ["events/logs/a"]);
}

#[test]
fn a_wrong_template_is_shown_with_a_caret_under_the_mistake() {
    for (template, shown) in [
        (
            "logs/{key}-{sequense}",
            "  sink.config.key_template: `{sequense}` is unknown; did you mean `{sequence}`?\n    \
             logs/{key}-{sequense}\n               ^\n",
        ),
        (
            "日/{key",
            "  sink.config.key_template: no `}` ends this; `{{` stands for one `{`\n    \
             日/{key\n    \u{3000} ^\n",
        ),
        (
            // A tab and an escape: shown, and not acted on.
            "\\t\\u001b{date:%Q}",
            "  sink.config.key_template: `%Q` is unknown; there are %Y, %y, %m, %d, %j, %H, %M, \
             %S, %s, %F, %T, %G, %V and %%\n    \\t\\u{1b}{date:%Q}\n                  ^\n",
        ),
    ] {
        let flow = format!("{FLOW}key_template = \"{template}\"\n");
        let place = Place::of(&flow, "").with("ENDPOINT", "http://127.0.0.1:1");
        let ended = place.spillway(&["check", "flow.toml"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_eq!(ended.err, format!("error: one thing is wrong with flow.toml\n{shown}"));
    }
}

#[test]
fn what_does_not_fit_together_names_both_fields() {
    for (more, said) in [
        (
            "on_existing = \"next\"",
            "sink.config.on_existing: `next` takes the next free `{sequence}`, but `key_template`",
        ),
        ("prefix = \"../logs\"", "sink.config.prefix: `../logs` has a segment that is empty"),
        ("prefix = \"{key}/\"", "sink.config.prefix: a prefix is the same for all objects"),
        (
            "prefix = \"logs/\"\nkey_template = \"../{key}\"",
            "sink.config.key_template: no key gives a name that is allowed: behind the prefix",
        ),
        (
            "key_template = \"{key}{sequence}\"",
            "sink.config.key_template: `{sequence}` touches what may be a digit",
        ),
    ] {
        let place = Place::of(&format!("{FLOW}{more}\n"), "");
        let place = place.with("ENDPOINT", "http://127.0.0.1:1");
        assert_fails(&place.spillway(&["check", "flow.toml"]), 2, &[said]);
    }
}

/// One of the repository's flows, with what it reads, in a folder of its own.
fn example(name: &str) -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("examples")).unwrap();
    for name in [name, "sample.json"] {
        let name = format!("examples/{name}");
        std::fs::copy(repository().join(&name), place.path(&name)).unwrap();
    }
    place
}

/// A second run over standard input, and a file that took the place of another: each counts from 0
/// again, and what is there stays.
#[test]
fn another_run_replaces_nothing_that_was_counted() {
    let numbered = |template: &str| {
        format!("{}key_template = \"{template}\"\n[sink.config.rotate]\nevents = 2\n", from_stdin())
    };
    for (template, code, objects) in
        [("{key}.{sequence}", 0, 4), ("{key}.{first}", 1, 2), ("{key}.{uuid}", 0, 4)]
    {
        let server = Server::start();
        let place = Place::of(&numbered(template), "").at(&server);
        for (run, expected) in [("early", 0), ("late", code)] {
            let mut running = place.start(&["run", "flow.toml"]);
            let events: String = (0..4).map(|n| event("shift", &format!("{run} {n}"))).collect();
            running.write(events.as_bytes());
            let ended = guarded(running.end());
            assert_eq!(ended.code, Some(expected), "{template}: {ended:?}");
        }
        let contents = server.contents();
        assert_eq!(contents.len(), objects, "{template}: {contents:?}");
        let all: Vec<u8> = contents.into_values().flatten().collect();
        let all = String::from_utf8(all).unwrap();
        assert!((0..4).all(|n| all.contains(&format!("early {n}"))), "{template}: {all}");
    }
}

/// Folders by the minute of events, some of which come late.
#[test]
fn each_event_is_in_the_folder_of_its_time() {
    let map = "at = \".payload\"\nat_unit = \"s\"\n[sink.config]";
    let flow = FLOW.replace("[sink.config]", map)
        + "key_template = \"{date:%H%M}/{key}-{uuid}\"\nmax_open_objects = 3\n";
    let event = |second: u64| format!("{{\"key\":\"k\",\"payload\":{second}}}\n");
    let events: String = [119, 120, 118, 121, 179, 180, 117].into_iter().map(event).collect();
    let place = Place::of(&flow, &events);
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let files = place.files("out/events");
    let mut folders: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (name[..4].to_owned(), String::from_utf8(bytes.clone()).unwrap()))
        .collect();
    folders.sort();
    let expected = [("0001", "119\n118\n117\n"), ("0002", "120\n121\n179\n"), ("0003", "180\n")];
    assert_eq!(folders, expected.map(|(folder, text)| (folder.to_owned(), text.to_owned())));
}
