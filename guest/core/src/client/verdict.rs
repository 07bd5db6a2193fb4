//! What an attempt's outcome means, as values.

use std::fmt;
use std::time::Duration;

use super::clock::Offset;
use crate::quote::Quote;
use crate::s3::{ErrorBody, HeadObjectResult, ListMultipartUploadsResult, ListPartsResult};

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The host does not let the sink talk to this authority.
    Denied,
    /// The name of the endpoint has no address.
    Dns(String),
    /// No connection could be made.
    Connect(String),
    /// The other side could not prove who it is.
    Tls(String),
    /// A time limit passed. The text says which.
    Timeout(String),
    /// The connection ended before the answer did.
    Broken(String),
    /// A connection that was kept from before ended before any of the answer came: most likely it
    /// was closed before the request was sent.
    Stale,
    /// Something came that is not HTTP.
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

/// An attempt's outcome, sorted by what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The store did what was asked.
    Done,
    /// It may well go better the next time.
    Transient,
    /// The connection was closed before the request was sent.
    Stale,
    /// An answer came, and is none that S3 gives: it was cut off, or somebody else gave it.
    Garbled,
    /// The store asked to be spared for a while.
    Throttled,
    /// The credentials are no longer good, others may be.
    Expired,
    /// The clock that signed is wrong by this much.
    Skewed(Offset),
    /// The signature names another region than the bucket's.
    WrongRegion,
    /// The store does not know the upload: it was completed, aborted, or swept away.
    NoSuchUpload,
    /// Another writer was busy with the same object.
    Conflict,
    /// The object is there already, and must not be replaced.
    Exists,
    /// There is no such object.
    NotFound,
    /// Nothing will change until somebody changes something.
    Refused,
    /// The endpoint cannot be reached, and will not be until somebody changes something.
    Unreachable,
}

impl Class {
    /// The classes that a request may be tried again for.
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

    /// Its name in snake case, as the labels of metrics have it.
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
            Class::Conflict => "conflict",
            Class::Exists => "exists",
            Class::NotFound => "not_found",
            Class::Refused => "refused",
            Class::Unreachable => "unreachable",
        }
    }
}

/// What the store said when it did what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// That it is done.
    Plain,
    /// The id of a multipart upload.
    Created {
        /// The id.
        upload_id: String,
    },
    /// The ETag of a part.
    Stored {
        /// The ETag, quotes included.
        etag: String,
    },
    /// What an object is like.
    Found(HeadObjectResult),
    /// A page of open uploads.
    Uploads(ListMultipartUploadsResult),
    /// A page of the parts of an upload.
    Parts(ListPartsResult),
}

/// What an answer says beside what S3 says by it, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// What stands in a body that is none of S3.
    pub quote: Option<Quote>,
    /// What the server calls itself.
    pub server: Option<String>,
    /// Where it redirects to.
    pub location: Option<String>,
    /// What a success lacks that it must say, in the terms of the API.
    pub missing: Option<&'static str>,
}

/// An attempt's outcome with what is needed to decide about it and to explain it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What kind of outcome it is.
    pub class: Class,
    /// What the store said, with [`Class::Done`] and with no other.
    pub answer: Option<Answer>,
    /// Whether the store may have done what was asked, although it did not say so.
    pub maybe_done: bool,
    /// The status, and 0 where there was no answer.
    pub status: u16,
    /// What the store said.
    pub error: Option<ErrorBody>,
    /// What else the answer said.
    pub said: Said,
    /// Why there was no answer.
    pub transport: Option<TransportError>,
    /// How long the store asked to wait.
    pub retry_after: Option<Duration>,
    /// The bucket's region, where the store named it.
    pub region: Option<String>,
    /// How far the store's clock is from ours, where the answer shows it.
    pub clock: Option<Offset>,
    /// How long it took, by the clock of the day: half of that `clock` may be wrong.
    pub took: Duration,
}

impl Verdict {
    /// Whether it shows that more requests are under way than the line or the store can bear.
    pub(crate) fn is_crowded(&self) -> bool {
        let is_slow = |error: &ErrorBody| error.code == "RequestTimeout";
        self.class == Class::Throttled
            || matches!(self.transport, Some(TransportError::Timeout(_)))
            || self.error.as_ref().is_some_and(is_slow)
    }

    /// What of it are words of the store that somebody may be shown.
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
