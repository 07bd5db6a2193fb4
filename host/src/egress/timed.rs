//! Bodies that know when they last moved.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
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
pub(super) struct Progress(Arc<Mutex<Phase>>);

impl Progress {
    /// For a body that is about to be sent.
    pub(super) fn of(body: &WasiBody) -> Progress {
        let now = Instant::now();
        let phase = if body.is_end_stream() { Phase::Sent(now) } else { Phase::Network(now) };
        Progress(Arc::new(Mutex::new(phase)))
    }

    /// Comes to an end once the other side stalls: it takes no more for `between_bytes`, or does not
    /// begin to answer for `first_byte` after it has everything.
    pub(super) async fn stalled(&self, first_byte: Duration, between_bytes: Duration) -> Error {
        loop {
            let (deadline, error) = match self.phase() {
                Phase::Guest => (Instant::now() + between_bytes, Error::ConnectionWriteTimeout),
                Phase::Network(since) => (since + between_bytes, Error::ConnectionWriteTimeout),
                Phase::Sent(since) => (since + first_byte, Error::HttpResponseTimeout),
            };
            if deadline <= Instant::now() {
                return error;
            }
            sleep_until(deadline).await;
        }
    }

    fn phase(&self) -> Phase {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, phase: Phase) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }
}

/// A request's body that keeps its [`Progress`].
pub(super) struct Outgoing {
    body: WasiBody,
    progress: Progress,
}

impl Outgoing {
    pub(super) fn new(body: WasiBody, progress: Progress) -> Outgoing {
        Outgoing { body, progress }
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
        self.progress.set(match &frame {
            Poll::Pending => Phase::Guest,
            Poll::Ready(Some(_)) if !self.body.is_end_stream() => Phase::Network(now),
            Poll::Ready(_) => Phase::Sent(now),
        });
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
