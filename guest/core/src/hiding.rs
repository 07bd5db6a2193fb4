//! Removes secrets from what a store answers. A store may repeat parts of a request, and its
//! answers are logged.

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;

/// Replaces a secret, and any long enough part of it, with `…` in a text from outside. It is found
/// as it is, percent-encoded, escaped as in XML or JSON, in base64 and in hexadecimal, and in
/// base64 or hexadecimal that is escaped in turn.
pub(crate) fn hide(secret: &str, text: &mut String) {
    if secret.is_empty() || text.is_empty() {
        return;
    }
    let needles = needles(secret);
    let mut view = View::of(text);
    let mut found = Vec::new();
    for _ in 0..=LAYERS {
        for needle in &needles {
            found.extend(view.places(needle));
        }
        match view.unescaped() {
            Some(inner) => view = inner,
            None => break,
        }
    }
    replace(text, found);
}

/// One encoding of a secret to search for.
struct Needle {
    bytes: Vec<u8>,
    /// Maps a byte of the text so that it compares with the bytes of the needle.
    fold: fn(u8) -> u8,
    /// Whether the match may be the end of a longer encoded text, which is then replaced as a
    /// whole.
    is_within: bool,
}

fn needles(secret: &str) -> Vec<Needle> {
    let bytes = secret.as_bytes();
    let plain = Needle { bytes: bytes.to_vec(), fold: |byte| byte, is_within: false };
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = Needle {
        bytes: digits.into_bytes(),
        fold: |byte| byte.to_ascii_lowercase(),
        is_within: false,
    };
    // The preceding bytes in the same base64 text decide how the bits are aligned. The first and
    // the last digit also contain bits of neighbouring bytes.
    let base64 = (0..3).filter_map(|skipped| {
        let rest = bytes.get(skipped..)?;
        let digits = BASE64_STANDARD_NO_PAD.encode(&rest[..rest.len() - rest.len() % 3]);
        let fold = |byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        };
        Some(Needle { bytes: digits.into_bytes(), fold, is_within: true })
    });
    let telling = |needle: &Needle| !needle.is_within || needle.bytes.len() >= TELLING_BYTES;
    [plain, hex].into_iter().chain(base64).filter(telling).collect()
}

/// A text, or its content with escapes removed. Each byte has the range of the original text that
/// it was read from.
struct View {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

impl View {
    fn of(text: &str) -> View {
        let bytes = text.as_bytes().to_vec();
        let places = (0..bytes.len()).map(|at| at..at + 1).collect();
        View { bytes, places }
    }

    /// The text with one layer of escapes removed. `None` if it contains no escape.
    fn unescaped(&self) -> Option<View> {
        let mut inner = View { bytes: Vec::new(), places: Vec::new() };
        let mut at = 0;
        while at < self.bytes.len() {
            let (said, len) = match escape(&self.bytes[at..]) {
                Some((character, len)) => {
                    let mut buffer = [0; 4];
                    let said = match character {
                        Escaped::Byte(byte) => vec![byte],
                        Escaped::Char(c) => c.encode_utf8(&mut buffer).as_bytes().to_vec(),
                    };
                    (said, len)
                }
                None => (vec![self.bytes[at]], 1),
            };
            let place = self.places[at].start..self.places[at + len - 1].end;
            inner.places.extend(said.iter().map(|_| place.clone()));
            inner.bytes.extend(said);
            at += len;
        }
        (inner.bytes.len() < self.bytes.len()).then_some(inner)
    }

