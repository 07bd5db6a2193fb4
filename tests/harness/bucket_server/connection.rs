//! One connection. hyper serves it, but the test decides how it ends: with a reset in the middle of
//! an answer, or by closing it while it is idle. A graceful server has neither, so this loop is its
//! own.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use spillway_core::http::Response as S3Response;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use super::{Shared, SocketFault, lock};
use crate::conversion;
use spillway_simulation::bucket::{S3Error, header as header_of};
use spillway_simulation::faults;
use spillway_simulation::request_info::RequestInfo;

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// How a connection ends before its client ends it.
#[derive(Clone, Copy, Debug)]
enum End {
    /// With a reset: what is on its way is lost.
    Reset,
    /// In order, once this many requests have been served and no other has begun.
    Close { served: u64 },
}

/// Serves until either side ends the connection.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Only a matter of speed.
    let _ = stream.set_nodelay(true);
    let (end, mut ends) = mpsc::unbounded_channel();
    let (begun, count) = watch::channel(0_u64);
    let service = service_fn(|request| {
        begun.send_modify(|count| *count += 1);
        let number = *begun.borrow();
        Service { shared: shared.clone(), end: end.clone(), number }.answer(request)
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    loop {
        tokio::select! {
            // What goes wrong here is the client's doing, or was meant.
            _ = &mut connection => return,
            Some(wanted) = ends.recv() => match wanted {
                End::Reset => {
                    let stream = connection.into_parts().io.into_inner();
                    let _ = stream.set_zero_linger();
                    return;
                }
                End::Close { served } if *count.borrow() == served => return,
                End::Close { .. } => {}
            },
        }
    }
}

struct Service {
    shared: Arc<Shared>,
    end: mpsc::UnboundedSender<End>,
    /// Which request of its connection it is, from 1.
    number: u64,
}

impl Service {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let (parts, mut incoming) = request.into_parts();
        let fault = self.decide(&parts);
        let _under_way = UnderWay::of(self.shared.clone());
        match fault {
            Some(SocketFault::ResetBefore) => return self.reset().await,
            Some(SocketFault::EarlyAnswer) => {
                // What still comes is read and dropped, or closing would reset the answer as well.
                tokio::spawn(async move { while let Some(Ok(_)) = incoming.frame().await {} });
                let response = S3Error::access_denied().into_response(self.shared.now(), 0, false);
                return Ok(closing(full(response)));
            }
            _ => {}
        }
        let Ok(body) = incoming.collect().await else { return self.reset().await };
        if fault == Some(SocketFault::StallBefore) {
            return std::future::pending().await;
        }
        if let Some(SocketFault::Slow(pause)) = fault {
            tokio::time::sleep(pause).await;
        }
        let Some(request) = conversion::request(&parts, body.to_bytes()) else {
            let error = S3Error::new(405, "MethodNotAllowed", "The method is not allowed.");
            return Ok(full(error.into_response(self.shared.now(), 0, false)));
        };
        let within = match fault {
            Some(SocketFault::Bucket(fault)) => Some(fault),
            _ => None,
        };
        let outcome = {
            let mut bucket = lock(&self.shared.bucket);
            faults::apply(within, &mut bucket, self.shared.now(), &request)
        };
        let Ok(response) = outcome else { return self.reset().await };
        match fault {
            Some(SocketFault::ResetAfter) => self.reset().await,
            Some(SocketFault::StallAfter) => std::future::pending().await,
            Some(SocketFault::Truncated) if response.body.is_empty() => self.reset().await,
            Some(SocketFault::StallInBody) if response.body.is_empty() => {
                std::future::pending().await
            }
            Some(SocketFault::SlowAnswer(pause)) => {
                tokio::time::sleep(pause).await;
                Ok(full(response))
            }
            Some(SocketFault::Truncated) => Ok(halved(response, true)),
            Some(SocketFault::StallInBody) => Ok(halved(response, false)),
            Some(SocketFault::Dribble(pause)) => Ok(dribbled(response, pause)),
            Some(SocketFault::Close) => Ok(closing(full(response))),
            Some(SocketFault::CloseWhenIdle(after)) => {
                let (end, served) = (self.end, self.number);
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    // Without a receiver the connection has ended already.
                    let _ = end.send(End::Close { served });
                });
                Ok(full(response))
            }
            _ => Ok(full(response)),
        }
    }

    fn decide(&self, parts: &http::request::Parts) -> Option<SocketFault> {
        let head = conversion::request(parts, Bytes::new())?;
        let announced = header_of(&head, "content-length");
        let bytes = announced.and_then(|text| text.parse().ok()).unwrap_or_default();
        let name = lock(&self.shared.bucket).options.name.clone();
        let mut state = lock(&self.shared.state);
        let info = state.census.take(&name, &head, self.shared.began.elapsed()).ok()?;
        (state.plan)(&RequestInfo { bytes, ..info })
    }

    /// Asks for the end, and answers nothing until then.
    async fn reset(self) -> Result<Response<Body>, Infallible> {
        let _ = self.end.send(End::Reset);
        std::future::pending().await
    }
}

/// A request that is counted until its answer begins, or its connection ends.
struct UnderWay(Arc<Shared>);

impl UnderWay {
    fn of(shared: Arc<Shared>) -> UnderWay {
        let mut state = lock(&shared.state);
        state.under_way += 1;
        state.at_once_max = state.at_once_max.max(state.under_way);
        drop(state);
        UnderWay(shared)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        lock(&self.0.state).under_way -= 1;
    }
}

fn full(response: S3Response) -> Response<Body> {
    conversion::response(response)
        .map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync())
}

fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// An answer whose second half does not come.
fn halved(response: S3Response, ends: bool) -> Response<Body> {
    let (length, half) = (response.body.len(), response.body.len() / 2);
    let response = conversion::response(response);
    let (sender, pieces) = mpsc::unbounded_channel();
    let body = response.body().slice(..half);
    tokio::spawn(async move {
        // Sending fails where the client has gone.
        let _ = sender.send(Ok(body));
        // So that it has left before the connection ends.
        tokio::time::sleep(FLUSH_TIME).await;
        match ends {
            true => drop(sender.send(Err(std::io::ErrorKind::ConnectionAborted.into()))),
            false => sender.closed().await,
        }
    });
    let mut response = response.map(|_| Pieces(pieces).boxed_unsync());
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn dribbled(response: S3Response, pause: Duration) -> Response<Body> {
    let response = conversion::response(response);
    let bytes = response.body().clone();
    let (sender, pieces) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for index in 0..bytes.len() {
            tokio::time::sleep(pause).await;
            if sender.send(Ok(bytes.slice(index..=index))).is_err() {
                return;
            }
        }
    });
    response.map(|_| Pieces(pieces).boxed_unsync())
}

/// A body that comes when it comes.
struct Pieces(mpsc::UnboundedReceiver<std::io::Result<Bytes>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

const FLUSH_TIME: Duration = Duration::from_millis(20);
