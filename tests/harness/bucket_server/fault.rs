//! What can go wrong on a connection.

use std::time::Duration;

use spillway_simulation::faults::Fault;

/// One thing that goes wrong with one request on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketFault {
    /// What the bucket does and says is that of a [`Fault`]; where no answer would arrive, the
    /// connection is reset.
    Bucket(Fault),
    /// The connection is reset as soon as the request's head has come. On a connection that was
    /// used before, this is what a stale one looks like.
    ResetBefore,
    /// The whole request is read, and done; then the connection is reset.
    ResetAfter,
    /// Half of the answer's body is sent; then the connection ends. Without a body, as
    /// [`SocketFault::ResetAfter`].
    Truncated,
    /// The whole request is read, and nothing comes back, ever. Nothing is done.
    StallBefore,
    /// It is done, and nothing comes back, ever.
    StallAfter,
    /// The head of the answer is sent and half of its body, and then nothing more, ever. Without
    /// a body, as [`SocketFault::StallAfter`].
    StallInBody,
    /// All is well, and so much later.
    Slow(Duration),
    /// It is done at once, and answered so much later.
    SlowAnswer(Duration),
    /// The answer is a refusal, sent while the body is still coming: 403 `AccessDenied`.
    EarlyAnswer,
    /// The answer comes byte by byte, with a pause before each.
    Dribble(Duration),
    /// The connection says that it will close after the answer, and does.
    Close,
    /// All is well, and so long afterwards the connection is closed without a word, unless it is in
    /// use by then.
    CloseWhenIdle(Duration),
}
