//! A timestamp as date and time of day in UTC, and the formats that S3 uses.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Timestamp;

/// A date and a time of day in UTC, in the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Civil {
    /// The year, 1970 to 2554, which is the range of a [`Timestamp`].
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, 1 to 31.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 59. It is 60 only if it was parsed from a text with a leap second.
    pub second: u8,
}

impl Timestamp {
    /// The date and the time of day in UTC. Fractions of a second are dropped.
    pub fn civil(self) -> Civil {
        let at = self.date_time();
        Civil {
            year: at.year() as u16,
            month: at.month() as u8,
            day: at.day() as u8,
            hour: at.hour() as u8,
            minute: at.minute() as u8,
            second: at.second() as u8,
        }
    }

    /// The day of the year in UTC, from 1.
    pub fn day_of_year(self) -> u16 {
        self.date_time().day_of_year() as u16
    }

    /// The ISO 8601 year and week in UTC. Weeks count from 1 and begin on Monday. A week belongs to
    /// the year of its Thursday.
    pub fn iso_week(self) -> (u16, u8) {
        let week = self.date_time().iso_week_date();
        (week.year() as u16, week.week() as u8)
    }

    fn date_time(self) -> DateTime {
        let at = jiff::Timestamp::from_nanosecond(self.0.into());
        TimeZone::UTC.to_datetime(at.expect("64 bits of nanoseconds end in 2554"))
    }

    /// The value of `x-amz-date`, such as `20130524T000000Z`.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html>
    pub fn amz_date(self) -> String {
        let Civil { year, month, day, hour, minute, second } = self.civil();
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }

    /// The time as S3 writes it in XML, such as `2010-11-10T20:48:33.000Z`. It always has
    /// milliseconds, so that such texts sort by time.
    pub fn iso8601(self) -> String {
        let Civil { year, month, day, hour, minute, second } = self.civil();
        let millisecond = self.0 / 1_000_000 % 1_000;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
    }
}

impl Civil {
    /// The time at which the second begins. `None` if the date or time does not exist, or is
    /// outside the range of a [`Timestamp`].
    pub fn timestamp(self) -> Option<Timestamp> {
        let Civil { year, month, day, hour, minute, second } = self;
        let date_time = |second: u8| {
            let (year, month, day) = (i16::try_from(year).ok()?, month as i8, day as i8);
            DateTime::new(year, month, day, hour as i8, minute as i8, second as i8, 0).ok()
        };
        // A leap second counts as the first second of the next minute, as in POSIX.
        let leap = u64::from(second == 60);
        let whole = TimeZone::UTC.to_timestamp(date_time(second - leap as u8)?).ok()?;
        let whole = u64::try_from(whole.as_nanosecond()).ok()?;
        whole.checked_add(leap * NANOSECONDS_PER_SECOND).map(Timestamp)
    }
}

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS_PER_DAY: u64 = 86_400;

    fn days_in_month(year: u64, month: u64) -> u64 {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        match month {
            2 => 28 + u64::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    #[test]
    fn writes_known_moments() {
        let at = Timestamp(1_369_353_600_000_000_000);
        assert_eq!(at.amz_date(), "20130524T000000Z");
        let leap_day = Timestamp(951_827_696_789_999_999);
        assert_eq!(leap_day.iso8601(), "2000-02-29T12:34:56.789Z");
        assert_eq!(Timestamp(0).iso8601(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(u64::MAX).iso8601(), "2554-07-21T23:34:33.709Z");
    }

    #[test]
    fn every_day_follows_the_day_before_and_comes_back() {
        let mut expected = (1970, 1, 1);
        for day in 0..=213_503 {
            let moment = Timestamp(day * SECONDS_PER_DAY * NANOSECONDS_PER_SECOND);
            let civil = moment.civil();
            let (year, month) = (u64::from(civil.year), u64::from(civil.month));
            assert_eq!((year, month, u64::from(civil.day)), expected);
            assert_eq!(civil.timestamp(), Some(moment));
            expected = if expected.2 < days_in_month(year, month) {
                (year, month, expected.2 + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
        }
        assert_eq!(expected, (2554, 7, 22));
    }

    #[test]
    fn refuses_dates_that_do_not_exist() {
        let good = Civil { year: 2024, month: 2, day: 29, hour: 23, minute: 59, second: 59 };
        assert!(good.timestamp().is_some());
        let leap_second = Civil { second: 60, ..good };
        assert_eq!(
            leap_second.timestamp().map(Timestamp::amz_date).as_deref(),
            Some("20240301T000000Z")
        );
        for bad in [
            Civil { year: 2023, ..good },
            Civil { year: 2100, ..good },
            Civil { year: 1969, day: 1, ..good },
            Civil { year: 2555, day: 1, ..good },
            Civil { month: 13, ..good },
            Civil { month: 0, ..good },
            Civil { day: 0, ..good },
            Civil { hour: 24, ..good },
            Civil { minute: 60, ..good },
            Civil { second: 61, ..good },
            Civil { year: u16::MAX, ..good },
            Civil { month: 130, ..good },
            Civil { day: u8::MAX, ..good },
        ] {
            assert_eq!(bad.timestamp(), None, "{bad:?}");
        }
    }
}
