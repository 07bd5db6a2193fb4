//! The only way out of a guest: one pooled client, to the authorities that were granted.

mod client;
mod errors;
mod timed;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use http::Request;
use http_body_util::BodyExt as _;
use std::future::Future;
use tokio::sync::{Notify, watch};

use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use client::Client;
pub use client::ClientError;

/// How requests are sent.
#[derive(Clone, Debug, Default)]
pub struct EgressOptions {
    /// A PEM file of certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// A guest's way out.
pub struct Egress {
    client: Client,
    granted: BTreeSet<String>,
    gate: Gate,
    moved: Arc<Notify>,
}

/// Shuts and opens a way out, from outside of the sink that uses it.
#[derive(Clone)]
pub struct Gate {
    shut: Arc<watch::Sender<bool>>,
}

impl Gate {
    fn new() -> Gate {
        Gate { shut: Arc::new(watch::Sender::new(false)) }
    }

    /// Ends what is under way, and refuses what comes, until [`open`](Gate::open).
    pub fn shut(&self) {
        self.shut.send_replace(true);
    }

    /// Lets requests pass again.
    pub fn open(&self) {
        self.shut.send_replace(false);
    }
}

type Sent =
    Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl Egress {
    /// A way out to `granted` authorities, each a host with its port.
    ///
    /// # Errors
    ///
    /// Where the certificate authorities cannot be read.
    pub fn new(
        granted: impl IntoIterator<Item = String>,
        options: &EgressOptions,
    ) -> Result<Egress, ClientError> {
        let granted = granted.into_iter().map(|authority| authority.to_lowercase()).collect();
        let client = Client::new(options)?;
        Ok(Egress { client, granted, gate: Gate::new(), moved: Arc::default() })
    }

    /// The gate of this way out.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Told each time that an answer has come, so that whoever drives the guest lets it read it.
    pub fn moved(&self) -> Arc<Notify> {
        self.moved.clone()
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
        let client = self.client.clone();
        let mut shut = self.gate.shut.subscribe();
        let moved = self.moved.clone();
        Box::new(async move {
            let sent = tokio::select! {
                biased;
                _ = shut.wait_for(|shut| *shut) => Err(Error::HttpRequestDenied),
                sent = client.send(request, options.unwrap_or_default()) => sent,
            };
            moved.notify_one();
            let io: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(std::future::ready(Ok(())));
            sent.map(|response| (response, io))
        })
    }
}

/// The guest may still be writing: what it writes is read and dropped, so that it does not wait.
async fn refuse(request: Request<WasiBody>) -> Sent {
    let _ = request.into_body().collect().await;
    Err(Error::HttpRequestDenied)
}
