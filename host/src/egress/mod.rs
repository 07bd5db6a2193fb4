//! The only way out of a guest: one pooled client, to the authorities that were granted.

mod bounded;
mod certificate;
mod client;
mod errors;
mod forbidden;
mod heard;
mod kept;
mod moving;
mod proxy;
pub(crate) mod route;
mod timed;
pub(crate) mod tls;
mod traffic;
pub(crate) mod trust;
mod untrusted;
mod verifier;
mod wire;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

pub use bounded::Bounded;
pub use client::{Client, ClientError, ClientOptions};
pub use forbidden::prohibited_authority as prohibited;
use moving::{Arriving, Moving};
pub use proxy::Proxies;
pub use traffic::{Bad, Counts, Traffic};
pub use trust::{NoCertificates, NoSystem, check_system};

/// What a [`Transport`] promises.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<WasiBody>, Error>> + Send>>;

/// Sends requests that were found to be allowed. [`Client`] sends them over the network; a test may
/// answer them itself.
pub trait Transport: Send + Sync {
    /// Sends one request, and reads the beginning of its answer.
    fn send(&self, request: Request<WasiBody>, options: RequestOptions) -> Answer;
}

/// A guest's way out.
pub struct Egress {
    transport: Arc<dyn Transport>,
    granted: BTreeSet<String>,
    passage: Passage,
    /// Held by each request that is in flight.
    slot: Arc<()>,
}

/// What a way out has on the outside. Sinks that are one to their host share it: its gate shuts all
/// of them, and it counts and tells what passes, whichever of them it is of.
#[derive(Clone)]
pub struct Passage {
    gate: Gate,
    moved: Arc<Notify>,
    traffic: Traffic,
}

/// Shuts and opens a way out, from outside of the sink that uses it.
///
/// What only asks or removes (`GET`, `HEAD`, `DELETE`) passes a gate that is shut: a sink that can
/// write no more may still clean up.
#[derive(Clone)]
pub struct Gate {
    state: Arc<watch::Sender<GateState>>,
}

#[derive(Clone, Copy, Default)]
struct GateState {
    shut: bool,
    /// When the sink behind it is given up.
    deadline: Option<Instant>,
    /// Whether something was refused that would have passed, had it been open.
    refused: bool,
}

impl Gate {
    fn new() -> Gate {
        Gate { state: Arc::default() }
    }

    /// Ends what writes, and refuses more of it, until [`open`](Gate::open).
    pub fn shut(&self) {
        self.state.send_modify(|state| state.shut = true);
    }

    /// [`shut`](Gate::shut)s, and gives up the sink behind it where it is still at work after
    /// `grace`: the call that is being made then ends with
    /// [`SinkError::GivenUp`](crate::sink::SinkError::GivenUp), and so does every later one.
    pub fn shut_within(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        self.state.send_modify(|state| {
            state.shut = true;
            state.deadline.get_or_insert(deadline);
        });
    }

    /// Lets requests pass again.
    pub fn open(&self) {
        self.state.send_modify(|state| *state = GateState::default());
    }

    /// Whether it has refused a request, or ended one, since it was shut.
    pub fn has_refused(&self) -> bool {
        self.state.borrow().refused
    }

    /// Whether the sink behind it is given up.
    pub(crate) fn has_given_up(&self) -> bool {
        self.state.borrow().deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Returns once the sink behind it is given up.
    pub(crate) async fn given_up(&self) {
        let mut state = self.state.subscribe();
        loop {
            let deadline = state.borrow_and_update().deadline;
            let passes = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = passes => return,
                // The sender is this gate's own, so it is never gone.
                _ = state.changed() => {}
            }
        }
    }

    fn refuse(&self) {
        self.state.send_if_modified(|state| {
            state.refused = true;
            false
        });
    }
}

impl Passage {
    /// An open one, through which nothing has passed.
    pub fn new() -> Passage {
        Passage { gate: Gate::new(), moved: Arc::default(), traffic: Traffic::new() }
    }

    /// Its gate.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// What counts the requests that pass.
    pub fn traffic(&self) -> Traffic {
        self.traffic.clone()
    }

    /// Told each time that an answer has come or more of it, or that a piece of a request has gone
    /// or is wanted: then the guest can go on.
    pub fn moved(&self) -> Arc<Notify> {
        self.moved.clone()
    }
}

impl Default for Passage {
    fn default() -> Passage {
        Passage::new()
    }
}

type Told = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Told), Error>;

impl Egress {
    /// A way out to `granted` authorities, each a host with its port.
    pub fn new(
        granted: impl IntoIterator<Item = String>,
        transport: Arc<dyn Transport>,
        passage: Passage,
    ) -> Egress {
        let granted = granted.into_iter().map(|authority| authority.to_lowercase()).collect();
        Egress { transport, granted, passage, slot: Arc::default() }
    }

    /// What it has on the outside.
    pub fn passage(&self) -> &Passage {
        &self.passage
    }

    /// How many requests are in flight: sent, and their answers neither read to the end nor
    /// dropped.
    pub(crate) fn in_flight(&self) -> usize {
        Arc::strong_count(&self.slot) - 1
    }

    fn is_granted(&self, uri: &http::Uri) -> bool {
        let Some(host) = uri.host() else { return false };
        let default = if uri.scheme() == Some(&http::uri::Scheme::HTTPS) { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default);
        self.granted.contains(&format!("{}:{port}", host.to_lowercase()))
    }
}

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _fut: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        if !self.is_granted(request.uri()) {
            return Box::new(refuse(request));
        }
        let writes = matches!(*request.method(), Method::PUT | Method::POST);
        let Passage { gate, moved, traffic } = self.passage.clone();
        let passing = traffic.pass();
        let of_request = moved.clone();
        let request = request.map(|body| Moving::new(body, of_request, traffic).boxed_unsync());
        let sending = self.transport.send(request, options.unwrap_or_default());
        let mut state = gate.state.subscribe();
        let slot = self.slot.clone();
        Box::new(async move {
            let is_shut = writes && state.borrow().shut;
            let ended = if is_shut {
                Err(Error::HttpRequestDenied)
            } else {
                tokio::select! {
                    biased;
                    // It is on its way, and may have done its work: that is no refusal.
                    _ = state.wait_for(|state| state.shut), if writes => {
                        Err(Error::InternalError(Some(ENDED_HERE.to_owned())))
                    }
                    sent = sending => Ok(sent),
                }
            };
            let sent = match ended {
                Ok(sent) => {
                    passing.land(&sent);
                    sent
                }
                Err(error) => {
                    gate.refuse();
                    passing.end();
                    Err(error)
                }
            };
            // Whoever is told looks at once, and this has to be there by then: it is told by a task
            // that is begun where this one ends.
            let answered = moved.clone();
            let tell = async move {
                answered.notify_one();
                Ok(())
            };
            match sent {
                Ok(response) => {
                    let response =
                        response.map(|body| Arriving::new(body, moved, slot).boxed_unsync());
                    Ok((response, Box::new(tell) as Told))
                }
                Err(error) => {
                    tokio::spawn(tell);
                    Err(error)
                }
            }
        })
    }
}

/// The guest may still be writing: what it writes is read and dropped, so that it does not wait.
async fn refuse(request: Request<WasiBody>) -> Sent {
    let _ = request.into_body().collect().await;
    Err(Error::HttpRequestDenied)
}

/// What a guest is told of a request that the gate has ended.
const ENDED_HERE: &str = "ended on this side";
