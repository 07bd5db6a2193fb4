//! How far an object has come in the store.

use std::time::Duration;

use super::name::ObjectName;
use super::parts::Parts;
use crate::checksum::Sum;
use crate::client::Attempted;
use crate::error::Error;
use crate::http::Body;

pub(super) enum State {
    /// It has no name yet. `asked` says that HeadObject is in flight.
    Naming { asked: bool },
    /// The store knows nothing of it.
    Filling,
    /// PutObject is in flight.
    Putting { body: Body, sum: Option<Sum> },
    /// CreateMultipartUpload is in flight.
    Creating,
    /// Parts go up as they fill.
    Uploading(Parts),
    /// CompleteMultipartUpload is in flight.
    Completing(Parts),
    /// PutObject or CompleteMultipartUpload ended in doubt, and HeadObject is to tell.
    Verifying { doubt: Error, sent: Sent, asked: bool, again: Option<(Attempted, Duration)> },
    /// What is in flight is waited for; then all that there is of it is sent again.
    Restarting(Parts),
    /// The object is there.
    Visible { parts: u32 },
    /// It is not, and nothing more will be done.
    Failed,
}

/// What was sent, and may be an object by now.
pub(super) enum Sent {
    AtOnce { body: Body, sum: Option<Sum> },
    InParts(Parts),
}

impl State {
    /// Where an object begins: with a name, or in want of one.
    pub(super) fn begin(name: &ObjectName) -> State {
        if name.is_final() { State::Filling } else { State::Naming { asked: false } }
    }

    /// The parts that the store has of it, or is to have.
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
