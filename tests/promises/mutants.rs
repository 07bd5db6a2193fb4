//! Each patch of `tests/mutants` fits the sources of the core. Whether a test notices it is for
//! `tests/mutations` to say, which takes minutes.

use crate::support::root;
use std::process::Command;

#[test]
fn each_mutant_can_be_applied() {
    let output = Command::new("bash")
        .args(["tests/mutations", "--check"])
        .current_dir(root())
        .output()
        .expect("bash starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
