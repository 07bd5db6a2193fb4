//! A transform and a sink that were composed into one component.

use spillway::component::Component;
use spillway::parts::Part;
use spillway_tests::server::Server;
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};

use super::support::*;
use super::transforms::{DROP, place, through};

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

fn chained() -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let mut register = |name: &str, bytes: &[u8]| {
        let package = Package::from_bytes(name, None, bytes, graph.types_mut()).unwrap();
        graph.register_package(package).unwrap()
    };
    let chain = register("test:chain", Part::Chain.bytes());
    let plugs = vec![
        register("test:route", Part::Route.bytes()),
        register("test:sink", Component::embedded()),
    ];
    wac_graph::plug(&mut graph, plugs, chain).unwrap();
    graph.encode(EncodeOptions::default()).unwrap()
}
