//! One exchange: a request of the core, sent over `wasi:http`, and its response.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use spillway_core::http::{Method, Request, Response, Scheme};
use spillway_core::settings::Timeouts;
use spillway_core::{ExchangeId, NO_TLS, TransportError};
use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    self, ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, OutgoingBody,
    OutgoingRequest, RequestOptions,
};
use wasip2::io::poll::Pollable;
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// A request in flight.
pub(crate) struct Exchange {
    id: ExchangeId,
    state: State,
    /// What the body of the response may take.
    limits: BodyLimits,
}

/// Each variant's fields are in drop order: a resource is dropped before the one it was made from.
enum State {
    Sending(Sending, Waiting),
    Waiting(Waiting),
    Reading(Reading),
    Over,
}

struct Sending {
    /// Made once the host accepts no more: most requests are accepted at once.
    writable: Option<Pollable>,
    stream: OutputStream,
    body: OutgoingBody,
    pieces: VecDeque<Bytes>,
}

struct Waiting {
    answered: Pollable,
    future: FutureIncomingResponse,
}

struct Reading {
    /// Made once there is nothing to read yet.
    readable: Option<Pollable>,
    stream: InputStream,
    _body: IncomingBody,
    _response: IncomingResponse,
    answer: Response,
    bytes: Vec<u8>,
    limits: BodyLimits,
    /// When the exchange times out, by the monotonic clock. Set when the body begins to arrive.
    until: Option<u64>,
}

/// What the body of a response may take.
#[derive(Clone, Copy)]
struct BodyLimits {
    /// The time for the whole body.
    time: Duration,
    /// Its length.
    bytes: usize,
}

type Outcome = Result<Response, TransportError>;

impl Exchange {
    /// Passes the request to the host, with as much of its body as the host accepts. The rest
    /// follows when the host accepts more.
    pub(crate) fn start(
        id: ExchangeId,
        request: Request,
        timeouts: Timeouts,
        response_bytes_max: usize,
    ) -> Result<Exchange, TransportError> {
        let pieces = VecDeque::from_iter(request.body.pieces().iter().cloned());
        let outgoing = outgoing(request)?;
        let mut body = None;
        if !pieces.is_empty() {
            let taken = outgoing.body().map_err(|()| broken("the request has no body"))?;
            let stream = taken.write().map_err(|()| broken("the body has no stream"))?;
            body = Some((stream, taken));
        }
        // The host must have the request before its body is written, since its buffer is small.
        let future = outgoing_handler::handle(outgoing, Some(options(timeouts)));
        let future = future.map_err(transport_error)?;
        let waiting = Waiting { answered: future.subscribe(), future };
        let state = match body {
            None => State::Waiting(waiting),
            Some((stream, body)) => {
                // Write at once what the host accepts now. The next call may come only when the
                // host has another event.
                Sending { writable: None, stream, body, pieces }.go_on(waiting)
            }
        };
        let time = timeouts.between_bytes * STALLS_MAX;
        Ok(Exchange { id, state, limits: BodyLimits { time, bytes: response_bytes_max } })
    }

    pub(crate) fn id(&self) -> ExchangeId {
        self.id
    }

    /// The pollables of this exchange.
    pub(crate) fn waits_for(&self) -> impl Iterator<Item = &Pollable> {
        let (one, other) = match &self.state {
            // A response may arrive before the request is sent in full, as most refusals do.
            State::Sending(sending, waiting) => {
                (sending.writable.as_ref(), Some(&waiting.answered))
            }
            State::Waiting(waiting) => (Some(&waiting.answered), None),
            State::Reading(reading) => (reading.readable.as_ref(), None),
            State::Over => (None, None),
        };
        one.into_iter().chain(other)
    }

