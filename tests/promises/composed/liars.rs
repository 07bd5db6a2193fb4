//! A transform is not believed either: by the host, and by the chain.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use spillway::component::{Component, ComponentSource};
use spillway::contract::{Error, Run};
use spillway::engine::{Engine, Limits};
use spillway::parts::Part;
use spillway::sink::SinkError;
use spillway::transform::TransformComponent;
use spillway_simulation::bucket::BucketOptions;
use spillway_tests::bucket_transport::BucketTransport;

use super::{built, compose};
use crate::component::setup::{AUTHORITY, config, event, grants};

fn engine() -> Engine {
    Engine::new(Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled"))).unwrap()
}

fn liar() -> &'static TransformComponent {
    static LIAR: OnceLock<TransformComponent> = OnceLock::new();
    LIAR.get_or_init(|| {
        let source = ComponentSource::File(built("examples/liar.wasm"));
        TransformComponent::load(&engine(), &source).unwrap()
    })
}

fn limits() -> Limits {
    Limits {
        compute_max: Duration::from_millis(200),
        prompt_call_max: Duration::from_millis(200),
        memory_bytes_max: 64 << 20,
        ..Limits::default()
    }
}

fn batch() -> [Run; 1] {
    [event("k", 7, b"x\ny\n".to_vec())]
}

#[tokio::test]
async fn one_that_keeps_the_rules_is_not_ended() {
    let mut transform = liar().open("keeps", &limits()).await.unwrap();
    for _ in 0..3 {
        let outcome = transform.apply(&batch()).await.unwrap();
        assert_eq!((outcome.runs.len(), outcome.rejected.len()), (1, 0));
    }
}

#[tokio::test]
async fn what_is_not_of_the_batch_ends_it_with_one_line_that_says_so() {
    for (rule, said) in [
        ("invents", "in `apply`, position 1007 is passed on, and the batch has no such position"),
        ("repeats", "in `apply`, position 7 is passed on after 7"),
        ("both", "in `apply`, position 7 is passed on and rejected"),
        ("twice", "in `apply`, position 7 is rejected after 7"),
        ("reason", "in `apply`, the reason of a rejection has 4097 bytes"),
        ("key", "in `apply`, the run at position 7 has no key"),
        ("boundaries", "in `apply`, the boundaries of the run at position 7 do not fit it"),
        ("lines", "in `apply`, the boundaries of the run at position 7 do not fit it"),
    ] {
        let mut transform = liar().open(rule, &limits()).await.unwrap();
        match transform.apply(&batch()).await {
            Err(SinkError::Breach(breach)) => {
                assert!(breach.to_string().starts_with(said), "{rule}: {breach}");
            }
            Err(other) => panic!("{rule}: {other}"),
            Ok(_) => panic!("{rule}: no error"),
        }
    }
    let described = liar().describe(&limits()).await;
    assert!(matches!(described, Err(SinkError::Breach(_))));
    for rule in ["error", "waits"] {
        let opened = liar().open(rule, &limits()).await;
        assert!(matches!(opened, Err(SinkError::Breach(_) | SinkError::Trap(_))), "{rule}");
    }
}

#[tokio::test]
async fn one_that_traps_grows_or_computes_is_ended() {
    for rule in ["traps", "grows", "computes"] {
        let mut transform = liar().open(rule, &limits()).await.unwrap();
        for _ in 0..2 {
            let applied = transform.apply(&batch()).await;
            assert!(matches!(applied, Err(SinkError::Trap(_))), "{rule}");
        }
    }
}

/// In one component with a sink, where the host sees the sink alone.
#[tokio::test]
async fn the_chain_takes_no_position_that_is_not_of_the_batch() {
    let liar = std::fs::read(built("examples/liar.wasm")).unwrap();
    let bytes = compose(Part::Chain.bytes(), &[&liar, Component::embedded()]);
    let chain = Component::load(&engine(), &ComponentSource::Bytes(bytes)).unwrap();
    for (rule, said) in [
        ("invents", "position 1007 was passed on, and the batch has none such"),
        ("repeats", "position 7 was passed on after 7"),
        ("both", "position 7 was passed on and rejected"),
        ("twice", "position 7 was rejected after 7"),
    ] {
        let bucket = BucketTransport::new(BucketOptions::default());
        let sink = config(&format!("http://{AUTHORITY}"), "");
        // The liar takes its configuration as it is written.
        let config = format!(r#"{{"transform": {rule:?}, "sink": {sink}}}"#);
        let given = grants(bucket.clone(), AUTHORITY);
        let mut open = chain.open(&config, None, &given).await.unwrap();
        let error = open.write(&batch()).await.err().unwrap();
        assert!(matches!(error, SinkError::Refused(Error::Unsupported(_))), "{error}");
        assert!(error.to_string().ends_with(said), "{rule}: {error}");
        assert_eq!(open.close(spillway::contract::Ending::Complete).await.unwrap().durable, 0);
        assert!(bucket.bucket(|bucket| bucket.objects().is_empty()));
    }
}
