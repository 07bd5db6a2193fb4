//! The components of `tests/components`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The file of a component. They are built once in a process, beside the one that the host's build
/// script builds. `tmp` is what cargo calls `CARGO_TARGET_TMPDIR`.
pub fn built(tmp: &str, file: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| build(tmp, "wasm32-unknown-unknown")).join(file)
}

/// The same, built with a standard library that asks for all that a command has.
pub fn built_for_commands(tmp: &str, file: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        // Where it is there, this asks nobody.
        let added = Command::new("rustup").args(["target", "add", COMMANDS]).status();
        assert!(added.is_ok_and(|added| added.success()), "type: rustup target add {COMMANDS}");
        build(tmp, COMMANDS)
    });
    folder.join(file)
}

/// The sink `breaker` or `hostile`, which does so where it describes itself.
pub fn misdescribed(tmp: &str, component: &str, how: &str) -> Vec<u8> {
    const HONEST: &[u8] = b"describe is honest  ";
    let file = built(tmp, &format!("examples/{component}.wasm"));
    let mut bytes = std::fs::read(file).expect("it was built");
    let found = bytes.windows(HONEST.len()).position(|window| window == HONEST);
    let at = found.expect("it says how it describes itself");
    let how = format!("{:20}", format!("describe {how}"));
    bytes[at..at + HONEST.len()].copy_from_slice(how.as_bytes());
    bytes
}

fn build(tmp: &str, target: &str) -> PathBuf {
    let folder = PathBuf::from(tmp).with_file_name("component");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--package", "spillway-test-components", "--lib", "--examples"])
        .args(["--target", target, "--profile", "component", "--target-dir"])
        .arg(&folder)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .status();
    assert!(status.expect("cargo starts").success(), "the errors stand above");
    folder.join(target).join("component")
}

const COMMANDS: &str = "wasm32-wasip2";
