//! The reference bucket at the end of a component's way out: no socket in between.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use spillway::egress::{Answer, Transport};
use spillway_core::TransportError;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::conversion;
use spillway_simulation::bucket::{Bucket, BucketOptions};
use spillway_simulation::faults::{self, Fault};
use spillway_simulation::request_info::{Census, RequestInfo};

/// Decides what goes wrong with a request. It is asked before the body has come, so the length that
/// it is told is the one that was announced.
pub type Plan = Box<dyn FnMut(&RequestInfo) -> Option<Fault> + Send>;

/// Serves a component from a bucket in memory. Clones share the bucket.
#[derive(Clone)]
pub struct BucketTransport {
    bucket: Arc<Mutex<Bucket>>,
    state: Arc<Mutex<State>>,
    began: Instant,
}

struct State {
    plan: Plan,
    census: Census,
    heads: Vec<http::request::Parts>,
}

impl BucketTransport {
    /// A way to a new bucket, on which nothing goes wrong.
    pub fn new(options: BucketOptions) -> BucketTransport {
        let bucket = Arc::new(Mutex::new(Bucket::new(options)));
        let state =
            State { plan: Box::new(|_| None), census: Census::default(), heads: Vec::new() };
        BucketTransport { bucket, state: Arc::new(Mutex::new(state)), began: Instant::now() }
    }

    /// From here on, `plan` says what goes wrong.
    pub fn on_request(&self, plan: impl FnMut(&RequestInfo) -> Option<Fault> + Send + 'static) {
        lock(&self.state).plan = Box::new(plan);
    }

    /// Looks at the bucket, or changes it.
    pub fn bucket<T>(&self, look: impl FnOnce(&mut Bucket) -> T) -> T {
        look(&mut lock(&self.bucket))
    }

    /// The head of every request that came this way, as it came.
    pub fn heads(&self) -> Vec<http::request::Parts> {
        lock(&self.state).heads.clone()
    }

    async fn serve(
        self,
        request: http::Request<WasiBody>,
    ) -> Result<http::Response<WasiBody>, Error> {
        let (parts, mut body) = request.into_parts();
        lock(&self.state).heads.push(parts.clone());
        let fault = self.decide(&parts)?;
        // A connection that was never made takes no body, and an early answer does not wait for it.
        let bytes = match fault {
            Some(Fault::ConnectError | Fault::DnsError | Fault::TlsError) => Bytes::new(),
            Some(Fault::EarlyAnswer) => Bytes::new(),
            Some(Fault::ResetBefore) => {
                let _ = body.frame().await;
                Bytes::new()
            }
            _ => body.collect().await?.to_bytes(),
        };
        let request = conversion::request(&parts, bytes).ok_or(Error::HttpRequestMethodInvalid)?;
        let outcome =
            self.bucket(|bucket| faults::apply(fault, bucket, conversion::now(), &request));
        let response = conversion::response(outcome.map_err(error)?);
        Ok(response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync()))
    }

    fn decide(&self, parts: &http::request::Parts) -> Result<Option<Fault>, Error> {
        let name = self.bucket(|bucket| bucket.options.name.clone());
        let head = conversion::request(parts, Bytes::new());
        let head = head.ok_or(Error::HttpRequestMethodInvalid)?;
        let State { plan, census, .. } = &mut *lock(&self.state);
        let announced = spillway_simulation::bucket::header(&head, "content-length");
        let bytes = announced.and_then(|text| text.parse().ok()).unwrap_or_default();
        // What no bucket knows meets no fault: the bucket will say so.
        let info = census.take(&name, &head, self.began.elapsed());
        Ok(info.ok().and_then(|info| plan(&RequestInfo { bytes, ..info })))
    }
}

impl Transport for BucketTransport {
    /// Timeouts come at once: a test has no time to wait for them.
    fn send(&self, request: http::Request<WasiBody>, _options: RequestOptions) -> Answer {
        Box::pin(self.clone().serve(request))
    }
}

fn error(error: TransportError) -> Error {
    match error {
        TransportError::Denied => Error::HttpRequestDenied,
        TransportError::Dns(rcode) => Error::DnsError { rcode: Some(rcode), info_code: None },
        TransportError::Connect(_) => Error::ConnectionRefused,
        TransportError::Tls(_) => Error::TlsCertificateError,
        TransportError::Timeout(_) => Error::HttpResponseTimeout,
        TransportError::Broken(_) => Error::HttpResponseIncomplete,
        TransportError::Stale => Error::ConnectionTerminated,
        TransportError::NotHttp => Error::HttpProtocolError,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
