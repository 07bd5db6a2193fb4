//! What was wrong once, and must not be again.

use std::time::Duration;

use bytes::Bytes;
use spillway_core::encode::ObjectFraming;
use spillway_core::http::Response;
use spillway_core::internals::{Flight, classify};
use spillway_core::{
    Class, CredentialsError, Framing, Input, Now, Output, Run, Settings, Sink, s3,
};
use spillway_simulation::bucket::{BucketOptions, KeyPair, Operation};
use spillway_simulation::faults::Fault;
use spillway_simulation::world::{FaultPlan, RequestInfo, World};

const PART: u64 = 16;
const CONFIG: &str = r#"{"bucket": "bucket", "endpoint": "http://s3.test"}"#;

fn world_with(
    change: impl FnOnce(&mut Settings),
    bucket: impl FnOnce(&mut BucketOptions),
) -> World {
    let mut settings = Settings::parse(CONFIG).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (PART, 8 * PART);
    change(&mut settings);
    let mut options = BucketOptions { part_bytes_min: PART, ..BucketOptions::default() };
    bucket(&mut options);
    World::with_settings(settings, options, 1)
}

fn faults(world: &mut World, mut fault: impl FnMut(&RequestInfo) -> Option<Fault> + 'static) {
    world.on_request(move |info, random| FaultPlan::random(random).with(fault(info)));
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Response { status, headers, body: body.to_owned().into() }
}

/// A login page of a network, a proxy's greeting: 200, and nothing was stored.
#[test]
fn a_web_page_is_not_the_success_of_a_put() {
    let mut sink = Sink::new(Settings::parse(CONFIG).unwrap(), 1);
    let run = Run::new("a".to_owned(), 0, "x".into(), vec![1], Framing::Bare).unwrap();
    let now = Now::default();
    sink.handle(now, Input::Events(run));
    assert!(sink.poll().is_none());
    sink.handle(now, Input::Seal);
    assert!(matches!(sink.poll(), Some(Output::Credentials { .. })));
    assert!(sink.poll().is_none());
    sink.handle(now, Input::Credentials(Ok(KeyPair::new("AKIATEST").credentials())));
    let Some(Output::Send { exchange, .. }) = sink.poll() else { panic!("a PutObject") };
    assert!(sink.poll().is_none());
    let page = answer(200, &[("Content-Type", "text/html")], "<html>Please log in</html>");
    sink.handle(now, Input::Answer { exchange, outcome: Ok(page) });
    let report = sink.take_report();
    assert!(report.visible.is_empty(), "{:?}, durable {}", report.visible, sink.durable());
}

/// `what` is worn out, the token ends, and from then on nothing is ever stored again: fresh
/// credentials are never asked for.
fn recovers_from_an_expired_token(change: impl FnOnce(&mut Settings), first_fault: Option<Fault>) {
    let mut world = world_with(change, |_| {});
    let end = spillway_core::Timestamp(world.wall().0 + 60_000_000_000);
    let (first, second) = (KeyPair::temporary("ASIAFIRST", end), KeyPair::new("AKIASECOND"));
    world.bucket.options.keys = vec![first.clone(), second.clone()];
    // The host does not know when the first ends.
    let first = spillway_core::Credentials { expires_at: None, ..first.credentials() };
    world.on_credentials(move |fresh, _| {
        Ok(if fresh { second.credentials() } else { first.clone() })
    });
    faults(&mut world, move |info| first_fault.filter(|_| info.index == 0));
    world.write("a", "x");
    world.seal_and_settle();
    assert_eq!(world.visible.len(), 1);
    world.run_for(Duration::from_secs(120));
    for n in 0..20 {
        world.write(&format!("key {n}"), "x");
        world.seal_and_settle();
        world.run_for(Duration::from_secs(3_600));
    }
    if world.visible.len() < 2 {
        world.fail("after the token expired, nothing was stored any more");
    }
}

