//! `[checkpoint]` and what it goes with.

use spillway_tests::server::Server;

use super::*;

#[test]
fn what_is_wrong_with_it_is_said_by_field() {
    let place = Place::of("", &event("a", "1")).with("ENDPOINT", "http://127.0.0.1:1");
    for name in ["run.lock", "run.tmp"] {
        place.write(name, event("a", "1"));
    }
    for (flow, said) in [
        (flow().replace("path = \"run.checkpoint\"", ""), "checkpoint.path: is missing"),
        (flow().replace("0s", "often"), "checkpoint.every: has no number before `often`"),
        (flow().replace("every", "evry"), "checkpoint.evry: unknown field; did you mean `every`?"),
        (flow().replace("run.checkpoint", "no/c"), "checkpoint.path: the folder no does not exist"),
        (flow().replace("run.checkpoint", "tmp"), "checkpoint.path: tmp is a folder"),
        (
            flow().replace("run.checkpoint", "/dev/null"),
            "checkpoint.path: /dev/null is not a regular",
        ),
        // Nobody makes a file there, whoever runs this.
        (flow().replace("run.checkpoint", "/proc/c"), "checkpoint.path: /proc/c cannot be written"),
        (
            flow().replace("run.checkpoint", "events.json"),
            "checkpoint.path: events.json is the source; name another file",
        ),
        // A lock is emptied, and what is temporary is removed: neither may be what is read.
        (
            flow().replace("run.checkpoint", "run").replace("events.json", "run.lock"),
            "checkpoint.path: run.lock is the source; name another file",
        ),
        (
            flow().replace("run.checkpoint", "run").replace("events.json", "run.tmp"),
            "checkpoint.path: run.tmp is the source; name another file",
        ),
        (
            flow().replace("run.checkpoint", "./flow.toml"),
            "checkpoint.path: ./flow.toml is the flow; name another file",
        ),
        (
            flow()
                .replace("[sink.config]", "[sink]\non_failed.file = \"c.lock\"\n[sink.config]")
                .replace("run.checkpoint", "c"),
            "checkpoint.path: c.lock is the file of sink.on_failed.file; name another file",
        ),
        (
            flow().replace("attempts_max", "commit = \"sealed\"\nattempts_max"),
            "sink.config.commit: is \"sealed\", but a flow with [checkpoint] needs \
             \"checkpointed\"",
        ),
        (
            FLOW.replace("attempts_max", "commit = \"checkpointed\"\nattempts_max"),
            "sink.config.commit: is \"checkpointed\": no object becomes visible before",
        ),
    ] {
        place.write("flow.toml", flow);
        for command in ["check", "run"] {
            let ended = place.spillway(&[command, "flow.toml"]);
            assert_fails(&ended, 2, &["one thing is wrong with flow.toml", said]);
        }
    }
    let mut names: Vec<_> = place.files(".").into_keys().collect();
    names.retain(|name| !name.starts_with("tmp"));
    assert_eq!(names, ["events.json", "flow.toml", "run.lock", "run.tmp"]);
    assert_eq!(std::fs::read_to_string(place.path("run.lock")).unwrap(), event("a", "1"));
}

#[test]
fn what_is_no_checkpoint_is_told_and_left() {
    let server = Server::start();
    let place = Place::of(&flow(), &event("a", "1")).at(&server);
    place.run(&[]);
    let whole = std::fs::read(place.path("run.checkpoint")).unwrap();
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    let [mut earlier, mut later] = [whole.clone(), whole.clone()];
    (earlier[20], later[20]) = (1, 9);
    for (bytes, said) in [
        (vec![], "is a truncated checkpoint that ends at byte 0"),
        (whole[..whole.len() / 2].to_vec(), "is a truncated checkpoint that ends at byte "),
        (altered, "is a damaged checkpoint: its checksum does not match"),
        (
            earlier,
            "is a checkpoint of version 1, but this program reads versions 2 to 4; finish the \
             source with the program that wrote it",
        ),
        (later, "is a checkpoint of version 9, but this program reads versions 2 to 4"),
        (b"something else".to_vec(), "is not a checkpoint"),
    ] {
        place.write("run.checkpoint", &bytes);
        let said = &[&format!("run.checkpoint {said}")[..], "To start over, remove it"];
        for command in [
            &["run", "flow.toml"][..],
            &["check", "flow.toml"],
            &["uploads", "list", "flow.toml"],
            &["uploads", "abort", "flow.toml", "--older-than=0s"],
            &["checkpoint", "show", "run.checkpoint"],
        ] {
            assert_fails(&place.spillway(command), 2, said);
        }
        assert_eq!(std::fs::read(place.path("run.checkpoint")).unwrap(), bytes);
    }
    place.write("run.checkpoint", whole);
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
}

#[test]
fn one_of_another_configuration_is_told_by_what_differs() {
    let lines = large(&["a"], 150);
    let (place, store, _) = stopped(&lines, &flow());
    let other = flow().replace("\"events\"\n", "\"events\"\nprefix = \"logs/\"\n");
    let requests = store.bucket(|bucket| bucket.log().len());
    place.write("flow.toml", &other);
    for command in ["check", "run"] {
        let said = [
            "checkpoint.path: the checkpoint has another configuration of the sink: ",
            "`prefix` was \"\", but is now \"logs/\"",
            "Only with that the run can complete 1 open object.",
            "Restore it; or, to start over, remove the checkpoint",
        ];
        assert_fails(&place.spillway(&[command, "flow.toml"]), 2, &said);
    }
    assert_eq!(store.bucket(|bucket| bucket.log().len()), requests);
    // What it does not depend on may change.
    place.write("flow.toml", flow().replace("attempts_max = 2", "attempts_max = 3"));
    place.run(&[]);
    assert_eq!(store.contents(), expected(&lines));
    // Nothing is open any more, so that another sink goes on from there.
    place.write("flow.toml", other);
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
    place.write("events.json", lines.clone() + &event("a", "2"));
    let ended = place.spillway(&["run", "flow.toml"]);
    let said =
        "begins anew there, since no object was open: `prefix` was \"\", but is now \"logs/\"";
    assert!(ended.code == Some(0) && ended.err.contains(said), "{ended:?}");
    let mut wanted = expected(&lines);
    wanted.insert("logs/a".to_owned(), b"\"2\"\n".to_vec());
    assert_eq!(store.contents(), wanted);
    assert_eq!(place.run(&[])["end"], "nothing_to_do");
}
