//! What is not granted, or not there, is said clearly; a component that breaks takes nothing with
//! it.

use spillway::contract::{Ending, Error};
use spillway::engine::Limits;
use spillway::sink::SinkError;
use spillway_simulation::bucket::BucketOptions;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{AUTHORITY, config, event, grants, open, sink};

#[tokio::test]
async fn an_authority_that_was_not_granted_is_never_talked_to() {
    let transport = BucketTransport::new(BucketOptions::default());
    let config = config(&format!("http://{AUTHORITY}"), "");
    assert_eq!(sink().egress(&config, &Limits::default()).await.unwrap(), [AUTHORITY]);
    let grants = grants(transport.clone(), "elsewhere.test:9000");
    let mut sink = sink().open(&config, None, &grants).await.unwrap();
    sink.write(&[event("a", 0, b"hello".to_vec())]).await.unwrap();
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!(progress.visible.len(), 0);
    let [failure] = &progress.failed[..] else { panic!("{:?}", progress.failed) };
    let Error::Denied(text) = &failure.cause else { panic!("{:?}", failure.cause) };
    assert!(text.contains("does not allow") && text.contains(AUTHORITY), "{text}");
    assert!(transport.heads().is_empty());
}

#[tokio::test]
async fn a_guest_that_wants_too_much_memory_traps() {
    let transport = BucketTransport::new(BucketOptions::default());
    let config = config(&format!("http://{AUTHORITY}"), "");
    let mut small = grants(transport.clone(), AUTHORITY);
    small.limits.memory_bytes_max = 3 << 20;
    let mut sink_of_small = sink().open(&config, None, &small).await.unwrap();
    let mut outcome = Ok(Vec::new());
    for position in 0..4 {
        outcome = sink_of_small.write(&[event("a", position, vec![b'x'; 1 << 20])]).await;
        if outcome.is_err() {
            break;
        }
    }
    assert!(matches!(outcome, Err(SinkError::Trap(_))), "{outcome:?}");
    drop(sink_of_small);

    let mut none = small.clone();
    none.limits.memory_bytes_max = 1 << 10;
    let opened = sink().open(&config, None, &none).await;
    assert!(matches!(opened, Err(SinkError::Trap(_))));

    // And the next one works.
    let mut next = open(transport.clone()).await;
    next.write(&[event("a", 0, b"hello".to_vec())]).await.unwrap();
    next.close(Ending::Complete).await.unwrap();
    transport.bucket(|bucket| assert_eq!(bucket.objects().len(), 1));
}
