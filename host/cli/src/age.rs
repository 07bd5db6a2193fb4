//! Ages as people write and read them: `90s`, `15m`, `24h`, `7d`, `1d12h`.

use std::time::Duration;

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
    NoUnit(String),
    /// A unit that there is not.
    #[error("the unit `{0}` is unknown; there are s, m, h and d")]
    UnknownUnit(String),
    /// Units out of their order, or one of them twice.
    #[error(
        "`{0}` follows a unit that is not larger; write d before h, h before m, and m before s"
    )]
    OutOfOrder(char),
    /// More than can be counted.
    #[error("is too large")]
    TooLarge,
}

/// Reads an age: whole numbers, each with a unit, larger units first, nothing in between.
///
/// # Errors
///
/// [`AgeError`] says what is wrong with it, without the text itself.
pub fn parse(text: &str) -> Result<Duration, AgeError> {
    if text.is_empty() {
        return Err(AgeError::Empty);
    }
    let (mut rest, mut smallest, mut seconds) = (text, u64::MAX, 0_u64);
    while !rest.is_empty() {
        let (number, behind) = split(rest, |c| !c.is_ascii_digit());
        if number.is_empty() {
            return Err(AgeError::NoNumber(behind.to_owned()));
        }
        let (unit, behind) = split(behind, |c| c.is_ascii_digit());
        let mut letters = unit.chars();
        let (name, size) = match (letters.next(), letters.next()) {
            (None, _) => return Err(AgeError::NoUnit(number.to_owned())),
            (Some(letter), None) => match UNITS.iter().find(|(name, _)| *name == letter) {
                Some(unit) => *unit,
                None => return Err(AgeError::UnknownUnit(unit.to_owned())),
            },
            _ => return Err(AgeError::UnknownUnit(unit.to_owned())),
        };
        if size >= smallest {
            return Err(AgeError::OutOfOrder(name));
        }
        let number: u64 = number.parse().map_err(|_| AgeError::TooLarge)?;
        let more = number.checked_mul(size).and_then(|more| seconds.checked_add(more));
        seconds = more.ok_or(AgeError::TooLarge)?;
        (rest, smallest) = (behind, size);
    }
    Ok(Duration::from_secs(seconds))
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

fn split(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
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
            (" 1h", "has no number before ` 1h`; write a number with a unit, such as 24h"),
            ("1w", "the unit `w` is unknown; there are s, m, h and d"),
            ("1.5h", "the unit `.` is unknown; there are s, m, h and d"),
            ("1 h", "the unit ` h` is unknown; there are s, m, h and d"),
            ("1H", "the unit `H` is unknown; there are s, m, h and d"),
            ("10ms", "the unit `ms` is unknown; there are s, m, h and d"),
            ("1é", "the unit `é` is unknown; there are s, m, h and d"),
            (
                "5m1h",
                "`h` follows a unit that is not larger; write d before h, h before m, and m \
                 before s",
            ),
            (
                "1h1h",
                "`h` follows a unit that is not larger; write d before h, h before m, and m \
                 before s",
            ),
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
