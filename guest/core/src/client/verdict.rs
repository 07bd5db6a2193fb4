//! The outcome of an attempt, as values.

use std::fmt;
use std::time::Duration;

use super::answer::Answer;
use super::clock::Offset;
use crate::quote::Quote;
use crate::s3::ErrorBody;

/// Why there was no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The host does not permit requests to this authority.
    Denied,
    /// The endpoint's name could not be resolved.
    Dns(String),
    /// No connection could be made.
    Connect(String),
    /// The server's certificate is not trusted.
    Tls(String),
    /// A timeout passed. The text names the phase.
    Timeout(String),
    /// The connection was closed before the response was complete.
    Broken(String),
    /// A reused connection was closed before any of the response arrived. Most likely it was closed
    /// before the request was sent.
    Stale,
    /// The response is not HTTP.
    NotHttp,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransportError::Denied => f.write_str("the host does not allow this authority"),
            TransportError::Dns(text) => write!(f, "the name could not be resolved ({text})"),
            TransportError::Connect(text) => write!(f, "no connection ({text})"),
            TransportError::Tls(text) => write!(f, "TLS failed ({text})"),
            TransportError::Timeout(text) => write!(f, "timed out ({text})"),
            TransportError::Broken(text) => write!(f, "the connection broke ({text})"),
            TransportError::Stale => f.write_str("the connection was closed before the answer"),
            TransportError::NotHttp => f.write_str("what came back is not HTTP"),
        }
    }
}

/// The class of an outcome, which decides what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request succeeded.
    Done,
    /// A retry may succeed.
    Transient,
    /// The connection was closed before the request was sent.
    Stale,
    /// The response is not one of S3: it was cut off, or another server sent it.
    Garbled,
    /// The store asked to reduce the rate of requests.
    Throttled,
    /// The credentials have expired. Fresh ones may be valid.
    Expired,
    /// The clock of the signature is wrong by this offset.
    Skewed(Offset),
    /// The signature is for another region than the bucket's.
    WrongRegion,
    /// The upload does not exist: it was completed, aborted, or removed by a lifecycle rule.
    NoSuchUpload,
    /// A part is not the one that was uploaded: another process has replaced it, or it is gone.
    InvalidPart,
    /// Another request operates on the same object.
    Conflict,
    /// The object exists already, and must not be replaced.
    Exists,
    /// The object does not exist.
    NotFound,
    /// The request was refused. A retry will not help without a change.
    Refused,
    /// The endpoint cannot be reached. A retry will not help without a change.
    Unreachable,
}

impl Class {
    /// The classes of retried requests.
    pub const RETRIED: [Class; 8] = [
        Class::Transient,
        Class::Stale,
        Class::Garbled,
        Class::Throttled,
        Class::Expired,
        Class::Skewed(Offset(0)),
        Class::WrongRegion,
        Class::Conflict,
    ];

    /// The name in snake case, as in labels of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Class::Done => "done",
            Class::Transient => "transient",
            Class::Stale => "stale",
            Class::Garbled => "garbled",
            Class::Throttled => "throttled",
            Class::Expired => "expired",
            Class::Skewed(_) => "skewed",
            Class::WrongRegion => "wrong_region",
            Class::NoSuchUpload => "no_such_upload",
            Class::InvalidPart => "invalid_part",
            Class::Conflict => "conflict",
            Class::Exists => "exists",
            Class::NotFound => "not_found",
            Class::Refused => "refused",
            Class::Unreachable => "unreachable",
        }
    }
}

/// Parts of a response that serve messages only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// An excerpt of a body that is not one of S3.
    pub quote: Option<Quote>,
    /// The `Server` header.
    pub server: Option<String>,
    /// The target of a redirect.
    pub location: Option<String>,
    /// What a success response lacks, in the terms of the API.
    pub missing: Option<&'static str>,
}

/// The outcome of an attempt, with what is needed to decide about it and to explain it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The class.
    pub class: Class,
    /// The result, if the class is [`Class::Done`].
    pub answer: Option<Answer>,
    /// Whether the request may have taken effect, although no response confirmed it.
    pub maybe_done: bool,
    /// The status. 0 if there was no response.
    pub status: u16,
    /// The error document.
    pub error: Option<ErrorBody>,
    /// Further parts of the response.
    pub said: Said,
    /// Why there was no response.
    pub transport: Option<TransportError>,
    /// The delay that the store requested.
    pub retry_after: Option<Duration>,
    /// The region of the bucket, if the store named it.
    pub region: Option<String>,
    /// The offset of the store's clock, if the response shows it.
    pub clock: Option<Offset>,
    /// The duration of the exchange by the wall clock. `clock` may be off by half of it.
    pub took: Duration,
}

impl Verdict {
    /// Whether the outcome shows that more requests are in flight than the network or the store can
    /// handle.
    pub(crate) fn is_crowded(&self) -> bool {
        let is_slow = |error: &ErrorBody| error.code == "RequestTimeout";
        self.class == Class::Throttled
            || matches!(self.transport, Some(TransportError::Timeout(_)))
            || self.error.as_ref().is_some_and(is_slow)
    }

    /// The texts from the store that may appear in messages.
    pub(crate) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let Said { quote, server, location, .. } = &mut self.said;
        let said =
            [quote.as_mut().map(|quote| &mut quote.text), server.as_mut(), location.as_mut()];
        let error = self.error.iter_mut().flat_map(|error| {
            let ErrorBody { code, message, endpoint, argument, .. } = error;
            [Some(code), Some(message), endpoint.as_mut(), argument.as_mut()]
        });
        error.chain(said).flatten()
    }
}
