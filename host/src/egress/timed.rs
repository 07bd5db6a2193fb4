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

/// A request's body that keeps its [`Progress`]. It goes in small frames, so that on a slow line it
/// is seen to move.
pub(super) struct Outgoing {
    body: WasiBody,
    /// What the guest gave, and is still to go.
    given: Bytes,
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
        let watched = |body| Outgoing { body, given: Bytes::new(), left, progress };
        (request.map(watched), watching)
    }

    fn is_through(&mut self, frame: &Frame<Bytes>) -> bool {
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        self.left = self.left.map(|left| left.saturating_sub(bytes));
        self.left == Some(0) || self.is_end_stream()
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.given.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)).transpose()?.map(Frame::into_data)
            {
                Some(Ok(given)) => self.given = given,
                Some(Err(other)) => return Poll::Ready(Some(Ok(other))),
                None => return Poll::Ready(None),
            }
        }
        let piece = self.given.split_to(self.given.len().min(FRAME_BYTES_MAX));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = self.poll_piece(cx);
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
        self.given.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let given = self.given.len() as u64;
        let rest = self.body.size_hint();
        let mut both = SizeHint::new();
        both.set_lower(rest.lower() + given);
        if let Some(upper) = rest.upper() {
            both.set_upper(upper + given);
        }
        both
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

/// At 17 kbit/s one of them takes as long as nothing may move by default.
const FRAME_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    fn watched(bytes: Vec<u8>) -> (Outgoing, Progress) {
        let request = Request::put("/").header(CONTENT_LENGTH, bytes.len());
        let body = Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync();
        let (request, progress) = Outgoing::watch(request.body(body).unwrap());
        (request.into_body(), progress)
    }

    #[tokio::test]
    async fn a_body_goes_in_small_frames_and_is_sent_with_the_last() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        let (mut body, progress) = watched(bytes.clone());
        let mut sent = Vec::new();
        while let Some(frame) = body.frame().await {
            assert!(!matches!(*progress.0.borrow(), Phase::Guest));
            let frame = frame.unwrap().into_data().unwrap();
            assert!((1..=FRAME_BYTES_MAX).contains(&frame.len()), "{} bytes", frame.len());
            sent.extend_from_slice(&frame);
            let is_sent = matches!(*progress.0.borrow(), Phase::Sent(_));
            assert_eq!(is_sent, sent.len() == bytes.len(), "at {}", sent.len());
            assert_eq!(body.size_hint().exact(), Some((bytes.len() - sent.len()) as u64));
            assert_eq!(body.is_end_stream(), is_sent);
        }
        assert!(sent == bytes);
    }

    #[tokio::test]
    async fn a_body_of_nothing_has_no_frame() {
        let (mut body, _) = watched(Vec::new());
        assert!(body.is_end_stream() && body.frame().await.is_none());
    }
}
