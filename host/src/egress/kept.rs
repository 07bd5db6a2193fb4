//! Connections that are kept for the next request. The other side may close one at any time, and a
//! request that is sent on it then never arrives.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that knows whether it was used before, and whether anything has come since it was
/// last written to.
pub(super) struct Kept<C> {
    inner: C,
    uses: Uses,
}

/// What a [`Kept`] connection knows. The client hands it out with each answer, and with each error.
#[derive(Clone, Default)]
pub(super) struct Uses(Arc<Known>);

#[derive(Default)]
struct Known {
    has_answered: AtomicBool,
    is_silent: AtomicBool,
}

impl<C> Kept<C> {
    /// A connection that was just made.
    pub(super) fn new(inner: C) -> Kept<C> {
        Kept { inner, uses: Uses::default() }
    }
}

impl Uses {
    /// A request was answered.
    pub(super) fn answered(&self) {
        self.0.has_answered.store(true, Relaxed);
    }

    /// Whether requests were answered before, and nothing came of the last: then it was most likely
    /// closed before that one was sent.
    pub(super) fn is_stale(&self) -> bool {
        self.0.has_answered.load(Relaxed) && self.0.is_silent.load(Relaxed)
    }
}

impl<C: Connection> Connection for Kept<C> {
    fn connected(&self) -> Connected {
        self.inner.connected().extra(self.uses.clone())
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Kept<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.uses.0.is_silent.store(false, Relaxed);
        }
        read
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Kept<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Also where nothing can be written any more: that is how a closed one may show itself.
        self.uses.0.is_silent.store(true, Relaxed);
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.uses.0.is_silent.store(true, Relaxed);
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn only_one_that_answered_before_and_says_nothing_is_stale() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut kept = Kept::new(near);
        let uses = kept.uses.clone();
        kept.write_all(b"one").await.unwrap();
        assert!(!uses.is_stale(), "it is fresh");
        far.write_all(b"yes").await.unwrap();
        kept.read_exact(&mut [0; 3]).await.unwrap();
        uses.answered();
        assert!(!uses.is_stale(), "it has just answered");
        kept.write_all(b"two").await.unwrap();
        assert!(uses.is_stale(), "nothing came since");
        far.write_all(b"y").await.unwrap();
        kept.read_exact(&mut [0; 1]).await.unwrap();
        assert!(!uses.is_stale(), "an answer has begun");
        drop(far);
        assert_eq!(kept.read(&mut [0; 1]).await.unwrap(), 0);
        assert!(!uses.is_stale(), "the end is no answer, and takes none back");
        kept.write_all(b"three").await.unwrap_err();
        assert!(uses.is_stale());
    }
}
