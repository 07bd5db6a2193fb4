//! Components that compose, in hosts that know nothing of them; and components that others write
//! against the contract: a filter, and one that breaks its bounds.

mod bounds;
mod chain;
mod command;
mod filter;
mod liars;
mod plain;
mod route;
mod wasmcloud;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};

use crate::support::root;

/// The file of a component of `tests/components`. They are built once, beside the one that the
/// host's build script builds.
fn built(file: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("component");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--package", "spillway-test-components", "--lib", "--examples"])
            .args(["--target", TARGET, "--profile", "component", "--target-dir"])
            .arg(&target)
            .current_dir(root())
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTFLAGS")
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .status();
        assert!(status.expect("cargo starts").success(), "the errors stand above");
        target.join(TARGET).join("component")
    });
    folder.join(file)
}

/// One component of several, as `wac plug SOCKET --plug PLUG …` makes it.
fn compose(socket: &[u8], plugs: &[&[u8]]) -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let mut register = |name: &str, bytes: &[u8]| {
        let package = Package::from_bytes(name, None, bytes, graph.types_mut()).unwrap();
        graph.register_package(package).unwrap()
    };
    let socket = register("test:socket", socket);
    let named = plugs.iter().enumerate();
    let plugs = named.map(|(n, plug)| register(&format!("test:plug{n}"), plug)).collect();
    wac_graph::plug(&mut graph, plugs, socket).unwrap();
    graph.encode(EncodeOptions::default()).unwrap()
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

const TARGET: &str = "wasm32-unknown-unknown";
