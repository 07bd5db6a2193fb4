//! Ages as people write and read them: `90s`, `15m`, `24h`, `7d`, `1d12h`.

use std::time::Duration;

use humantime::DurationError;

/// Why a text is no age.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgeError {
    /// There is nothing.
    #[error("is empty; write a number with a unit, such as 24h")]
    Empty,
    /// Something that is no number stands where one has to.
    #[error("has no number before `{0}`; write a number with a unit, such as 24h")]
    NoNumber(String),
    /// A number without what it counts.
    #[error("{0} has no unit; write {0}s, {0}m, {0}h or {0}d")]
    NoUnit(u64),
    /// A unit that there is not.
    #[error("the unit `{0}` is unknown; there are s, m, h, d and w")]
    UnknownUnit(String),
    /// What is part of no number and of no unit.
    #[error("has `{0}`, which is part of no number and no unit; write it like 24h or 1d12h")]
    Stray(char),
    /// More than can be counted.
    #[error("is too large")]
    TooLarge,
}

/// Reads an age: numbers, each with a unit, as `humantime` reads them.
///
/// # Errors
///
/// [`AgeError`] says what is wrong with it, without the text itself.
pub fn parse(text: &str) -> Result<Duration, AgeError> {
    let rest = |at| text.get(at..).unwrap_or_default();
    // To humantime it is a month; who writes it means a minute.
    if text.contains('M') {
        return Err(AgeError::UnknownUnit("M".to_owned()));
    }
    humantime::parse_duration(text).map_err(|error| match error {
        DurationError::Empty => AgeError::Empty,
        DurationError::NumberExpected(at) => AgeError::NoNumber(rest(at).to_owned()),
        DurationError::UnknownUnit { unit, value, .. } if unit.is_empty() => {
            AgeError::NoUnit(value)
        }
        DurationError::UnknownUnit { unit, .. } => AgeError::UnknownUnit(unit),
        DurationError::InvalidCharacter(at) => {
            AgeError::Stray(rest(at).chars().next().unwrap_or_default())
        }
        DurationError::NumberOverflow => AgeError::TooLarge,
    })
}

/// An age by its two largest units, cut off rather than rounded: `7d 3h`, `12m 5s`, `0s`.
pub fn show(age: Duration) -> String {
    let mut rest = age.as_secs();
    let mut shown = Vec::new();
    for (name, size) in UNITS {
        if rest >= size || !shown.is_empty() {
            shown.push((rest / size, name));
            rest %= size;
        }
    }
    shown.truncate(2);
    shown.retain(|(number, _)| *number > 0);
    if shown.is_empty() {
        return "0s".to_owned();
    }
    shown.iter().map(|(number, name)| format!("{number}{name}")).collect::<Vec<_>>().join(" ")
}

/// The units in seconds, larger ones first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read() {
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("15m", 900),
            ("24h", 86_400),
            ("7d", 604_800),
            ("1d12h30m5s", 131_405),
            ("007h", 25_200),
            ("1w", 604_800),
            ("1.5h", 5_400),
            ("1 hour 30 minutes", 5_400),
            ("5m1h", 3_900),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_age_is_refused_with_what_would_be_one() {
        for (text, said) in [
            ("", "is empty; write a number with a unit, such as 24h"),
            ("24", "24 has no unit; write 24s, 24m, 24h or 24d"),
            ("1d12", "12 has no unit; write 12s, 12m, 12h or 12d"),
            ("h", "has no number before `h`; write a number with a unit, such as 24h"),
            ("-1h", "has no number before `-1h`; write a number with a unit, such as 24h"),
            (
                "1h,5m",
                "has `,`, which is part of no number and no unit; write it like 24h or 1d12h",
            ),
            ("1é", "has `é`, which is part of no number and no unit; write it like 24h or 1d12h"),
            ("1H", "the unit `H` is unknown; there are s, m, h, d and w"),
            ("5M", "the unit `M` is unknown; there are s, m, h, d and w"),
            ("10q", "the unit `q` is unknown; there are s, m, h, d and w"),
            ("99999999999999999999s", "is too large"),
            ("999999999999999999d", "is too large"),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert_eq!(error, said, "{text:?}");
        }
    }

    #[test]
    fn ages_are_shown_by_two_units() {
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (61, "1m 1s"),
            (3_601, "1h"),
            (3_661, "1h 1m"),
            (86_400, "1d"),
            (86_400 + 59, "1d"),
            (615_600, "7d 3h"),
        ] {
            assert_eq!(show(Duration::from_secs(seconds)), shown);
        }
    }
}
