//! Another place to build the component at: a copy of the sources, another home of cargo, another
//! target folder. It is kept, so that only what has changed is built again.

use std::fs;
use std::path::{Path, PathBuf};

use super::build::{Place, cargo_home};
use crate::support::root;

/// The other place, with the sources as they are now.
pub(super) fn place() -> Place {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("another place");
    let (workspace, home) = (place.join("sources"), place.join("home"));
    for name in SOURCES {
        copy(&root().join(name), &workspace.join(name));
    }
    fs::create_dir_all(&home).expect("a folder");
    let own = cargo_home().expect("cargo has a home");
    // What was downloaded, and how.
    for name in ["registry", "config.toml", "config"] {
        let (from, to) = (own.join(name), home.join(name));
        if from.exists() && !to.exists() {
            std::os::unix::fs::symlink(&from, &to).expect("a link");
        }
    }
    Place {
        cargo: std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
        rustc: std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
        cargo_home: home,
        workspace,
        target: place.join("built"),
    }
}

/// Copies a file, or what cargo needs of a folder. A file that is the same already keeps its time,
/// by which cargo tells what has changed.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry").path();
            let name = entry.file_name().expect("a name");
            let extension = entry.extension().and_then(|extension| extension.to_str());
            let is_code = matches!(extension, Some("rs" | "toml" | "wit"));
            if is_code || (entry.is_dir() && !SKIPPED.iter().any(|skipped| *skipped == name)) {
                copy(&entry, &to.join(name));
            }
        }
        return;
    }
    let bytes = fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    if fs::read(to).ok().as_ref() != Some(&bytes) {
        fs::create_dir_all(to.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(to, bytes).expect("a copy");
    }
}

/// What the component is built from, and the packages without which cargo refuses the workspace.
const SOURCES: &[&str] = &[
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "guest",
    "host",
    "rust-toolchain.toml",
    "tests",
    "wit",
];
/// Folders that builds write, also those of other languages.
const SKIPPED: &[&str] = &["target", "node_modules", ".venv"];
