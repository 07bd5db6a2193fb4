//! Sends a request of the core over a socket, as it is, and reads the whole answer.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use spillway_core::http::{Request, Response};

/// A pool of connections.
pub struct SocketClient(Pool<HttpConnector, Full<Bytes>>);

/// Why there was no answer.
pub type SocketError = Box<dyn std::error::Error + Send + Sync>;

impl Default for SocketClient {
    fn default() -> SocketClient {
        SocketClient(Pool::builder(TokioExecutor::new()).build_http())
    }
}

impl SocketClient {
    /// One exchange.
    ///
    /// # Errors
    ///
    /// Where no whole answer comes.
    pub async fn send(&self, request: &Request) -> Result<Response, SocketError> {
        let Request { method, scheme, authority, path_and_query, headers, body } = request;
        let uri = format!("{}://{authority}{path_and_query}", scheme.as_str());
        let mut builder = http::Request::builder().method(method.as_str()).uri(uri);
        for (name, value) in headers {
            builder = builder.header(name.as_ref(), value.as_bytes());
        }
        let request = builder.body(Full::new(body.to_vec().into()))?;
        let (head, body) = self.0.request(request).await?.into_parts();
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        Ok(Response {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: body.collect().await?.to_bytes(),
        })
    }
}
