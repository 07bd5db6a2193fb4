//! Builds the components that compose with a sink, for the feature `parts`.

use std::path::Path;
use std::process::Command;

/// Builds them in the folder of the component, and tells the crate where each of them is.
pub fn build(cargo: &str, workspace: &Path, target: &Path) -> Result<(), String> {
    let mut command = Command::new(cargo);
    command.args(["build", "--target", TARGET, "--profile", "component", "--target-dir"]);
    command.arg(target).current_dir(workspace);
    for (package, _) in PARTS {
        command.args(["--package", package]);
    }
    // Flags for the host are not for components.
    for variable in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "CARGO_BUILD_TARGET",
    ] {
        command.env_remove(variable);
    }
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(_) => return Err("a component could not be built; the errors stand above".to_owned()),
        Err(error) => return Err(format!("cargo could not be started for components: {error}")),
    }
    for (package, variable) in PARTS {
        let file = format!("{TARGET}/component/{}.wasm", package.replace('-', "_"));
        println!("cargo::rustc-env={variable}={}", target.join(file).display());
    }
    Ok(())
}

const PARTS: [(&str, &str); 6] = [
    ("spillway-chain", "SPILLWAY_CHAIN"),
    ("spillway-command", "SPILLWAY_COMMAND"),
    ("spillway-env-credentials", "SPILLWAY_ENV_CREDENTIALS"),
    ("spillway-route", "SPILLWAY_ROUTE"),
    ("spillway-static-credentials", "SPILLWAY_STATIC_CREDENTIALS"),
    ("spillway-wasmcloud", "SPILLWAY_WASMCLOUD"),
];
const TARGET: &str = "wasm32-unknown-unknown";
