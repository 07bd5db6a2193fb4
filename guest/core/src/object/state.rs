//! The state of an object in the store.

use std::time::Duration;

use super::name::ObjectName;
use super::parts::Parts;
use crate::checksum::Sum;
use crate::client::Attempted;
use crate::error::Error;
use crate::http::Body;

pub(super) enum State {
    /// Looking for a name. `asked` tells that HeadObject is in flight.
    Naming { asked: bool },
    /// Collecting bytes. Nothing was sent yet.
    Filling,
    /// PutObject is in flight.
    Putting { body: Body, sum: Option<Sum> },
    /// CreateMultipartUpload is in flight.
    Creating,
    /// Uploading parts as they fill.
    Uploading(Parts),
    /// CompleteMultipartUpload is in flight.
    Completing(Parts),
    /// Looking up with HeadObject whether PutObject or CompleteMultipartUpload took effect.
    Verifying { doubt: Error, sent: Sent, asked: bool, again: Option<(Attempted, Duration)> },
    /// Waiting for the calls in flight, to upload all bytes again afterwards.
    Restarting(Parts),
    /// The object is visible.
    Visible { parts: u32 },
    /// The object has failed.
    Failed,
}

/// What was sent, and may have made the object visible.
pub(super) enum Sent {
    AtOnce { body: Body, sum: Option<Sum> },
    InParts(Parts),
}

impl State {
    /// The state of a new object, which depends on whether it has its name.
    pub(super) fn begin(name: &ObjectName) -> State {
        if name.is_final() { State::Filling } else { State::Naming { asked: false } }
    }

    /// The parts of its upload, if it has one.
    pub(super) fn parts(&self) -> Option<&Parts> {
        match self {
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Restarting(parts)
            | State::Verifying { sent: Sent::InParts(parts), .. } => Some(parts),
            _ => None,
        }
    }
}
