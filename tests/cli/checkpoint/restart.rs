//! A flow that is started again.

use spillway_tests::server::Server;

use super::*;

#[test]
fn one_that_is_through_does_nothing_and_says_so() {
    let server = Server::start();
    let place = Place::of(&flow(), &(event("a", "1") + &event("b", "2"))).at(&server);
    let first = place.spillway(&["run", "flow.toml"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.err.contains("starting at line 1; checkpoints are stored in run.checkpoint"));
    assert!(first.out.contains("stored; the next run starts at line 3."), "{first:?}");
    let stored = server.contents();
    assert_eq!((stored.len(), stored["b"].as_slice()), (2, &b"\"2\"\n"[..]));

    let (requests, bytes) = (server.requests_total(), unlocked(&place));
    let again = place.spillway(&["run", "flow.toml"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.err.starts_with("nothing to do: events.json was finished at 2"), "{again:?}");
    assert!(again.err.contains("Z, with 2 lines, and has no new lines"), "{again:?}");
    assert!(again.out.starts_with("Nothing to do: "), "{again:?}");
    let summary = place.run(&[]);
    assert_eq!(summary["end"], "nothing_to_do");
    assert_eq!((&summary["lines"], &summary["resumed_from_line"]), (&0.into(), &3.into()));
    assert_eq!(server.requests_total(), requests);
    assert_eq!(unlocked(&place), bytes);
}

#[test]
fn a_file_that_has_grown_is_read_on() {
    let server = Server::start();
    let first = event("a", "1") + &event("b", "2");
    let place = Place::of(&flow(), &first).at(&server);
    let summary = place.run(&[]);
    assert_eq!(summary["resumed_from_line"], serde_json::Value::Null);
    for n in 3..6 {
        append(&place, &event(&format!("k{n}"), "x"));
        let checked = place.spillway(&["check", "flow.toml"]);
        let said = format!("It resumes from line {n}, from the checkpoint run.checkpoint.");
        assert!(checked.out.contains(&said), "{checked:?}");
        let summary = place.run(&[]);
        assert_eq!((&summary["lines"], &summary["events"]), (&1.into(), &1.into()), "{summary}");
        assert_eq!(
            (&summary["resumed_from_line"], &summary["next_line"]),
            (&n.into(), &(n + 1).into())
        );
        assert_eq!(server.contents()[&format!("k{n}")], b"\"x\"\n");
    }
    assert_eq!(server.objects().len(), 5);
}

#[test]
fn a_store_in_a_folder_has_checkpoints_too() {
    let place = Place::of(&flow().replace("endpoint", "#"), &event("a", "1"));
    place.run(&["--local", "out"]);
    assert_eq!(place.run(&["--local", "out"])["end"], "nothing_to_do");
    append(&place, &event("b", "2"));
    assert_eq!(place.run(&["--local", "out"])["resumed_from_line"], 2);
    assert_eq!(place.files("out").len(), 2);
}

#[test]
fn the_example_is_through_the_second_time() {
    let place = example("checkpoint");
    let run = ["run", "examples/checkpoint.toml", "--local", "out"];
    let first = place.spillway(&run);
    assert!(first.out.starts_with("Done: 3 of 3 lines became events, stored in 3 objects"));
    assert!(place.spillway(&run).out.starts_with("Nothing to do: "));
    assert_eq!(place.files("out").len(), 3);
    assert_eq!(place.spillway(&["checkpoint", "show", "s3demo.checkpoint"]).code, Some(0));
}

#[test]
fn what_was_set_aside_is_read_with_checkpoints_as_well() {
    let server = Server::start();
    let flow = flow().replace("[sink.config]", "on_rejected = { file = \"bad\" }\n[sink.config]");
    let place = Place::of(&flow, &("wrong\n".to_owned() + &event("a", "1"))).at(&server);
    assert_eq!(place.run(&[])["rejected"], 1);
    let letter = letters(&place, "bad");
    assert_eq!(letter.len(), 1, "{letter:?}");
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
    assert_eq!(letters(&place, "bad"), letter);
    let text = std::fs::read_to_string(place.path("bad")).unwrap();
    place.write("bad", text.replace("\"wrong\"", r#""{\"key\":\"c\",\"payload\":1}""#));
    let again = flow.replace("events.json\"", "bad\"\ncodec = \"dead-letters\"");
    let again = again.replace("\"bad\" }", "\"worse\" }").replace("run.checkpoint", "again");
    place.write("flow.toml", again);
    assert_eq!(place.run(&[])["events"], 1);
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
    assert_eq!(server.contents()["c"], b"1\n");
}

#[test]
fn how_often_is_said_by_every() {
    let lines = large(&["a"], 45);
    let taken = |every: &str| {
        let server = Server::start();
        let place = Place::of(&flow().replace("0s", every), &lines).at(&server);
        place.run(&[])["checkpoints"].as_u64().unwrap()
    };
    // One before anything is read, one that makes the object visible, and the last.
    assert_eq!(taken("1h"), 3);
    let often = taken("0s");
    assert!(often >= 3 + 4, "{often}");
}

/// All files but the lock, which says whose it was last.
fn unlocked(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let mut files = place.files(".");
    files.remove("run.checkpoint.lock");
    files
}

fn append(place: &Place, lines: &str) {
    use std::io::Write as _;
    let file = std::fs::File::options().append(true).open(place.path("events.json"));
    file.unwrap().write_all(lines.as_bytes()).unwrap();
}
