//! Builds the component, so that plain cargo commands are enough.

#[path = "build/parts.rs"]
mod parts;

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let host = PathBuf::from(env("CARGO_MANIFEST_DIR"));
    let workspace = host.parent().expect("the host is a folder of the workspace").to_owned();
    for input in ["guest", "wit", "Cargo.toml", "Cargo.lock", ".cargo/config.toml"] {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    add_target(&workspace);
    let component = build(&workspace);
    println!("cargo::rustc-env=SPILLWAY_COMPONENT={}", component.display());
    if std::env::var_os("CARGO_FEATURE_PARTS").is_some() {
        let built = parts::build(&env("CARGO"), &workspace, &target_folder().join("component"));
        built.unwrap_or_else(|error| fail(&error));
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

fn build(workspace: &Path) -> PathBuf {
    let target = target_folder().join("component");
    let status = Command::new(env("CARGO"))
        .args(["build", "--package", "spillway-s3", "--target", TARGET, "--profile", "component"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(workspace)
        // Flags for the host, clippy's wrapper and coverage among them, are not for the component.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("CARGO_BUILD_TARGET")
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(_) => fail("the component could not be built; the errors stand above"),
        Err(error) => fail(&format!("cargo could not be started to build the component: {error}")),
    }
    target.join(TARGET).join("component/spillway_s3.wasm")
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

const TARGET: &str = "wasm32-unknown-unknown";
