//! The client that reaches metadata services and STS. It is the host's own, and no component's: it
//! goes to the addresses of one link, which [`crate::egress`] refuses.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{self, connect};
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

use crate::egress::Proxies;
use crate::egress::route::Route;
use crate::egress::tls;
use crate::egress::trust::Trust;

/// A client that goes through those proxies, and trusts what `AWS_CA_BUNDLE` names, else
/// `ca_bundle` of the profile, or else the system, once it is used.
pub(super) fn client(proxies: Proxies, ca_bundle: Option<PathBuf>) -> SharedHttpClient {
    let (tls, proxies) = (OnceLock::new(), Arc::new(proxies));
    http_client_fn(move |settings, _| {
        let tls = tls.get_or_init(|| trust(ca_bundle.as_deref()).map(tls::trusting));
        SharedHttpConnector::new(Connector::new(settings, tls, &proxies))
    })
}

/// As the SDKs of AWS do it.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html>
fn trust(of_profile: Option<&Path>) -> Result<Trust, String> {
    let variable = std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty());
    let of_file = |from: &str, path: &Path| {
        Trust::of_file(path).map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            format!("{from}: {error}{}", cause.unwrap_or_default())
        })
    };
    match (variable, of_profile) {
        (Some(path), _) => of_file("AWS_CA_BUNDLE", Path::new(&path)),
        (None, Some(path)) => of_file("ca_bundle of the AWS profile", path),
        (None, None) => Ok(Trust::system()),
    }
}

/// Sends requests within the limits of their kind, each over a connection of its own: there are a
/// few in an hour.
#[derive(Clone, Debug)]
struct Connector {
    client: Result<legacy::Client<HttpsConnector<Way>, Full<Bytes>>, String>,
    time_max: Duration,
}

type Way = Route<connect::HttpConnector>;

impl Connector {
    fn new(
        settings: &HttpConnectorSettings,
        tls: &Result<ClientConfig, String>,
        proxies: &Arc<Proxies>,
    ) -> Connector {
        let connect = settings.connect_timeout().unwrap_or(CONNECT_TIMEOUT);
        let read = settings.read_timeout().unwrap_or(READ_TIMEOUT);
        let mut http = connect::HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(connect));
        let client = tls.clone().map(|tls| {
            let connector = HttpsConnectorBuilder::new()
                .with_tls_config(tls.clone())
                .https_or_http()
                .enable_http1()
                .wrap_connector(Route::new(http, proxies.clone(), tls, false));
            let mut builder = legacy::Client::builder(TokioExecutor::new());
            builder.pool_max_idle_per_host(0).build(connector)
        });
        Connector { client, time_max: connect + read }
    }

    async fn exchange(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
        let request = http::Request::from_parts(head, Full::new(body));
        let client = self.client.map_err(|text| ConnectorError::user(text.into()))?;
        let answered = client.request(request).await.map_err(broken)?;
        let (head, body) = answered.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
        let body = body.map_err(ConnectorError::io)?.to_bytes();
        let answered = http::Response::from_parts(head, body.into());
        answered.try_into().map_err(|error| ConnectorError::user(Box::new(error)))
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (exchange, time_max) = (self.clone().exchange(request), self.time_max);
        HttpConnectorFuture::new(async move {
            let ended = tokio::time::timeout(time_max, exchange).await;
            ended.unwrap_or_else(|elapsed| Err(ConnectorError::timeout(elapsed.into())))
        })
    }
}

/// A connection that was not made in time is known by its error's kind.
fn broken(error: legacy::Error) -> ConnectorError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut) {
            return ConnectorError::timeout("connecting timed out".into());
        }
        cause = error.source();
    }
    ConnectorError::io(error.into())
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Many times what any of these services answers with.
const BODY_BYTES_MAX: usize = 1 << 20;
