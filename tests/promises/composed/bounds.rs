//! A component that breaks a bound of the contract is ended, and its host is told which it was.

use std::path::PathBuf;
use std::time::Duration;

use spillway::Breach;
use spillway::component::{Component, ComponentSource};
use spillway::contract::{Ending, Error};
use spillway::engine::{Engine, Limits};
use spillway::grants::Grants;
use spillway::sink::{Sink, SinkError};

use super::built;
use crate::component::setup::event;

fn breaker() -> Component {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    let source = ComponentSource::File(built("examples/breaker.wasm"));
    Component::load(&Engine::new(Some(cache)).unwrap(), &source).unwrap()
}

async fn open(bound: &str) -> Sink {
    breaker().open(bound, None, &Grants::nothing()).await.unwrap()
}

#[track_caller]
fn breach<T>(answer: Result<T, SinkError>) -> Breach {
    match answer {
        Err(SinkError::Breach(breach)) => breach,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("no error"),
    }
}

#[tokio::test]
async fn one_that_keeps_its_bounds_is_not_ended() {
    let mut sink = open("nothing").await;
    assert_eq!(sink.write(&[event("k", 0, vec![1])]).await.unwrap().len(), 1);
    for progress in [sink.poll().await, sink.flush().await, sink.close(Ending::Complete).await] {
        assert_eq!(progress.unwrap().durable, 1);
    }
    assert_eq!(sink.store_state("s", b"x", None).await.unwrap(), "1");
    assert_eq!(sink.incomplete_uploads().await.unwrap().len(), 1);
    let conflict = breaker().load_state("nothing", "s", &Grants::nothing()).await;
    assert!(matches!(conflict, Err(SinkError::Refused(Error::Conflict(_)))));
}

#[tokio::test]
async fn one_that_breaks_a_bound_of_a_sink_is_called_no_more() {
    for (bound, said) in [
        ("rejection", "in `write`, position 1000 is rejected, and the batch has no such position"),
        ("durable", "in `poll`, `durable` is 1000, and the next position to be written is 1"),
        ("falls", "in `flush`, `durable` fell from 1 to 0"),
        ("object", "in `poll`, a visible object reaches position 1000"),
        ("notice", "in `poll`, a notice has 4097 bytes, at most 4096 are allowed"),
        ("notices", "in `poll`, 1001 notices, at most 1000 are allowed"),
        ("error", "in `check`, the text of an error has 4097 bytes"),
        ("upload", "in `incomplete-uploads`, an object key has 4097 bytes"),
        ("version", "in `store-state`, the version has 4097 bytes"),
    ] {
        let mut sink = open(bound).await;
        let answer = async {
            sink.write(&[event("k", 0, vec![1])]).await?;
            sink.poll().await?;
            sink.flush().await?;
            sink.check().await?;
            sink.incomplete_uploads().await?;
            sink.store_state("s", b"x", None).await
        };
        let broken = breach(answer.await);
        assert!(broken.to_string().starts_with(said), "{broken}");
        assert_eq!(breach(sink.poll().await), broken, "it is the same for every later call");
    }
}

#[tokio::test]
async fn one_that_breaks_a_bound_before_it_is_open_is_refused() {
    let breaker = breaker();
    let described = breach(breaker.describe().await).to_string();
    assert_eq!(
        described,
        "in `describe`, the schema has 2097152 bytes, at most 1048576 are allowed"
    );
    let authority = breach(breaker.egress("authority").await).to_string();
    assert!(authority.starts_with("in `egress`, an authority has 4097 bytes"), "{authority}");
    let error = breach(breaker.load_state("error", "s", &Grants::nothing()).await).to_string();
    assert!(error.starts_with("in `load-state`, the text of an error"), "{error}");
}

/// Also where its component is gone, whose engine has the clock.
#[tokio::test]
async fn a_call_that_may_not_wait_has_its_time() {
    let prompt_call_max = Duration::from_millis(50);
    let limits = Limits { prompt_call_max, ..Limits::default() };
    let grants = Grants { limits, ..Grants::nothing() };
    let mut sink = breaker().open("waits", None, &grants).await.unwrap();
    sink.write(&[event("k", 0, vec![1])]).await.unwrap();
    let said = "in `poll`, it did not answer within 50ms, and this call may not wait";
    assert_eq!(breach(sink.poll().await).to_string(), said);
    assert_eq!(breach(sink.metrics().await).to_string(), said);
    let mut sink = breaker().open("waits", None, &grants).await.unwrap();
    let said = breach(sink.inspect_state(b"").await).to_string();
    assert!(said.starts_with("in `inspect-state`, it did not answer within 50ms"), "{said}");
}
