//! Bounds of expressions: steps, outputs, depth and the length of messages.

use super::*;

#[test]
fn expressions_that_make_ever_more_events_fail() {
    let line = r#"{"k":"a"}"#;
    let outputs = "has more than 10009 outputs for a line of 9 bytes: the limit is 10000 and one \
                   for each byte";
    let bytes = "makes more than 16777234 bytes of a line of 9 bytes: the limit is 16 MiB and 2 \
                 for each byte";
    for (settings, said) in [
        (
            "key = '.k'\npayload = 'range(300000000000)'",
            format!("the payload `range(300000000000)` {outputs}"),
        ),
        ("key = '.k'\npayload = 'repeat(1)'", format!("the payload `repeat(1)` {outputs}")),
        (
            "key = '.k'\npayload = 'range(20) | \"x\" * 1000000'",
            format!("the payload `range(20) | \"x\" * 1000000` {bytes}"),
        ),
        ("fixed_key = 'k'\nevents = 'range(1e15)'", format!("the events `range(1e15)` {outputs}")),
        // What is not kept counts, too.
        (
            "fixed_key = 'k'\nevents = 'range(1e15)'\npayload = 'empty'",
            format!("the events `range(1e15)` {outputs}"),
        ),
        (
            "fixed_key = 'k'\nevents = 'range(9000)'\npayload = '.,.'",
            format!("event 5005: the payload `.,.` {outputs}"),
        ),
        (
            "key = '\"x\" * 10000'\nevents = 'range(9000)'",
            format!("the key `\"x\" * 10000` {bytes}"),
        ),
        // Each by itself would be allowed.
        (
            "fixed_key = 'k'\nevents = 'range(9000)'\npayload = 'reduce range(1000) as $i (0; . + \
             $i)'",
            LONG.to_owned(),
        ),
    ] {
        let Owned::Rejected(reason) = owned(apply(&of(settings), line.as_bytes())) else {
            panic!("{settings}")
        };
        let holds = reason.starts_with(&said) || (said == LONG && reason.ends_with(LONG));
        assert!(holds, "{settings}: {reason}");
    }
}

#[test]
fn a_failure_does_not_repeat_a_whole_document() {
    let line = format!(r#"{{"k":"{}"}}"#, "é".repeat(1 << 20));
    let Owned::Rejected(reason) = map("\"k\"", ".k | .[0]", &line) else { panic!() };
    assert!(reason.len() < 1000 && reason.ends_with("…"), "{}", reason.len());
}

#[test]
fn deep_documents_do_not_overflow_a_small_stack() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let test = move || {
        let too_deep = "the payload `[.]` is nested more than 256 deep";
        assert_eq!(map("\"k\"", ".[0:]", &nested(256)), event("k", &nested(256)));
        assert_eq!(map("\"k\"", "[.]", &nested(256)), rejected(too_deep));
    };
    thread.spawn(test).unwrap().join().unwrap();
}

#[test]
fn an_expression_without_end_fails_on_any_thread() {
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let test = || {
        let line = r#"{"k":"a"}"#;
        for (expression, reason) in [
            ("def f: 1 + f; f", DEEP),
            ("def f: [f]; f", DEEP),
            ("def f: {a: f}; f", DEEP),
            ("def f: f; f", LONG),
            ("def f: f, 1; f", LONG),
            ("until(false; .)", LONG),
            ("last(repeat(.))", LONG),
        ] {
            let said = format!("the payload `{expression}` failed: {reason}");
            assert_eq!(map(".k", expression, line), rejected(&said), "{expression}");
            let said = format!("the key `{expression}` failed: {reason}");
            assert_eq!(map(expression, ".", line), rejected(&said), "{expression}");
        }
    };
    thread.spawn(test).unwrap().join().unwrap();
}

#[test]
fn an_expression_that_makes_ever_more_fails_on_a_large_stack() {
    let thread = std::thread::Builder::new().stack_size(1 << 30);
    let test = || {
        let line = r#"{"k":"a"}"#;
        // Whichever comes first.
        for expression in [
            "def f: try f catch 1 | 1; f",
            "def f: f.a; path(f)",
            "def f: f.a; f |= 1",
            "def f: 1, f; [f]",
            "[recurse([.])]",
            "reduce repeat(1) as $x (0; . + $x)",
        ] {
            let Owned::Rejected(reason) = map(".k", expression, line) else {
                panic!("{expression}")
            };
            assert!(reason.ends_with(DEEP) || reason.ends_with(LONG), "{expression}: {reason}");
        }
    };
    thread.spawn(test).unwrap().join().unwrap();
}

#[test]
fn an_expression_may_take_more_steps_for_a_longer_line() {
    let numbers = vec!["1"; 1 << 18].join(",");
    let line = format!("{{\"n\":[{numbers}]}}");
    // Sixty times each number: more than any line may.
    let many = "[.n[] | reduce range(20) as $i (0; . + $i)] | length";
    assert_eq!(map("\"k\"", many, &line), event("k", "262144"));
    let short = "[range(262144) | reduce range(20) as $i (0; . + $i)] | length";
    let said = format!("the payload `{short}` failed: {LONG}");
    assert_eq!(map("\"k\"", short, "{}"), rejected(&said));
}

const DEEP: &str = "it recurses too deeply";
const LONG: &str = "it takes too many steps; it may not terminate";
