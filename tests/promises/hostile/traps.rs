//! A component that traps: the cause comes first, and is what every later call says, too.

use std::time::Duration;

use spillway::contract::Ending;
use spillway::grants::Grants;
use tokio::time::timeout;

use super::{breaker, misdescribed, open, trapped};
use crate::component::setup::event;

const CAUSE: &str = "the component trapped: unreachable";

#[tokio::test]
async fn a_trap_is_told_by_its_cause_in_each_call() {
    for call in [
        "write",
        "skip",
        "poll",
        "flush",
        "check",
        "checkpoint",
        "commit",
        "store-state",
        "metrics",
        "incomplete-uploads",
        "abort-upload",
        "close",
    ] {
        let mut sink = open(&format!("{call} traps")).await;
        let answer = async {
            sink.write(&[event("k", 0, vec![1])]).await?;
            sink.skip(5).await?;
            sink.poll().await?;
            sink.flush().await?;
            sink.check().await?;
            sink.checkpoint().await?;
            sink.commit().await?;
            sink.store_state("s", b"", None).await?;
            sink.metrics().await?;
            sink.incomplete_uploads().await?;
            sink.abort_upload("k", "1").await?;
            sink.close(Ending::Abort).await
        };
        assert_eq!(trapped(answer.await), CAUSE, "{call}");
        // It is told again, and the component is not asked.
        assert_eq!(trapped(sink.poll().await), CAUSE);
        assert_eq!(trapped(sink.close(Ending::Complete).await), CAUSE);
        assert_eq!(trapped(sink.inspect_state(b"").await), CAUSE);
    }
    assert_eq!(trapped(misdescribed("traps").describe().await), CAUSE);
    let breaker = breaker();
    assert_eq!(trapped(breaker.egress("egress traps").await), CAUSE);
    assert_eq!(trapped(breaker.inspect_state(b"traps").await), CAUSE);
    let nothing = Grants::nothing();
    assert_eq!(trapped(breaker.open("open traps", None, &nothing).await.map(drop)), CAUSE);
    let loaded = breaker.load_state("load-state traps", "s", &nothing).await;
    assert_eq!(trapped(loaded), CAUSE);
}

#[tokio::test]
async fn where_it_trapped_is_kept_for_those_who_look_for_it() {
    let mut sink = open("poll traps").await;
    let Err(spillway::sink::SinkError::Trap(trap)) = sink.poll().await else {
        panic!("it traps");
    };
    assert!(!trap.frames().is_empty());
    assert!(trap.frames().iter().all(|frame| frame.lines().count() == 1), "{:?}", trap.frames());
}

/// A call that its caller gives up leaves the component in the middle of it.
#[tokio::test]
async fn a_sink_whose_call_was_given_up_is_called_no_more() {
    let mut sink = open("write waits").await;
    let batch = [event("k", 0, vec![1])];
    let moment = Duration::from_millis(50);
    assert!(timeout(moment, sink.write(&batch)).await.is_err(), "it never answers");
    let said = "the component was ended: an earlier call was given up before its answer";
    assert_eq!(trapped(sink.poll().await), said);
    assert_eq!(trapped(sink.poll().await), said);
}
