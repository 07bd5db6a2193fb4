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
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    /// Fri, 24 May 2013 00:00:00 GMT
    const MAY_24: u64 = 1_369_353_600 * SECOND;

    fn answer(headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        Response { status: 403, headers, body: Default::default() }
    }

    fn flight(seconds_before: u64, took: u64, offset: i64) -> Flight {
        let sent = Timestamp(MAY_24 - seconds_before * SECOND);
        Flight { sent, received: Timestamp(sent.0 + took * SECOND), offset: Offset(offset) }
    }

    const DATE: (&str, &str) = ("Date", "Fri, 24 May 2013 00:00:00 GMT");

    #[test]
    fn a_clock_that_is_behind_is_found() {
        let offset = flight(3_600, 2, 0).correction(&answer(&[DATE])).expect("an hour");
        assert_eq!(offset, Offset(3_599 * SECOND as i64), "to the middle of the flight");
        assert_eq!(offset.apply(Timestamp(MAY_24 - 3_599 * SECOND)), Timestamp(MAY_24));
        assert_eq!(offset.undo(Timestamp(MAY_24)), Timestamp(MAY_24 - 3_599 * SECOND));
    }

    #[test]
    fn the_offset_that_counts_is_the_one_it_was_signed_with() {
        let offset = 3_600 * SECOND as i64;
        assert_eq!(flight(3_600, 0, offset).correction(&answer(&[DATE])), None);
        assert!(flight(3_600, 0, 0).correction(&answer(&[DATE])).is_some());
    }

    #[test]
    fn what_says_nothing_corrects_nothing() {
        assert_eq!(flight(200, 0, 0).correction(&answer(&[DATE])), None, "below four minutes");
        let small = Some(Offset(200 * SECOND as i64));
        assert_eq!(flight(200, 0, 0).measured(&answer(&[DATE])), small, "but it is measured");
        assert_eq!(flight(3_600, 0, 0).correction(&answer(&[DATE, ("Age", "1")])), None);
        assert_eq!(flight(3_600, 1_000, 0).correction(&answer(&[DATE])), None, "too long a flight");
        assert_eq!(flight(3_600, 0, 0).correction(&answer(&[])), None);
    }
}
