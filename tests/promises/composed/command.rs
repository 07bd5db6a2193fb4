//! The command with a sink and credentials, in a plain wasmtime: `wasmtime run -S http`.

use std::collections::BTreeMap;

use spillway::component::Component;
use spillway::parts::{Part, with_credentials};
use spillway_tests::server::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server};

use super::plain::{Ended, run, variables};
use super::{compose, names};

/// The sink with credentials from the environment.
fn sink() -> Vec<u8> {
    compose(Component::embedded(), &[Part::EnvCredentials.bytes()])
}

fn before(transform: &[u8], sink: &[u8]) -> Vec<u8> {
    compose(Part::Chain.bytes(), &[transform, sink])
}

fn command(sink: &[u8]) -> Vec<u8> {
    compose(Part::Command.bytes(), &[sink])
}

fn config(server: &Server) -> String {
    format!(
        r#"{{"bucket": "events", "endpoint": "{}", "part_bytes": 5242880, "attempts_max": 2}}"#,
        server.endpoint()
    )
}

fn ended(server: &Server, bytes: &[u8], arguments: &[&str], input: &[u8]) -> Ended {
    let ended = server.runtime().block_on(run(bytes, arguments, &variables(), input));
    for text in [&ended.out, &ended.err] {
        assert!(!text.contains(SECRET_ACCESS_KEY), "{ended:?}");
    }
    ended
}

#[test]
fn lines_become_an_object_as_they_are() {
    let server = Server::start();
    let lines: String = (0..300_000).map(|n| format!("{{\"n\": {n}, \"é\": \"ü\"}}\n")).collect();
    // Also empty ones, and one without an end, which gets one.
    let input = format!("{lines}\n\nlast");
    let said = ended(
        &server,
        &command(&sink()),
        &["--config", &config(&server), "--key", "k"],
        input.as_bytes(),
    );
    assert_eq!(said.code, 0, "{said:?}");
    let wanted = format!("{input}\n");
    assert_eq!(said.out, format!("300003 lines are stored: 1 objects, {} bytes\n", wanted.len()));
    assert!(server.contents() == BTreeMap::from([("k".to_owned(), wanted.into_bytes())]));
}

#[test]
fn no_line_is_no_object() {
    let server = Server::start();
    let said = ended(
        &server,
        &command(&sink()),
        &["--key=k", &format!("--config={}", config(&server))],
        b"",
    );
    assert_eq!((said.code, said.out.as_str()), (0, "0 lines are stored: 0 objects, 0 bytes\n"));
    assert!(server.objects().is_empty());
}

#[test]
fn transforms_stand_before_the_sink_in_any_number() {
    let server = Server::start();
    let route = Part::Route.bytes();
    let two = before(route, &before(route, &sink()));
    let drop = r#"{"rules": [{"field": "/level", "equals": "debug", "action": "drop"}]}"#;
    let name = r#"{"rules": [
        {"field": "/service", "action": "set_key", "template": "{/service}/{key}"}
    ]}"#;
    let config = format!(
        r#"{{"transform": {drop}, "sink": {{"transform": {name}, "sink": {}}}}}"#,
        config(&server)
            .replace('}', r#", "max_open_objects": 4, "key_template": "{key}/{first}"}"#)
    );
    let line = |n: u64| {
        let level = if n.is_multiple_of(3) { "debug" } else { "info" };
        format!("{{\"service\":\"s{}\",\"level\":\"{level}\",\"n\":{n}}}\n", n % 4)
    };
    // The last ones are dropped.
    let input: String = (0..200_000).chain([3, 6, 9]).map(line).collect();
    let variables =
        [&variables()[..], &[("SPILLWAY_CONFIG", &config), ("SPILLWAY_KEY", "all.ndjson")]]
            .concat();
    let said = server.runtime().block_on(run(&command(&two), &[], &variables, input.as_bytes()));
    assert_eq!(said.code, 0, "{said:?}");
    // Of 0 and 3, which were the first of their service, nothing is left.
    let names = [4, 1, 2, 7].map(|first| format!("s{}/all.ndjson/{first}", first % 4));
    let mut wanted = BTreeMap::<String, Vec<u8>>::new();
    for n in (0..200_000).filter(|n: &u64| !n.is_multiple_of(3)) {
        let name = names[(n % 4) as usize].clone();
        wanted.entry(name).or_default().extend(line(n).bytes());
    }
    assert!(server.contents() == wanted);
    assert!(said.out.starts_with("200003 lines are stored: 4 objects, "), "{said:?}");
}

#[test]
fn credentials_may_stand_in_the_file() {
    let server = Server::start();
    let json = format!(
        r#"{{"access_key_id": "{ACCESS_KEY_ID}", "secret_access_key": "{SECRET_ACCESS_KEY}"}}"#
    );
    let with = with_credentials(&json).unwrap();
    assert_eq!(names(&with).0, [] as [&str; 0], "it is given nothing");
    let bytes = command(&compose(Component::embedded(), &[&with]));
    let arguments = ["--config", &config(&server), "--key", "k"];
    let said = server.runtime().block_on(run(&bytes, &arguments, &[], b"x\n"));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(server.contents()["k"], b"x\n");

    let empty = compose(Component::embedded(), &[Part::StaticCredentials.bytes()]);
    let said = server.runtime().block_on(run(&command(&empty), &arguments, &[], b"x\n"));
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("the component static-credentials has none"), "{said:?}");
    let damaged = with_credentials(r#"{"access_key_id": "x", "secret": "s3cr3t"}"#).unwrap();
    let damaged = command(&compose(Component::embedded(), &[&damaged]));
    let said = server.runtime().block_on(run(&damaged, &arguments, &[], b"x\n"));
    assert!(said.err.contains("are damaged") && !said.err.contains("s3cr3t"), "{said:?}");
    assert_eq!(with_credentials(&" ".repeat(10_000)), Err(8_160));
}

