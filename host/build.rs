//! Builds the component, so that plain cargo commands are enough.

#[path = "build/component.rs"]
mod component;
#[path = "build/metadata.rs"]
mod metadata;

use std::path::{Path, PathBuf};
use std::process::Command;

use component::{Place, TARGET};
use metadata::Metadata;

fn main() {
    let host = PathBuf::from(env("CARGO_MANIFEST_DIR"));
    let workspace = host.parent().expect("the host is a folder of the workspace").to_owned();
    for input in ["guest", "wit", "Cargo.toml", "Cargo.lock", ".cargo/config.toml"] {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    for input in ["build.rs", "build"] {
        println!("cargo::rerun-if-changed={}", host.join(input).display());
    }
    add_target(&workspace);
    let place = Place {
        cargo: env("CARGO").into(),
        rustc: env("RUSTC").into(),
        cargo_home: component::cargo_home()
            .unwrap_or_else(|| fail("neither CARGO_HOME nor HOME is set")),
        target: target_folder().join("component"),
        workspace,
    };
    // Built with others, the sink could share features of its dependencies with them.
    embed(&place, &[SINK]);
    if std::env::var_os("CARGO_FEATURE_PARTS").is_some() {
        embed(&place, &PARTS);
    }
}

/// A component that the crate embeds.
struct Embedded {
    package: &'static str,
    /// The folder of the package.
    folder: &'static str,
    /// What the crate finds its file by.
    variable: &'static str,
}

/// Builds components, and tells the crate where each of them is.
fn embed(place: &Place, embedded: &[Embedded]) {
    let packages: Vec<_> = embedded.iter().map(|embedded| embedded.package).collect();
    let built = component::build(place, &packages).unwrap_or_else(|error| fail(&error));
    for (Embedded { package, folder, variable }, mut bytes) in embedded.iter().zip(built) {
        metadata::add(
            &mut bytes,
            // Fields of the workspace's manifest, which all of its packages share.
            &Metadata {
                version: &env("CARGO_PKG_VERSION"),
                description: &description(&place.workspace.join(folder)),
                authors: &env("CARGO_PKG_AUTHORS"),
                licenses: &env("CARGO_PKG_LICENSE"),
                source: &env("CARGO_PKG_REPOSITORY"),
                homepage: &env("CARGO_PKG_HOMEPAGE"),
            },
        );
        let file = PathBuf::from(env("OUT_DIR")).join(format!("{package}.wasm"));
        std::fs::write(&file, bytes)
            .unwrap_or_else(|error| fail(&format!("cannot write {}: {error}", file.display())));
        println!("cargo::rustc-env={variable}={}", file.display());
    }
}

/// The target's standard library, where it is missing and nobody fetches it unasked.
fn add_target(workspace: &Path) {
    let mut rustc = Command::new(env("RUSTC"));
    let libraries = rustc.args(["--print", "target-libdir", "--target", TARGET]).output();
    let libraries = libraries.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    if libraries.is_ok_and(|folder| Path::new(&folder).is_dir()) {
        return;
    }
    let add =
        Command::new("rustup").args(["target", "add", TARGET]).current_dir(workspace).output();
    if !add.is_ok_and(|o| o.status.success()) {
        fail(&format!(
            "the component is built for {TARGET}, whose standard library is not installed and \
             could not be fetched; type: rustup target add {TARGET}"
        ));
    }
}

/// The description in a component's own manifest.
fn description(folder: &Path) -> String {
    let manifest = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest)
        .unwrap_or_else(|error| fail(&format!("cannot read {}: {error}", manifest.display())));
    let quoted = text.lines().find_map(|line| line.strip_prefix("description = "));
    let description = quoted.map(|quoted| quoted.trim().trim_matches('"'));
    let missing = || fail(&format!("{} has no line `description = …`", manifest.display()));
    description.unwrap_or_else(missing).to_owned()
}

/// Beside the folder that cargo is building in, so that every profile shares one component.
fn target_folder() -> PathBuf {
    let out = PathBuf::from(env("OUT_DIR"));
    let profile = out.ancestors().nth(3).expect("OUT_DIR is PROFILE/build/PACKAGE/out");
    profile.parent().expect("a profile's folder has a parent").to_owned()
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}

fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    std::process::exit(1)
}

const SINK: Embedded =
    Embedded { package: "spillway-s3", folder: "guest", variable: "SPILLWAY_COMPONENT" };
/// The components that compose with a sink, for the feature `parts`.
const PARTS: [Embedded; 6] = [
    part("spillway-chain", "guest/compose/chain", "SPILLWAY_CHAIN"),
    part("spillway-command", "guest/compose/command", "SPILLWAY_COMMAND"),
    part("spillway-env-credentials", "guest/compose/env-credentials", "SPILLWAY_ENV_CREDENTIALS"),
    part("spillway-route", "guest/compose/route", "SPILLWAY_ROUTE"),
    part(
        "spillway-static-credentials",
        "guest/compose/static-credentials",
        "SPILLWAY_STATIC_CREDENTIALS",
    ),
    part("spillway-wasmcloud", "guest/compose/wasmcloud", "SPILLWAY_WASMCLOUD"),
];

const fn part(package: &'static str, folder: &'static str, variable: &'static str) -> Embedded {
    Embedded { package, folder, variable }
}