#[test]
fn an_expired_token_is_replaced_when_the_budget_is_spent() {
    recovers_from_an_expired_token(|s| s.client.retry.budget = 10, Some(Fault::SlowDown));
}

#[test]
fn an_expired_token_is_replaced_where_there_is_one_attempt() {
    recovers_from_an_expired_token(|s| s.client.retry.attempts_max = 1, None);
}

/// The same for a clock: with one attempt (or no budget) it is never corrected, for no later
/// object.
#[test]
fn a_wrong_clock_is_learnt_where_there_is_one_attempt() {
    let mut world = world_with(|s| s.client.retry.attempts_max = 1, |_| {});
    world.clock_ahead = 3_600_000_000_000;
    for n in 0..5 {
        world.write(&format!("key {n}"), "x");
        world.seal_and_settle();
    }
    if world.visible.is_empty() {
        world.fail("five objects, five times the same wrong clock");
    }
}

/// Four requests are under way when the token ends. The answer to the second was signed with the
/// old credentials, and says nothing of the fresh ones.
#[test]
fn fresh_credentials_are_not_thrown_away_by_late_answers() {
    let mut world = world_with(|_| {}, |_| {});
    let asked = std::rc::Rc::new(std::cell::Cell::new(0));
    let (counted, key) = (asked.clone(), world.bucket.options.keys[0].clone());
    world.on_credentials(move |fresh, _| {
        counted.set(counted.get() + u32::from(fresh));
        Ok(key.credentials())
    });
    faults(&mut world, |info| (info.attempt == 1).then_some(Fault::ExpiredToken));
    (0..4).for_each(|n| {
        world.write(&format!("key {n}"), "x");
    });
    world.seal_and_settle();
    assert_eq!(world.visible.len(), 4);
    assert_eq!(asked.get(), 1, "once for all that were signed with the same");
}

/// Others are asked for a minute early, and the source is away for some seconds. Those at hand are
/// still good for most of a minute.
#[test]
fn credentials_are_used_to_their_end_when_there_are_no_others_yet() {
    let mut world = world_with(|_| {}, |_| {});
    let start = world.wall().0;
    let at = move |seconds: u64| spillway_core::Timestamp(start + seconds * 1_000_000_000);
    let keys = [KeyPair::temporary("ASIA1", at(600)), KeyPair::temporary("ASIA2", at(6_000))];
    world.bucket.options.keys = keys.to_vec();
    world.on_credentials(move |_, now| match now {
        now if now < at(540) => Ok(keys[0].credentials()),
        now if now < at(550) => Err(CredentialsError::Failed("away".to_owned())),
        _ => Ok(keys[1].credentials()),
    });
    world.write("a", "x");
    world.seal_and_settle();
    world.run_for(Duration::from_secs(541) - world.elapsed());
    world.write("b", "x");
    world.seal_and_settle();
    if !world.failed.is_empty() {
        world.fail("failed with credentials at hand that were good for 59 seconds");
    }
}

/// The source of credentials is away for five seconds; a request may be tried for half an hour.
#[test]
fn a_blip_of_the_credentials_fails_nothing() {
    let mut world = world_with(|_| {}, |_| {});
    let (start, key) = (world.wall().0, world.bucket.options.keys[0].clone());
    world.on_credentials(move |_, now| {
        let away = now.0 < start + 5_000_000_000;
        if away { Err(CredentialsError::Failed("away".to_owned())) } else { Ok(key.credentials()) }
    });
    world.write("a", "x");
    world.seal_and_settle();
    if world.visible.is_empty() {
        world.fail("five seconds without credentials");
    }
}

