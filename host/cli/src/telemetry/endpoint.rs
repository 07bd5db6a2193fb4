//! The address that a collector asks for metrics.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE as TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::Monitor;
use super::exposition::CONTENT_TYPE;

/// Serves what a [`Monitor`] knows at `GET /metrics`, until it is dropped. Anybody who reaches the
/// address may read it: it has no secrets and no payloads, but numbers of this run.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    task: AbortHandle,
}

impl Endpoint {
    /// Listens on `address`; port 0 is any that is free. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// Where the address is not this machine's, is in use, or may not be used.
    pub async fn start(address: SocketAddr, monitor: Monitor) -> std::io::Result<Endpoint> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(serve(listener, monitor)).abort_handle();
        Ok(Endpoint { address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a collector asks for.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, monitor: Monitor) {
    // Dropped with this, they all end.
    let mut connections = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                while connections.try_join_next().is_some() {}
                by_age.retain(|connection| !connection.is_finished());
                // An answer takes milliseconds: who is there the longest asks nothing, and makes
                // room for somebody who may.
                if by_age.len() >= CONNECTIONS_MAX
                    && let Some(oldest) = by_age.pop_front()
                {
                    oldest.abort();
                }
                let monitor = monitor.clone();
                by_age.push_back(connections.spawn(async move {
                    // Whoever takes longer is cut off.
                    let _ = timeout(CONNECTION_TIME_MAX, connection(stream, monitor)).await;
                }));
            }
            // Too many open files, most likely; some will be closed.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One connection, one request.
async fn connection(stream: TcpStream, monitor: Monitor) {
    let service = service_fn(|request| {
        let response = answer(&request, &monitor);
        async { Ok::<_, Infallible>(response) }
    });
    let mut server = http1::Builder::new();
    server.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    // An error here is the client's: it went away, or it does not speak HTTP.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

fn answer<B>(request: &Request<B>, monitor: &Monitor) -> Response<String> {
    if request.uri().path() != PATH {
        return said(StatusCode::NOT_FOUND, format!("the only path is {PATH}\n"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = said(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let mut response = Response::new(monitor.view().exposition());
    response.headers_mut().insert(TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

fn said(status: StatusCode, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

const PATH: &str = "/metrics";
/// How many are served at the same time.
const CONNECTIONS_MAX: usize = 64;
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);
const HEAD_TIME_MAX: Duration = Duration::from_secs(2);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
