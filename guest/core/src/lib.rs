//! The core of Spillway's S3 sink: a state machine that turns events into S3 uploads.
//!
//! The core is pure. It does no IO, and it reads no clock, environment or randomness. Time,
//! credentials, responses and a seed are arguments, and requests are values. [`Sink`] documents the
//! loop that drives it.

mod admin;
pub mod bounds;
mod checkpoint;
pub mod checksum;
mod client;
pub mod config;
mod credentials;
pub mod encode;
mod error;
mod hiding;
mod histogram;
pub mod http;
mod incomplete;
mod naming;
mod notice;
mod object;
mod quote;
mod run;
pub mod s3;
mod schema;
pub mod settings;
pub mod sigv4;
mod sink;
mod suggest;
#[cfg(test)]
mod testing;
mod time;
mod writer;

pub use admin::{Reply, StoredState};
pub use checkpoint::{ObjectSummary, Summary, inspect};
pub use client::explain::NO_TLS;
pub use client::verdict::{Class, TransportError};
pub use client::{ExchangeId, RequestCounters};
pub use credentials::{Credentials, CredentialsError, Secret};
pub use error::{Error, Problem};
pub use histogram::Histogram;
pub use incomplete::{IncompleteCounters, IncompleteUpload, LeftUpload};
pub use naming::OnExisting;
pub use notice::{Level, Notice};
pub use object::{Failure, Phase, Piece, Span, Visible};
pub use quote::plain;
pub use run::{Framing, Run};
pub use schema::schema;
pub use settings::Settings;
pub use sink::{Counters, Input, Metric, Output, Report, Sink, Value};
pub use time::{Civil, Instant, Now, Timestamp};
pub use writer::{Admission, Demand, WriteCounters};

/// For simulations and fuzz targets only.
#[doc(hidden)]
pub mod internals {
    pub use crate::client::classify::classify;
    pub use crate::client::clock::{Flight, Offset};
    pub use crate::client::retry::{Budget, Decision, History, decide};
    pub use crate::naming::Names;
    pub use crate::naming::template::{Facts, Template, Uuid};
    pub use crate::object::buffer::Buffer;
}
