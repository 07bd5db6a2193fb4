//! A component that takes time, memory, handles or requests without end is ended, and told is which
//! limit it was, with the name of what raises it.

use std::sync::Arc;
use std::time::Duration;

use spillway::egress::{Client, ClientOptions};
use spillway::engine::Limits;
use spillway::grants::Grants;
use spillway::sink::SinkError;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::{
    CALLS, CALLS_BEFORE, breach, breaker, call_each, hostile, misdescribed, trapped, within,
};
use crate::component::setup::event;

/// What comes of a component that does that in one of its calls. Each of a sink is made once.
async fn ended(does: &str, grants: &Grants) -> SinkError {
    let config = format!(r#"{{"does": "{does}"}}"#);
    let (hostile, limits) = (hostile(), &grants.limits);
    let before = match does.split_once(' ') {
        Some(("describe", how)) => {
            misdescribed("hostile", how).describe(limits).await.map(drop).err()
        }
        Some(("egress", _)) => hostile.egress(&config, limits).await.map(drop).err(),
        Some(("inspect-state", _)) => {
            hostile.inspect_state(config.as_bytes(), limits).await.map(drop).err()
        }
        Some(("load-state", _)) => hostile.load_state(&config, "s", grants).await.map(drop).err(),
        Some(("check-state", _)) => hostile.check_state(&config, "s", grants).await.err(),
        _ => None,
    };
    if let Some(error) = before {
        return error;
    }
    let mut sink = match hostile.open(&config, None, grants).await {
        Ok(sink) => sink,
        Err(error) => return error,
    };
    let error = call_each(&mut sink).await.map(drop).unwrap_err();
    let again = sink.poll().await.unwrap_err();
    assert_eq!(error.to_string(), again.to_string(), "it is called no more");
    error
}

#[tokio::test]
async fn no_call_computes_forever() {
    let compute_max = Duration::from_millis(20);
    let grants = within(Limits { compute_max, ..Limits::default() });
    let said = "the component was ended: it computed for more than 20ms in one call; \
                `compute_max` raises that";
    for call in CALLS.into_iter().chain(CALLS_BEFORE) {
        let error = ended(&format!("{call} loops"), &grants).await;
        assert_eq!(trapped(Err::<(), _>(error)), said, "{call}");
    }
}

/// Also one that does not compute, and waits for what never comes.
#[tokio::test]
async fn no_call_that_may_not_wait_sleeps() {
    let prompt_call_max = Duration::from_millis(20);
    let grants = within(Limits { prompt_call_max, ..Limits::default() });
    let prompt = ["describe", "egress", "open", "inspect-state", "skip", "poll", "commit"];
    for call in prompt.into_iter().chain(["metrics"]) {
        let said = breach(Err::<(), _>(ended(&format!("{call} sleeps"), &grants).await));
        let wanted = format!("in `{call}`, it did not answer within 20ms");
        assert!(said.to_string().starts_with(&wanted), "{said}");
    }
}

/// The others wait for their store, for as long as their host has patience.
#[tokio::test]
async fn a_call_that_may_wait_ends_with_the_patience_of_its_host() {
    let of_store = ["store-state", "incomplete-uploads", "abort-upload"];
    let of_events = ["write", "write-until-rejected", "flush", "check", "checkpoint", "close"];
    for call in of_events.into_iter().chain(of_store) {
        let config = format!(r#"{{"does": "{call} sleeps"}}"#);
        let mut sink = hostile().open(&config, None, &Grants::nothing()).await.unwrap();
        let gate = sink.gate();
        tokio::spawn(async move { gate.shut_within(Duration::from_millis(20)) });
        assert!(matches!(call_each(&mut sink).await, Err(SinkError::GivenUp)), "{call}");
        assert!(matches!(sink.poll().await, Err(SinkError::GivenUp)), "{call}");
    }
    // Without a sink there is no gate: its host drops the call.
    let (patience, nothing) = (Duration::from_millis(20), Grants::nothing());
    let config = |call: &str| format!(r#"{{"does": "{call} sleeps"}}"#);
    let config = [config("load-state"), config("check-state")];
    let loaded = timeout(patience, hostile().load_state(&config[0], "s", &nothing));
    assert!(loaded.await.is_err());
    let checked = timeout(patience, hostile().check_state(&config[1], "s", &nothing));
    assert!(checked.await.is_err());
    assert!(hostile().load_state(&config[1], "s", &nothing).await.unwrap().is_none());
}

#[tokio::test]
async fn what_it_takes_too_much_of_is_named() {
    let limits = Limits { memory_bytes_max: 8 << 20, resources_max: 100, ..Limits::default() };
    for (does, said) in [
        (
            "recurses",
            "the component trapped: call stack exhausted, which has 524288 bytes; no setting \
             raises that",
        ),
        (
            "grows",
            // Who inspects a state has room for that, too.
            "the component trapped: unreachable, after it was refused more memory than 83886",
        ),
        (
            "holds",
            "the component was ended: it holds more than 100 handles; `resources_max` raises that",
        ),
        (
            "makes",
            "the component was ended: it holds more than 100 handles; `resources_max` raises that",
        ),
        ("polls", "the component was ended: empty poll list"),
        ("draws", "the component was ended: requested len 18446744073709551615 exceeds limit"),
        ("divides", "the component trapped: unreachable"),
        ("reads", "the component trapped: out of bounds memory access"),
    ] {
        for call in CALLS.into_iter().chain(CALLS_BEFORE) {
            let error = ended(&format!("{call} {does}"), &within(limits)).await;
            let text = trapped(Err::<(), _>(error));
            assert!(text.starts_with(said), "{call} {does}: {text}");
            let is_named = text.ends_with("`memory_bytes_max` raises that");
            assert_eq!(is_named, does == "grows", "{call} {does}: {text}");
            assert!(text.len() < 200 && text.lines().count() == 1, "{text}");
        }
    }
}

#[tokio::test]
async fn more_memory_than_there_may_be_is_not_even_begun() {
    let limits = Limits { memory_bytes_max: 1 << 10, ..Limits::default() };
    let opened = trapped(hostile().open("{}", None, &within(limits)).await.map(drop));
    assert_eq!(
        opened,
        "the component was ended: it begins with more than 1024 bytes of memory; \
         `memory_bytes_max` raises that"
    );
}

/// A host whose users set the limits says where.
#[tokio::test]
async fn a_limit_is_named_with_its_section() {
    let moment = Duration::from_millis(20);
    let of = |limits| Limits { section: "[sink]", ..limits };
    let default = Limits::default;
    for (does, limits, name) in [
        ("open loops", Limits { compute_max: moment, ..default() }, "compute_max"),
        ("open sleeps", Limits { prompt_call_max: moment, ..default() }, "prompt_call_max"),
        ("open holds", Limits { resources_max: 100, ..default() }, "resources_max"),
        ("open grows", Limits { memory_bytes_max: 8 << 20, ..default() }, "memory_bytes_max"),
        ("open", Limits { memory_bytes_max: 1 << 10, ..default() }, "memory_bytes_max"),
    ] {
        let said = ended(does, &within(of(limits))).await.to_string();
        assert!(said.ends_with(&format!("; `[sink] {name}` raises that")), "{does}: {said}");
    }
    let limits = of(Limits { state_bytes_max: 1 << 20, ..default() });
    for breaks in ["state", "large state"] {
        let mut sink = breaker().open(breaks, None, &within(limits)).await.unwrap();
        let said = breach(sink.checkpoint().await).to_string();
        assert!(said.ends_with("; `[sink] state_bytes_max` raises that"), "{said}");
    }
}

/// A server that never answers.
async fn silent() -> String {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = server.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            tokio::spawn(async move { stream.read_to_end(&mut Vec::new()).await });
        }
    });
    authority
}

#[tokio::test]
async fn requests_in_flight_are_bounded() {
    let authority = silent().await;
    let grants = Grants {
        egress: vec![authority.clone()],
        transport: Arc::new(Client::new(&ClientOptions::default()).unwrap()),
        limits: Limits { requests_in_flight_max: 20, ..Limits::default() },
        ..Grants::nothing()
    };
    let config = format!(r#"{{"does": "write floods {authority}"}}"#);
    let mut sink = hostile().open(&config, None, &grants).await.unwrap();
    let said = trapped(sink.write(&[event("k", 0, vec![1])]).await);
    assert_eq!(
        said,
        "the component was ended: it has more than 20 requests in flight; \
         `requests_in_flight_max` raises that"
    );
}
