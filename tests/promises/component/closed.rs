//! After its end a sink takes nothing, asks nothing and tells its numbers.

use spillway::contract::{Ending, Error};
use spillway::sink::{Sink, SinkError};
use spillway_simulation::bucket::BucketOptions;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{event, open, open_with};

#[tokio::test]
async fn after_close_every_call_but_metrics_is_refused() {
    for ending in [Ending::Complete, Ending::Abort, Ending::Suspend] {
        let transport = BucketTransport::new(BucketOptions::default());
        let mut sink = open_with(transport.clone(), r#", "commit": "checkpointed""#).await;
        sink.close(ending).await.unwrap();
        let requests = transport.bucket(|bucket| bucket.objects().len());
        assert_closed(&mut sink).await;
        assert!(!sink.metrics().await.unwrap().is_empty());
        assert_eq!(transport.bucket(|bucket| bucket.objects().len()), requests);
    }
}

#[tokio::test]
async fn a_close_that_is_refused_ends_nothing() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut plain = open(transport.clone()).await;
    let refused = plain.close(Ending::Suspend).await;
    assert!(matches!(refused, Err(SinkError::Refused(Error::Unsupported(_)))));
    plain.write(&[event("a", 0, vec![b'x'])]).await.unwrap();
    assert_eq!(plain.close(Ending::Complete).await.unwrap().durable, 1);
    assert_closed(&mut plain).await;
}

async fn assert_closed(sink: &mut Sink) {
    let batch = [event("a", 1, vec![b'x'])];
    for (call, answer) in [
        ("write", sink.write(&batch).await.map(drop)),
        ("write-until-rejected", sink.write_until_rejected(&batch).await.map(drop)),
        ("skip", sink.skip(9).await),
        ("poll", sink.poll().await.map(drop)),
        ("flush", sink.flush().await.map(drop)),
        ("check", sink.check().await),
        ("checkpoint", sink.checkpoint().await.map(drop)),
        ("commit", sink.commit().await),
        ("store-state", sink.store_state("s", b"x", None).await.map(drop)),
        ("incomplete-uploads", sink.incomplete_uploads().await.map(drop)),
        ("abort-upload", sink.abort_upload("a", "1").await),
        ("close", sink.close(Ending::Complete).await.map(drop)),
    ] {
        assert!(matches!(answer, Err(SinkError::Refused(Error::Closed))), "{call}: {answer:?}");
    }
}
