//! The subset of strftime that names may use, in UTC.
//!
//! <https://pubs.opengroup.org/onlinepubs/9799919799/functions/strftime.html>

use std::fmt::Write as _;

use super::caret::shown;
use super::parse::Mistake;
use crate::time::{Civil, Timestamp};

/// A parsed date format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DateFormat {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(char),
    Conversion(Conversion),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conversion {
    Year,
    YearOfCentury,
    Month,
    Day,
    DayOfYear,
    Hour,
    Minute,
    Second,
    Seconds,
    Date,
    Time,
    IsoYear,
    IsoWeek,
}

impl DateFormat {
    /// Parses a format that starts at byte `begin` of its template.
    pub(super) fn parse(text: &str, begin: usize) -> Result<DateFormat, Mistake> {
        let mut pieces = Vec::new();
        let mut characters = text.char_indices();
        while let Some((at, character)) = characters.next() {
            if character != '%' {
                pieces.push(Piece::Text(character));
                continue;
            }
            let at = begin + at;
            let Some((_, letter)) = characters.next() else {
                return Err(Mistake::new(at, format!("nothing follows the `%`; {}", there_are())));
            };
            pieces.push(match CONVERSIONS.iter().find(|(known, _)| *known == letter) {
                Some((_, conversion)) => Piece::Conversion(*conversion),
                None if letter == '%' => Piece::Text('%'),
                None => {
                    let message = format!("`%{}` is unknown; {}", shown(letter), there_are());
                    return Err(Mistake::new(at, message));
                }
            });
        }
        if !pieces.iter().any(|piece| matches!(piece, Piece::Conversion(_))) {
            let message = "`{date:…}` wants a format, such as `{date:%Y/%m/%d}`";
            return Err(Mistake::new(begin, message.to_owned()));
        }
        Ok(DateFormat { pieces })
    }

    /// A number of nanoseconds, as large as possible. The formatted date is constant between any
    /// two successive multiples of it, counted from 1970.
    pub(super) fn step(&self) -> u64 {
        let steps = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Conversion(conversion) => Some(conversion.step_seconds()),
            Piece::Text(_) => None,
        });
        steps.min().unwrap_or(DAY_SECONDS) * 1_000_000_000
    }

    /// How many bytes each formatted time has, if all have as many.
    pub(super) fn width(&self) -> Option<usize> {
        let widths = self.pieces.iter().map(|piece| match piece {
            Piece::Text(character) => Some(character.len_utf8()),
            Piece::Conversion(conversion) => conversion.width(),
        });
        widths.sum()
    }

    /// Appends the formatted time to `text`.
    pub(super) fn push(&self, text: &mut String, at: Timestamp) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(character) => text.push(*character),
                Piece::Conversion(conversion) => {
                    conversion.write(text, at).expect("writing to a string cannot fail")
                }
            }
        }
    }
}

impl Conversion {
    /// In UTC, weeks and years begin when a day begins.
    fn step_seconds(self) -> u64 {
        match self {
            Conversion::Second | Conversion::Seconds | Conversion::Time => 1,
            Conversion::Minute => 60,
            Conversion::Hour => 60 * 60,
            Conversion::Year
            | Conversion::YearOfCentury
            | Conversion::Month
            | Conversion::Day
            | Conversion::DayOfYear
            | Conversion::Date
            | Conversion::IsoYear
            | Conversion::IsoWeek => DAY_SECONDS,
        }
    }

    /// Timestamps end with the year 2554.
    fn width(self) -> Option<usize> {
        Some(match self {
            Conversion::YearOfCentury
            | Conversion::Month
            | Conversion::Day
            | Conversion::Hour
            | Conversion::Minute
            | Conversion::Second
            | Conversion::IsoWeek => 2,
            Conversion::DayOfYear => 3,
            Conversion::Year | Conversion::IsoYear => 4,
            Conversion::Time => 8,
            Conversion::Date => 10,
            Conversion::Seconds => return None,
        })
    }

