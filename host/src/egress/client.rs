//! One client with one pool of connections, which trusts what the system trusts.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tower_service::Service;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::forbidden::Guarded;
use super::kept::{Kept, Uses};
use super::proxy::Proxies;
use super::route::Route;
use super::timed::{Incoming, Outgoing};
use super::trust::{NoCertificates, Trust};
use super::{Answer, Transport, errors, tls};

/// How requests are sent.
#[derive(Clone, Debug, Default)]
pub struct ClientOptions {
    /// A PEM file of certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// A PEM file of certificate authorities to trust in place of the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The proxies between this machine and others.
    pub proxies: Proxies,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of extra certificate authorities cannot be used.
    #[error(transparent)]
    CaFile(NoCertificates),
    /// The file of all certificate authorities cannot be used.
    #[error(transparent)]
    CaBundle(NoCertificates),
}

/// Sends over HTTP/1.1, and keeps connections for the next request. Shares them with its clones.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<Bounded, Outgoing>,
    connect_timeout_ms: Arc<AtomicU64>,
    proxies: Arc<Proxies>,
}

impl Client {
    /// A client that has no connection yet.
    ///
    /// # Errors
    ///
    /// Where the certificate authorities cannot be used.
    pub fn new(options: &ClientOptions) -> Result<Client, ClientError> {
        let mut http = HttpConnector::new_with_resolver(Guarded(GaiResolver::new()));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(KEEPALIVE));
        let tls = tls::trusting(trust(options)?);
        let proxies = Arc::new(options.proxies.clone());
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(Route::new(http, proxies.clone(), tls, true));
        let connect_timeout_ms = Arc::new(AtomicU64::new(0));
        let connector =
            Bounded { inner: connector, connect_timeout_ms: connect_timeout_ms.clone() };
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE_MAX)
            .build(connector);
        Ok(Client { inner, connect_timeout_ms, proxies })
    }

    async fn exchange(
        self,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>, Error> {
        let connect = options.connect_timeout.unwrap_or(TIMEOUT_DEFAULT).as_millis();
        self.connect_timeout_ms.store(u64::try_from(connect).unwrap_or(u64::MAX), Relaxed);
        let first_byte = options.first_byte_timeout.unwrap_or(TIMEOUT_DEFAULT);
        let between_bytes = options.between_bytes_timeout.unwrap_or(TIMEOUT_DEFAULT);
        let request = self.introduced(request);
        let (request, progress) = Outgoing::watch(request);
        let response = tokio::select! {
            response = self.inner.request(request) => response,
            error = progress.stalled(first_byte, between_bytes) => return Err(error),
        };
        let response = response.map_err(|error| errors::of_client(&error))?;
        if let Some(uses) = response.extensions().get::<Uses>() {
            uses.answered();
        }
        Ok(response.map(|body| Incoming::new(body, between_bytes).boxed_unsync()))
    }
}

impl Client {
    /// The request with what a proxy wants to know that reads it. One that only passes on what is
    /// ciphered was told when the connection was made.
    fn introduced(&self, mut request: Request<WasiBody>) -> Request<WasiBody> {
        if request.uri().scheme() == Some(&http::uri::Scheme::HTTP)
            && let Ok(Some(proxy)) = self.proxies.proxy(request.uri())
            && let Some(authorization) = proxy.authorization
        {
            request.headers_mut().insert(http::header::PROXY_AUTHORIZATION, authorization);
        }
        request
    }
}

impl Transport for Client {
    fn send(&self, request: Request<WasiBody>, options: RequestOptions) -> Answer {
        Box::pin(self.clone().exchange(request, options))
    }
}

/// Trusts what the system trusts, or a bundle in its place, and the authorities in a file.
fn trust(options: &ClientOptions) -> Result<Trust, ClientError> {
    let mut trust = match &options.ca_bundle {
        Some(path) => Trust::of_file(path).map_err(ClientError::CaBundle)?,
        None => Trust::system(),
    };
    if let Some(path) = &options.ca_file {
        trust.add_file(path).map_err(ClientError::CaFile)?;
    }
    Ok(trust)
}

/// Makes connections in the time that the last request allows for it. A guest asks for the same
/// time with every request, and a connection serves many.
#[derive(Clone)]
struct Bounded {
    inner: HttpsConnector<Route<HttpConnector<Guarded<GaiResolver>>>>,
    connect_timeout_ms: Arc<AtomicU64>,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connection =
    <HttpsConnector<Route<HttpConnector<Guarded<GaiResolver>>>> as Service<Uri>>::Response;

impl Service<Uri> for Bounded {
    type Response = TokioIo<Kept<TokioIo<Connection>>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let limit = Duration::from_millis(self.connect_timeout_ms.load(Relaxed));
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => Ok(TokioIo::new(Kept::new(TokioIo::new(connected?)))),
                Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
            }
        })
    }
}

const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Shorter than stores keep a connection, so that a request seldom meets one that was just closed.
const POOL_IDLE_MAX: Duration = Duration::from_secs(15);
const KEEPALIVE: Duration = Duration::from_secs(30);
