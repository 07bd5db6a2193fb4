//! `spillway check`: everything that is wrong, at once, and nothing done.

use spillway_tests::server::Server;

use super::support::*;

#[test]
fn a_flow_in_order_is_said_to_be_and_nothing_is_done() {
    let server = Server::start();
    let rejects = "on_rejected = { file = \"rejected.ndjson\" }\n[sink.config]";
    let place = Place::of(&FLOW.replace("[sink.config]", rejects), &event("a", "1")).at(&server);
    let files = place.files("");
    let ended = place.spillway(&["check", "flow.toml"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let authority = server.endpoint().replace("http://", "");
    assert_eq!(ended.out, format!("flow.toml is valid; it connects to {authority}\n"));
    assert_eq!(server.requests_total(), 0);
    assert_eq!(place.files(""), files);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let flow = r#"
        [sorce]
        [source]
        type = "file"
        path = "missing.json"
        codec = "xml"
        [map]
        key = "key"
        on_rejected = "never"
        [sink]
        ca_file = "no.pem"
        egres = []
        [sink.config]
        buket = "events"
        region = "${NO_REGION}"
        part_bytes = 1
        endpoint = "nowhere"
        [credentials]
        access_key_id_env = "NO_ID"
    "#;
    let place = Place::of(flow, "");
    let ended = place.spillway(&["check", "flow.toml"]);
    assert_fails(&ended, 2, &["error: these things are wrong with flow.toml"]);
    let fields: Vec<_> = ended
        .err
        .lines()
        .skip(1)
        .map(|line| line.trim_start().split_once(": ").unwrap_or_default().0)
        .collect();
    for field in [
        "sorce",
        "source.codec",
        "map.key",
        "map.on_rejected",
        "sink.ca_file",
        "sink.egres",
        "sink.config.buket",
        "sink.config.region",
        "sink.config.part_bytes",
        "sink.config.endpoint",
        "credentials",
    ] {
        let count = fields.iter().filter(|seen| **seen == field).count();
        assert_eq!(count, 1, "{field} in\n{}", ended.err);
    }
}

/// It may be meant, so it is a warning: with `check`, with `check --connect`, and with `run`.
#[test]
fn an_endpoint_that_has_the_bucket_in_it_is_warned_of() {
    let server = Server::start();
    let endpoint = format!("{}/events", server.endpoint());
    let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", &endpoint);
    let ended = place.spillway(&["check", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = "`endpoint`: the path ends with the name of the bucket";
    assert!(ended.err.contains(said), "{ended:?}");
    assert!(ended.err.contains(&format!("write `{}`", server.endpoint())), "{ended:?}");
    assert!(ended.out.starts_with("flow.toml is valid"), "{ended:?}");
    assert_eq!(server.requests_total(), 0);
    let ended = place.spillway(&["run", "flow.toml"]);
    assert!(ended.err.contains(said), "{ended:?}");
}

#[test]
fn it_leaves_a_named_pipe_alone() {
    let place = Place::of(&FLOW.replace("events.json", "pipe"), "");
    let place = place.with("ENDPOINT", "http://127.0.0.1:1");
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
    // Nobody writes to it, so whoever opened it would wait.
    assert_eq!(place.spillway(&["check", "flow.toml"]).code, Some(0));
}

#[test]
fn a_named_pipe_is_read_once_from_its_beginning() {
    let place = Place::of(&FLOW.replace("events.json", "pipe"), "");
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
    let running = place.start(&["run", "flow.toml", "--local", "out", "--json"]);
    std::fs::write(place.path("pipe"), event("a", "1") + &event("b", "2")).unwrap();
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(summary(&ended)["events"], 2);
}

#[test]
fn standard_input_is_not_touched() {
    let server = Server::start();
    let place = Place::of(&from_stdin(), "").at(&server);
    let running = place.start(&["check", "flow.toml"]);
    assert_eq!(guarded(running.ends()).code, Some(0));
}

#[test]
fn what_is_wrong_with_credentials_or_the_sink_hides_nothing_else() {
    for wrong in ["[credentials]\nsecret = \"x\"", "[credentials]\nsecret_access_key_env = 7"] {
        let place = Place::of(&(FLOW.replace("bucket", "buket") + wrong), "");
        let ended = place.with("ENDPOINT", "nowhere").spillway(&["check", "flow.toml"]);
        assert_fails(&ended, 2, &["credentials.", "sink.config.buket", "sink.config.endpoint"]);
    }
    let wrong = "[sink]\nmemory_bytes_max = \"much\"\n[sink.config]";
    let flow = FLOW.replace("[sink.config]", wrong).replace("bucket", "buket");
    let ended = Place::of(&flow, "").with("ENDPOINT", "nowhere").spillway(&["check", "flow.toml"]);
    assert_fails(&ended, 2, &["sink.memory_bytes_max", "sink.config.buket"]);
}

#[test]
fn a_secret_that_passes_for_a_name_is_not_shown() {
    let secret = "wJalrXUtnFEMIaK7MDENGabPxRfiCYEXAMPLEKEY";
    let flow = format!("{FLOW}[credentials]\nsecret_access_key_env = \"{secret}\"");
    let place = Place::of(&flow, "").with("ENDPOINT", "http://127.0.0.1:1");
    let ended = place.spillway(&["check", "flow.toml"]);
    assert_fails(&ended, 2, &["no variable of the name that is given for the secret access key"]);
    assert!(!ended.err.contains(secret), "{ended:?}");
}
