//! The listener and its connections. hyper-util's graceful shutdown lets requests in progress
//! finish.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use s3s::service::S3Service;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::body::Lingering;
use super::log::{RequestLine, RequestLog};
use super::operation::Target;

/// What serves the requests of a connection.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) s3: S3Service,
    pub(super) log: Arc<RequestLog>,
}

/// Accepts connections until `stop` changes or its sender is dropped. Then lets requests in
/// progress finish.
pub(super) async fn serve(listener: TcpListener, service: Service, mut stop: watch::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    // Dropping the set ends all connections.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Without it the server works, but is slower.
                    let _ = stream.set_nodelay(true);
                    let service = service.clone();
                    let service = service_fn(move |request| answer(request, service.clone()));
                    let stream = TokioIo::new(stream);
                    let connection = http1::Builder::new().serve_connection(stream, service);
                    // Errors are the client's: it closed the connection, or does not speak HTTP.
                    connections.spawn(graceful.watch(connection));
                }
                // Most likely too many files are open. Some will be closed.
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    // Connections that take longer end when the set is dropped.
    let _ = timeout(DRAIN_TIME_MAX, graceful.shutdown()).await;
}

async fn answer(
    request: Request<Incoming>,
    service: Service,
) -> Result<Response<s3s::Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let target = Target::of(&parts);
    let method = parts.method.clone();
    let length = parts.headers.get(http::header::CONTENT_LENGTH);
    let content_length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    let request = Request::from_parts(parts, s3s::Body::http_body(Lingering::new(body)));
    let response = service.s3.call(request).await.unwrap_or_else(|_| {
        let mut response = Response::new(s3s::Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    });
    let Target { operation, bucket, key, part_number } = target;
    let status = response.status().as_u16();
    let line = RequestLine { method, operation, bucket, key, part_number, status, content_length };
    service.log.push(line);
    Ok(response)
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
