//! Credentials that end before the flow does.

use std::sync::atomic::{AtomicUsize, Ordering};

use spillway_tests::scripted::{Reply, Request, Scripted};

use super::super::support::*;
use super::services::*;
use super::sources::{in_container, on_instance};

const FIRST: Key = Key { id: "ASIAFIRST", secret: GOOD.secret };
const SECOND: Key = Key { id: "ASIASECOND", secret: GOOD.secret };

/// A store for which the first credentials have ended, whatever was said of them.
fn store() -> Scripted {
    Scripted::start(|request| {
        assert_eq!(header(request, "x-amz-security-token"), Some(SESSION_TOKEN));
        let authorization = header(request, "authorization").unwrap_or_default();
        if authorization.contains("Credential=ASIASECOND/") {
            Reply::stored()
        } else {
            Reply::error(400, "ExpiredToken", "The provided token has expired.")
        }
    })
}

/// Hands out the first credentials once, is away so often, and then hands out the second ones.
fn service(
    away: usize,
    reply: fn() -> Reply,
    respond: fn(&Request, Key) -> Reply,
    is_end: fn(&Request) -> bool,
) -> Scripted {
    let asked = AtomicUsize::new(0);
    let delivered = AtomicUsize::new(0);
    Scripted::start(move |request| {
        if delivered.load(Ordering::Relaxed) == 0 {
            delivered.store(usize::from(is_end(request)), Ordering::Relaxed);
            return respond(request, FIRST);
        }
        if asked.fetch_add(1, Ordering::Relaxed) < away {
            reply()
        } else {
            respond(request, SECOND)
        }
    })
}

fn instance_that_is_away(times: usize, reply: fn() -> Reply) -> Scripted {
    service(times, reply, instance, |request| request.target.ends_with("/writer"))
}

fn container_that_is_away(times: usize, reply: fn() -> Reply) -> Scripted {
    service(times, reply, container, |_| true)
}

fn in_this_container(store: &Scripted, service: &Scripted) -> Place {
    let place = nowhere(FLOW).with("ENDPOINT", &store.endpoint());
    in_container(place, service).with("AWS_CONTAINER_AUTHORIZATION_TOKEN", METADATA_TOKEN)
}

#[test]
fn an_expired_token_is_exchanged_for_a_fresh_one() {
    let store = store();
    for place in [
        in_this_container(&store, &container_that_is_away(0, || Reply::Hangup)),
        on_instance(nowhere(FLOW), &instance_that_is_away(0, || Reply::Hangup))
            .with("ENDPOINT", &store.endpoint()),
    ] {
        let ended = run(&place);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let ids: Vec<_> =
            store.rest().iter().map(|request| signed_by(request).to_owned()).collect();
        assert_eq!(ids, ["ASIAFIRST", "ASIASECOND"]);
    }
}

/// It has delivered before, so it is there, whatever it looks like for a while.
#[test]
fn a_metadata_service_that_is_away_for_a_while_is_waited_for() {
    for reply in [|| Reply::Hangup, || Reply::status(500)] {
        let store = store();
        let instance = instance_that_is_away(5, reply);
        let place = on_instance(nowhere(FLOW), &instance).with("ENDPOINT", &store.endpoint());
        forgiven(&place, "instance metadata: ");
        let place = in_this_container(&store, &container_that_is_away(5, reply));
        forgiven(&place, "container metadata (AWS_CONTAINER_*): ");
    }
}

fn forgiven(place: &Place, said: &str) {
    let ended = run(place);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("the credentials could not be loaded: "), "{ended:?}");
    assert!(ended.err.contains(said), "{ended:?}");
    assert!(ended.err.contains("; asking again in "), "{ended:?}");
    // The host says so at once, and the component when its call is over.
    let first = ended.err.lines().find(|line| line.contains(said)).unwrap_or_default();
    assert!(first.starts_with("warning: ") && !first.contains("asking again"), "{ended:?}");
}

/// What was handed out before is of no use when the store has refused it.
#[test]
fn a_metadata_service_that_stays_away_fails_the_flow() {
    let store = store();
    let container = container_that_is_away(usize::MAX, || Reply::Hangup);
    let place = in_this_container(&store, &container);
    let flow = FLOW.replace("attempts_max = 2", "attempts_max = 2\nretry_time_max_ms = 0");
    place.write("flow.toml", flow);
    let said = [
        "the credentials could not be loaded: ",
        "container metadata (AWS_CONTAINER_*): ",
        "was not stored",
    ];
    assert_fails(&run(&place), 1, &said);
}

fn signed_by(request: &Request) -> &str {
    let authorization = header(request, "authorization").unwrap_or_default();
    let id = authorization.split_once("Credential=").unwrap_or_default().1;
    id.split('/').next().unwrap_or_default()
}
