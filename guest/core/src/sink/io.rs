//! The inputs and outputs of a sink.

use bytes::Bytes;

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
    /// Events to store. Those without room are returned as [`Output::Rest`]. Their positions must
    /// not be below [`Sink::next_position`](crate::sink::Sink::next_position).
    Events(Run),
    /// The same up to the first event that no object can store. Only that one is rejected; those
    /// behind it in the run are ignored.
    EventsUntilRejected(Run),
    /// No event before this position will follow. It must not be below
    /// [`Sink::next_position`](crate::sink::Sink::next_position).
    Skip(u64),
    /// Seal every open object.
    Seal,
    /// Fail every object that is not visible.
    Abort,
    /// End every object that no checkpoint contains, without reporting it as failed.
    Suspend,
    /// Prepare a checkpoint: encoders are flushed into their objects. The checkpoint can be taken
    /// once [`Sink::is_at_rest`](crate::sink::Sink::is_at_rest).
    Prepare,
    /// The caller has stored the last checkpoint.
    Commit,
    /// Seal open objects, if the next commit would not make room for these events otherwise.
    MakeRoom(Demand),
    /// Try the deferred aborts again now.
    RetryAborts,
    /// Check whether the bucket can be written. Only one administrative call may be in progress.
    /// [`Sink::take_reply`](crate::sink::Sink::take_reply) returns its reply.
    Check,
    /// List the incomplete uploads with names that this configuration may write.
    IncompleteUploads,
    /// Abort one of them.
    AbortUpload {
        /// The key of the object.
        object_key: String,
        /// The id of the upload.
        upload_id: String,
    },
    /// Read the state that the host keeps with the store under this name.
    LoadState {
        /// The name.
        name: String,
    },
    /// Replace it.
    StoreState {
        /// The name.
        name: String,
        /// The new state. No other writer stores the same bytes.
        bytes: Bytes,
        /// The ETag of the state that it replaces. `None` if there is none.
        expected: Option<String>,
    },
    /// Prove that the store keeps state under this name, and evaluates conditions of writes.
    CheckState {
        /// The name.
        name: String,
    },
    /// An exchange has ended.
    Answer {
        /// The exchange.
        exchange: ExchangeId,
        /// The complete response, or why there is none.
        outcome: Result<Response, TransportError>,
    },
    /// The host's answer to [`Output::Credentials`].
    Credentials(Result<Credentials, CredentialsError>),
    /// Time has passed.
    Tick,
}

/// Something to do.
#[derive(Debug)]
pub enum Output {
    /// Send this request. Pass its outcome to [`Input::Answer`] exactly once.
    Send {
        /// The id for [`Input::Answer`].
        exchange: ExchangeId,
        /// The request, signed for the current time.
        request: Request,
        /// The timeouts of the request.
        timeouts: Timeouts,
        /// The largest body that the response may have, in bytes.
        response_bytes_max: usize,
    },
    /// Ask the host for credentials. Pass the result to [`Input::Credentials`].
    Credentials {
        /// Whether the host's cached credentials are known to be invalid.
        fresh: bool,
    },
    /// There is no room for these events of the last input, and they were not accepted. Pass them
    /// again before any other events, once [`Sink::has_room`](crate::sink::Sink::has_room).
    Rest(Run),
    /// These events of the last input can never be stored, and were not accepted.
    Rejected {
        /// The position of the first event. The others follow it.
        first: u64,
        /// The number of events.
        events: u64,
        /// The reason.
        reason: String,
    },
}
