//! Components that compose, in hosts that know nothing of them; and a filter that others write
//! against the contract.

mod chain;
mod command;
mod fates;
mod filter;
mod liars;
mod plain;
mod route;
mod wasmcloud;

use std::path::PathBuf;

use spillway_tests::composition::compose;
use wac_graph::CompositionGraph;
use wac_graph::types::Package;

/// The file of a component of `tests/components`.
fn built(file: &str) -> PathBuf {
    spillway_tests::components::built(env!("CARGO_TARGET_TMPDIR"), file)
}

/// What a component imports and exports, each in the order of its names.
fn names(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("test:it", None, bytes, graph.types_mut()).unwrap();
    let world = &graph.types()[package.ty()];
    let sorted = |names: Vec<String>| {
        let mut names = names;
        names.sort();
        names
    };
    let (imports, exports) = (world.imports.keys(), world.exports.keys());
    (sorted(imports.cloned().collect()), sorted(exports.cloned().collect()))
}
