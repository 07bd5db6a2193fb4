//! Parses the two time formats of S3.

use super::{Civil, Timestamp};

impl Timestamp {
    /// Parses an IMF-fixdate, the format of the `Date` header: `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// The name of the day is not compared with the date. The two obsolete formats are not
    /// supported: one of them has a year of two digits, which is ambiguous without a clock.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>
    pub fn parse_http_date(text: &str) -> Option<Timestamp> {
        let (_day_name, rest) = text.split_once(", ")?;
        let rest = rest.strip_suffix(" GMT")?;
        let mut fields = rest.split(' ');
        let day = digits(fields.next()?, 2)?;
        let month_name = fields.next()?;
        let month = MONTHS.iter().position(|name| *name == month_name)? + 1;
        let year = digits(fields.next()?, 4)?;
        let (hour, minute, second) = time_of_day(fields.next()?)?;
        if fields.next().is_some() {
            return None;
        }
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        Civil { year, month, day, hour, minute, second }.timestamp()
    }

    /// Parses a time as S3 writes it in XML: `2010-11-10T20:48:33.000Z`. The fraction may have any
    /// number of digits, or be absent. Only UTC, written `Z`, is supported.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_MultipartUpload.html>
    pub fn parse_iso8601(text: &str) -> Option<Timestamp> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let mut fields = date.split('-');
        let year = digits(fields.next()?, 4)?;
        let month = u8::try_from(digits(fields.next()?, 2)?).ok()?;
        let day = u8::try_from(digits(fields.next()?, 2)?).ok()?;
        if fields.next().is_some() {
            return None;
        }
        let (time, fraction) = match time.split_once('.') {
            Some((time, fraction)) => (time, nanoseconds(fraction)?),
            None => (time, 0),
        };
        let (hour, minute, second) = time_of_day(time)?;
        let whole = Civil { year, month, day, hour, minute, second }.timestamp()?;
        whole.0.checked_add(fraction).map(Timestamp)
    }
}

fn time_of_day(text: &str) -> Option<(u8, u8, u8)> {
    let mut fields = text.split(':').map(|field| u8::try_from(digits(field, 2)?).ok());
    let time = (fields.next()??, fields.next()??, fields.next()??);
    fields.next().is_none().then_some(time)
}

/// A number of exactly `count` digits. `parse` alone would accept a sign.
fn digits(text: &str, count: usize) -> Option<u16> {
    let good = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if good { text.parse().ok() } else { None }
}

/// The fraction of a second in nanoseconds. Further digits are dropped.
fn nanoseconds(fraction: &str) -> Option<u64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_http_date() {
        let read = Timestamp::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(read, Some(Timestamp(784_111_777_000_000_000)));
        for bad in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:01 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT GMT",
            "Sun, 06 NOV 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(Timestamp::parse_http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_the_times_of_s3_documents() {
        let whole = Timestamp(1_289_422_113_000_000_000);
        assert_eq!(Timestamp::parse_iso8601("2010-11-10T20:48:33.000Z"), Some(whole));
        assert_eq!(Timestamp::parse_iso8601("2010-11-10T20:48:33Z"), Some(whole));
        let fine = Timestamp::parse_iso8601("2010-11-10T20:48:33.0123456789Z");
        assert_eq!(fine, Some(Timestamp(whole.0 + 12_345_678)));
        for bad in [
            "",
            "Z",
            "2010-11-10T20:48:33",
            "2010-11-10T20:48:33+00:00",
            "2010-11-10 20:48:33Z",
            "2010-11-10T20:48:33.Z",
            "2010-11-10T20:48:33.+1Z",
            "2010-11-10-01T20:48:33Z",
            "2010-13-10T20:48:33Z",
            "20é0-11-10T20:48:33Z",
        ] {
            assert_eq!(Timestamp::parse_iso8601(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_what_it_writes() {
        let at = Timestamp(1_700_000_000_123_000_000);
        assert_eq!(Timestamp::parse_iso8601(&at.iso8601()), Some(at));
    }
}
