//! What a proxy says before it leads anywhere, for people to read where it does not.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use tower_service::Service;

use super::untrusted::shown;
use super::wire::poll_read_seen;

/// What was read first of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<u8>>>);

/// Makes connections whose first words are heard.
#[derive(Clone)]
pub(super) struct Hearing<C> {
    pub(super) inner: C,
    pub(super) heard: Heard,
}

/// A connection whose first words are heard.
pub(super) struct Speaking<S> {
    pub(super) stream: S,
    heard: Heard,
}

impl Heard {
    fn hear(&self, bytes: &[u8]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = BYTES_MAX.saturating_sub(heard.len());
        heard.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Status, place and server of an answer of HTTP, or the first line of what is none; nothing
    /// where nothing was said. In one line, without what a terminal would act on.
    pub(super) fn in_words(&self) -> Option<String> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&heard);
        let mut lines = text.lines();
        let first = lines.next().map(shown).filter(|line| !line.trim().is_empty())?;
        let Some(status) = first.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..)) else {
            return Some(format!("\"{first}\""));
        };
        let headers: Vec<_> = lines.map_while(|line| line.split_once(':')).collect();
        let header = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| shown(value.trim()))
        };
        let to = header("location").map(|place| format!(", to {place}")).unwrap_or_default();
        let server = header("server").map(|name| format!(" (server: {name})")).unwrap_or_default();
        Some(format!("{status}{to}{server}"))
    }
}

impl<C> Service<Uri> for Hearing<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
{
    type Response = Speaking<C::Response>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let (connecting, heard) = (self.inner.call(url), self.heard.clone());
        Box::pin(async move { Ok(Speaking { stream: connecting.await?, heard }) })
    }
}

impl<S: Read + Unpin> Read for Speaking<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; BYTES_MAX];
        let read = ready!(poll_read_seen(&mut self.stream, cx, &mut buffer, &mut bytes))?;
        self.heard.hear(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: Write + Unpin> Write for Speaking<S> {
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
}

/// More than the head of such an answer has.
const BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(said: &str) -> Option<String> {
        let heard = Heard::default();
        said.as_bytes().chunks(7).for_each(|piece| heard.hear(piece));
        heard.in_words()
    }

    #[test]
    fn an_answer_is_told_by_its_head() {
        let page = "HTTP/1.1 403 Forbidden\r\nServer: gate\r\n\r\n<html>: no\r\nlocation: x";
        assert_eq!(words(page).as_deref(), Some("403 Forbidden (server: gate)"));
        let moved = "HTTP/1.0 302 Found\r\nlocation: https://sso.test/\x1b[2J\r\n\r\n";
        assert_eq!(words(moved).as_deref(), Some("302 Found, to https://sso.test/[2J"));
        assert_eq!(words("SSH-2.0-x\r\n").as_deref(), Some("\"SSH-2.0-x\""));
        assert_eq!(words(""), None);
        assert!(words(&"x".repeat(2 * BYTES_MAX)).unwrap().len() < 300);
    }
}