    /// Advances as far as possible without waiting. Returns the outcome once there is one.
    pub(crate) fn advance(&mut self) -> Option<Outcome> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Sending(sending, waiting) => match waiting.answer() {
                    Some(answer) => {
                        drop(sending);
                        match answer {
                            Ok(response) => self.state = read(response, self.limits),
                            Err(error) => return Some(Err(error)),
                        }
                    }
                    None => {
                        self.state = sending.go_on(waiting);
                        if let State::Sending(..) = self.state {
                            return None;
                        }
                    }
                },
                State::Waiting(waiting) => match waiting.answer() {
                    Some(Ok(response)) => self.state = read(response, self.limits),
                    Some(Err(error)) => return Some(Err(error)),
                    None => {
                        self.state = State::Waiting(waiting);
                        return None;
                    }
                },
                State::Reading(mut reading) => match reading.read() {
                    Ok(Progress::Pending) => {
                        self.state = State::Reading(reading);
                        return None;
                    }
                    Ok(_) => {
                        let Reading { mut answer, bytes, .. } = reading;
                        answer.body = bytes.into();
                        return Some(Ok(answer));
                    }
                    Err(error) => return Some(Err(error)),
                },
                State::Over => return Some(Err(broken("the exchange was over"))),
            }
        }
    }
}

enum Progress {
    Pending,
    Done,
    Failed,
}

impl Sending {
    /// Writes what the host accepts now.
    fn go_on(mut self, waiting: Waiting) -> State {
        match self.write() {
            Progress::Pending => {
                self.writable.get_or_insert_with(|| self.stream.subscribe());
                return State::Sending(self, waiting);
            }
            Progress::Done => self.finish(),
            // The server reads no more. It may have sent a response that says why.
            Progress::Failed => drop(self),
        }
        State::Waiting(waiting)
    }

    /// Writes no more than the host permits: writing more traps.
    fn write(&mut self) -> Progress {
        while let Some(piece) = self.pieces.front_mut() {
            let granted = match self.stream.check_write() {
                Ok(0) => return Progress::Pending,
                Ok(granted) => usize::try_from(granted).unwrap_or(usize::MAX),
                Err(_) => return Progress::Failed,
            };
            let now = piece.split_to(granted.min(piece.len()));
            if self.stream.write(&now).is_err() {
                return Progress::Failed;
            }
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        Progress::Done
    }

    /// Marks the body as complete. If it is not, the response will say so.
    fn finish(self) {
        let Sending { writable, stream, body, .. } = self;
        drop(writable);
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}

impl Waiting {
    fn answer(&self) -> Option<Result<IncomingResponse, TransportError>> {
        let answer = self.future.get()?;
        Some(match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(code)) => Err(transport_error(code)),
            Err(()) => Err(broken("the answer was taken before")),
        })
    }
}

impl Reading {
    fn read(&mut self) -> Result<Progress, TransportError> {
        loop {
            match self.stream.read(READ_BYTES) {
                Ok(bytes) if bytes.is_empty() => {
                    self.readable.get_or_insert_with(|| self.stream.subscribe());
                    return Ok(Progress::Pending);
                }
                Ok(bytes) if self.bytes.len() + bytes.len() > self.limits.bytes => {
                    return Err(broken("the answer is longer than any answer of S3"));
                }
                // The host ends a body that stalls.
                Ok(_) if self.is_late() => {
                    return Err(TransportError::Timeout("the answer does not end".to_owned()));
                }
                Ok(bytes) => self.bytes.extend_from_slice(&bytes),
                Err(StreamError::Closed) => return Ok(Progress::Done),
                Err(StreamError::LastOperationFailed(error)) => {
                    let code = types::http_error_code(&error);
                    return Err(
                        code.map_or_else(|| broken("in the answer's body"), transport_error)
                    );
                }
            }
        }
    }

    /// Whether the body has taken longer than it may.
    fn is_late(&mut self) -> bool {
        let now = monotonic_clock::now();
        let time = u64::try_from(self.limits.time.as_nanos()).unwrap_or(u64::MAX);
        now > *self.until.get_or_insert(now.saturating_add(time))
    }
}

fn read(response: IncomingResponse, limits: BodyLimits) -> State {
    let headers = response.headers().entries().into_iter();
    let headers = headers.map(|(name, value)| (name, text(value))).collect();
    let answer = Response { status: response.status(), headers, body: Bytes::new() };
    let body = response.consume().expect("a response's body is consumed here and nowhere else");
    let stream = body.stream().expect("a body's stream is taken here and nowhere else");
    State::Reading(Reading {
        readable: None,
        stream,
        _body: body,
        _response: response,
        answer,
        bytes: Vec::new(),
        limits,
        until: None,
    })
}

