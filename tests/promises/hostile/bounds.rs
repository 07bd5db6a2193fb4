//! A component that breaks a bound of the contract is ended, and its host is told which it was.

use std::time::Duration;

use spillway::contract::{Ending, Error, Run};
use spillway::engine::Limits;
use spillway::grants::Grants;
use spillway::sink::SinkError;

use super::{breach, breaker, misdescribed, open, within};
use crate::component::setup::event;

/// Two events, of positions 0 and 1.
fn two() -> [Run; 2] {
    [event("k", 0, vec![1]), event("k", 1, vec![1])]
}

#[tokio::test]
async fn one_that_keeps_its_bounds_is_not_ended() {
    let mut sink = open("rejects").await;
    assert_eq!(sink.write(&two()).await.unwrap().len(), 1);
    sink.skip(10).await.unwrap();
    let progress = sink.poll().await.unwrap();
    assert_eq!((progress.durable, progress.visible.len()), (10, 1));
    assert_eq!(sink.metrics().await.unwrap().len(), 1);
    assert_eq!(sink.checkpoint().await.unwrap(), b"");
    sink.commit().await.unwrap();
    sink.check().await.unwrap();
    assert_eq!(sink.flush().await.unwrap().durable, 10);
    assert_eq!(sink.store_state("s", b"x", None).await.unwrap(), "1");
    assert_eq!(sink.incomplete_uploads().await.unwrap().len(), 1);
    sink.abort_upload("k", "k").await.unwrap();
    assert_eq!(sink.inspect_state(b"").await.unwrap().objects.len(), 0);
    assert_eq!(sink.close(Ending::Complete).await.unwrap().durable, 10);
    assert!(breaker().load_state("", "s", &Grants::nothing()).await.unwrap().is_none());
    breaker().check_state("", "s", &Grants::nothing()).await.unwrap();
    assert_eq!(breaker().egress("", &Limits::default()).await.unwrap().len(), 0);
}

#[tokio::test]
async fn one_that_breaks_a_bound_of_a_sink_is_called_no_more() {
    for (breaks, said) in [
        ("rejection", "in `write`, position 1000 is rejected, and the batch has no such position"),
        ("rejected twice", "in `write`, position 0 is rejected after 0, and rejections rise"),
        ("rejections fall", "in `write`, position 0 is rejected after 1, and rejections rise"),
        ("reason", "in `write`, the reason of a rejection has 4097 bytes"),
        ("durable jumps", "in `poll`, `durable` is 1002, and the next position to be written is 2"),
        ("durable falls", "in `poll`, `durable` fell from 2 to 1"),
        ("durable is short", "in `flush`, `durable` is 0 when `flush` is done, and everything"),
        ("object outside", "in `poll`, a visible object reaches position 1000"),
        ("object without events", "in `poll`, a visible object has 0 events from position 0 to 0"),
        ("object of too many", "in `poll`, a visible object has 3 events from position 0 to 1"),
        ("object backwards", "in `poll`, a visible object has 1 events from position 1 to 0"),
        ("object twice", "in `poll`, position 0 is reported twice, now in a visible object"),
        ("object again", "in `poll`, a visible object begins at position 0, and all before 2 was"),
        ("objects of too many", "in `poll`, 3 events are visible or failed, and no more than 2"),
        ("object key", "in `poll`, an object key has 4097 bytes"),
        ("key", "in `poll`, the key of an event has 4097 bytes"),
        ("object size", "in `poll`, a visible object has 18446744073709551615 bytes"),
        ("failure outside", "in `poll`, a failure reaches position 1000"),
        ("failure begun", "in `poll`, a failure of position 0 is of an object begun at 1"),
        ("failure text", "in `poll`, the text of an error has 4097 bytes"),
        ("stored and failed", "in `poll`, position 0 is reported twice, now in a failure"),
        ("notice", "in `poll`, a notice has 4097 bytes, at most 4096 are allowed"),
        ("notices", "in `poll`, 1001 notices, at most 1000 are allowed"),
        ("flood", "in `poll`, its notices have 20480000 bytes in all, at most 1"),
        ("wants", "in `poll`, `wants-checkpoint` is still true after 100 commits"),
        (
            "state",
            "in `checkpoint`, a state has 1048577 bytes, at most 1048576 are allowed; `state",
        ),
        ("large state", "in `checkpoint`, it hands over more than 1114112 bytes"),
        ("metrics", "in `metrics`, 1001 metrics, at most 1000 are allowed"),
        ("metric", "in `metrics`, the name of a metric has 4097 bytes"),
        ("labels", "in `metrics`, 17 labels of a metric, at most 16 are allowed"),
        ("buckets", "in `metrics`, 257 buckets, at most 256 are allowed"),
        ("error", "in `check`, the text of an error has 4097 bytes"),
        ("upload", "in `incomplete-uploads`, an object key has 4097 bytes"),
        ("uploads", "in `incomplete-uploads`, 10001 incomplete uploads, at most 10000 are allowed"),
        ("version", "in `store-state`, the version has 4097 bytes"),
    ] {
        let limits = Limits { state_bytes_max: 1 << 20, ..Limits::default() };
        let mut sink = breaker().open(breaks, None, &within(limits)).await.unwrap();
        let answer = async {
            sink.write(&two()).await?;
            for _ in 0..102 {
                sink.poll().await?;
                sink.metrics().await?;
                sink.checkpoint().await?;
                sink.commit().await?;
            }
            sink.flush().await?;
            sink.check().await?;
            sink.incomplete_uploads().await?;
            sink.store_state("s", b"x", None).await
        };
        let broken = breach(answer.await);
        let text = broken.to_string();
        assert!(text.starts_with(said), "{breaks}: {text}");
        assert!(text.len() < 200 && text.lines().count() == 1, "{text}");
        assert_eq!(breach(sink.poll().await), broken, "it is the same for every later call");
        assert_eq!(breach(sink.metrics().await), broken);
    }
}