/// This machine is 40 minutes ahead, the credentials last for 30: they are judged by the wrong
/// clock, no request is ever sent, and so the clock is never put right.
#[test]
fn credentials_are_not_judged_by_a_clock_that_nobody_has_checked() {
    let mut world = world_with(
        |_| {},
        |bucket| {
            let end = spillway_core::Timestamp(1_767_225_600_000_000_000 + 30 * 60 * 1_000_000_000);
            bucket.keys = vec![KeyPair::temporary("ASIA", end)];
        },
    );
    world.clock_ahead = 40 * 60 * 1_000_000_000;
    world.write("a", "x");
    world.seal_and_settle();
    if world.visible.is_empty() {
        world.fail("a wrong clock was not corrected");
    }
}

/// While HeadObject is asked, the parts are still in memory, and nobody counts them: `write` goes
/// on, and the next object does the same.
#[test]
fn what_is_kept_while_an_object_is_settled_is_counted() {
    const LARGE: usize = 128 << 10;
    let mut world = world_with(
        |s| {
            (s.upload.part_bytes, s.objects.memory_bytes_max) = (LARGE as u64, 4 * LARGE as u64);
            s.upload.encoding.framing = ObjectFraming::None;
        },
        |bucket| {
            (bucket.part_bytes_min, bucket.complete_idempotent_for) =
                (LARGE as u64, Duration::ZERO);
        },
    );
    faults(&mut world, |info| match info.operation {
        Operation::CompleteMultipartUpload if info.attempt == 1 => Some(Fault::ResetAfter),
        Operation::HeadObject if info.attempt == 1 => Some(Fault::SlowDownRetryAfter),
        _ => None,
    });
    let payload = Bytes::from(vec![b'x'; 2 * LARGE]);
    world.write("a", payload.clone());
    world.feed(Input::Seal);
    while !world.bucket.log().iter().any(|l| l.code == "NoSuchUpload") {
        assert!(world.step());
    }
    (0..2).for_each(|_| assert!(world.step()));
    assert!(!world.sink.is_settled() && world.bucket.open_uploads().is_empty());
    let is_kept = !payload.is_unique();
    assert!(
        !is_kept || world.sink.held() > 0,
        "256 KiB are kept, and {} counted",
        world.sink.held()
    );
}

#[test]
fn case_27_an_invalid_token_asks_for_fresh_credentials() {
    for code in ["InvalidToken", "ExpiredToken", "ExpiredTokenException"] {
        let body = format!("<Error><Code>{code}</Code></Error>");
        let verdict =
            classify(s3::Operation::PutObject, &Ok(answer(400, &[], &body)), &Flight::default());
        assert_eq!(verdict.class, Class::Expired, "{code}");
    }
}

/// <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>: seconds, or a date.
#[test]
fn case_30_retry_after_may_be_a_date() {
    let headers = [
        ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("Retry-After", "Fri, 24 May 2013 00:01:00 GMT"),
    ];
    let verdict =
        classify(s3::Operation::PutObject, &Ok(answer(503, &headers, "")), &Flight::default());
    assert_eq!(verdict.retry_after, Some(Duration::from_secs(60)));
}

/// A HEAD has no body, so `ExpiredToken` is a bare 400. The object is there, and is reported
/// failed.
#[test]
fn an_expired_token_does_not_fail_what_is_being_settled() {
    let mut world = world_with(|_| {}, |bucket| bucket.complete_idempotent_for = Duration::ZERO);
    faults(&mut world, |info| match info.operation {
        Operation::CompleteMultipartUpload if info.attempt == 1 => Some(Fault::ResetAfter),
        Operation::HeadObject if info.attempt == 1 => Some(Fault::ExpiredToken),
        _ => None,
    });
    world.write("a", vec![b'x'; 40]);
    world.seal_and_settle();
    if !world.failed.is_empty() {
        world.fail("reported failed, and visible");
    }
}

/// The store said that it did nothing, and why. The count of what is left never falls again.
#[test]
fn a_throttled_create_leaves_nothing_behind() {
    let mut world = world_with(|_| {}, |_| {});
    faults(&mut world, |info| (info.index == 0).then_some(Fault::SlowDown));
    world.write("a", vec![b'x'; 40]);
    world.seal_and_settle();
    assert_eq!((world.visible.len(), world.bucket.open_uploads().len()), (1, 0));
    assert_eq!(world.sink.left(), 0);
}

