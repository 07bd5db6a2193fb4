//! The files of components: the same bytes from the same sources wherever they are built, nothing
//! of the machine in them, and metadata that tools and registries read.

#[path = "../../host/build/component.rs"]
mod build;
mod elsewhere;
#[path = "../../host/build/metadata.rs"]
mod metadata;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use spillway::component::Component;
use spillway::parts::Part;
use wasm_metadata::Payload;

use crate::support::{read, root};
use build::{PARTS, Package, SINK};
use metadata::Metadata;

/// What `spillway component` writes, with the package that it is built from.
fn components() -> Vec<(Package, &'static [u8])> {
    assert_eq!(PARTS.len(), Part::ALL.len());
    let parts = PARTS.into_iter().zip(Part::ALL.map(Part::bytes));
    std::iter::once((SINK, Component::embedded())).chain(parts).collect()
}

/// The components that the tests run were built at the place of this repository. This builds them
/// from nothing at another one, the path of which has a blank, with cargo's home and the target
/// folder elsewhere. Whatever was built before at either place, the bytes are those of a clean
/// build.
#[test]
fn they_are_the_same_bytes_from_another_place() {
    let place = elsewhere::place();
    // As the build script does: first the sink alone.
    let mut built = build::build(&place, &[SINK]).unwrap();
    built.extend(build::build(&place, &PARTS).unwrap());
    elsewhere::is_built(&place);
    for (mut bytes, (package, embedded)) in built.into_iter().zip(components()) {
        metadata::add(&mut bytes, &manifest(&package).as_metadata());
        let name = package.name;
        assert_eq!(bytes.len(), embedded.len(), "{name}");
        let differs = bytes.iter().zip(embedded).position(|(one, other)| one != other);
        assert_eq!(differs, None, "{name}: the first byte that differs");
    }
}

/// Panics name the files of sources: each is named as below, and never by where it lay.
#[test]
fn they_name_no_path_of_the_machine() {
    let home = build::cargo_home().expect("cargo has a home");
    let root = root().canonicalize().expect("this repository is there");
    let user = std::env::home_dir().expect("the user has a home");
    let mut files = 0;
    for (Package { name, .. }, bytes) in components() {
        let text = String::from_utf8_lossy(bytes);
        let is_path = |c: char| c.is_ascii_alphanumeric() || "-_./@+ ".contains(c);
        for (end, _) in text.match_indices(".rs") {
            let begin = text[..end].rfind(|c| !is_path(c)).map_or(0, |at| at + 1);
            // Texts stand side by side, so a path may begin behind something else.
            let path = &text[begin..end];
            let named = SOURCES.iter().any(|source| path.contains(source));
            assert!(named, "{name}: `{path}.rs` is of none of {SOURCES:?}");
            files += 1;
        }
        for folder in [root.as_path(), Path::new(env!("CARGO_TARGET_TMPDIR")), &home, &user] {
            let folder = folder.to_str().expect("a path in UTF-8");
            assert!(!text.contains(folder), "{name} names {folder}");
        }
        for word in ["registry/src", ".cargo/", "rustlib", "/home/", "/Users/"] {
            assert!(!text.contains(word), "{name} names {word}");
        }
    }
    assert!(files > 50, "only {files} source files are named");
}

/// As `wasm-tools metadata show` and `wkg` read them.
#[test]
fn their_metadata_are_those_of_their_manifests() {
    for (package, bytes) in components() {
        let Payload::Component { metadata, .. } = Payload::from_binary(bytes).unwrap() else {
            panic!("no component");
        };
        let said = |text: Option<String>| text.unwrap_or_default();
        let Manifest { description, .. } = manifest(&package);
        assert_eq!(said(metadata.version.map(|v| v.to_string())), env!("CARGO_PKG_VERSION"));
        assert_eq!(said(metadata.description.map(|d| d.to_string())), description);
        assert_eq!(said(metadata.authors.map(|a| a.to_string())), env!("CARGO_PKG_AUTHORS"));
        assert_eq!(said(metadata.licenses.map(|l| l.to_string())), env!("CARGO_PKG_LICENSE"));
        assert_eq!(said(metadata.source.map(|s| s.to_string())), env!("CARGO_PKG_REPOSITORY"));
        assert_eq!(said(metadata.homepage.map(|h| h.to_string())), env!("CARGO_PKG_HOMEPAGE"));
        for text in [description.as_str(), env!("CARGO_PKG_AUTHORS"), env!("CARGO_PKG_LICENSE")] {
            assert!(!text.is_empty(), "the manifest says nothing");
        }
    }
}

