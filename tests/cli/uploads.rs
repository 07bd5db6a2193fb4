//! `spillway uploads`: what a run left behind is shown, and ended; what is young is not.

use spillway_simulation::bucket::{Action, Operation};
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::program::Ended;
use spillway_tests::server::Server;
use spillway_tests::store::Store;

use super::support::*;

const NONE: &str = "there is no incomplete upload under the keys that flow.toml may write\n";

#[test]
fn what_a_killed_run_leaves_is_shown_and_ended() {
    let store = Store::start(|_| {});
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", &store.endpoint());
    let mut running = place.start(&["run", "flow.toml"]);
    (0..12).for_each(|_| running.write(event("logs/a", &"x".repeat(MIB)).as_bytes()));
    let parts =
        || store.bucket(|b| b.open_uploads().values().map(|u| u.parts.len()).sum::<usize>());
    eventually("two parts", || parts() == 2);
    running.signal("KILL");
    assert_eq!(running.ends().code, None);

    // The source has gone, and does not matter.
    place.write("flow.toml", FLOW.replace("events.json", "gone/${NOT_SET}"));
    let listed = list(&place, &[]);
    let lines: Vec<_> = listed.out.lines().collect();
    assert_eq!(lines.len(), 2, "{listed:?}");
    assert!(lines[0].starts_with("OBJECT KEY"), "{listed:?}");
    assert!(
        lines[1].starts_with("logs/a  ") && lines[1].ends_with("  00000001.+/=&"),
        "{listed:?}"
    );
    let json = summary(&list(&place, &["--json"]));
    let upload = &json["uploads"][0];
    assert_eq!((&upload["object_key"], &upload["parts"]), (&"logs/a".into(), &2.into()));
    assert!(upload["age_seconds"].as_u64().unwrap() < 3_600, "{json}");
    assert!(upload["begun"].as_u64().unwrap() > 1_700_000_000, "{json}");

    let left = abort(&place, &["--older-than", "1h"]);
    assert_eq!(left.code, Some(0), "{left:?}");
    let said = "there is no incomplete upload older than 1h\nskipped: 1 upload younger than that\n";
    assert_eq!(left.out, said);
    let tried = abort(&place, &["--older-than", "0s", "--dry-run"]);
    assert!(tried.out.starts_with("would abort logs/a (age "), "{tried:?}");
    assert!(tried.out.ends_with("\n1 upload would be aborted\n"), "{tried:?}");
    assert_eq!(store.open_uploads(), ["logs/a"]);

    let ended = abort(&place, &["--older-than", "0s"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.starts_with("aborted logs/a (age "), "{ended:?}");
    assert!(ended.out.ends_with(", parts 2, id 00000001.+/=&)\n1 upload aborted\n"), "{ended:?}");
    assert!(store.open_uploads().is_empty());
    assert_eq!(list(&place, &[]).out, NONE);
}

#[test]
fn the_list_is_in_columns_the_oldest_first() {
    let store = Store::start(|options| options.page_max = 2);
    let (hour, day) = (3_600, 86_400);
    store.begin_upload("young", 0, 5 * hour + 90);
    store.begin_upload("a key\nof two\u{1b}[31m lines", 3, 3 * day + 2 * hour + 60);
    store.begin_upload("é", 12, 2 * day + 60);
    store.begin_upload("same", 1, 26 * hour + 60);
    store.begin_upload("same", 0, 25 * hour + 60);
    let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
    let listed = list(&place, &[]);
    let said = r"
OBJECT KEY                       AGE  PARTS  ID
a key\nof two\u{1b}[31m lines  3d 2h      3  00000002.+/=&
é                                 2d     12  00000003.+/=&
same                           1d 2h      1  00000004.+/=&
same                           1d 1h      0  00000005.+/=&
young                          5h 1m      0  00000001.+/=&
";
    assert_eq!(listed.out, said.trim_start());
    let older = list(&place, &["--older-than", "1d2h"]);
    assert_eq!(
        older.out,
        said.trim_start().lines().take(4).map(|line| format!("{line}\n")).collect::<String>()
    );
    let none = list(&place, &["--older-than", "30d"]);
    let said =
        "there is no incomplete upload older than 30d under the keys that flow.toml may write\n";
    assert_eq!(none.out, said);
}

#[test]
fn the_old_are_aborted_and_the_young_stay() {
    let store = Store::start(|options| options.page_max = 2);
    for (key, age) in [("a", 100_000), ("b", 10), ("c", 90_000), ("d", 80_000)] {
        store.begin_upload(key, 2, age);
    }
    let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
    let ended = abort(&place, &["--older-than", "24h"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(store.open_uploads(), ["b", "d"]);
    assert!(ended.out.ends_with("2 uploads aborted\nskipped: 2 uploads younger than that\n"));
}

#[test]
fn ages_go_by_the_stores_clock() {
    let store = Store::start(|_| {});
    // By this machine's clock all would be a day older, or a day younger.
    for seconds in [-86_400, 86_400] {
        store.server().set_clock_ahead(seconds);
        let begun = (2 * 3_600 - seconds).unsigned_abs();
        let id = match seconds {
            0.. => store.begin_upload("a", 1, 0),
            _ => store.begin_upload("a", 1, begun),
        };
        let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
        let json = summary(&list(&place, &["--json"]));
        let uploads = json["uploads"].as_array().unwrap();
        let age = uploads.iter().find(|upload| upload["id"] == id.as_str()).unwrap();
        let expected = if seconds > 0 { 86_400 } else { 2 * 3_600 };
        let age = age["age_seconds"].as_i64().unwrap();
        assert!((age - expected).abs() < 120, "{age} {json}");
    }
}

/// Neither does a terminal act on it, nor is a document none for it.
#[test]
fn names_of_any_characters_are_listed() {
    let store = Store::start(|_| {});
    let name = "a\u{7f}\u{9b}31m\u{202e}txt.\nb\"";
    store.begin_upload(name, 1, 60);
    let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
    let listed = list(&place, &["--json"]);
    assert_eq!(summary(&listed)["uploads"][0]["object_key"], name);
    for ended in [listed, list(&place, &[])] {
        assert!(!ended.out.contains(['\u{7f}', '\u{9b}', '\u{202e}']), "{ended:?}");
        assert!(ended.out.contains("31m\\u"), "{ended:?}");
    }
}

#[test]
fn more_than_are_listed_at_once_are_all_aborted() {
    let store = Store::start(|_| {});
    (0..1_003).for_each(|n| drop(store.begin_upload(&format!("key {n}"), 0, 7_200)));
    let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
    let listed = list(&place, &[]);
    assert_eq!(listed.out.lines().count(), 1_001);
    assert!(listed.err.contains("1003 uploads are open; only the 1000 oldest"), "{}", listed.err);
    let ended = abort(&place, &["--older-than", "1h"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.ends_with("\n1003 uploads aborted\n"), "{}", ended.err);
    assert!(store.open_uploads().is_empty());
}

#[test]
fn who_may_not_list_is_told_what_is_missing() {
    let store = Store::start(|options| options.denied = vec![Action::ListBucketMultipartUploads]);
    let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
    for arguments in [&["list", "flow.toml"][..], &["abort", "flow.toml", "--older-than", "1h"]] {
        let ended = place.spillway(&[&["uploads"], arguments].concat());
        let said = [
            "error: incomplete uploads could not be listed\n  because: ListMultipartUploads \
             s3://events/",
            "allowed s3:ListBucketMultipartUploads on arn:aws:s3:::events\n",
        ];
        assert_fails(&ended, 1, &said);
        assert_eq!(ended.out, "");
    }
}

#[test]
fn who_may_not_count_parts_sees_the_rest() {
    let store = Store::start(|options| options.denied = vec![Action::ListMultipartUploadParts]);
    store.begin_upload("a", 2, 60);
    let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
    let listed = list(&place, &[]);
    assert!(listed.out.ends_with("      ?  00000001.+/=&\n"), "{listed:?}");
    let said =
        ["warning: not all parts of open uploads could be counted: ", "MultipartUploadParts"];
    said.iter().for_each(|text| assert!(listed.err.contains(text), "{listed:?}"));
    assert_eq!(abort(&place, &["--older-than", "0s"]).code, Some(0));
    assert!(store.open_uploads().is_empty());
}

#[test]
fn what_cannot_be_aborted_is_told_and_the_rest_is() {
    let store = Store::start(|_| {});
    ["a", "b", "c"].iter().for_each(|key| drop(store.begin_upload(key, 1, 60)));
    store.server().on_request(|request| {
        let is_abort = request.operation == Operation::AbortMultipartUpload;
        let denied = is_abort && request.key == "b";
        denied.then_some(SocketFault::Bucket(Fault::AccessDenied))
    });
    let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
    let ended = abort(&place, &["--older-than", "0s"]);
    let said = [
        "not aborted: b (age ",
        "allowed s3:AbortMultipartUpload on arn:aws:s3:::events/b",
        "error: 1 upload could not be aborted",
    ];
    assert_fails(&ended, 1, &said);
    assert!(ended.out.ends_with("2 uploads aborted\n"), "{ended:?}");
    assert_eq!(store.open_uploads(), ["b"]);
}

#[test]
fn an_age_is_asked_for_and_needs_a_unit() {
    let place = Place::of(FLOW, "").with("ENDPOINT", "http://127.0.0.1:1");
    let ended = place.spillway(&["uploads", "abort", "flow.toml"]);
    assert_fails(&ended, 2, &["--older-than <AGE>"]);
    for (age, said) in [
        ("24", "24 has no unit; write 24s, 24m, 24h or 24d"),
        ("5M", "the unit `M` is unknown; there are s, m, h, d and w"),
        ("", "is empty"),
        ("1h,1m", "has `,`, which is part of no number and no unit"),
    ] {
        let ended = abort(&place, &[&format!("--older-than={age}")]);
        assert_fails(&ended, 2, &["--older-than", said]);
    }
}

#[test]
fn a_wrong_sink_is_told_and_a_wrong_source_is_not() {
    let place = Place::of(&FLOW.replace("part_bytes", "part_byte"), "");
    let ended = place.spillway(&["uploads", "list", "flow.toml"]);
    assert_fails(&ended, 2, &["sink.config.endpoint", "sink.config.part_byte"]);
    let server = Server::start();
    let sink_alone = &FLOW[FLOW.find("[sink.config]").unwrap()..];
    let place = Place::of(sink_alone, "").at(&server);
    assert_eq!(list(&place, &[]).out, NONE, "also of the server of --local");
}

fn list(place: &Place, more: &[&str]) -> Ended {
    let ended = place.spillway(&[&["uploads", "list", "flow.toml"], more].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

fn abort(place: &Place, more: &[&str]) -> Ended {
    place.spillway(&[&["uploads", "abort", "flow.toml"], more].concat())
}