#[test]
fn what_is_wrong_is_named_and_ends_with_2() {
    let server = Server::start();
    let chained = command(&before(Part::Route.bytes(), &sink()));
    let plain = command(&sink());
    let good = config(&server);
    let checkpointed = good.replace('}', r#", "commit": "checkpointed"}"#);
    let nested = format!(r#"{{"sink": {checkpointed}}}"#);
    let cases: [(&[u8], &[&str], &[&str]); 8] = [
        (&plain, &[], &["--config: missing; give it, or set SPILLWAY_CONFIG", "--key: missing"]),
        (&plain, &["--kye", "x"], &["--kye: unknown argument; did you mean `--key`?"]),
        (&plain, &["--config", &good, "--key"], &["--key: has no value"]),
        (&plain, &["--config", "{}", "--key", "k"], &["--config: bucket: missing"]),
        (
            &plain,
            &["--config", &checkpointed, "--key", "k"],
            &["--config: commit: \"checkpointed\" needs checkpoints"],
        ),
        (&chained, &["--config", &nested, "--key", "k"], &["--config: commit: \"checkpointed\""]),
        (
            &chained,
            &["--key", "k", "--config", r#"{"transform": {"rule": []}, "sink": {"buket": "b"}}"#],
            &[
                "--config: transform.rule: unknown field; did you mean `rules`?",
                "--config: sink.buket: unknown field; did you mean `bucket`?",
            ],
        ),
        (
            &chained,
            &["--key", "k", "--config", r#"{"sinks": {}}"#],
            &["--config: sinks: unknown field; did you mean `sink`?"],
        ),
    ];
    for (bytes, arguments, wanted) in cases {
        let said = ended(&server, bytes, arguments, b"x\n");
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{arguments:?}: {said:?}");
        for text in wanted {
            assert!(said.err.contains(text), "{arguments:?}: {text} is not in {}", said.err);
        }
    }
    assert_eq!(server.requests_total(), 0);
    assert_eq!(ended(&server, &plain, &["--help"], b"").code, 0);
}

#[test]
fn no_line_is_lost_silently() {
    let server = Server::start();
    let chained = command(&before(Part::Route.bytes(), &sink()));
    let reject = r#"{"rules": [{"contains": "bad", "action": "reject", "reason": "it is bad"}]}"#;
    let config_of = |sink: &str| format!(r#"{{"transform": {reject}, "sink": {sink}}}"#);
    let arguments =
        |config: &str| ["--key".into(), "k".into(), "--config".into(), config.to_owned()];
    let run = |arguments: [String; 4], variables: &[(&str, &str)], input: &[u8]| {
        let arguments = arguments.iter().map(String::as_str).collect::<Vec<_>>();
        server.runtime().block_on(run(&chained, &arguments, variables, input))
    };
    let good = arguments(&config_of(&config(&server)));
    let said = run(good.clone(), &variables(), b"a\nbad 1\nb\nbad 2\n");
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
    for text in ["line 2 was rejected: it is bad", "line 4 was", "2 of 4 lines were rejected"] {
        assert!(said.err.contains(text), "{said:?}");
    }
    assert_eq!(server.contents()["k"], b"a\nb\n", "the others are stored");

    let no_bucket = config(&server).replace("events", "other");
    let said = run(arguments(&config_of(&no_bucket)), &variables(), b"a\nbad\nb\n");
    assert_eq!(said.code, 1, "{said:?}");
    for text in ["the object k was not stored (2 events of lines 1 to 3)", "2 of 3 lines could"] {
        assert!(said.err.contains(text), "{said:?}");
    }
    let said = run(good, &variables()[..1], b"a\n");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("the environment has no AWS_SECRET_ACCESS_KEY"), "{said:?}");
}

/// None of `wasi:cli` but what the command and the credentials name.
#[test]
fn each_imports_what_its_code_names() {
    let of = |part: Part| names(part.bytes());
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let [sink, transform, types] =
        ["sink", "transform", "types"].map(|interface| format!("spillway:sink/{interface}@0.2.0"));
    let (imports, exports) = of(Part::Chain);
    assert_eq!(imports, [sink.clone(), transform.clone(), types.clone()]);
    assert_eq!(exports, [sink]);
    assert_eq!(of(Part::Route), (vec![types], vec![transform]));
    let credentials = named(&["spillway:s3/credentials@0.2.0"]);
    assert_eq!(of(Part::StaticCredentials), (vec![], credentials.clone()));
    let environment = named(&["wasi:cli/environment@0.2.12"]);
    assert_eq!(of(Part::EnvCredentials), (environment, credentials));
    let cli: Vec<_> = of(Part::Command).0.into_iter().filter(|n| n.contains(":cli/")).collect();
    let wanted = ["environment", "exit", "stderr", "stdin", "stdout"];
    assert_eq!(cli, wanted.map(|name| format!("wasi:cli/{name}@0.2.12")));
    let whole = names(&command(&before(Part::Route.bytes(), &self::sink())));
    assert_eq!(whole.1, named(&["wasi:cli/run@0.2.12"]));
    assert!(whole.0.iter().all(|name| name.starts_with("wasi:") || name.contains("/types@")));
}
