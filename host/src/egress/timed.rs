//! Bodies that know when they last moved.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use wasmtime_wasi_http::{Error, WasiBody};

/// Where a request's body stands.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The guest has not said more. That may take as long as it likes.
    Guest,
    /// The network has a piece, since then.
    Network(Instant),
    /// The network had everything, since then.
    Sent(Instant),
}

/// Watches a request on its way out.
#[derive(Clone)]
pub(super) struct Progress(Arc<watch::Sender<Phase>>);

impl Progress {
    /// For a body that is about to be sent.
    fn of(body: &WasiBody) -> Progress {
        let now = Instant::now();
        let phase = if body.is_end_stream() { Phase::Sent(now) } else { Phase::Network(now) };
        Progress(Arc::new(watch::Sender::new(phase)))
    }

    /// Comes to an end once the other side stalls: it takes no more for `between_bytes`, or does
    /// not begin to answer for `first_byte` after it has everything.
    pub(super) async fn stalled(&self, first_byte: Duration, between_bytes: Duration) -> Error {
        let mut phases = self.0.subscribe();
        loop {
            let phase = *phases.borrow_and_update();
            let (deadline, error) = match phase {
                Phase::Guest => {
                    // This keeps the sender, so there will be a change.
                    let _ = phases.changed().await;
                    continue;
                }
                Phase::Network(since) => (since + between_bytes, Error::ConnectionWriteTimeout),
                Phase::Sent(since) => (since + first_byte, Error::HttpResponseTimeout),
            };
            if timeout_at(deadline, phases.changed()).await.is_err() {
                return error;
            }
        }
    }
}

/// A request's body that keeps its [`Progress`].
pub(super) struct Outgoing {
    body: WasiBody,
    /// How much there is to come, where the request says so. Nobody asks for more after that.
    left: Option<u64>,
    progress: Progress,
}

impl Outgoing {
    /// The request with a body that is watched, and what watches it.
    pub(super) fn watch(request: Request<WasiBody>) -> (Request<Outgoing>, Progress) {
        let progress = Progress::of(request.body());
        let left = request.headers().get(CONTENT_LENGTH);
        let left = left.and_then(|value| value.to_str().ok()?.parse().ok());
        let watching = progress.clone();
        (request.map(|body| Outgoing { body, left, progress }), watching)
    }

    fn is_through(&mut self, frame: &Frame<Bytes>) -> bool {
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        self.left = self.left.map(|left| left.saturating_sub(bytes));
        self.left == Some(0) || self.body.is_end_stream()
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        let now = Instant::now();
        let phase = match &frame {
            Poll::Pending => Phase::Guest,
            Poll::Ready(Some(Ok(frame))) if !self.is_through(frame) => Phase::Network(now),
            Poll::Ready(_) => Phase::Sent(now),
        };
        self.progress.0.send_replace(phase);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body that fails once nothing has come for a while.
pub(super) struct Incoming<B> {
    body: B,
    between_bytes: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B> Incoming<B> {
    pub(super) fn new(body: B, between_bytes: Duration) -> Incoming<B> {
        Incoming { body, between_bytes, sleep: None }
    }
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Body for Incoming<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.sleep = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(super::errors::of_hyper)));
        }
        let deadline = Instant::now() + self.between_bytes;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
