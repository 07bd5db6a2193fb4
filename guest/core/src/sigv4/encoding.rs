//! URI encoding for signatures. A text is signed as it is sent.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Encodes all bytes but the unreserved characters of RFC 3986, section 2.3: `A-Z a-z 0-9 - . _ ~`.
pub fn uri_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// As [`uri_encode`], but keeps `/`. Nothing is normalised: `//` and `..` are parts of a key.
pub fn uri_encode_path(path: &str) -> String {
    utf8_percent_encode(path, RESERVED_IN_PATH).to_string()
}

/// The canonical query of these names and values, without `?`: encoded, then sorted by name and
/// value. A name without a value keeps its `=`, as the signature requires.
pub fn canonical_query(pairs: &[(&str, &str)]) -> String {
    let encoded = pairs.iter().map(|(name, value)| (uri_encode(name), uri_encode(value)));
    let mut encoded: Vec<_> = encoded.collect();
    // The pairs are sorted, not the joined texts, since `=` sorts after the `-` of a longer name.
    encoded.sort();
    let texts: Vec<_> = encoded.iter().map(|(name, value)| format!("{name}={value}")).collect();
    texts.join("&")
}

/// The bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}

/// The bytes that `UriEncode()` of the page above encodes: all but `A`-`Z`, `a`-`z`, `0`-`9`, `-`,
/// `.`, `_` and `~`. Digits are upper-case hexadecimal.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same for an object key, where the slash is not encoded.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_unreserved_characters_and_no_others() {
        let all: String = (0..128).map(char::from).collect();
        let encoded = uri_encode(&all);
        let kept: String = all.chars().filter(|c| !encoded.contains(&escape(*c))).collect();
        assert_eq!(kept, "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
        assert_eq!(uri_encode("a/b c+d%e\u{1}é"), "a%2Fb%20c%2Bd%25e%01%C3%A9");
    }

    #[test]
    fn keeps_the_slashes_and_dots_of_a_path() {
        assert_eq!(uri_encode_path("/a//b/../c d%2F/."), "/a//b/../c%20d%252F/.");
    }

    #[test]
    fn sorts_a_query_by_encoded_name_and_then_value() {
        let pairs = [("b", "2"), ("a-c", "1"), ("a", "2"), ("é", ""), ("B", ""), ("a", "1")];
        assert_eq!(canonical_query(&pairs), "%C3%A9=&B=&a=1&a=2&a-c=1&b=2");
        assert_eq!(canonical_query(&[]), "");
    }

    #[test]
    fn writes_hexadecimal_digits() {
        assert_eq!(hex(&[0x00, 0x9a, 0xff]), "009aff");
    }

    fn escape(c: char) -> String {
        format!("%{:02X}", u32::from(c))
    }
}
