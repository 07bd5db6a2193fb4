//! Keys, and whether each of them becomes an object of exactly that name.

use std::collections::BTreeMap;

use spillway_tests::server::Server;

use super::support::*;

#[test]
fn odd_keys_are_kept_as_they_are() {
    let long = ["x".repeat(1_024), "é".repeat(512)];
    let mut keys = vec![
        "a b",
        " ",
        "a+b",
        "+",
        "100%",
        "a%2Fb",
        "%",
        "a//b",
        "//",
        "/leading",
        "trailing/",
        "..",
        ".",
        "../a",
        "a/../b",
        "a/./b",
        "é ü",
        "漢字/😀",
        "e\u{301}",
        "a?b#c&d=e",
        "'\"<>`{}|^[]",
        "a\\b",
        "*~!()@,;:$",
        "tab\there",
        "line\nbreak",
        "\u{7f}",
    ];
    keys.extend(long.iter().map(String::as_str));
    let events: String = keys.iter().map(|key| event(key, key)).collect();
    let server = Server::start();
    let place = Place::of(FLOW, &events).at(&server);
    assert_eq!(place.run(&[])["objects"], keys.len());
    let wanted = keys.iter().map(|key| {
        let payload = serde_json::to_string(key).unwrap() + "\n";
        (key.to_string(), payload.into_bytes())
    });
    assert_eq!(server.contents(), wanted.collect::<BTreeMap<_, _>>());
}

#[test]
fn no_key_leads_out_of_the_folder() {
    let keys = ["../../out", "/etc/out", "..", "a/../../../out"];
    let events: String = keys.iter().map(|key| event(key, "x")).collect();
    let place = Place::of(FLOW, &events);
    let before = place.files("").len();
    place.run(&["--local", "here/out"]);
    let files = place.files("here/out/events");
    assert_eq!(files.len(), keys.len(), "{files:?}");
    assert_eq!(place.files("").len(), before + keys.len());
}

#[test]
fn a_key_over_1024_bytes_is_rejected_by_its_line() {
    for key in ["x".repeat(1_025), "é".repeat(512) + "x"] {
        let events = event("a", "1") + &event(&key, "2") + &event("b", "3");
        let server = Server::start();
        let place = Place::of(FLOW, &events).at(&server);
        let ended = place.spillway(&["run", "flow.toml", "--json"]);
        let said = ["line 2 was rejected: the object's name has 1025 bytes, but S3 allows 1024"];
        assert_fails(&ended, 1, &said);
        let summary = summary(&ended);
        assert_eq!((&summary["events"], &summary["rejected"]), (&1.into(), &1.into()));
        // What stands before it is stored, and nothing behind.
        assert_eq!(server.contents().keys().collect::<Vec<_>>(), ["a"]);
    }
}

#[test]
fn a_key_over_1024_bytes_may_be_skipped_or_set_aside() {
    let key = "x".repeat(1_025);
    let events = event("a", "1") + &event(&key, "2") + &event("b", "3");
    for (on_rejected, files) in [("\"skip\"", 0), ("{ file = \"rejected.ndjson\" }", 1)] {
        let flow =
            FLOW.replace("[sink.config]", &format!("on_rejected = {on_rejected}\n[sink.config]"));
        let server = Server::start();
        let place = Place::of(&flow, &events).at(&server);
        let summary = place.run(&[]);
        assert_eq!((&summary["events"], &summary["rejected"]), (&2.into(), &1.into()));
        assert_eq!(server.contents().keys().collect::<Vec<_>>(), ["a", "b"]);
        let written = std::fs::read_to_string(place.path("rejected.ndjson")).unwrap_or_default();
        assert_eq!(written.lines().count(), files);
        for line in written.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            // Which is the event as the sink was given it.
            assert_eq!((&line["line"], &line["payload"]), (&2.into(), &"\"2\"".into()));
            assert_eq!(line["key"], key);
        }
    }
}
