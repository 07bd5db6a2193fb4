//! Several components as one.

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};

/// One component of several, as `wac plug SOCKET --plug PLUG …` makes it.
pub fn compose(socket: &[u8], plugs: &[&[u8]]) -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let mut register = |name: &str, bytes: &[u8]| {
        let package =
            Package::from_bytes(name, None, bytes, graph.types_mut()).expect("a component");
        graph.register_package(package).expect("each has a name")
    };
    let socket = register("test:socket", socket);
    let named = plugs.iter().enumerate();
    let plugs = named.map(|(n, plug)| register(&format!("test:plug{n}"), plug)).collect();
    wac_graph::plug(&mut graph, plugs, socket).expect("they fit");
    graph.encode(EncodeOptions::default()).expect("it is whole")
}
