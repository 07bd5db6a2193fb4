//! Components that others write against the contract: a filter, a chain, and one that breaks its
//! bounds.

mod bounds;
mod filter;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

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

const TARGET: &str = "wasm32-unknown-unknown";
