//! Files that are no component, no sink, or not the one that was built in.

use spillway::component::Component;
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn what_is_no_sink_is_refused_by_name() {
    let version = "(component (instance $i) (export \"spillway:sink/sink@0.9.0\" (instance $i)))";
    let misfit = "(component (instance $i) (export \"spillway:sink/sink@0.2.0\" (instance $i)))";
    let wants_sockets = "(component
        (import \"wasi:sockets/tcp@0.2.0\" (instance))
        (instance $i) (export \"spillway:sink/sink@0.2.0\" (instance $i)))";
    let files = [
        ("a text", b"hello".to_vec(), "the file has another format"),
        ("nothing", vec![], "the file has another format"),
        ("a module", wasm("(module)"), "a WebAssembly module, not a component"),
        (
            "a torn component",
            Component::embedded()[..1_000].to_vec(),
            "not a usable WebAssembly component",
        ),
        (
            "an empty component",
            wasm("(component)"),
            "does not export spillway:sink/sink@0.2.0; it exports nothing",
        ),
        (
            "another version",
            wasm(version),
            "was built for spillway:sink/sink@0.9.0, but this host speaks spillway:sink/sink@0.2.0",
        ),
        (
            "the version before",
            wasm(&version.replace("0.9.0", "0.1.0")),
            "was built for spillway:sink/sink@0.1.0, but this host speaks spillway:sink/sink@0.2.0",
        ),
        ("other types", wasm(misfit), "does not match spillway:sink/sink@0.2.0"),
        (
            "one that wants sockets",
            wasm(wants_sockets),
            "imports wasi:sockets/tcp@0.2.0, which a sink may not import",
        ),
    ];
    let server = Server::start();
    let place = Place::of(FLOW, &event("a", "1")).at(&server);
    for (what, bytes, said) in files {
        place.write("sink.wasm", bytes);
        let run = place.spillway(&["run", "flow.toml", "--component", "sink.wasm"]);
        assert_fails(&run, 2, &["sink.component: ", said]);
        let check = place.spillway(&["check", "flow.toml", "--component", "sink.wasm"]);
        assert_fails(&check, 2, &["sink.component: ", said]);
        assert!(check.err.lines().count() < 8, "{what}: {}", check.err);
        let inspected = place.spillway(&["inspect", "sink.wasm"]);
        match what {
            // It is one, and is shown.
            "an empty component" => assert_eq!(inspected.code, Some(0), "{inspected:?}"),
            _ => assert_fails(&inspected, 2, &[said]),
        }
    }
    assert_eq!(server.requests_total(), 0);
}

#[test]
fn a_missing_file_is_named() {
    let place = Place::of(FLOW, "").with("ENDPOINT", "http://127.0.0.1:1");
    let said = ["cannot read the component no.wasm", "No such file"];
    assert_fails(&place.spillway(&["run", "flow.toml", "--component", "no.wasm"]), 2, &said);
    assert_fails(&place.spillway(&["inspect", "no.wasm"]), 2, &said);
    place.write(
        "flow.toml",
        FLOW.replace("[sink.config]", "[sink]\ncomponent = \"no.wasm\"\n[sink.config]"),
    );
    assert_fails(&place.spillway(&["check", "flow.toml"]), 2, &said);
}

#[test]
fn a_strangers_component_talks_to_whom_the_flow_lists() {
    let server = Server::start();
    let authority = server.endpoint().replace("http://", "");
    let granting =
        |list: &str| FLOW.replace("[sink.config]", &format!("[sink]\n{list}\n[sink.config]"));
    let place = Place::of(FLOW, &event("a", "1")).at(&server);
    place.write("foreign.wasm", foreign());
    let run = ["run", "flow.toml", "--component", "foreign.wasm"];

    let remedy = format!("write: egress = [\"{authority}\"]");
    assert_fails(
        &place.spillway(&run),
        2,
        &["sink.egress: the component is not the built-in one", &remedy],
    );
    place.write("flow.toml", granting("egress = [\"example.com:443\"]"));
    let said =
        format!("sink.egress: the component needs {authority}, which is not listed in `egress`");
    assert_fails(&place.spillway(&run), 2, &[&said]);
    assert_eq!(server.requests_total(), 0);
    place.write("flow.toml", granting(&format!("egress = [\"{authority}\"]")));
    assert_eq!(place.spillway(&run).code, Some(0));
    assert_eq!(server.objects().len(), 1);
}

#[test]
fn a_strangers_component_can_be_tried_locally() {
    for list in ["", "egress = [\"s3.us-east-1.amazonaws.com:443\"]"] {
        let sink = format!("[sink]\ncomponent = \"foreign.wasm\"\n{list}\n[sink.config]");
        let place = Place::of(&FLOW.replace("[sink.config]", &sink), &event("a", "1"));
        place.write("foreign.wasm", foreign());
        place.run(&["--local", "out"]);
        assert_eq!(place.files("out").len(), 1);
    }
}

#[test]
fn the_written_component_is_the_built_in_one() {
    let server = Server::start();
    let place = Place::of(FLOW, &event("a", "1")).at(&server);
    let ended = place.spillway(&["component", "-o", "sink.wasm"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let bytes = std::fs::read(place.path("sink.wasm")).unwrap();
    assert!(bytes == Component::embedded());
    assert!(ended.out.contains(&format!("sink.wasm: {} bytes", bytes.len())), "{ended:?}");
    let inspected = place.spillway(&["inspect", "sink.wasm"]);
    assert_eq!(inspected.out, place.spillway(&["inspect"]).out);
    // So it needs no list of authorities.
    place.run(&["--component", "sink.wasm"]);
    assert_eq!(server.objects().len(), 1);
}

#[test]
fn a_component_cannot_be_written_everywhere() {
    let place = Place::new();
    let ended = place.spillway(&["component", "-o", "no/sink.wasm"]);
    assert_fails(&ended, 1, &["cannot write no/sink.wasm", "because: No such file"]);
}

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// The built-in component with a custom section more: it does the same, and is not the same.
fn foreign() -> Vec<u8> {
    [Component::embedded(), &[0, 3, 2, b'h', b'i']].concat()
}
