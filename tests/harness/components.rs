//! The components of `tests/components`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The file of a component. They are built once in a process, beside the one that the host's build
/// script builds. `tmp` is what cargo calls `CARGO_TARGET_TMPDIR`.
pub fn built(tmp: &str, file: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let target = PathBuf::from(tmp).with_file_name("component");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--package", "spillway-test-components", "--lib", "--examples"])
            .args(["--target", TARGET, "--profile", "component", "--target-dir"])
            .arg(&target)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
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