    /// The ranges of the original text that match the needle, or a long enough part of it.
    fn places(&self, needle: &Needle) -> Vec<Range<usize>> {
        let folded: Vec<u8> = self.bytes.iter().map(|byte| (needle.fold)(*byte)).collect();
        let len = needle.bytes.len().min(GRAM_BYTES);
        let grams: HashSet<&[u8]> = needle.bytes.windows(len).collect();
        let mut found: Vec<Range<usize>> = Vec::new();
        for (at, gram) in folded.windows(len).enumerate() {
            if grams.contains(gram) {
                match found.last_mut() {
                    Some(last) if at <= last.end => last.end = at + len,
                    _ => found.push(at..at + len),
                }
            }
        }
        // A text that was cut may end within the secret.
        let end = folded.strip_suffix("…".as_bytes()).unwrap_or(&folded);
        let ends = |bytes: &usize| end.ends_with(&needle.bytes[..*bytes]);
        if let Some(bytes) = (TELLING_BYTES..needle.bytes.len()).rev().find(ends) {
            found.push(end.len() - bytes..end.len());
        }
        if needle.is_within {
            let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
            for range in &mut found {
                range.start -=
                    folded[..range.start].iter().rev().take_while(|b| is_digit(b)).count();
                range.end += folded[range.end..].iter().take_while(|b| is_digit(b)).count();
            }
        }
        let place =
            |range: Range<usize>| self.places[range.start].start..self.places[range.end - 1].end;
        found.into_iter().map(place).collect()
    }
}

enum Escaped {
    Byte(u8),
    Char(char),
}

/// The escape at the start of `bytes`, and its length.
fn escape(bytes: &[u8]) -> Option<(Escaped, usize)> {
    let number = |digits: &[u8], radix| {
        let digits = std::str::from_utf8(digits).ok().filter(|d| !d.starts_with(['+', '-']))?;
        u32::from_str_radix(digits, radix).ok()
    };
    let character = |code: u32, len| Some((Escaped::Char(char::from_u32(code)?), len));
    match bytes {
        [b'%', high, low, ..] => {
            let byte = u8::try_from(number(&[*high, *low], 16)?).ok()?;
            Some((Escaped::Byte(byte), 3))
        }
        [b'\\', b'u', rest @ ..] => character(number(rest.get(..4)?, 16)?, 6),
        [b'\\', b'x', rest @ ..] => character(number(rest.get(..2)?, 16)?, 4),
        [b'\\', quoted @ (b'/' | b'"' | b'\\' | b'\''), ..] => Some((Escaped::Byte(*quoted), 2)),
        [b'&', rest @ ..] => {
            let end = rest.iter().take(ENTITY_BYTES_MAX).position(|byte| *byte == b';')?;
            let (name, len) = (&rest[..end], end + 2);
            match name {
                [b'#', b'x' | b'X', digits @ ..] => character(number(digits, 16)?, len),
                [b'#', digits @ ..] => character(number(digits, 10)?, len),
                name => {
                    let name = std::str::from_utf8(name).ok()?;
                    let said = quick_xml::escape::resolve_predefined_entity(name)?;
                    Some((Escaped::Char(said.chars().next()?), len))
                }
            }
        }
        _ => None,
    }
}

fn replace(text: &mut String, mut found: Vec<Range<usize>>) {
    found.sort_unstable_by_key(|range| range.start);
    let mut shown = String::new();
    let mut from = 0;
    for range in found {
        if range.end <= from {
            continue;
        }
        if range.start > from || shown.is_empty() {
            let start = text.floor_char_boundary(range.start.max(from));
            shown.push_str(&text[from..start]);
            shown.push('…');
        }
        from = text.ceil_char_boundary(range.end);
    }
    if from > 0 {
        shown.push_str(&text[from..]);
        *text = shown;
    }
}

/// How many nested layers of escapes are removed.
const LAYERS: usize = 3;
/// The shortest part of a secret that is replaced wherever it appears.
const GRAM_BYTES: usize = 12;
/// The shortest start of a secret that is replaced at the end of a text. A shorter one reveals
/// nothing useful.
const TELLING_BYTES: usize = 6;
/// The longest entity, without its ampersand: a number of seven digits.
const ENTITY_BYTES_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::*;

    const TOKEN: &str = "FwoGZX/vYXdz+EJr//token&of<many>characters==";

    fn hidden(secret: &str, text: &str) -> String {
        let mut text = text.to_owned();
        hide(secret, &mut text);
        text
    }

    #[test]
    fn a_secret_is_hidden_as_it_is() {
        assert_eq!(hidden("", "it is tok"), "it is tok");
        assert_eq!(hidden("tok+en==", "it is tok+en==, I say tok+en=="), "it is …, I say …");
        for (said, shown) in [
            ("it is tok+en=", "it is …"),
            ("it is tok+en", "it is …"),
            ("it is tok+e", "it is tok+e"),
        ] {
            assert_eq!(hidden("tok+en==", said), shown, "{said}");
        }
        assert_eq!(hidden("tok+en==", "it is tok+en…"), "it is ……", "cut here");
        assert_eq!(hidden("ключик от дома", "it is ключ"), "it is …");
        assert_eq!(hidden("ключик от дома", "it is кл"), "it is кл");
    }

    #[test]
    fn a_part_of_it_is_hidden_as_well() {
        assert_eq!(hidden(TOKEN, "begins FwoGZX/vYXdz+EJr... bad"), "begins …... bad");
        assert_eq!(hidden(TOKEN, "(token&of<many>char)"), "(…)");
        assert_eq!(hidden(TOKEN, "many characters"), "many characters");
    }

    #[test]
    fn no_encoding_shows_it() {
        let percent: String = TOKEN.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let some = TOKEN.replace('/', "%2F").replace('+', "%2b").replace('&', "%26");
        let twice = some.replace('%', "%25");
        let xml = TOKEN.replace('&', "&amp;").replace('<', "&#60;").replace('>', "&#x3e;");
        let json = TOKEN.replace('/', "\\/").replace('&', "\\u0026");
        let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02X}")).collect();
        for encoded in [percent, some, twice, xml, json, hex] {
            assert_eq!(hidden(TOKEN, &format!("token {encoded}: no")), "token …: no", "{encoded}");
        }
        for before in ["", "a", "ab", "abc: "] {
            let whole = format!("{before}{TOKEN}, and more of it");
            for encoded in [
                BASE64_STANDARD.encode(&whole),
                BASE64_URL_SAFE_NO_PAD.encode(&whole),
                BASE64_STANDARD.encode(&whole).replace('=', "%3D").replace('/', "%2f"),
                BASE64_STANDARD.encode(&whole)[..30].to_owned(),
            ] {
                let shown = hidden(TOKEN, &format!("said {encoded}"));
                assert_eq!(shown, "said …", "{encoded}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let text = "100% of &it; \\u12 %zz %2 \\ & é&#x110000; stays, %41 too";
        assert_eq!(hidden(TOKEN, text), text);
        assert_eq!(hidden("abc", "ab %61bc abc"), "ab … …");
    }

    #[test]
    fn no_cut_makes_it_panic() {
        let text = "é%C3%A9&#233;\\u00e9ключ";
        for from in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            for to in (from..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                hidden("éééключик", &text[from..to]);
                hidden("é", &text[from..to]);
            }
        }
    }
}
