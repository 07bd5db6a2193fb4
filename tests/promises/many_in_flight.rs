//! Many parts in flight at once, answered in any order, become one object of equal parts with every
//! byte in its place.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use spillway::component::{Component, ComponentSource};
use spillway::contract::{Boundaries, Ending, Framing, Payload, Run};
use spillway::credentials::{Credentials, Secret};
use spillway::egress::{Answer, Client, ClientOptions, Transport};
use spillway::engine::{Engine, Limits};
use spillway::grants::Grants;
use spillway_local_s3::{LocalCredentials, LocalOptions, LocalS3, Operation};
use tokio::sync::Barrier;
use wasmtime_wasi_http::{RequestOptions, WasiBody};

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_equal_and_every_byte_is_in_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = LocalS3::start(LocalOptions {
        root: folder.path().to_owned(),
        buckets: vec!["bucket".to_owned()],
        credentials: LocalCredentials {
            access_key_id: "id".to_owned(),
            secret_access_key: "secret".to_owned(),
        },
        address: LocalOptions::LOOPBACK,
    });
    let server = server.await.expect("a server");
    let engine = Engine::new(None).expect("an engine");
    let sink = Component::load(&engine, &ComponentSource::Embedded).expect("the component");
    let config = serde_json::json!({
        "bucket": "bucket",
        "endpoint": server.endpoint(),
        "part_bytes": PART_BYTES,
        "requests_in_flight_max": IN_FLIGHT,
    });
    let config = config.to_string();
    let grants = Grants {
        egress: sink.egress(&config, &Limits::default()).await.expect("an endpoint"),
        transport: Arc::new(Together::new(
            Client::new(&ClientOptions::default()).expect("a client"),
        )),
        credentials: Arc::new(Credentials {
            access_key_id: "id".to_owned(),
            secret_access_key: Secret::new("secret"),
            session_token: None,
            expires_at: None,
        }),
        limits: Limits::default(),
    };
    let mut sink = sink.open(&config, None, &grants).await.expect("an open sink");
    let mut written = Vec::new();
    for number in 0..RUNS {
        let run = run(number);
        let Payload::Bytes(payload) = &run.payload else { panic!("runs are of bytes here") };
        written.extend_from_slice(payload);
        assert!(sink.write(&[run]).await.expect("it is taken").is_empty());
    }
    let progress = sink.close(Ending::Complete).await.expect("it closes");
    assert_eq!((progress.durable, progress.failed.len()), (RUNS * EVENTS, 0));

    let [object] = &server.objects("bucket").expect("a listing")[..] else { panic!("one object") };
    let stored = std::fs::read(&object.path).expect("it can be read");
    assert!(stored == written, "{} bytes of {} came out otherwise", stored.len(), written.len());
    let parts = server.requests().into_iter().filter(|r| r.operation == Operation::UploadPart);
    let mut parts: Vec<_> = parts.map(|r| (r.part_number, r.content_length)).collect();
    parts.sort();
    let last = parts.pop().expect("there are parts");
    assert_eq!(last.1, Some(written.len() as u64 % PART_BYTES));
    assert!(parts.iter().all(|part| part.1 == Some(PART_BYTES)), "{parts:?}");
}

/// Keeps the answers for parts back until there are as many as are in flight at once. The component
/// then finds several of them ready at the same moment, and not in the order in which it sent them.
struct Together {
    client: Client,
    all: Arc<Barrier>,
}

impl Together {
    fn new(client: Client) -> Together {
        Together { client, all: Arc::new(Barrier::new(IN_FLIGHT)) }
    }
}

impl Transport for Together {
    fn send(&self, request: Request<WasiBody>, options: RequestOptions) -> Answer {
        let part = request.uri().query().is_some_and(|query| query.contains("partNumber="));
        let answer = self.client.send(request, options);
        let all = self.all.clone();
        Box::pin(async move {
            let answer = answer.await;
            if part {
                // The last ones are fewer, and wait in vain.
                let _ = tokio::time::timeout(PATIENCE, all.wait()).await;
            }
            answer
        })
    }
}

/// A run whose every event says which one it is, so that no two stretches are the same.
fn run(number: u64) -> Run {
    let (mut payload, mut ends) = (Vec::new(), Vec::new());
    let first = number * EVENTS;
    for position in first..first + EVENTS {
        payload.extend_from_slice(format!("{position:>1023}\n").as_bytes());
        ends.push(u32::try_from(payload.len()).expect("a run is small"));
    }
    Run {
        key: "key".to_owned(),
        first,
        at: None,
        payload: Payload::Bytes(payload),
        boundaries: Boundaries::At(ends),
        framing: Framing::Newline,
    }
}

const IN_FLIGHT: usize = 4;
const PATIENCE: Duration = Duration::from_millis(500);
const PART_BYTES: u64 = 5 << 20;
/// 128 MiB together: some 25 parts.
const RUNS: u64 = 128;
const EVENTS: u64 = 1_024;