    fn write(self, text: &mut String, at: Timestamp) -> std::fmt::Result {
        let Civil { year, month, day, hour, minute, second } = at.civil();
        match self {
            Conversion::Year => write!(text, "{year:04}"),
            Conversion::YearOfCentury => write!(text, "{:02}", year % 100),
            Conversion::Month => write!(text, "{month:02}"),
            Conversion::Day => write!(text, "{day:02}"),
            Conversion::DayOfYear => write!(text, "{:03}", at.day_of_year()),
            Conversion::Hour => write!(text, "{hour:02}"),
            Conversion::Minute => write!(text, "{minute:02}"),
            Conversion::Second => write!(text, "{second:02}"),
            Conversion::Seconds => write!(text, "{}", at.0 / 1_000_000_000),
            Conversion::Date => write!(text, "{year:04}-{month:02}-{day:02}"),
            Conversion::Time => write!(text, "{hour:02}:{minute:02}:{second:02}"),
            Conversion::IsoYear => write!(text, "{:04}", at.iso_week().0),
            Conversion::IsoWeek => write!(text, "{:02}", at.iso_week().1),
        }
    }
}

fn there_are() -> String {
    let all: Vec<_> = CONVERSIONS.iter().map(|(letter, _)| format!("%{letter}")).collect();
    format!("there are {} and %%", all.join(", "))
}

const DAY_SECONDS: u64 = 24 * 60 * 60;

const CONVERSIONS: [(char, Conversion); 13] = [
    ('Y', Conversion::Year),
    ('y', Conversion::YearOfCentury),
    ('m', Conversion::Month),
    ('d', Conversion::Day),
    ('j', Conversion::DayOfYear),
    ('H', Conversion::Hour),
    ('M', Conversion::Minute),
    ('S', Conversion::Second),
    ('s', Conversion::Seconds),
    ('F', Conversion::Date),
    ('T', Conversion::Time),
    ('G', Conversion::IsoYear),
    ('V', Conversion::IsoWeek),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: &str, at: &str) -> String {
        let mut text = String::new();
        let at = Timestamp::parse_iso8601(at).unwrap();
        DateFormat::parse(format, 0).unwrap().push(&mut text, at);
        text
    }

    /// The expected texts are those of `date -u +FORMAT` of GNU coreutils.
    #[test]
    fn every_conversion_is_that_of_strftime() {
        let at = "2026-01-02T03:04:05.678Z";
        for (format, text) in [
            ("%Y-%m-%dT%H:%M:%S", "2026-01-02T03:04:05"),
            ("%y|%j|%s", "26|002|1767323045"),
            ("%FT%TZ", "2026-01-02T03:04:05Z"),
            ("%G-W%V", "2026-W01"),
            ("100%%/%d", "100%/02"),
            ("日%d", "日02"),
        ] {
            assert_eq!(written(format, at), text, "{format}");
        }
        for (at, text) in [
            ("2024-12-30T00:00:00Z", "2025-W01 365"),
            ("2021-01-03T23:59:59Z", "2020-W53 003"),
            ("1970-01-01T00:00:00Z", "1970-W01 001"),
            ("2000-12-31T00:00:00Z", "2000-W52 366"),
        ] {
            assert_eq!(written("%G-W%V %j", at), text, "{at}");
        }
    }

    #[test]
    fn what_is_unknown_is_refused_with_what_there_is() {
        let refused = |format| DateFormat::parse(format, 10).unwrap_err();
        let mistake = refused("%Y-%b");
        assert_eq!(mistake.at, 13);
        let all = "%Y, %y, %m, %d, %j, %H, %M, %S, %s, %F, %T, %G, %V and %%";
        assert_eq!(mistake.message, format!("`%b` is unknown; there are {all}"));
        assert!(refused("%\n").message.starts_with("`%\\n` is unknown"), "on one line");
        assert!(refused("%Y%").message.starts_with("nothing follows the `%`"));
        for format in ["", "day", "%%"] {
            assert!(refused(format).message.contains("wants a format"), "{format}");
        }
    }
}
