//! From a URL to a connection: straight, or through a proxy.

use std::future::Future;
use std::net::IpAddr;
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

use super::client::Prohibited;
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

/// Whether a host is an address of one link. A name is looked at when it is resolved, but a proxy
/// resolves it by itself: so what resolvers take for an address in other spellings is refused, too.
fn prohibited(host: &str) -> Option<Prohibited> {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    match host.parse() {
        Ok(address) => is_link_local(&address).then_some(Prohibited::Address(address)),
        Err(_) => ends_in_a_number(host).then_some(Prohibited::Number),
    }
}

/// Why no request is sent to this host and port, whoever asks for it, if so.
pub fn prohibited_authority(authority: &str) -> Option<String> {
    let host = authority.parse::<http::uri::Authority>().ok()?;
    prohibited(host.host()).map(|prohibited| prohibited.to_string())
}

/// <https://url.spec.whatwg.org/#ends-in-a-number-checker>
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_hex = |digits: &str| digits.bytes().all(|b| b.is_ascii_hexdigit());
    !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(is_hex)
}

/// Whether an address is of one link: there, clouds have the metadata of their machines.
pub(super) fn is_link_local(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_link_are_refused_in_any_spelling() {
        for host in [
            "169.254.169.254",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
            "2852039166",
            "0xa9fea9fe",
            "169.254.43518",
            "0xa9.254.0xa9.0xfe",
            "169.254.169.254.",
        ] {
            assert!(prohibited(host).is_some(), "{host}");
        }
        for host in ["s3.test", "192.0.2.1", "[2001:db8::1]", "1.s3.test", "0x.test", "127.0.0.1"] {
            assert!(prohibited(host).is_none(), "{host}");
        }
    }
}