/// The value of a header. What is not UTF-8 in it is replaced.
fn text(value: Vec<u8>) -> String {
    String::from_utf8(value).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn outgoing(request: Request) -> Result<OutgoingRequest, TransportError> {
    let headers = request.headers.into_iter();
    let headers = headers.map(|(name, value)| (name.into_owned(), value.into_bytes()));
    let headers: Vec<_> = headers.collect();
    let fields = Fields::from_list(&headers);
    let fields = fields.map_err(|_| broken("the host does not take a header"))?;
    let outgoing = OutgoingRequest::new(fields);
    let method = match request.method {
        Method::Delete => types::Method::Delete,
        Method::Get => types::Method::Get,
        Method::Head => types::Method::Head,
        Method::Post => types::Method::Post,
        Method::Put => types::Method::Put,
    };
    let scheme = match request.scheme {
        Scheme::Http => types::Scheme::Http,
        Scheme::Https => types::Scheme::Https,
    };
    let set = outgoing.set_method(&method);
    let set = set.and_then(|()| outgoing.set_scheme(Some(&scheme)));
    let set = set.and_then(|()| outgoing.set_authority(Some(&request.authority)));
    let set = set.and_then(|()| outgoing.set_path_with_query(Some(&request.path_and_query)));
    set.map_err(|()| broken("the host does not take the URL"))?;
    Ok(outgoing)
}

fn options(timeouts: Timeouts) -> RequestOptions {
    let nanoseconds = |d: Duration| Some(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX));
    let options = RequestOptions::new();
    // A host that does not support a timeout returns an error. Its own timeouts apply then.
    let _ = options.set_connect_timeout(nanoseconds(timeouts.connect));
    let _ = options.set_first_byte_timeout(nanoseconds(timeouts.first_byte));
    let _ = options.set_between_bytes_timeout(nanoseconds(timeouts.between_bytes));
    options
}

fn broken(text: &str) -> TransportError {
    TransportError::Broken(text.to_owned())
}

fn transport_error(code: ErrorCode) -> TransportError {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => TransportError::Denied,
        ErrorCode::DnsTimeout => TransportError::Dns("timed out".to_owned()),
        ErrorCode::DnsError(payload) => {
            TransportError::Dns(payload.rcode.unwrap_or_else(|| "no answer".to_owned()))
        }
        ErrorCode::DestinationNotFound => TransportError::Dns("no such name".to_owned()),
        ErrorCode::ConnectionRefused => TransportError::Connect("refused".to_owned()),
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            TransportError::Connect("unreachable".to_owned())
        }
        ErrorCode::ConnectionLimitReached => TransportError::Connect("too many".to_owned()),
        ErrorCode::TlsProtocolError => TransportError::Tls(NO_TLS.to_owned()),
        ErrorCode::TlsCertificateError => {
            TransportError::Tls("the certificate is not trusted or not for this name".to_owned())
        }
        ErrorCode::TlsAlertReceived(payload) => {
            TransportError::Tls(payload.alert_message.unwrap_or_else(|| "alert".to_owned()))
        }
        // There was no connection, so nothing was sent.
        ErrorCode::ConnectionTimeout => TransportError::Connect("timed out".to_owned()),
        ErrorCode::ConnectionReadTimeout => TransportError::Timeout("between bytes".to_owned()),
        ErrorCode::ConnectionWriteTimeout => TransportError::Timeout("sending".to_owned()),
        ErrorCode::HttpResponseTimeout => TransportError::Timeout("no answer".to_owned()),
        // Some hosts report this for new connections as well. So the core accepts it only as often
        // as a pool could hold stale connections: see `spillway_core::client::retry`.
        ErrorCode::ConnectionTerminated => TransportError::Stale,
        ErrorCode::HttpResponseIncomplete => {
            broken("closed by the other side before the answer was whole")
        }
        ErrorCode::HttpProtocolError => TransportError::NotHttp,
        ErrorCode::InternalError(Some(text)) => match text.strip_prefix(NO_CONNECTION) {
            Some(text) => TransportError::Connect(text.to_owned()),
            None => TransportError::Broken(text),
        },
        other => TransportError::Broken(format!("{other:?}")),
    }
}

/// The start of a host's error text that says that no connection was made. `wasi:http` has no error
/// code with a text for this.
const NO_CONNECTION: &str = "no connection: ";
const READ_BYTES: u64 = 64 << 10;
/// How many times the stall timeout a response body may take in all.
const STALLS_MAX: u32 = 10;
