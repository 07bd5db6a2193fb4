//! Points in time as events and dead letters write them.

use jiff::Timestamp;

/// The nanoseconds since 1970-01-01T00:00:00Z that a text after RFC 3339 names.
///
/// # Errors
///
/// What it is instead, to be put behind the name of a field.
pub(crate) fn of_rfc_3339(text: &str) -> Result<u64, String> {
    let allowed = "expected a time after RFC 3339, such as \"2026-05-01T12:30:00Z\"";
    let Ok(time) = text.parse::<Timestamp>() else {
        return Err(format!("is {text:?}, {allowed}"));
    };
    let nanoseconds = u64::try_from(time.as_nanosecond());
    nanoseconds.map_err(|_| format!("is {text:?}, {OUT_OF_RANGE}"))
}

/// How many nanoseconds a unit of time has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unit {
    #[default]
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Unit {
    /// The words for units in a flow.
    pub(crate) const WORDS: [(&str, Unit); 4] = [
        ("s", Unit::Seconds),
        ("ms", Unit::Milliseconds),
        ("us", Unit::Microseconds),
        ("ns", Unit::Nanoseconds),
    ];

    /// The decimal places between one of it and a nanosecond.
    fn places(self) -> i64 {
        match self {
            Unit::Seconds => 9,
            Unit::Milliseconds => 6,
            Unit::Microseconds => 3,
            Unit::Nanoseconds => 0,
        }
    }
}

/// The nanoseconds since 1970-01-01T00:00:00Z that a JSON number of units names. Digit by digit, as
/// no binary fraction holds today's nanoseconds; what is less than one of them is cut off.
///
/// # Errors
///
/// What is wrong with it, to be put behind the name of a field.
pub(crate) fn of_number(json: &str, unit: Unit) -> Result<u64, String> {
    let wrong = || format!("is {json}, {OUT_OF_RANGE}");
    let (mantissa, exponent) = match json.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().map_err(|_| wrong())?),
        None => (json, 0_i64),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (negative, whole) = match whole.strip_prefix('-') {
        Some(whole) => (true, whole),
        None => (false, whole),
    };
    let digits = || whole.bytes().chain(fraction.bytes()).map(|digit| digit.wrapping_sub(b'0'));
    if digits().any(|digit| digit > 9) {
        return Err(wrong());
    }
    // How many of the digits stand before the point, once the unit is a nanosecond.
    let places = whole.len() as i64;
    let places = places.checked_add(exponent).and_then(|p| p.checked_add(unit.places()));
    let mut places = places.ok_or_else(wrong)?;
    let is_zero = digits().all(|digit| digit == 0);
    let mut nanoseconds = 0_u64;
    for digit in digits().chain(std::iter::repeat(0)) {
        if places <= 0 || is_zero {
            break;
        }
        let next = nanoseconds.checked_mul(10).and_then(|n| n.checked_add(u64::from(digit)));
        nanoseconds = next.ok_or_else(wrong)?;
        places -= 1;
    }
    if negative && !is_zero { Err(wrong()) } else { Ok(nanoseconds) }
}

const OUT_OF_RANGE: &str = "expected a time from 1970 to 2554";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, nanoseconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-05-01T12:30:00.25+02:00", 1_777_631_400_250_000_000),
            ("2026-05-01t10:30:00z", 1_777_631_400_000_000_000),
            ("2016-12-31T23:59:60Z", 1_483_228_799_000_000_000),
        ] {
            assert_eq!(of_rfc_3339(text), Ok(nanoseconds), "{text}");
        }
        for text in ["", "noon", "2026-05-01", "2026-05-01T12:30:00", "2026-02-30T00:00:00Z"] {
            let reason = of_rfc_3339(text).unwrap_err();
            assert!(reason.starts_with(&format!("is {text:?}, expected a time after RFC 3339")));
        }
        let reason = of_rfc_3339("1969-12-31T23:59:59Z").unwrap_err();
        assert!(reason.ends_with("expected a time from 1970 to 2554"), "{reason}");
    }

    #[test]
    fn numbers() {
        use Unit::{Microseconds, Milliseconds, Nanoseconds, Seconds};
        for (json, unit, nanoseconds) in [
            ("1777631400", Seconds, 1_777_631_400_000_000_000),
            ("1777631400.123456789", Seconds, 1_777_631_400_123_456_789),
            ("1777631400.1234567899", Seconds, 1_777_631_400_123_456_789),
            ("1.7776314e9", Seconds, 1_777_631_400_000_000_000),
            ("17776314E+2", Seconds, 1_777_631_400_000_000_000),
            ("1777631400250", Milliseconds, 1_777_631_400_250_000_000),
            ("1777631400250000", Microseconds, 1_777_631_400_250_000_000),
            ("1777631400250000001.9", Nanoseconds, 1_777_631_400_250_000_001),
            ("12e-1", Nanoseconds, 1),
            ("0.000000001", Seconds, 1),
            ("1e-99", Seconds, 0),
            ("0", Seconds, 0),
            ("-0.0", Seconds, 0),
            ("0e99999", Seconds, 0),
            ("18446744073709551615", Nanoseconds, u64::MAX),
        ] {
            assert_eq!(of_number(json, unit), Ok(nanoseconds), "{json} {unit:?}");
        }
        for json in ["-1", "18446744074", "1e99", "1e99999999999999999999", "1e9223372036854775807"]
        {
            let reason = of_number(json, Seconds).unwrap_err();
            assert_eq!(reason, format!("is {json}, expected a time from 1970 to 2554"));
        }
    }
}
