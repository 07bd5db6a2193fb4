//! The component over sockets, with what only a socket can do wrong: the object comes out, and
//! every request that was answered too late or not at all is made again.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use spillway::contract::Ending;
use spillway::egress::{Client, ClientOptions};
use spillway_simulation::bucket::{BucketOptions, Operation};
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_server::{BucketServer, SocketFault};

use super::component::setup::{PART_BYTES, config, event, grants, sink};

#[tokio::test]
async fn any_one_socket_fault_on_any_request_is_survived() {
    let pause = Duration::from_micros(200);
    let faults = [
        SocketFault::Bucket(Fault::InternalError),
        SocketFault::Bucket(Fault::WhitespaceFirst),
        SocketFault::ResetBefore,
        SocketFault::ResetAfter,
        SocketFault::Truncated,
        SocketFault::StallBefore,
        SocketFault::StallAfter,
        SocketFault::StallInBody,
        SocketFault::Dribble(pause),
        SocketFault::Close,
        SocketFault::CloseWhenIdle(pause),
    ];
    for fault in faults {
        for operation in [
            Operation::CreateMultipartUpload,
            Operation::UploadPart,
            Operation::CompleteMultipartUpload,
        ] {
            let met = stored(move |info_operation, attempt| {
                (info_operation == operation && attempt == 1).then_some(fault)
            });
            assert!(met.await, "{fault:?} of {operation}");
        }
    }
}

#[tokio::test]
async fn connections_that_close_after_each_answer_are_made_anew() {
    assert!(stored(|_, _| Some(SocketFault::Close)).await);
}

#[tokio::test]
async fn connections_that_close_unannounced_are_made_anew() {
    let soon = SocketFault::CloseWhenIdle(Duration::from_millis(1));
    assert!(stored(move |_, _| Some(soon)).await);
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_is_read() {
    let server = BucketServer::start(BucketOptions::default()).await.unwrap();
    server.on_request(|request| (request.bytes > 0).then_some(SocketFault::EarlyAnswer));
    let mut sink = open(&server).await;
    for position in 0..12 {
        sink.write(&[event("a", position, vec![b'x'; 1 << 20])]).await.unwrap();
    }
    let progress = sink.close(Ending::Complete).await.unwrap();
    let causes: Vec<_> =
        progress.failed.iter().map(|failure| format!("{:?}", failure.cause)).collect();
    assert!(!causes.is_empty());
    assert!(causes.iter().all(|cause| cause.contains("AccessDenied")), "{causes:?}");
}

/// Writes an object of two parts and says whether it came out whole, with nothing left behind.
async fn stored(
    mut plan: impl FnMut(Operation, u32) -> Option<SocketFault> + Send + 'static,
) -> bool {
    let server = BucketServer::start(BucketOptions::default()).await.unwrap();
    let met = Arc::new(AtomicU64::new(0));
    let meeting = met.clone();
    server.on_request(move |info| {
        plan(info.operation, info.attempt).inspect(|_| {
            meeting.fetch_add(1, Relaxed);
        })
    });
    let mut sink = open(&server).await;
    let payload = vec![b'x'; PART_BYTES];
    sink.write(&[event("a", 0, payload)]).await.unwrap();
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert!(progress.failed.is_empty(), "{:?}", progress.failed);
    assert!(met.load(Relaxed) > 0, "nothing went wrong");
    server.bucket(|bucket| {
        let object = &bucket.objects()["a"];
        let whole = object.bytes.len() == PART_BYTES + 1 && object.parts.len() == 2;
        whole && bucket.open_uploads().len() <= MAY_BE_LEFT
    })
}

async fn open(server: &BucketServer) -> spillway::sink::Sink {
    let endpoint = server.endpoint();
    let timeouts = r#", "first_byte_timeout_ms": 400, "between_bytes_timeout_ms": 400,
        "complete_timeout_ms": 400, "backoff_base_ms": 1, "backoff_max_ms": 5"#;
    let config = config(&endpoint, timeouts);
    let client = Client::new(&ClientOptions::default()).unwrap();
    let grants = grants(client, endpoint.strip_prefix("http://").unwrap());
    sink().open(&config, None, &grants).await.unwrap()
}

/// Where the answer to a CreateMultipartUpload is lost, nobody knows the id of what it began.
const MAY_BE_LEFT: usize = 1;