/// The first Complete did it; the repetition meets a conflict, and instead of a look everything is
/// sent again, which then fails: visible and reported failed.
#[test]
fn a_conflict_after_a_doubt_is_settled_first() {
    let mut world = world_with(|_| {}, |_| {});
    faults(&mut world, |info| match (info.operation, info.attempt) {
        (Operation::CompleteMultipartUpload, 1) => Some(Fault::ResetAfter),
        (Operation::CompleteMultipartUpload, 2) => Some(Fault::ConditionalRequestConflict),
        (Operation::CreateMultipartUpload, 2) => Some(Fault::AccessDenied),
        _ => None,
    });
    world.write("a", vec![b'x'; 40]);
    world.seal_and_settle();
    if !world.failed.is_empty() && world.bucket.objects().contains_key("a") {
        world.fail("reported failed, and visible");
    }
}

/// Everybody was told the same number of seconds: they must not all come back in the same instant.
#[test]
fn waits_that_the_store_asked_for_are_spread() {
    let mut world = world_with(|_| {}, |_| {});
    let times = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let seen = times.clone();
    world.on_request(move |info, _| {
        if info.attempt == 2 {
            seen.borrow_mut().push(info.at);
        }
        let fault = (info.attempt == 1).then_some(Fault::SlowDownRetryAfter);
        FaultPlan::taking(Duration::from_millis(10)).with(fault)
    });
    (0..4).for_each(|n| {
        world.write(&format!("key {n}"), "x");
    });
    world.seal_and_settle();
    let mut times = times.borrow().clone();
    times.dedup();
    assert_eq!(times.len(), 4, "{times:?}");
}

/// One big run, cut into parts, of which the store has all but one: that one keeps the memory of
/// all, and is counted alone. With a run for each key that is any number of times the limit.
#[test]
fn what_a_slice_keeps_alive_is_counted() {
    const LARGE: usize = 128 << 10;
    let mut settings = Settings::parse(CONFIG).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) =
        (LARGE as u64, 2 * LARGE as u64);
    settings.upload.encoding.framing = ObjectFraming::None;
    settings.client.requests_in_flight_max = 32;
    let mut sink = Sink::new(settings, 1);
    let payload = Bytes::from(vec![b'x'; 16 * LARGE]);
    let ends = vec![payload.len() as u32];
    let run = Run::new("a".to_owned(), 0, payload.clone(), ends, Framing::Bare).unwrap();
    let mut inputs = std::collections::VecDeque::from([Input::Events(run)]);
    while let Some(input) = inputs.pop_front() {
        sink.handle(Now::default(), input);
        while let Some(output) = sink.poll() {
            match output {
                Output::Credentials { .. } => {
                    inputs.push_back(Input::Credentials(Ok(KeyPair::new("AKIATEST").credentials())))
                }
                Output::Send { exchange, request, .. } => {
                    let created = "<InitiateMultipartUploadResult><UploadId>u</UploadId>\
                                   </InitiateMultipartUploadResult>";
                    let outcome = match request.path_and_query.as_str() {
                        path if path.contains("partNumber=1&") => continue,
                        path if path.contains("partNumber") => answer(200, &[("ETag", "e")], ""),
                        _ => answer(200, &[], created),
                    };
                    inputs.push_back(Input::Answer { exchange, outcome: Ok(outcome) });
                }
                Output::Rest(_) | Output::Rejected { .. } => unreachable!(),
            }
        }
    }
    let run = Run::new("a".to_owned(), 1, "x".into(), vec![1], Framing::Bare).unwrap();
    sink.handle(Now::default(), Input::Events(run));
    let (held, kept) = (sink.held(), if payload.is_unique() { 0 } else { payload.len() as u64 });
    assert!(kept <= sink.held(), "{held} bytes counted, {kept} in memory");
}
