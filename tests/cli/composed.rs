//! Sinks that `wac` composed of several components, in a flow.

use spillway::component::Component;
use spillway::parts::{Part, with_credentials};
use spillway_tests::composition::compose;
use spillway_tests::server::Server;

use super::support::*;
use super::transforms::{DROP, place, through};

/// Rules before the S3 sink.
pub fn chained() -> Vec<u8> {
    compose(Part::Chain.bytes(), &[Part::Route.bytes(), Component::embedded()])
}

/// A flow into `sink.wasm`, which takes the configuration of the S3 sink in this table.
fn flow(table: &str) -> String {
    FLOW.replace("[sink.config]", &format!("[sink]\ncomponent = \"sink.wasm\"\n[{table}]"))
}

/// The same as one component that `wac` made of the chain, the transform and the sink.
#[test]
fn a_chain_that_was_composed_stores_the_same() {
    let lines: String =
        (0..50_000).map(|n| event(&format!("k{}", n / 9_000), &format!("{n}"))).collect();
    let flows = FLOW.to_owned() + "\n[checkpoint]\npath = \"c\"\nevery = \"0s\"\n";
    let rules = r#"[
        { contains = "7", action = "drop" },
        { key = "k2", action = "set_key", template = "x/{key}" },
    ]"#;
    let server = Server::start();
    let place_of = |flow: &str| place(flow, &lines).at(&server);
    place_of(&through(&flows, &[rules])).run(&[]);
    let wanted = server.contents();
    assert_eq!(wanted.keys().collect::<Vec<_>>(), ["k0", "k1", "k3", "k4", "k5", "x/k2"]);

    let other = Server::start();
    let authority = other.endpoint().replace("http://", "");
    let sink = format!(
        "[sink]\ncomponent = \"chained.wasm\"\negress = [\"{authority}\"]\n\
         [sink.config.transform]\nrules = {rules}\n[sink.config.sink]"
    );
    let place = place(&flows.replace("[sink.config]", &sink), &lines).at(&other);
    place.write("chained.wasm", chained());
    let summary = place.run(&[]);
    assert_eq!(summary["end"], "complete");
    assert!(other.contents() == wanted);
    let shown = place.spillway(&["checkpoint", "show", "c", "--component", "chained.wasm"]);
    assert!(shown.out.contains("by spillway-route > spillway-s3 "), "{shown:?}");
}

/// A component may drop events, and a run says so; but one that stores nothing at all is not done.
#[test]
fn what_a_composed_sink_drops_is_told() {
    let server = Server::start();
    let authority = server.endpoint().replace("http://", "");
    let sink = format!(
        "[sink]\ncomponent = \"chained.wasm\"\negress = [\"{authority}\"]\n\
         [sink.config.transform]\nrules = {DROP}\n[sink.config.sink]"
    );
    let flow = FLOW.replace("[sink.config]", &sink);
    let some = event("k", "drop") + &event("k", "1") + &event("k", "drop");
    let place = place(&flow, &some).at(&server);
    place.write("chained.wasm", chained());
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains(" 2 dropped by the component."), "{ended:?}");
    assert_eq!(server.contents().len(), 1);

    let checkpointed = flow.clone() + "\n[checkpoint]\npath = \"c\"\n";
    for flow in [flow, checkpointed] {
        place.write("flow.toml", flow);
        place.write("events.json", event("k", "drop").repeat(3));
        let said = "reports all of its 3 events as durable, but none of them is in an object";
        assert_fails(&place.spillway(&["run", "flow.toml"]), 1, &[said]);
    }
}

/// The server of `--local` takes the place of the endpoint where that stands.
#[test]
fn local_finds_the_sink_in_a_chain() {
    let twice = compose(Part::Chain.bytes(), &[Part::Route.bytes(), &chained()]);
    for (sink, table) in [(chained(), "sink.config.sink"), (twice, "sink.config.sink.sink")] {
        // `${ENDPOINT}` is not set, and need not be.
        let place = Place::of(&flow(table), &(event("a", "1") + &event("b", "2")));
        place.write("sink.wasm", sink);
        place.run(&["--local", "out"]);
        let stored = place.files("out/events");
        assert_eq!(stored.keys().collect::<Vec<_>>(), ["a", "b"]);
        // The configuration of the S3 sink itself is not that of a chain.
        place.write("flow.toml", flow("sink.config"));
        let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
        assert_fails(&ended, 2, &["sink.config.bucket: unknown field"]);
        place.write("flow.toml", flow(table).replace("bucket = \"events\"\n", ""));
        let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
        let field = table.replacen("sink.config.", "", 1) + ".bucket";
        assert_fails(&ended, 2, &[&format!("sink.config.{field}: ")]);
    }
}

/// A flow without a list is told what to write, and what it then writes is right.
#[test]
fn what_a_chain_connects_to_is_listed_once() {
    let server = Server::start();
    let authority = server.endpoint().replace("http://", "");
    let place = Place::of(&flow("sink.config.sink"), &event("a", "1")).at(&server);
    place.write("sink.wasm", chained());
    let ended = place.spillway(&["check", "flow.toml"]);
    assert_fails(&ended, 2, &[&format!("write: egress = [\"{authority}\"]")]);
    assert_eq!(ended.err.matches(&authority).count(), 1, "{ended:?}");
    let listed = format!("component = \"sink.wasm\"\negress = [\"{authority}\"]\n");
    place.write(
        "flow.toml",
        flow("sink.config.sink").replace("component = \"sink.wasm\"\n", &listed),
    );
    place.run(&[]);
    assert_eq!(server.objects().len(), 1);
}

/// What can be seen of credentials without a request.
#[test]
fn check_says_where_the_credentials_of_a_composed_sink_are_not_those_of_the_flow() {
    const NONE: &str = "\nthe component takes no credentials from the flow; ";
    let server = Server::start();
    let authority = server.endpoint().replace("http://", "");
    let egress = format!("component = \"sink.wasm\"\negress = [\"{authority}\"]\n");
    let flow = flow("sink.config").replace("component = \"sink.wasm\"\n", &egress);
    let place = Place::of(&flow, &event("a", "1")).at(&server);
    let keys = format!(
        r#"{{"access_key_id": "{}", "secret_access_key": "{}"}}"#,
        spillway_tests::server::ACCESS_KEY_ID,
        spillway_tests::server::SECRET_ACCESS_KEY
    );
    let with = with_credentials(&keys).unwrap();
    for (credentials, said, code) in [
        (Part::EnvCredentials.bytes(), "it imports wasi:cli/environment, which is empty", 1),
        (&with, "whether it has its own was not checked; `check --connect` asks the store\n", 0),
    ] {
        place.write("sink.wasm", compose(Component::embedded(), &[credentials]));
        let checked = place.spillway(&["check", "flow.toml"]);
        assert_eq!(checked.code, Some(0), "{checked:?}");
        assert!(checked.out.contains(&format!("{NONE}{said}")), "{checked:?}");
        let connected = place.spillway(&["check", "--connect", "flow.toml"]);
        assert_eq!(connected.code, Some(code), "{connected:?}");
        assert_eq!(place.spillway(&["run", "flow.toml"]).code, Some(code));
    }
    assert_eq!(server.objects().len(), 1);
}
