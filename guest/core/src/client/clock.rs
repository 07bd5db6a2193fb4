//! The offset between this machine's clock and the store's.

use std::time::Duration;

use crate::http::Response;
use crate::time::Timestamp;

/// The offset of the store's clock from ours, in nanoseconds. Our time plus the offset is the
/// store's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(pub i64);

/// The times of one attempt, by our clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    /// When it was signed.
    pub sent: Timestamp,
    /// When its response arrived.
    pub received: Timestamp,
    /// The offset that it was signed with. It may have been corrected since.
    pub offset: Offset,
}

impl Offset {
    /// Converts our time to the store's.
    pub fn apply(self, ours: Timestamp) -> Timestamp {
        Timestamp(ours.0.saturating_add_signed(self.0))
    }

    /// Converts the store's time to ours.
    pub fn undo(self, theirs: Timestamp) -> Timestamp {
        Timestamp(theirs.0.saturating_add_signed(self.0.saturating_neg()))
    }

    /// The offset, given our time and the store's at one moment.
    pub fn between(ours: Timestamp, theirs: Timestamp) -> Option<Offset> {
        let difference = i128::from(theirs.0) - i128::from(ours.0);
        i64::try_from(difference).ok().map(Offset)
    }

    /// The offset as text, from the view of our clock: `60 s ahead of the store's`.
    pub fn in_words(self) -> String {
        let side = if self.0 > 0 { "behind" } else { "ahead of" };
        format!("{} s {side} the store's", self.seconds())
    }

    /// The absolute offset in whole seconds.
    pub fn seconds(self) -> u64 {
        self.0.unsigned_abs() / 1_000_000_000
    }
}

impl Flight {
    /// The offset that the response's `Date` shows, to a second.
    ///
    /// `Date` is compared with the middle of the exchange. `None` if the response has an `Age`,
    /// since a cache sent it, or if the exchange took too long for a measurement.
    pub fn measured(&self, response: &Response) -> Option<Offset> {
        let took = self.received.0.checked_sub(self.sent.0)?;
        if response.header("age").is_some() || took > TOLERATED {
            return None;
        }
        let date = Timestamp::parse_http_date(response.header("date")?)?;
        Offset::between(Timestamp(self.sent.0 + took / 2), date)
    }

    /// The duration of the exchange.
    pub fn took(&self) -> Duration {
        self.received.since(self.sent)
    }

    /// The measured offset, if it differs so much from the one of the signature that S3 may have
    /// refused it. S3 allows 15 minutes.
    pub fn correction(&self, response: &Response) -> Option<Offset> {
        let offset = self.measured(response)?;
        (offset.0.abs_diff(self.offset.0) > SUSPICIOUS).then_some(offset)
    }
}

/// The difference that S3 tolerates:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>
const TOLERATED: u64 = Duration::from_secs(15 * 60).as_nanos() as u64;
/// With a smaller difference, the clock is not the cause.
const SUSPICIOUS: u64 = Duration::from_secs(4 * 60).as_nanos() as u64;

#[cfg(test)]
mod tests;
