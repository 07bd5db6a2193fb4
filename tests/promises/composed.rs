//! Components that others write against the contract: a filter, and a chain.

mod filter;

use std::path::PathBuf;

fn built(file: &str) -> PathBuf {
    spillway_tests::components::built(env!("CARGO_TARGET_TMPDIR"), file)
}
