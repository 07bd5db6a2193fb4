//! The HTTP endpoint for metrics and health.
//!
//! hyper serves a connection; the accept loop is ours. `hyper_util::server` has no accept loop, and
//! its graceful shutdown waits for connections, while this endpoint closes the oldest one when
//! there are too many, and all of them when it is dropped.
//!
//! It has a thread of its own: it answers also while every thread of the run is blocked, as by a
//! log that nobody reads.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{self, SocketAddr};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE as TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::Monitor;
use super::exposition::CONTENT_TYPE;

/// Serves what a [`Monitor`] knows until it is dropped: metrics at `GET /metrics`, and whether the
/// run is healthy at `GET /health`, `/health/live` and `/health/ready`. There is no authentication:
/// neither has secrets or payloads.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    /// Dropping it ends the thread.
    open: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Listens on `address`. Port 0 selects a free port.
    ///
    /// # Errors
    ///
    /// If the address is not one of this machine, is in use, or is not permitted; or if there is no
    /// thread to be had.
    pub fn start(address: SocketAddr, monitor: Monitor) -> std::io::Result<Endpoint> {
        let listener = net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (open, closed) = oneshot::channel();
        let (starts, started) = mpsc::channel();
        let run = move || match prepare(listener) {
            Ok((runtime, listener)) => {
                let _ = starts.send(Ok(()));
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(listener, monitor) => {}
                        _ = closed => {}
                    }
                });
            }
            Err(error) => drop(starts.send(Err(error))),
        };
        let thread = thread::Builder::new().name("endpoint".to_owned()).spawn(run)?;
        started.recv().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()))?;
        Ok(Endpoint { address, open: Some(open), thread: Some(thread) })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the metrics.
    pub fn url(&self) -> String {
        format!("http://{}{METRICS}", self.address)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.open.take());
        // It ends at once: it never blocks, and a response takes milliseconds.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What the thread serves with. It is made there: a runtime must not be dropped within another.
fn prepare(listener: net::TcpListener) -> std::io::Result<(Runtime, TcpListener)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _within = runtime.enter();
        TcpListener::from_std(listener)?
    };
    Ok((runtime, listener))
}

async fn serve(listener: TcpListener, monitor: Monitor) {
    // Dropping the set ends all connections.
    let mut connections = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                while connections.try_join_next().is_some() {}
                by_age.retain(|connection| !connection.is_finished());
                // A response takes milliseconds, so the oldest connection is idle.
                if by_age.len() >= CONNECTIONS_MAX
                    && let Some(oldest) = by_age.pop_front()
                {
                    oldest.abort();
                }
                let monitor = monitor.clone();
                by_age.push_back(connections.spawn(async move {
                    let _ = timeout(CONNECTION_TIME_MAX, connection(stream, monitor)).await;
                }));
            }
            // Most likely too many files are open. Some will be closed.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves one request on one connection.
async fn connection(stream: TcpStream, monitor: Monitor) {
    let service = service_fn(|request| {
        let response = answer(&request, &monitor);
        async { Ok::<_, Infallible>(response) }
    });
    let mut server = http1::Builder::new();
    server.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    // Errors are the client's: it closed the connection, or does not speak HTTP.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

fn answer<B>(request: &Request<B>, monitor: &Monitor) -> Response<String> {
    let path = request.uri().path();
    if ![METRICS, HEALTH, LIVE, READY].contains(&path) {
        let paths = format!("there are {METRICS}, {HEALTH}, {LIVE} and {READY}\n");
        return said(StatusCode::NOT_FOUND, paths);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = said(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let view = monitor.view();
    let (is_well, document) = match path {
        LIVE => view.health().live_json(),
        READY => view.health().ready_json(),
        HEALTH => view.health().json(),
        _ => return typed(StatusCode::OK, CONTENT_TYPE, view.exposition()),
    };
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    typed(status, "application/json", document)
}

fn said(status: StatusCode, text: String) -> Response<String> {
    typed(status, "text/plain; charset=utf-8", text)
}

fn typed(status: StatusCode, kind: &'static str, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(TYPE, HeaderValue::from_static(kind));
    response
}

const METRICS: &str = "/metrics";
const HEALTH: &str = "/health";
const LIVE: &str = "/health/live";
const READY: &str = "/health/ready";
/// The most open connections.
const CONNECTIONS_MAX: usize = 64;
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);
const HEAD_TIME_MAX: Duration = Duration::from_secs(2);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
