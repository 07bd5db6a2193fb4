//! The core does no IO and reads no clock, environment or randomness: it depends on nothing that
//! can, and names nothing of the standard library that does.

use crate::support::{files, read, root};

#[test]
fn the_core_depends_on_nothing_that_does_io() {
    for folder in PURE_CRATES {
        let manifest = read(&root().join(folder).join("Cargo.toml"));
        let (_, dependencies) = manifest.split_once("[dependencies]\n").expect("there are some");
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines().filter(|line| !line.is_empty()) {
            let name = line.split(['.', ' ']).next().unwrap_or_default();
            assert!(PURE.contains(&name), "is `{name}` pure? If it is, add it to the list here");
        }
    }
}

#[test]
fn the_core_names_nothing_that_does_io() {
    let sources =
        PURE_CRATES.iter().flat_map(|folder| files(&root().join(folder).join("src"), "rs"));
    for path in sources {
        let text = read(&path);
        for word in IMPURE {
            assert!(!text.contains(word), "{} says `{word}`", path.display());
        }
    }
}

const PURE_CRATES: [&str; 2] = ["guest/codec", "guest/core"];

/// Looked through: what they compute depends on their arguments alone.
const PURE: &[&str] = &[
    "base64",
    "bytes",
    "crc",
    // Without its `std` feature it has no seed but the one it is given.
    "fastrand",
    "hmac",
    "http",
    // Without its `std` feature it knows neither a clock nor the files of time zones.
    "jiff",
    "md-5",
    // Looks which instructions the processor has, and at nothing else.
    "memchr",
    "percent-encoding",
    "postcard",
    "quick-xml",
    "serde",
    "serde_bytes",
    "serde_json",
    "sha2",
    // One of the two itself.
    "spillway-codec",
    "strsim",
    // Without its `std` feature, and without kernels for special processors.
    "structured-zstd",
    "zlib-rs",
];

const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "SystemTime::now",
    "Instant::now",
    "println!",
];
