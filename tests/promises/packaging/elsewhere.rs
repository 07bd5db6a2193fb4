//! Another place to build components at: a copy of the sources, another home of cargo, another
//! target folder. What was built there is kept as long as the sources are the same, since it is
//! what a clean build of them makes, and else removed with all that it was made of.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use super::build::{Place, cargo_home};
use crate::support::root;

/// The other place, with the sources as they are now, and nothing that was built from others.
pub(super) fn place() -> Place {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("another place");
    let (workspace, home, target) =
        (place.join("sources"), place.join("home"), place.join("built"));
    let built = fs::read_to_string(target.join(BUILT)).ok();
    if built.is_none_or(|built| built != digest(&root())) {
        for folder in [&workspace, &target] {
            if folder.exists() {
                fs::remove_dir_all(folder).expect("what was built before goes");
            }
        }
    }
    for name in INPUTS.iter().chain(MEMBERS) {
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
        target,
    }
}

/// All was built there, from nothing but the sources.
pub(super) fn is_built(place: &Place) {
    fs::write(place.target.join(BUILT), digest(&place.workspace)).expect("a note");
}

/// What tells the sources of components in a folder from others.
fn digest(folder: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    for name in INPUTS {
        each(&folder.join(name), &mut |path: &Path| {
            path.strip_prefix(folder).expect("it is in the folder").hash(&mut hasher);
            read(path).hash(&mut hasher);
        });
    }
    format!("{:016x}", hasher.finish())
}

/// Copies a file, or what cargo needs of a folder. A file that is the same already keeps its time,
/// by which cargo tells what has changed.
fn copy(from: &Path, to: &Path) {
    each(from, &mut |path: &Path| {
        let inner = path.strip_prefix(from).expect("it is in the folder");
        let to = if inner.as_os_str().is_empty() { to.to_owned() } else { to.join(inner) };
        let bytes = read(path);
        if fs::read(&to).ok().as_ref() != Some(&bytes) {
            fs::create_dir_all(to.parent().expect("a file is in a folder")).expect("a folder");
            fs::write(to, bytes).expect("a copy");
        }
    });
}

/// Calls `f` with a file, or with what cargo needs of a folder, in an order of their own.
fn each(path: &Path, f: &mut impl FnMut(&Path)) {
    if !path.is_dir() {
        return f(path);
    }
    let entries = fs::read_dir(path).expect("a folder");
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().expect("a name");
        let extension = entry.extension().and_then(|extension| extension.to_str());
        let is_code = matches!(extension, Some("rs" | "toml" | "wit" | "json"));
        if is_code || (entry.is_dir() && !SKIPPED.iter().any(|skipped| *skipped == name)) {
            each(&entry, f);
        }
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What components are built from.
const INPUTS: &[&str] =
    &[".cargo/config.toml", "Cargo.lock", "Cargo.toml", "guest", "rust-toolchain.toml", "wit"];
/// The packages without which cargo refuses the workspace.
const MEMBERS: &[&str] = &["host", "tests"];
/// Folders that builds write, also those of other languages.
const SKIPPED: &[&str] = &["target", "node_modules", ".venv"];
/// Tells what stands beside it: the sources of it all.
const BUILT: &str = "sources";
