//! Builds the component, so that plain cargo commands are enough.

#[path = "build/component.rs"]
mod component;
#[path = "build/metadata.rs"]
mod metadata;

use std::path::{Path, PathBuf};
use std::process::Command;

use component::{PARTS, Package, Place, SINK, TARGET};
use metadata::{Metadata, description};

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

/// Builds components, and tells the crate where each of them is.
fn embed(place: &Place, packages: &[Package]) {
    let built = component::build(place, packages).unwrap_or_else(|error| fail(&error));
    for (Package { name, folder }, mut bytes) in packages.iter().zip(built) {
        let manifest = place.workspace.join(folder).join("Cargo.toml");
        let description = description(&manifest).unwrap_or_else(|error| fail(&error));
        metadata::add(
            &mut bytes,
            // Fields of the workspace's manifest, which all of its packages share.
            &Metadata {
                version: &env("CARGO_PKG_VERSION"),
                description: &description,
                authors: &env("CARGO_PKG_AUTHORS"),
                licenses: &env("CARGO_PKG_LICENSE"),
                source: &env("CARGO_PKG_REPOSITORY"),
                homepage: &env("CARGO_PKG_HOMEPAGE"),
            },
        );
        let file = PathBuf::from(env("OUT_DIR")).join(format!("{name}.wasm"));
        std::fs::write(&file, bytes)
            .unwrap_or_else(|error| fail(&format!("cannot write {}: {error}", file.display())));
        // `SPILLWAY_S3` is the file of spillway-s3.
        let variable = name.to_uppercase().replace('-', "_");
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
