//! Looks through the text of a JSON string eight bytes at a time.

/// How many of `text`'s first bytes stand for themselves in a JSON string: no quote, no backslash,
/// no control character.
pub(super) fn plain(text: &[u8]) -> usize {
    let (words, tail) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // A borrow can mark a byte wrongly, but only above one that is marked rightly.
        let equal = |byte: u8| {
            let difference = word ^ (LOW_BITS * u64::from(byte));
            difference.wrapping_sub(LOW_BITS) & !difference
        };
        let control = word.wrapping_sub(LOW_BITS * 0x20) & !word;
        let special = (equal(b'"') | equal(b'\\') | control) & HIGH_BITS;
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    text.len() - tail.len() + tail.iter().position(special).unwrap_or(tail.len())
}

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, seeds};

    #[test]
    fn plain_text_ends_where_the_plain_loop_says() {
        for seed in seeds(2000) {
            let random = &mut Random::new(seed);
            let text: Vec<u8> = (0..random.below(40))
                .map(|_| match random.below(3) {
                    0 => *random.pick(b"abc\x7f\x80\xc3\xff #!]z\x1f\x20\x00\"\\"),
                    _ => b'A',
                })
                .collect();
            let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            let expected = text.iter().position(special).unwrap_or(text.len());
            assert_eq!(plain(&text), expected, "SPILLWAY_SEED={seed} {text:x?}");
        }
    }
}