/// Everything that was written has to have come to an end, or else nothing is done.
#[tokio::test]
async fn one_that_stores_nothing_is_never_done() {
    for how in [Ending::Complete, Ending::Abort, Ending::Suspend] {
        let mut sink = open("durable is short").await;
        sink.write(&two()).await.unwrap();
        let closed = sink.close(how).await;
        if how != Ending::Complete {
            assert_eq!(closed.unwrap().durable, 0, "it may give up what it has");
            continue;
        }
        let said = breach(closed).to_string();
        assert!(said.starts_with("in `close`, `durable` is 0 when `close` is done"), "{said}");
    }
}

#[tokio::test]
async fn one_that_breaks_a_bound_before_it_is_open_is_refused() {
    let breaker = breaker();
    assert_eq!(breaker.describe(&Limits::default()).await.unwrap().name, "breaker");
    let described =
        breach(misdescribed("breaker", "is long").describe(&Limits::default()).await).to_string();
    assert_eq!(
        described,
        "in `describe`, the schema has 2097152 bytes, at most 1048576 are allowed"
    );
    for (breaks, said) in [
        ("authority", "in `egress`, an authority has 4097 bytes"),
        ("authorities", "in `egress`, 101 authorities, at most 100 are allowed"),
        ("answer", "in `egress`, it hands over more than 67108864 bytes"),
        ("problems", "in `egress`, 101 problems, at most 100 are allowed"),
        ("problem texts", "in `egress`, the text of all problems has 81940 bytes"),
    ] {
        let broken = breach(breaker.egress(breaks, &Limits::default()).await).to_string();
        assert!(broken.starts_with(said), "{broken}");
    }
    let limits = Limits { state_bytes_max: 1 << 20, ..Limits::default() };
    for (breaks, said) in [
        ("error", "in `load-state`, the text of an error has 4097 bytes"),
        ("version", "in `load-state`, the version has 4097 bytes"),
        ("state", "in `load-state`, it hands over more than 1114112 bytes"),
    ] {
        let broken = breach(breaker.load_state(breaks, "s", &within(limits)).await).to_string();
        assert!(broken.starts_with(said), "{broken}");
    }
    for (state, said) in [
        ("objects", "in `inspect-state`, 100001 objects in a state, at most 100000 are allowed"),
        ("object", "in `inspect-state`, an object key has 4097 bytes"),
        ("values", "in `inspect-state`, 1001 values of a configuration, at most 1000 are allowed"),
        ("value", "in `inspect-state`, a value of a configuration has 65537 bytes, at most 65536"),
        ("name of a value", "in `inspect-state`, the name of a value has 4097 bytes"),
        ("key", "in `inspect-state`, the key of an event has 4097 bytes, at most 4096"),
        ("uploads", "in `inspect-state`, 10001 incomplete uploads, at most 10000 are allowed"),
    ] {
        let broken =
            breach(breaker.inspect_state(state.as_bytes(), &Limits::default()).await).to_string();
        assert!(broken.starts_with(said), "{broken}");
    }
}

/// Also where its component is gone, whose engine has the clock.
#[tokio::test]
async fn a_call_that_may_not_wait_has_its_time() {
    let grants = within(Limits { prompt_call_max: Duration::from_millis(50), ..Limits::default() });
    let opened = breach(breaker().open("open waits", None, &grants).await.map(drop)).to_string();
    assert!(opened.starts_with("in `open`, it did not answer within 50ms"), "{opened}");
    let described =
        breach(misdescribed("breaker", "waits").describe(&grants.limits).await).to_string();
    assert!(described.starts_with("in `describe`, it did not answer within 50ms"), "{described}");
    let inspected = breach(breaker().inspect_state(b"waits", &grants.limits).await).to_string();
    assert!(inspected.starts_with("in `inspect-state`, it did not answer"), "{inspected}");
    for call in ["skip", "poll", "commit", "metrics"] {
        let mut sink = breaker().open(&format!("{call} waits"), None, &grants).await.unwrap();
        let answer = async {
            sink.write(&two()).await?;
            sink.skip(3).await?;
            sink.poll().await?;
            sink.commit().await?;
            sink.metrics().await
        };
        let said = format!(
            "in `{call}`, it did not answer within 50ms, and this call may not wait; \
             `prompt_call_max` raises that"
        );
        assert_eq!(breach(answer.await).to_string(), said);
        assert_eq!(breach(sink.flush().await).to_string(), said);
    }
    let mut sink = breaker().open("", None, &grants).await.unwrap();
    let said = breach(sink.inspect_state(b"waits").await).to_string();
    assert!(said.starts_with("in `inspect-state`, it did not answer within 50ms"), "{said}");
}

#[tokio::test]
async fn an_error_is_none_of_its_breaches() {
    let error = breaker().load_state("error", "s", &Grants::nothing()).await;
    assert!(matches!(error, Err(SinkError::Breach(_))));
    let mut sink = open("check says").await;
    assert!(matches!(sink.check().await, Err(SinkError::Refused(Error::Denied(_)))));
    sink.poll().await.unwrap();
}
