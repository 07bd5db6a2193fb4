//! A host that comes back only when it is told to gets everything done: no request waits for the
//! clock.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use spillway::egress::{Answer, Transport};
use spillway::sink::Sink;
use spillway_simulation::bucket::BucketOptions;
use spillway_tests::bucket_transport::BucketTransport;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::setup::{PART_BYTES, event, open_with};

/// One request in flight: each but the first is begun in a `poll`, by the answer to the one before.
#[tokio::test]
async fn a_request_that_a_poll_begins_has_its_body_when_the_poll_ends() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(transport.clone(), ONE_AT_A_TIME).await;
    // The last one stays open: nothing ends it.
    let batch: Vec<_> = (0..=OBJECTS).map(|n| event(&n.to_string(), n, b"small".into())).collect();
    sink.write(&batch).await.unwrap();
    let polls = until_durable(&mut sink, OBJECTS).await;
    transport.bucket(|bucket| assert_eq!(bucket.objects().len() as u64, OBJECTS));
    // Two for each: its body has gone, and its answer has come.
    assert!(polls <= 2 * OBJECTS + 2, "{polls} polls for {OBJECTS} objects");
}

/// The answers that matter here have bodies: those that begin and complete an upload.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_body_comes_later_is_told_as_well() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(Hesitant(transport.clone()), ONE_AT_A_TIME).await;
    let large: Vec<u8> = (0..2 * PART_BYTES + 100).map(|n| (n % 251) as u8).collect();
    sink.write(&[event("a", 0, large.clone()), event("b", 1, b"ends it".into())]).await.unwrap();
    until_durable(&mut sink, 1).await;
    transport.bucket(|bucket| assert!(bucket.objects()["a"].bytes == large));
}

/// Polls when there is something to do, and at no other time. Returns how often.
async fn until_durable(sink: &mut Sink, wanted: u64) -> u64 {
    let moved = sink.moved();
    let mut polls = 1;
    while sink.poll().await.unwrap().durable < wanted {
        tokio::time::timeout(PATIENCE, moved.notified()).await.expect("nothing is told any more");
        polls += 1;
    }
    polls
}

/// Each answer's head comes before its body does.
struct Hesitant(BucketTransport);

impl Transport for Hesitant {
    fn send(&self, request: http::Request<WasiBody>, options: RequestOptions) -> Answer {
        let answer = self.0.send(request, options);
        Box::pin(async move {
            let (head, body) = answer.await?.into_parts();
            let (sender, bytes) = tokio::sync::oneshot::channel();
            let (looked, is_looked_for) = tokio::sync::oneshot::channel();
            tokio::spawn(async move {
                let _ = is_looked_for.await;
                let _ = sender.send(body.collect().await.map(|body| body.to_bytes()));
            });
            let body = Hesitation { bytes, looked: Some(looked) };
            Ok(http::Response::from_parts(head, body.boxed_unsync()))
        })
    }
}

/// A body that begins to come once somebody has looked for it in vain.
struct Hesitation {
    bytes: tokio::sync::oneshot::Receiver<Result<Bytes, Error>>,
    looked: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Body for Hesitation {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.bytes.is_terminated() {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.bytes).poll(cx);
        if let Some(looked) = self.looked.take() {
            let _ = looked.send(());
        }
        polled.map(|bytes| Some(bytes.ok()?.map(Frame::data)))
    }
}

const ONE_AT_A_TIME: &str =
    r#", "requests_in_flight_max": 1, "framing": "none", "on_existing": "fail""#;
const OBJECTS: u64 = 20;
/// Far more than a machine at work needs, and bounded.
const PATIENCE: Duration = Duration::from_secs(10);
