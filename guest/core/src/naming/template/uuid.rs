//! UUIDs of version 7: unique among all writers, and ordered by time.
//!
//! <https://www.rfc-editor.org/rfc/rfc9562#section-5.7>

use std::fmt;

use crate::time::Timestamp;

/// A UUID. The default is the nil UUID, which stands for one that is not generated yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uuid(pub u128);

/// Generates UUIDs in ascending order.
#[derive(Debug, Default)]
pub(crate) struct Uuids {
    /// The milliseconds of the last UUID and the 12 bits after them, which count within a
    /// millisecond: <https://www.rfc-editor.org/rfc/rfc9562#section-6.2>, method 1.
    last: u64,
}

impl Uuids {
    /// The next UUID. If the clock stands still or was set back, the counter advances instead.
    pub(crate) fn next(&mut self, now: Timestamp, random: &mut fastrand::Rng) -> Uuid {
        let millis = now.0 / 1_000_000;
        // The random counter starts in the lower half, so that it can count up.
        let count = random.u64(..1 << (COUNT_BITS - 1));
        self.last = (self.last + 1).max(millis << COUNT_BITS | count);
        let (millis, count) = (self.last >> COUNT_BITS, self.last & ((1 << COUNT_BITS) - 1));
        let random = random.u128(..1 << 62);
        Uuid(u128::from(millis) << 80 | 7 << 76 | u128::from(count) << 64 | 0b10 << 62 | random)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]);
        f.write_str(&groups.join("-"))
    }
}

const COUNT_BITS: u32 = 12;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp(millis * 1_000_000)
    }

    /// The time is from the example in RFC 9562, appendix A.6.
    #[test]
    fn time_version_and_variant_are_where_the_standard_has_them() {
        let mut random = fastrand::Rng::with_seed(1);
        let text = Uuids::default().next(at(0x017F_22E2_79B0), &mut random).to_string();
        assert_eq!(text.len(), 36);
        assert!(text.starts_with("017f22e2-79b0-7"), "{text}");
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{text}");
        assert_eq!(Uuid::default().to_string(), "00000000-0000-0000-0000-000000000000");
    }

    #[test]
    fn each_is_greater_than_the_one_before_it_whatever_the_clock_does() {
        let mut random = fastrand::Rng::with_seed(2);
        let (mut uuids, mut before) = (Uuids::default(), String::new());
        for n in 0..20_000 {
            let millis = [5_000, 5_000, 4_000, 5_001][n % 4];
            let text = uuids.next(at(millis), &mut random).to_string();
            assert!(before < text, "{text} after {before}");
            assert_eq!(&text[14..15], "7");
            before = text;
        }
    }

    #[test]
    fn writers_of_one_moment_make_others() {
        let mut seen = BTreeSet::new();
        for seed in 0..10_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            assert!(seen.insert(Uuids::default().next(at(7), &mut random)), "seed {seed}");
        }
    }
}
