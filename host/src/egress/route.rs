//! From a URL to a connection: straight, or through a proxy.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::forbidden::prohibited;
use super::heard::{Heard, Hearing};
use super::proxy::{Proxies, Proxy};
use super::wire::Wire;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting = Pin<Box<dyn Future<Output = Result<Wire, BoxError>> + Send>>;

/// Makes connections without TLS to servers, or through proxies to them.
///
/// A proxy is this machine's and not the component's: whom the component may talk to is decided
/// before, by the name of the server and not by that of the proxy.
#[derive(Clone)]
pub(crate) struct Route<D> {
    direct: D,
    to_proxy: HttpsConnector<HttpConnector<GaiResolver>>,
    proxies: Arc<Proxies>,
    is_guarded: bool,
}

impl<D> Route<D> {
    /// Through `proxies`, or else by `direct`. A guarded one leads to no address of one link.
    pub(crate) fn new(
        direct: D,
        proxies: Arc<Proxies>,
        tls: ClientConfig,
        is_guarded: bool,
    ) -> Route<D> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let to_proxy = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Route { direct, to_proxy, proxies, is_guarded }
    }
}

impl<D> Service<Uri> for Route<D>
where
    D: Service<Uri, Response = TokioIo<TcpStream>>,
    D::Error: Into<BoxError>,
    D::Future: Send + 'static,
{
    type Response = Wire;
    type Error = BoxError;
    type Future = Connecting;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, url: Uri) -> Connecting {
        let is_plain = url.scheme_str() != Some("https");
        if let Some(host) = url.host().filter(|_| self.is_guarded)
            && let Some(prohibited) = prohibited(host)
        {
            return failed(prohibited);
        }
        match self.proxies.proxy(&url) {
            Err(wrong) => failed(ProxyError(wrong)),
            Ok(None) => {
                let connecting = self.direct.call(url);
                Box::pin(async move {
                    let stream = MaybeHttpsStream::Http(connecting.await.map_err(Into::into)?);
                    Ok(Wire::new(stream, false, is_plain))
                })
            }
            // A request over plain HTTP is the proxy's to read: it names the whole URL.
            Ok(Some(proxy)) if is_plain => {
                let connecting = self.to_proxy.call(proxy.uri.clone());
                Box::pin(async move {
                    let connected = connecting.await;
                    let stream = connected.map_err(|error| unreachable(&proxy, &*error))?;
                    Ok(Wire::new(stream, true, false))
                })
            }
            Ok(Some(proxy)) => {
                let heard = Heard::default();
                let to_proxy = Hearing { inner: self.to_proxy.clone(), heard: heard.clone() };
                let mut tunnel = Tunnel::new(proxy.uri.clone(), to_proxy);
                if let Some(authorization) = proxy.authorization.clone() {
                    tunnel = tunnel.with_auth(authorization);
                }
                let tunneling = tunnel.call(url);
                Box::pin(async move {
                    let tunneled = tunneling.await;
                    let stream = tunneled.map_err(|error| refused(&proxy, &error, &heard))?.stream;
                    Ok(Wire::new(stream, false, is_plain))
                })
            }
        }
    }
}

fn failed(error: impl Into<BoxError>) -> Connecting {
    Box::pin(std::future::ready(Err(error.into())))
}

/// There is no connection through a proxy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ProxyError(String);

fn unreachable(proxy: &Proxy, error: &(dyn std::error::Error + 'static)) -> ProxyError {
    let cause = super::errors::deepest(error);
    let variable = &proxy.variable;
    ProxyError(format!("{PROXY}{proxy} of {variable} cannot be reached: {cause}"))
}

/// hyper-util keeps the type of a tunnel's error to itself, but not its text.
fn refused(proxy: &Proxy, error: &(dyn std::error::Error + 'static), heard: &Heard) -> ProxyError {
    let text = error.to_string();
    let variable = &proxy.variable;
    let cause = match text.trim_start_matches("tunnel error: ") {
        "proxy authorization required" if proxy.authorization.is_some() => {
            format!("refuses the user and password of {variable}")
        }
        "proxy authorization required" => {
            format!(
                "requires a user and a password; set {variable} to http://USER:PASSWORD@HOST:PORT"
            )
        }
        "unsuccessful" => match heard.in_words() {
            Some(words) => format!("refuses the connection: {words}"),
            None => "refuses the connection".to_owned(),
        },
        "unexpected end of file" => "closed the connection".to_owned(),
        "failed to create underlying connection" => {
            return error.source().map_or_else(
                || ProxyError(format!("{PROXY}{proxy} of {variable} cannot be reached")),
                |cause| unreachable(proxy, cause),
            );
        }
        other => format!("broke off: {other}"),
    };
    ProxyError(format!("{PROXY}{proxy} of {variable} {cause}"))
}

/// What each text about a proxy begins with.
pub(super) const PROXY: &str = "the proxy ";