/// What `wkg` writes into the WIT packages is what the manifests say, and all that they depend on
/// is in this repository.
#[test]
fn the_wit_packages_have_the_metadata_of_the_manifests() {
    for name in ["wkg.toml", "wit/deps/sink/wkg.toml"] {
        let text = read(&root().join(name));
        for (field, value) in
            [("authors", env!("CARGO_PKG_AUTHORS")), ("license", env!("CARGO_PKG_LICENSE"))]
        {
            assert!(text.contains(&format!("\n{field} = \"{value}\"\n")), "{name}: {field}");
        }
    }
    let text = read(&root().join("wkg.toml"));
    let (_, overrides) = text.split_once("[overrides]\n").expect("there are some");
    let paths: Vec<_> = overrides.lines().filter_map(|line| line.split('"').nth(3)).collect();
    for path in &paths {
        assert!(root().join(path).exists(), "wkg.toml names {path}");
    }
    let named: BTreeSet<_> = paths.iter().map(|path| root().join(path)).collect();
    let deps = std::fs::read_dir(root().join("wit/deps")).expect("a folder");
    let deps = deps.map(|entry| entry.expect("an entry").path());
    let is_package = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|e| e == "wit");
    assert_eq!(named, deps.filter(is_package).collect());
}

/// Each field, also those that the manifest does not have yet, and lengths of more than seven bits.
#[test]
fn whatever_is_written_is_read() {
    let long = "Sinks. ".repeat(3_000);
    let mut component = empty_component();
    metadata::add(
        &mut component,
        &Metadata {
            version: "1.2.3-rc.1",
            description: &long,
            authors: "Ada, Grace",
            licenses: "MIT OR Apache-2.0",
            source: "https://sources.test/spillway",
            homepage: "",
        },
    );
    let read = Payload::from_binary(&component).unwrap();
    let read = read.metadata();
    assert_eq!(read.version.as_ref().unwrap().to_string(), "1.2.3-rc.1");
    assert_eq!(read.description.as_ref().unwrap().to_string(), long);
    assert_eq!(read.authors.as_ref().unwrap().to_string(), "Ada, Grace");
    assert_eq!(read.licenses.as_ref().unwrap().to_string(), "MIT OR Apache-2.0");
    assert_eq!(read.source.as_ref().unwrap().to_string(), "https://sources.test/spillway");
    assert!(read.homepage.is_none(), "an empty text is left out");
}

/// A component with nothing in it: the preamble.
fn empty_component() -> Vec<u8> {
    b"\0asm\x0d\0\x01\0".to_vec()
}

/// What the manifests say of the component. Its packages share all but the description.
struct Manifest {
    description: String,
}

impl Manifest {
    fn as_metadata(&self) -> Metadata<'_> {
        Metadata {
            version: env!("CARGO_PKG_VERSION"),
            description: &self.description,
            authors: env!("CARGO_PKG_AUTHORS"),
            licenses: env!("CARGO_PKG_LICENSE"),
            source: env!("CARGO_PKG_REPOSITORY"),
            homepage: env!("CARGO_PKG_HOMEPAGE"),
        }
    }
}

fn manifest(package: &Package) -> Manifest {
    let file = root().join(package.folder).join("Cargo.toml");
    Manifest { description: metadata::description(&file).unwrap() }
}

/// How the sources of components, of their dependencies and of the standard library are named.
const SOURCES: &[&str] = &[
    "guest/src/",
    "guest/codec/src/",
    "guest/compose/",
    "guest/core/src/",
    "crates/",
    "/rustc/",
    "/rust/deps/",
];
