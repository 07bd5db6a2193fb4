//! Request bodies that nobody wants to read to their end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// A request body that, given up before its end, is read on for a while and thrown away.
///
/// A request is often refused before its body is read. To close the connection then makes the
/// kernel reset it, and the client loses the answer that says why: RFC 9112, section 9.6.
pub(super) struct Lingering(Option<Incoming>);

impl Lingering {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Some(body))
    }
}

impl Body for Lingering {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else {
            return;
        };
        // Outside a runtime the connection is gone as well.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(LINGER_TIME_MAX, async move {
                let mut body = Limited::new(body, LINGER_BYTES_MAX);
                while let Some(Ok(_)) = body.frame().await {}
            }));
        }
    }
}

const LINGER_TIME_MAX: Duration = Duration::from_secs(5);
const LINGER_BYTES_MAX: usize = 64 * 1_024 * 1_024;
