//! A component that traps: the cause comes first, and is what every later call says, too.

use std::time::Duration;

use spillway::contract::Ending;
use spillway::engine::Limits;
use spillway::grants::Grants;
use tokio::time::timeout;

use super::{CALLS, breaker, call_each, misdescribed, open, trapped};
use crate::component::setup::event;

const CAUSE: &str = "the component trapped: unreachable";

#[tokio::test]
async fn a_trap_is_told_by_its_cause_in_each_call() {
    for call in CALLS {
        let mut sink = open(&format!("{call} traps")).await;
        assert_eq!(trapped(call_each(&mut sink).await), CAUSE, "{call}");
        // It is told again, and the component is not asked.
        assert_eq!(trapped(sink.poll().await), CAUSE);
        assert_eq!(trapped(sink.close(Ending::Complete).await), CAUSE);
        assert_eq!(trapped(sink.inspect_state(b"").await), CAUSE);
    }
    assert_eq!(trapped(misdescribed("breaker", "traps").describe(&Limits::default()).await), CAUSE);
    let breaker = breaker();
    assert_eq!(trapped(breaker.egress("egress traps", &Limits::default()).await), CAUSE);
    assert_eq!(trapped(breaker.inspect_state(b"traps", &Limits::default()).await), CAUSE);
    let nothing = Grants::nothing();
    assert_eq!(trapped(breaker.open("open traps", None, &nothing).await.map(drop)), CAUSE);
    let loaded = breaker.load_state("load-state traps", "s", &nothing).await;
    assert_eq!(trapped(loaded), CAUSE);
    let checked = breaker.check_state("check-state traps", "s", &nothing).await;
    assert_eq!(trapped(checked), CAUSE);
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
