//! Builds components: the same bytes wherever the sources, cargo's home and the target folder are.
//!
//! A part of the build script, and of the test that builds them at another place.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

/// A component that the crate embeds.
pub struct Package {
    /// The name of its package.
    pub name: &'static str,
    /// The folder of its package.
    pub folder: &'static str,
}

/// Where components are built, and with what.
pub struct Place {
    /// The cargo to build them with.
    pub cargo: OsString,
    /// The compiler that this cargo uses.
    pub rustc: OsString,
    /// The folder that cargo keeps the sources of dependencies in.
    pub cargo_home: PathBuf,
    /// The folder of this repository.
    pub workspace: PathBuf,
    /// The folder to build in. Builds of one place share it.
    pub target: PathBuf,
}

/// Builds the components of these packages, and returns the bytes that the linker wrote for each.
/// They share features of their dependencies.
///
/// # Errors
///
/// Which step failed, as a sentence. What the compiler found stands on standard error.
pub fn build(place: &Place, packages: &[Package]) -> Result<Vec<Vec<u8>>, String> {
    let mut cargo = Command::new(&place.cargo);
    cargo
        .args(["build", "--target", TARGET, "--profile", "component"])
        .args(packages.iter().flat_map(|package| ["--package", package.name]))
        .arg("--target-dir")
        .arg(&place.target)
        .current_dir(&place.workspace)
        .env("CARGO_HOME", &place.cargo_home)
        // It changes the bytes.
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(place)?);
    // Flags for the host, clippy's wrapper and coverage among them, are not for components.
    for variable in ["RUSTC_WORKSPACE_WRAPPER", "RUSTC_WRAPPER", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(variable);
    }
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(_) => return Err("a component could not be built; the errors stand above".to_owned()),
        Err(error) => return Err(format!("cargo could not be started for components: {error}")),
    }
    let built = packages.iter().map(|package| {
        let file = format!("{TARGET}/component/{}.wasm", package.name.replace('-', "_"));
        let file = place.target.join(file);
        std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))
    });
    built.collect()
}

/// Compiler flags that write the same path for a source file on every machine. Panics name source
/// files, so without these flags the component would hold the paths of the machine that built it.
///
/// `trim-paths` of cargo's profiles will do this, and is unstable in 1.95.
fn flags(place: &Place) -> Result<OsString, String> {
    let mut renamed = vec![
        (place.workspace.clone(), OsString::from(".")),
        // What build scripts write.
        (place.target.clone(), OsString::from("target")),
    ];
    // One folder for each registry; its name depends on how the registry is reached.
    let registries = std::fs::read_dir(place.cargo_home.join("registry/src"));
    for registry in registries.into_iter().flatten().flatten() {
        renamed.push((registry.path(), OsString::from("crates")));
    }
    // Where the sources of the standard library are installed, the compiler names those.
    let library = PathBuf::from(said(place, &["--print", "sysroot"])?.trim());
    let version = said(place, &["--version", "--verbose"])?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "));
    let commit = commit.ok_or("rustc --version --verbose names no commit")?;
    renamed.push((library.join("lib/rustlib/src/rust"), format!("/rustc/{commit}").into()));

    let flags = renamed.into_iter().map(|(from, to)| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push("=");
        flag.push(to);
        flag
    });
    let flags: Vec<_> = std::iter::once(OsString::from(SIMD)).chain(flags).collect();
    Ok(flags.join(OsStr::new("\u{1f}")))
}

/// What the compiler prints with these arguments.
fn said(place: &Place, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(&place.rustc).args(arguments).current_dir(&place.workspace).output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => Err(format!(
            "rustc {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Err(format!("rustc could not be started: {error}")),
    }
}

/// The folder that cargo keeps the sources of dependencies in, as cargo finds it.
pub fn cargo_home() -> Option<PathBuf> {
    let set = std::env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    set.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
}

/// Vectors of 128 bits, which each runtime of components has.
const SIMD: &str = "-Ctarget-feature=+simd128";
/// What the component is built for.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// The sink.
pub const SINK: Package = Package { name: "spillway-s3", folder: "guest" };
/// The components that compose with a sink, for the feature `parts`.
pub const PARTS: [Package; 6] = [
    Package { name: "spillway-chain", folder: "guest/compose/chain" },
    Package { name: "spillway-command", folder: "guest/compose/command" },
    Package { name: "spillway-env-credentials", folder: "guest/compose/env-credentials" },
    Package { name: "spillway-route", folder: "guest/compose/route" },
    Package { name: "spillway-static-credentials", folder: "guest/compose/static-credentials" },
    Package { name: "spillway-wasmcloud", folder: "guest/compose/wasmcloud" },
];
