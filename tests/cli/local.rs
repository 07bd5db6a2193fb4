//! What a run with `--local` leaves in its folder when it is killed, and who goes on with it.

use spillway_local_s3::{LocalCredentials, LocalOptions, LocalS3};
use spillway_tests::server::{ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY, Server};
use tokio::runtime::Runtime;

use super::support::*;

#[test]
fn the_upload_of_a_killed_run_goes_on() {
    let place = killed_with_an_open_upload();
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(serve(&place));
    let place = place.with("ENDPOINT", &server.endpoint());
    let list = ["uploads", "list", "flow.toml", "--json"];
    let listed = place.spillway(&list);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let uploads = &summary(&listed)["uploads"];
    assert_eq!((&uploads[0]["object_key"], &uploads[0]["parts"]), (&"logs/a".into(), &2.into()));
    assert_eq!(uploads.as_array().unwrap().len(), 1);
    let id = &uploads[0]["id"];

    // The run has a server of its own in the folder, which leaves alone what another goes on with.
    place.write("events.json", event("b", "1"));
    place.write("from-file.toml", FLOW);
    let ended = place.spillway(&["run", "from-file.toml", "--local", "out"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let again = &summary(&place.spillway(&list))["uploads"];
    assert_eq!((&again[0]["id"], &again[0]["parts"]), (id, &2.into()));
    assert_eq!(again.as_array().unwrap().len(), 1);

    let ended = place.spillway(&["uploads", "abort", "flow.toml", "--older-than", "0s"]);
    assert!(ended.out.ends_with("\n1 upload aborted\n"), "{ended:?}");
    runtime.block_on(server.shutdown());
    assert_eq!(names(&place), [BUCKET]);
    assert_eq!(place.files("out/events").keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_run_after_a_killed_one_keeps_what_is_open() {
    let place = killed_with_an_open_upload();
    for key in ["b", "c"] {
        let mut running = place.start(&["run", "flow.toml", "--local", "out"]);
        running.write(event(key, "1").as_bytes());
        let ended = guarded(running.end());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let names = names(&place);
        assert!(names.len() == 2 && names[0].starts_with(".spillway-"), "{names:?}");
        assert_eq!(parts(&place), 2);
    }
    assert_eq!(place.files("out/events").keys().collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn a_run_after_a_killed_one_cleans_up_where_nothing_is_open() {
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", "http://127.0.0.1:1");
    let mut running = place.start(&["run", "flow.toml", "--local", "out"]);
    running.write((event("a", "1") + &event("b", "2")).as_bytes());
    eventually("a", || place.path("out/events/a").exists());
    running.signal("KILL");
    assert_eq!(running.ends().code, None);
    assert_eq!(names(&place).len(), 2);
    let ended = guarded(place.start(&["run", "flow.toml", "--local", "out"]).end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(names(&place), [BUCKET]);
}

/// What one has stored, the other's checkpoint would pass over.
#[test]
fn a_trial_and_a_run_share_no_checkpoint() {
    let server = Server::start();
    let flow = FLOW.to_owned() + "[checkpoint]\npath = \"run.checkpoint\"\n";
    let place = Place::of(&flow, &event("a", "1")).with("ENDPOINT", &server.endpoint());
    let trial = ["run", "flow.toml", "--local", "out"];
    assert_eq!(place.spillway(&trial).code, Some(0));
    let shown = place.spillway(&["checkpoint", "show", "run.checkpoint"]);
    assert!(shown.out.lines().next().unwrap().ends_with(", with --local"), "{shown:?}");
    let said = "checkpoint.path: was stored by a run with --local: its events are in that folder";
    for words in [&["run", "flow.toml"], &["check", "flow.toml"]] {
        assert_fails(&place.spillway(words), 2, &[said]);
    }
    assert_eq!(server.requests_total(), 0);
    // A trial goes on with its own.
    place.write("events.json", event("a", "1") + &event("b", "2"));
    assert_eq!(place.run(&["--local", "out"])["events"], 1);

    std::fs::remove_file(place.path("run.checkpoint")).unwrap();
    assert_eq!(place.run(&[])["events"], 2);
    let kept = std::fs::read(place.path("run.checkpoint")).unwrap();
    let said = "checkpoint.path: was stored by a run without --local";
    assert_fails(&place.spillway(&trial), 2, &[said]);
    assert_eq!(std::fs::read(place.path("run.checkpoint")).unwrap(), kept);
}

/// A place where a run was killed that had uploaded two parts of `logs/a`.
fn killed_with_an_open_upload() -> Place {
    let place = Place::of(&from_stdin(), "").with("ENDPOINT", "http://127.0.0.1:1");
    let mut running = place.start(&["run", "flow.toml", "--local", "out"]);
    (0..12).for_each(|_| running.write(event("logs/a", &"x".repeat(MIB)).as_bytes()));
    eventually("two parts", || parts(&place) == 2);
    running.signal("KILL");
    assert_eq!(running.ends().code, None);
    place
}

async fn serve(place: &Place) -> LocalS3 {
    let credentials = LocalCredentials {
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret_access_key: SECRET_ACCESS_KEY.to_owned(),
    };
    let (root, buckets, address) = (place.path("out"), vec![], LocalOptions::LOOPBACK);
    LocalS3::start(LocalOptions { root, buckets, credentials, address }).await.unwrap()
}

/// How many parts lie in the hidden folder.
fn parts(place: &Place) -> usize {
    let Some(hidden) = names(place).into_iter().find(|name| name.starts_with(".spillway-")) else {
        return 0;
    };
    let entries = std::fs::read_dir(place.path("out").join(hidden)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".part-")).count()
}

/// What is in the folder, sorted.
fn names(place: &Place) -> Vec<String> {
    // It may not be there yet.
    let entries = std::fs::read_dir(place.path("out")).into_iter().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}
