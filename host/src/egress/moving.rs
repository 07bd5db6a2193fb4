//! Bodies that tell when they move, so that whoever drives the guest lets it go on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use wasmtime_wasi_http::{Error, WasiBody};

use super::Traffic;

/// A body that tells of each piece that the other side has taken: there is room for the next.
pub(super) struct Moving {
    body: WasiBody,
    moved: Arc<Notify>,
    traffic: Traffic,
}

impl Moving {
    pub(super) fn new(body: WasiBody, moved: Arc<Notify>, traffic: Traffic) -> Moving {
        Moving { body, moved, traffic }
    }
}

impl Body for Moving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_ready() {
            self.moved.notify_one();
            self.traffic.moved();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
