//! What a sink is told, and what it asks for.

use crate::client::ExchangeId;
use crate::client::verdict::TransportError;
use crate::credentials::{Credentials, CredentialsError};
use crate::http::{Request, Response};
use crate::run::Run;
use crate::settings::Timeouts;
use crate::writer::Demand;

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// Events to store. Those there is no room for come back as [`Output::Rest`]. Their positions
    /// must not be below [`Sink::next_position`](crate::sink::Sink::next_position).
    Events(Run),
    /// No event before this position is still to come. Not below
    /// [`Sink::next_position`](crate::sink::Sink::next_position).
    Skip(u64),
    /// Every open object is sealed.
    Seal,
    /// Everything that is not visible is given up.
    Abort,
    /// Everything is given up that no checkpoint knows which may be resumed.
    Suspend,
    /// A checkpoint is to be taken: what encoders hold back goes into their objects. It can be
    /// taken once the sink is at rest: [`Sink::is_at_rest`](crate::sink::Sink::is_at_rest).
    Prepare,
    /// The caller has stored the last checkpoint.
    Commit,
    /// Open objects are sealed where the next commit would not make room for these otherwise.
    MakeRoom(Demand),
    /// Uploads that could not be aborted are tried once more, now.
    RetryAborts,
    /// Look whether the bucket can be written. Like the two that follow: one at a time, and what
    /// comes of it is taken with [`Sink::take_reply`](crate::sink::Sink::take_reply).
    Check,
    /// List the uploads that are open under the names that this configuration may write.
    IncompleteUploads,
    /// Abort one of them.
    AbortUpload {
        /// The name of the object that would be.
        name: String,
        /// The id of the upload.
        upload_id: String,
    },
    /// An exchange came to its end.
    Answer {
        /// Which one.
        exchange: ExchangeId,
        /// The whole answer, or why there is none.
        outcome: Result<Response, TransportError>,
    },
    /// The host's answer to [`Output::Credentials`].
    Credentials(Result<Credentials, CredentialsError>),
    /// Nothing but time has passed.
    Tick,
}

/// Something to be done.
#[derive(Debug)]
pub enum Output {
    /// Send this, and answer with [`Input::Answer`], exactly once.
    Send {
        /// What to call it in the answer.
        exchange: ExchangeId,
        /// The request, signed for now.
        request: Request,
        /// How long it may take.
        timeouts: Timeouts,
    },
    /// Ask the host for credentials, and answer with [`Input::Credentials`].
    Credentials {
        /// Whether what the host has cached is known to be of no use.
        fresh: bool,
    },
    /// There is no room for these of the last events given: they were not taken. Give them again,
    /// before any other, once there is: [`Sink::has_room`](crate::sink::Sink::has_room).
    Rest(Run),
    /// The last events given will never be stored, and were not accepted.
    Rejected {
        /// The position of the first; the others follow it.
        first: u64,
        /// How many they are.
        events: u64,
        /// Why.
        reason: String,
    },
}
