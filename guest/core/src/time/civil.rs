//! A timestamp as a date and a time of day, in UTC, and the texts that S3 wants it in.

use super::Timestamp;

/// A date and a time of day in UTC, in the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Civil {
    /// The year, 1970 to 2554: what a [`Timestamp`] reaches.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, 1 to 31.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 59; 60 only where it was parsed from a text that names a leap second.
    pub second: u8,
}

impl Timestamp {
    /// The date and the time of day in UTC. What is below a second is dropped.
    pub fn civil(self) -> Civil {
        let seconds = self.0 / NANOSECONDS_PER_SECOND;
        let (year, month, day) = date(seconds / SECONDS_PER_DAY);
        let second_of_day = seconds % SECONDS_PER_DAY;
        Civil {
            year: year as u16,
            month: month as u8,
            day: day as u8,
            hour: (second_of_day / 3600) as u8,
            minute: (second_of_day / 60 % 60) as u8,
            second: (second_of_day % 60) as u8,
        }
    }

    /// The day of the year in UTC, from 1.
    pub fn day_of_year(self) -> u16 {
        day_of_year(self.0 / NANOSECONDS_PER_SECOND / SECONDS_PER_DAY)
    }

    /// The year and the week, from 1, in UTC after ISO 8601: weeks begin on Monday, and belong to
    /// the year that their Thursday is in.
    pub fn iso_week(self) -> (u16, u8) {
        let days = self.0 / NANOSECONDS_PER_SECOND / SECONDS_PER_DAY;
        // 1970-01-01 was a Thursday.
        let days_since_monday = (days + 3) % 7;
        let thursday = days + 3 - days_since_monday;
        let (year, _, _) = date(thursday);
        (year as u16, ((day_of_year(thursday) - 1) / 7 + 1) as u8)
    }

    /// The text of `x-amz-date`, such as `20130524T000000Z`.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html>
    pub fn amz_date(self) -> String {
        let Civil { hour, minute, second, .. } = self.civil();
        format!("{}T{hour:02}{minute:02}{second:02}Z", self.date_stamp())
    }

    /// The date as it stands in a credential scope, such as `20130524`.
    pub fn date_stamp(self) -> String {
        let Civil { year, month, day, .. } = self.civil();
        format!("{year:04}{month:02}{day:02}")
    }

    /// The moment as S3 writes it in XML, such as `2010-11-10T20:48:33.000Z`: always with
    /// milliseconds, so that the order of such texts is the order of time.
    pub fn iso8601(self) -> String {
        let Civil { year, month, day, hour, minute, second } = self.civil();
        let millisecond = self.0 / 1_000_000 % 1_000;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
    }
}

impl Civil {
    /// The moment at which that second begins, or nothing where there is no such date or time, or
    /// where it lies outside of what a [`Timestamp`] reaches.
    pub fn timestamp(self) -> Option<Timestamp> {
        let Civil { year, month, day, hour, minute, second } = self;
        let whole_day = days_since_epoch(year.into(), month.into(), day.into())?;
        // A leap second is counted as the first second of the next minute, as POSIX does.
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let second_of_day = u64::from(hour) * 3600 + u64::from(minute) * 60 + u64::from(second);
        let seconds = whole_day * SECONDS_PER_DAY + second_of_day;
        seconds.checked_mul(NANOSECONDS_PER_SECOND).map(Timestamp)
    }
}

/// Year, month and day of a count of days since 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Years are counted from March, so that the leap day is the last of its year and a date
    // follows from a division; eras of 400 years all have the same number of days.
    let days = days + DAYS_BEFORE_EPOCH;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - days_before_year(year_of_era);
    // From March on, months have 31, 30, 31, 30, 31 days, and again: 153 in five months.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - days_before_month(month_from_march) + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The day of the year, from 1, of a count of days since 1970-01-01.
fn day_of_year(days: u64) -> u16 {
    let (year, _, _) = date(days);
    let new_year = days_since_epoch(year, 1, 1).unwrap_or_default();
    (days - new_year + 1) as u16
}

/// The inverse of [`date`], for real dates from 1970 on.
fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let year_from_march = year - u64::from(month <= 2);
    let month_from_march = (month + 9) % 12;
    let (era, year_of_era) = (year_from_march / 400, year_from_march % 400);
    let day_of_year = days_before_month(month_from_march) + day - 1;
    let days = era * DAYS_PER_ERA + days_before_year(year_of_era) + day_of_year;
    days.checked_sub(DAYS_BEFORE_EPOCH)
}

fn days_in_month(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_before_year(year_of_era: u64) -> u64 {
    365 * year_of_era + year_of_era / 4 - year_of_era / 100
}

fn days_before_month(month_from_march: u64) -> u64 {
    (153 * month_from_march + 2) / 5
}

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;
const DAYS_PER_ERA: u64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_EPOCH: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_known_moments() {
        let at = Timestamp(1_369_353_600_000_000_000);
        assert_eq!(at.amz_date(), "20130524T000000Z");
        assert_eq!(at.date_stamp(), "20130524");
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
        assert_eq!(leap_second.timestamp().map(Timestamp::date_stamp).as_deref(), Some("20240301"));
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
        ] {
            assert_eq!(bad.timestamp(), None, "{bad:?}");
        }
    }
}
