//! States of checkpoints, as they are and with some bytes changed under a checksum that fits: what
//! is refused is refused with a reason, and what is taken goes on without a panic, asks for nothing
//! that could hurt, and can be saved again.

#![no_main]

use std::collections::VecDeque;
use std::sync::OnceLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use spillway_core::checksum::{Crc, Sum};
use spillway_core::http::{Body, Request};
use spillway_core::{
    Credentials, Error, Input, Instant, Now, Output, Secret, Settings, Sink, Timestamp,
    TransportError, inspect,
};
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::faults::Fault;
use spillway_simulation::world::{FaultPlan, World};

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    /// Where bytes of the content are changed, and to what.
    edits: Vec<(u16, u8)>,
    /// How many are cut off its end.
    cut: u8,
    /// What stands in the place of the whole, where it is there.
    instead: Option<&'a [u8]>,
    is_prefix: bool,
}

fuzz_target!(|case: Case| {
    let (head, content) = template().split_at(HEAD_BYTES);
    let mut content = content[..content.len() - SUM_BYTES].to_vec();
    if let Some(instead) = case.instead {
        content = instead.to_vec();
        // As it comes, it is refused for its first bytes or for its checksum.
        assert!(!case.is_prefix || inspect(instead).is_err());
    }
    for (at, byte) in case.edits {
        let len = content.len().max(1);
        if let Some(place) = content.get_mut(usize::from(at) % len) {
            *place = byte;
        }
    }
    content.truncate(content.len().saturating_sub(usize::from(case.cut)));
    let mut state = [head, &content].concat();
    let sum = Sum::of(Crc::Crc32, &Body::from(state.clone())).crc() as u32;
    state.extend(sum.to_le_bytes());

    let known = inspect(&state);
    let now = Now { wall: Timestamp(u64::MAX / 2), monotonic: Instant(1) };
    match (Sink::resume(settings(), 1, now, &state), known) {
        (Err(Error::UnknownState(reason)), _) => assert!(!reason.is_empty()),
        (Err(other), _) => panic!("{other:?} is no word about a state"),
        (Ok(_), Err(error)) => panic!("it is taken, but cannot be shown: {error}"),
        (Ok(sink), Ok(summary)) => goes_on(sink, now, summary.next_position),
    }
});

/// The store is away: whatever is asked for fails, and nothing is left to wait for.
fn goes_on(mut sink: Sink, now: Now, next_position: u64) {
    assert_eq!(sink.next_position(), next_position);
    for input in [Input::Tick, Input::Seal, Input::Prepare] {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            sink.handle(now, input);
            while let Some(output) = sink.poll() {
                match output {
                    Output::Send { exchange, request, .. } => {
                        harmless(&request);
                        let outcome = Err(TransportError::Connect("away".to_owned()));
                        inputs.push_back(Input::Answer { exchange, outcome });
                    }
                    Output::Credentials { .. } => inputs.push_back(credentials()),
                    other => panic!("nothing was given, and it says {other:?}"),
                }
            }
        }
    }
    assert!(sink.is_settled() && sink.is_at_rest());
    inspect(&sink.checkpoint()).expect("what it saves itself");
}

/// Without the id of an upload, an abort would delete an object; without a name, a bucket.
fn harmless(request: &Request) {
    let target = &request.path_and_query;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if request.method.as_str() == "DELETE" {
        assert!(query.starts_with("uploadId=") && query.len() > "uploadId=".len(), "{target}");
    }
    assert!(request.method.as_str() == "GET" || path.len() > "/bucket/".len(), "{target}");
}

/// A state with two objects that are committed, one that is open and one that has failed; two of
/// them have parts.
fn template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let mut world = World::with_settings(settings(), BucketOptions::default(), 1);
        world.on_request(|info, random| {
            let is_denied = info.key.starts_with("failed");
            FaultPlan::random(random).with(is_denied.then_some(Fault::AccessDenied))
        });
        let long = "0123456789abcdefghij";
        for (key, payload) in [("parts", long), ("small", "x"), ("open", long), ("failed", long)] {
            world.write(key, payload);
        }
        world.feed(Input::Prepare);
        while !world.sink.is_at_rest() {
            assert!(world.step(), "what is under way comes to an end");
        }
        world.sink.checkpoint()
    })
}

fn settings() -> Settings {
    let config = r#"{"bucket": "bucket", "endpoint": "http://s3.test", "attempts_max": 1,
        "commit": "checkpointed", "max_open_objects": 2, "key_template": "{key}-{sequence}"}"#;
    let mut settings = Settings::parse(config).expect("a configuration");
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (16, 64);
    settings
}

fn credentials() -> Input {
    Input::Credentials(Ok(Credentials {
        access_key_id: "AKIATEST".to_owned(),
        secret_access_key: Secret::new("secret"),
        session_token: None,
        expires_at: None,
    }))
}

/// Eight that name the format, and two of its version.
const HEAD_BYTES: usize = 10;
const SUM_BYTES: usize = 4;
