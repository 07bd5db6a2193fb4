//! A connection: what is remembered of it, and how much of what was written it may hold.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;

/// A connection to a server or to a proxy.
pub(crate) struct Wire {
    stream: MaybeHttpsStream<TokioIo<TcpStream>>,
    /// A proxy reads the requests, and each names the whole URL.
    is_proxied: bool,
    /// Nothing is ciphered on it.
    is_plain: bool,
    has_read: bool,
}

impl Wire {
    /// `is_proxied` says that a proxy reads the requests, and `is_plain` that nothing is ciphered.
    pub(super) fn new(
        stream: MaybeHttpsStream<TokioIo<TcpStream>>,
        is_proxied: bool,
        is_plain: bool,
    ) -> Wire {
        let wire = Wire { stream, is_proxied, is_plain, has_read: false };
        // A system that does not know it has smaller buffers, or a person who waits longer.
        let _ = SockRef::from(wire.tcp()).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
        wire
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            MaybeHttpsStream::Http(tcp) => tcp.inner(),
            MaybeHttpsStream::Https(tls) => tls.inner().get_ref().0.inner().inner(),
        }
    }
}

/// A server answered with a record of TLS to what was none.
#[derive(Debug, thiserror::Error)]
#[error("the server requires TLS on this port; begin its URL with https")]
pub(super) struct SpeaksTls;

impl Connection for Wire {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.is_proxied)
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_plain || self.has_read {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        // The first bytes tell the protocol, and are few.
        let mut first = [0; FIRST_BYTES];
        let read = ready!(poll_read_seen(&mut self.stream, cx, &mut buffer, &mut first))?;
        self.has_read = true;
        // An alert of any version: <https://www.rfc-editor.org/rfc/rfc8446#section-5.1>
        if let [21, 3, ..] = read {
            return Poll::Ready(Err(io::Error::other(SpeaksTls)));
        }
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
}

/// Reads as many bytes as `seen` has room for, at most, and returns them as well.
pub(super) fn poll_read_seen<'a, S: Read + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    buffer: &mut ReadBufCursor<'_>,
    seen: &'a mut [u8],
) -> Poll<io::Result<&'a [u8]>> {
    let room = seen.len().min(buffer.remaining());
    let mut read = ReadBuf::new(&mut seen[..room]);
    ready!(Pin::new(stream).poll_read(cx, read.unfilled()))?;
    let len = read.filled().len();
    buffer.put_slice(&seen[..len]);
    Poll::Ready(Ok(&seen[..len]))
}

const FIRST_BYTES: usize = 8;
/// How much the system takes that it cannot send yet. It would take megabytes: a slow line then
/// seems to stand still until a third of them is gone, and goes on with those of requests that were
/// given up, which nobody can take back.
const UNSENT_BYTES_MAX: u32 = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_takes_no_more_than_it_can_soon_send() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(server.local_addr().unwrap()).await.unwrap();
        let wire = Wire::new(MaybeHttpsStream::Http(TokioIo::new(tcp)), false, true);
        let bound = SockRef::from(wire.tcp()).tcp_notsent_lowat().unwrap();
        assert_eq!(bound, UNSENT_BYTES_MAX);
    }
}
