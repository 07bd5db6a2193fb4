//! How far this machine's clock is from the store's.

use std::time::Duration;

use crate::http::Response;
use crate::time::Timestamp;

/// A difference of clocks, in nanoseconds: what must be added to ours to get the store's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(pub i64);

/// When one attempt was signed, and when its answer came, by our clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    /// When it was signed.
    pub sent: Timestamp,
    /// When its answer came.
    pub received: Timestamp,
    /// The offset it was signed with: others may have been found since.
    pub offset: Offset,
}

impl Offset {
    /// The store's time, where ours is `ours`.
    pub fn apply(self, ours: Timestamp) -> Timestamp {
        Timestamp(ours.0.saturating_add_signed(self.0))
    }

    /// Our time, where the store's is `theirs`.
    pub fn undo(self, theirs: Timestamp) -> Timestamp {
        Timestamp(theirs.0.saturating_add_signed(self.0.saturating_neg()))
    }

    /// What it is where our clock says `ours` while the store's says `theirs`.
    pub fn between(ours: Timestamp, theirs: Timestamp) -> Option<Offset> {
        let difference = i128::from(theirs.0) - i128::from(ours.0);
        i64::try_from(difference).ok().map(Offset)
    }

    /// The difference as it is told of our clock: `60 s ahead of the store's`.
    pub fn in_words(self) -> String {
        let side = if self.0 > 0 { "behind" } else { "ahead of" };
        format!("{} s {side} the store's", self.seconds())
    }

    /// The whole seconds of the difference, without its sign.
    pub fn seconds(self) -> u64 {
        self.0.unsigned_abs() / 1_000_000_000
    }
}

impl Flight {
    /// The offset that the answer's `Date` shows, to a second.
    ///
    /// `Date` is compared with the middle of the flight. An answer with `Age` came out of a cache,
    /// and of one that took longer than the limit nothing can be said.
    pub fn measured(&self, response: &Response) -> Option<Offset> {
        let took = self.received.0.checked_sub(self.sent.0)?;
        if response.header("age").is_some() || took > TOLERATED {
            return None;
        }
        let date = Timestamp::parse_http_date(response.header("date")?)?;
        Offset::between(Timestamp(self.sent.0 + took / 2), date)
    }

    /// How long it took.
    pub fn took(&self) -> Duration {
        self.received.since(self.sent)
    }

    /// The offset that was measured, where it differs from the one that the request was signed with
    /// by more than S3 could have liked: it refuses at 15 minutes.
    pub fn correction(&self, response: &Response) -> Option<Offset> {
        let offset = self.measured(response)?;
        (offset.0.abs_diff(self.offset.0) > SUSPICIOUS).then_some(offset)
    }
}

/// What S3 tolerates:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>
const TOLERATED: u64 = Duration::from_secs(15 * 60).as_nanos() as u64;
/// Below this the clock is not the reason.
const SUSPICIOUS: u64 = Duration::from_secs(4 * 60).as_nanos() as u64;

#[cfg(test)]
mod tests;
