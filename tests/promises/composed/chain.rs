//! A transform and a sink as one sink: what its host sees of both.

use std::sync::OnceLock;

use spillway::component::{Component, ComponentSource};
use spillway::contract::{Boundaries, Ending, Error, Failure, Framing, Payload, Run};
use spillway::engine::{Engine, Limits};
use spillway::grants::Grants;
use spillway::parts::Part;
use spillway::sink::{Sink, SinkError};
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_transport::BucketTransport;

use super::compose;
use crate::component::setup::{AUTHORITY, config, grants};

/// Two routes before the S3 sink.
pub(super) fn chain() -> &'static Component {
    static CHAIN: OnceLock<Component> = OnceLock::new();
    CHAIN.get_or_init(|| {
        let cache = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        let route = Part::Route.bytes();
        let inner = compose(Part::Chain.bytes(), &[route, Component::embedded()]);
        let outer = compose(Part::Chain.bytes(), &[route, &inner]);
        Component::load(&Engine::new(Some(cache)).unwrap(), &ComponentSource::Bytes(outer)).unwrap()
    })
}

/// A configuration with the rules of both routes, and more fields of the sink.
pub(super) fn configured(first: &str, second: &str, more: &str) -> String {
    let sink = config(&format!("http://{AUTHORITY}"), more);
    let inner = format!(r#"{{"transform": {{"rules": {second}}}, "sink": {sink}}}"#);
    format!(r#"{{"transform": {{"rules": {first}}}, "sink": {inner}}}"#)
}

pub(super) fn bucket() -> BucketTransport {
    BucketTransport::new(BucketOptions::default())
}

pub(super) fn given(bucket: &BucketTransport) -> Grants {
    grants(bucket.clone(), AUTHORITY)
}

pub(super) fn run(key: &str, first: u64, lines: &[&str]) -> Run {
    let payload: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Run {
        key: key.to_owned(),
        first,
        at: None,
        payload: Payload::Text(payload),
        boundaries: Boundaries::Lines(lines.len() as u32),
        framing: Framing::Newline,
    }
}

pub(super) fn contents(bucket: &BucketTransport) -> Vec<(String, String)> {
    bucket.bucket(|bucket| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        bucket.objects().iter().map(|(k, object)| (k.clone(), text(&object.bytes))).collect()
    })
}

/// The failures, each with its key, its positions and how many events it has.
pub(super) fn failures(failed: &[Failure]) -> Vec<(&str, u64, u64, u64, u64)> {
    failed.iter().map(|f| (f.key.as_str(), f.begun, f.first, f.last, f.events)).collect()
}

const DROP: &str = r#"[{"contains": "drop", "action": "drop"}]"#;
pub(super) const REJECT: &str =
    r#"[{"contains": "bad", "action": "reject", "reason": "it is bad"}]"#;

#[tokio::test]
async fn it_is_what_its_parts_are() {
    let described = chain().describe(&Limits::default()).await.unwrap();
    assert_eq!(described.name, "spillway-route > spillway-route > spillway-s3");
    let schema: serde_json::Value = serde_json::from_str(&described.configuration_schema).unwrap();
    let inner = &schema["properties"]["sink"];
    assert!(schema["properties"]["transform"]["properties"]["rules"].is_object());
    assert!(inner["properties"]["sink"]["properties"]["bucket"].is_object());
    // A reference within a part is one to that part.
    assert_eq!((&schema["$id"], &inner["$id"]), (&serde_json::Value::Null, &"sink/".into()));
    let wanted = chain().egress(&configured("[]", "[]", ""), &Limits::default()).await.unwrap();
    assert_eq!(wanted, [AUTHORITY]);
}

#[tokio::test]
async fn what_is_wrong_with_any_part_is_told_at_once_with_its_field() {
    let bucket = bucket();
    let wrong = r#"{"transform": {"rules": 1}, "sink": {"transform": {"rule": 1}, "sink": {}}}"#;
    let egress = chain().egress(wrong, &Limits::default()).await.err().unwrap();
    let opened = chain().open(wrong, None, &given(&bucket)).await.err().unwrap();
    for error in [egress, opened] {
        let SinkError::Refused(Error::Invalid(problems)) = error else { panic!("{error}") };
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["transform.rules", "sink.transform.rule", "sink.sink.bucket"]);
    }
    for (config, said) in [
        ("[]", ": expected a JSON object"),
        (r#"{"snk": {}}"#, "snk: unknown field; did you mean `sink`?"),
    ] {
        let error = chain().egress(config, &Limits::default()).await.err().unwrap();
        assert!(error.to_string().contains(said), "{error}");
    }
    // So does more than an error may have.
    let rules = format!("[{}]", vec![r#"{"action": "no"}"#; 150].join(", "));
    let long: String = (0..99).map(|n| format!(r#", "{n}{}": 1"#, "x".repeat(600))).collect();
    for config in [configured(&rules, &rules, ""), configured("[]", &rules, &long)] {
        let error = chain().egress(&config, &Limits::default()).await.err().unwrap();
        let SinkError::Refused(Error::Invalid(problems)) = error else { panic!("{error}") };
        assert_eq!(problems.len(), 100);
        assert!(problems[99].message.ends_with("more problems, which are not shown"));
    }
    let error =
        chain().egress(&configured("[]", "[]", &long), &Limits::default()).await.err().unwrap();
    assert!(matches!(error, SinkError::Refused(Error::Invalid(_))), "{error}");
    // A field at its bound stays within it.
    let long = "x".repeat(4_096);
    let config = format!(r#"{{"sink": {{"sink": {{"bucket": "b", "{long}": 1}}}}}}"#);
    let error = chain().egress(&config, &Limits::default()).await.err().unwrap();
    assert!(matches!(error, SinkError::Refused(Error::Invalid(_))), "{error}");
}

#[tokio::test]
async fn what_is_dropped_and_rejected_is_durable() {
    let bucket = bucket();
    let mut sink =
        chain().open(&configured(DROP, REJECT, ""), None, &given(&bucket)).await.unwrap();
    let batch = [run("k", 3, &["a", "drop", "bad", "b"]), run("k", 10, &["bad", "drop"])];
    let rejected = sink.write(&batch).await.unwrap();
    let rejected: Vec<_> = rejected.iter().map(|r| (r.position, r.reason.as_str())).collect();
    assert_eq!(rejected, [(5, "it is bad"), (10, "it is bad")]);
    // A batch of which nothing goes on.
    assert!(sink.write(&[run("k", 12, &["drop", "drop"])]).await.unwrap().is_empty());
    assert!(sink.write(&[]).await.unwrap().is_empty());
    sink.skip(20).await.unwrap();
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!((progress.durable, progress.failed.len()), (20, 0));
    assert_eq!(contents(&bucket), [("k".to_owned(), "a\nb\n".to_owned())]);
    assert!(matches!(sink.poll().await, Err(SinkError::Refused(Error::Closed))));
    assert!(!sink.metrics().await.unwrap().is_empty());
}

/// Whichever part of the chain rejects it.
#[tokio::test]
async fn nothing_behind_the_first_rejection_is_taken_where_a_write_stops_there() {
    let bucket = bucket();
    let mut sink =
        chain().open(&configured(DROP, REJECT, ""), None, &given(&bucket)).await.unwrap();
    let of_transform = [run("k", 3, &["a", "drop", "bad", "b"])];
    let rejected = sink.write_until_rejected(&of_transform).await.unwrap().unwrap();
    assert_eq!((rejected.position, rejected.reason.as_str()), (5, "it is bad"));
    let of_sink = [run("k", 6, &["b"]), run("", 7, &["c", "d"]), run("k", 9, &["bad"])];
    let rejected = sink.write_until_rejected(&of_sink).await.unwrap().unwrap();
    assert_eq!((rejected.position, rejected.reason.as_str()), (7, "the key is empty"));
    assert_eq!(sink.poll().await.unwrap().failed.len(), 0);
    assert!(sink.write_until_rejected(&[run("k", 8, &["e", "drop"])]).await.unwrap().is_none());
    assert_eq!(sink.close(Ending::Complete).await.unwrap().durable, 10);
    assert_eq!(contents(&bucket), [("k".to_owned(), "a\nb\ne\n".to_owned())]);
}

#[tokio::test]
async fn where_all_of_it_is_dropped_nothing_is_stored_and_all_is_durable() {
    let bucket = bucket();
    let mut sink = chain().open(&configured(DROP, "[]", ""), None, &given(&bucket)).await.unwrap();
    sink.write(&[run("k", 0, &["drop", "drop"])]).await.unwrap();
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!((progress.durable, bucket.bucket(|b| b.objects().len())), (2, 0));
}

/// A failure is of every event of its key between its positions, as the caller knows keys.
#[tokio::test]
async fn failures_name_the_keys_that_the_caller_gave() {
    const BY_TEXT: &str = r#"[
        {"contains": "x", "action": "set_key", "template": "x"},
        {"contains": "drop", "action": "drop"}
    ]"#;
    let more = r#", "max_open_objects": 5, "key_template": "{key}/{first}", "attempts_max": 1"#;
    for resumes in [false, true] {
        let bucket = bucket();
        let more = match resumes {
            true => format!(r#"{more}, "commit": "checkpointed""#),
            false => more.to_owned(),
        };
        let config = configured(BY_TEXT, REJECT, &more);
        let mut sink = chain().open(&config, None, &given(&bucket)).await.unwrap();
        let batch = [
            run("a", 0, &["x", "x", "drop", "x"]),
            run("b", 4, &["x"]),
            run("a", 5, &["x bad", "x", "y", "x"]),
            run("b", 9, &["x"]),
        ];
        assert_eq!(sink.write(&batch).await.unwrap().len(), 1);
        if resumes {
            let state = sink.checkpoint().await.unwrap();
            sink.commit().await.unwrap();
            let saved = sink.inspect_state(&state).await.unwrap();
            assert!(saved.configuration.iter().all(|(name, _)| name.starts_with("sink.sink.")));
            drop(sink);
            sink = chain().open(&config, Some(&state), &given(&bucket)).await.unwrap();
        }
        bucket.on_request(|request| (request.key == "x/0").then_some(Fault::InternalError));
        let failed = end(&mut sink, 10).await;
        // That one in between was dropped breaks none.
        let wanted = [("a", 0, 0, 6, 4), ("b", 0, 4, 9, 2), ("a", 0, 8, 8, 1)];
        assert_eq!(failures(&failed), wanted, "resumes: {resumes}");
        assert_eq!(contents(&bucket), [("a/7".to_owned(), "y\n".to_owned())]);
    }
}

/// Completes a sink, also one that waits for commits, and returns what failed.
pub(super) async fn end(sink: &mut Sink, durable: u64) -> Vec<Failure> {
    let mut failed = Vec::new();
    loop {
        let progress = sink.flush().await.unwrap();
        failed.extend(progress.failed);
        if !progress.wants_checkpoint {
            break;
        }
        sink.checkpoint().await.unwrap();
        sink.commit().await.unwrap();
    }
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!(progress.durable, durable);
    failed.extend(progress.failed);
    failed
}

#[tokio::test]
async fn a_full_sink_is_given_the_batch_again() {
    let bucket = bucket();
    let more =
        r#", "commit": "checkpointed", "memory_bytes_max": 6291456, "requests_in_flight_max": 1"#;
    let config = configured(DROP, "[]", more);
    let mut sink = chain().open(&config, None, &given(&bucket)).await.unwrap();
    let large = "y".repeat(1 << 20);
    let (mut wanted, mut busy) = (String::new(), 0);
    for n in 0..12_u64 {
        let key = format!("k{n}");
        let batch = [run(&key, n * 2, &[&large, "drop"])];
        loop {
            match sink.write(&batch).await {
                Ok(rejected) => break assert!(rejected.is_empty()),
                Err(SinkError::Refused(Error::Busy)) => {
                    busy += 1;
                    sink.checkpoint().await.unwrap();
                    sink.commit().await.unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
        wanted += &format!("{key} {}\n", large.len() + 1);
    }
    assert!(busy > 0, "it never was");
    loop {
        if !sink.flush().await.unwrap().wants_checkpoint {
            break;
        }
        sink.checkpoint().await.unwrap();
        sink.commit().await.unwrap();
    }
    assert_eq!(sink.close(Ending::Complete).await.unwrap().durable, 24);
    let mut found = contents(&bucket);
    found.sort_by_key(|(key, _)| key[1..].parse::<u64>().unwrap());
    let found: String = found.iter().map(|(k, text)| format!("{k} {}\n", text.len())).collect();
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn a_foreign_state_is_refused() {
    let config = configured("[]", "[]", "");
    let bucket = bucket();
    for state in
        [&b""[..], b"SPILLWAY CHAIN", b"SPILLWAY CHAIN 2\n", b"SPILLWAY CHAIN 2\n\0\x01", b"else"]
    {
        let opened = chain().open(&config, Some(state), &given(&bucket)).await;
        let error = opened.err().unwrap();
        assert!(matches!(error, SinkError::Refused(Error::UnknownState(_))), "{error}");
        let error = chain().inspect_state(state, &Limits::default()).await.err().unwrap();
        assert!(matches!(error, SinkError::Refused(Error::UnknownState(_))), "{error}");
    }
    assert!(bucket.heads().is_empty());
}
