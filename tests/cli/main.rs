//! The command, from the outside: what it prints, and how it exits.

#[test]
fn says_its_version() {
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_spillway")).arg("--version").output();
    let output = output.expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said.trim(), concat!("spillway ", env!("CARGO_PKG_VERSION")));
}
