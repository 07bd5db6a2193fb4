//! A component that is made to be compiled for long, or into much, is refused before.

use std::time::Duration;

use spillway::component::{COMPILE_MAX, Component, ComponentSource, LoadError};
use spillway::engine::Engine;

fn load(text: &str, compile_max: Duration) -> LoadError {
    let bytes = wat::parse_str(text).unwrap();
    let engine = Engine::new(None).unwrap();
    let loaded = Component::load_within(&engine, &ComponentSource::Bytes(bytes), compile_max);
    loaded.map(drop).unwrap_err()
}

/// Loops within loops: the time that they take to compile grows with the square of their number.
fn loops(depth: usize) -> String {
    let begins = "(loop (local.set 1 (i32.add (local.get 1) (local.get 2)))".repeat(depth);
    let ends = "(br_if 0 (local.get 1)))".repeat(depth);
    let locals = "i32 ".repeat(50);
    format!("(component (core module (func (param i32) (local {locals}) {begins} {ends})))")
}

#[test]
fn what_takes_too_long_to_compile_is_given_up() {
    let compile_max = Duration::from_millis(1);
    let error = load(&loops(120), compile_max);
    assert!(matches!(error, LoadError::TooSlow(limit) if limit == compile_max), "{error}");
    let said = "the component takes longer than 1ms to compile; `compile_max` raises that";
    assert_eq!(error.to_string(), said);
    // With the time that it takes, all that is wrong with it is that it is no sink.
    assert!(matches!(load(&loops(4), COMPILE_MAX), LoadError::NotASink(_)));
}

#[test]
fn what_would_compile_into_too_much_is_not_compiled() {
    let functions = "(func)".repeat(200_000);
    let error = load(&format!("(component (core module {functions}))"), COMPILE_MAX);
    assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "the component has 200000 functions, at most 60000 are allowed, since it is to compile \
         within 60s; `compile_max` raises that"
    );
}

/// What no time allows is not said to be a matter of time.
#[test]
fn what_nothing_allows_more_of_is_named_as_that() {
    let nested = "(component ".repeat(21) + &")".repeat(21);
    let error = load(&nested, COMPILE_MAX);
    assert!(error.is_limit(), "{error}");
    assert_eq!(
        error.to_string(),
        "the component has 21 levels of components and modules, at most 20 are allowed; no setting \
         raises that"
    );
}

/// Names are as long as their component likes, and messages are not.
#[test]
fn what_is_said_of_names_is_bounded() {
    let imports = (0..1_000).map(|n| format!("(import \"a:b{n}/{}\" (instance))", "c".repeat(900)));
    let imports = imports.collect::<String>();
    let sink = "(instance $i) (export \"spillway:sink/sink@0.2.0\" (instance $i))";
    for text in [format!("(component {imports})"), format!("(component {imports} {sink})")] {
        let said = load(&text, COMPILE_MAX).to_string();
        assert!(said.len() < 6_000 && said.lines().count() == 1, "{} bytes", said.len());
    }
}
