//! What a component is given.

use std::sync::Arc;

use wasmtime_wasi_http::{RequestOptions, WasiBody};

use crate::contract;
use crate::credentials::{Provided, Provider};
use crate::egress::{Answer, Transport};
use crate::engine::Limits;

/// What a sink is given when it is opened.
#[derive(Clone)]
pub struct Grants {
    /// The authorities (`host:port`) that it may talk to.
    pub egress: Vec<String>,
    /// How its requests are sent. Sinks that share a client share its connections.
    pub transport: Arc<dyn Transport>,
    /// Where its credentials come from.
    pub credentials: Arc<dyn Provider>,
    /// What it may use up.
    pub limits: Limits,
}

impl Grants {
    /// Nothing but the limits by default: for a component that is only asked about itself.
    pub fn nothing() -> Grants {
        Grants::nothing_within(Limits::default())
    }

    /// Nothing but these limits.
    pub(crate) fn nothing_within(limits: Limits) -> Grants {
        Grants {
            egress: Vec::new(),
            transport: Arc::new(DenyAll),
            credentials: Arc::new(DenyAll),
            limits,
        }
    }
}

/// Gives nothing: no credentials, and no way out.
pub struct DenyAll;

impl Provider for DenyAll {
    fn get<'a>(&'a self, _identity: &'a str, _fresh: bool) -> Provided<'a> {
        let failure = contract::credentials::Failure::NotConfigured("none are given".to_owned());
        Box::pin(std::future::ready(Err(failure)))
    }
}

impl Transport for DenyAll {
    fn send(&self, _: http::Request<WasiBody>, _: RequestOptions) -> Answer {
        Box::pin(std::future::ready(Err(wasmtime_wasi_http::Error::HttpRequestDenied)))
    }
}
