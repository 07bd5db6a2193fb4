//! Takes the blanks out of JSON and leaves everything else as it is written.

use super::plain::plain;

/// Appends `json`, which is valid, to `out` without the blanks between its tokens. Numbers, escapes
/// and members of the same name stay as they are written.
pub(super) fn append(json: &[u8], out: &mut Vec<u8>) {
    out.reserve(json.len());
    let (mut start, mut at) = (0, 0);
    while at < json.len() {
        match json[at] {
            b'"' => at = after_string(json, at),
            b' ' | b'\t' | b'\r' | b'\n' => {
                out.extend_from_slice(&json[start..at]);
                let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
                at += json[at..].iter().take_while(|byte| blank(byte)).count();
                start = at;
            }
            _ => at += 1,
        }
    }
    out.extend_from_slice(&json[start..]);
}

/// Where the string that begins at `start` is over.
fn after_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        at += plain(&json[at..]);
        match json.get(at) {
            // The character after the backslash is passed with it: it may be a quote.
            Some(b'\\') => at += 2,
            _ => return (at + 1).min(json.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::scan::scan;
    use crate::testing::{Random, random_json, seeds};

    #[test]
    fn only_blanks_between_tokens_go() {
        let text =
            b" { \"a \\\" b\" :\t[ 1.0 , 1e5,\r\n-0 ] , \"a\" : \"\\u00e9 \\\\\" , \"a\":{ } } ";
        let compact = br#"{"a \" b":[1.0,1e5,-0],"a":"\u00e9 \\","a":{}}"#;
        let mut out = b"before".to_vec();
        append(text, &mut out);
        assert_eq!(out.strip_prefix(b"before"), Some(&compact[..]));
    }

    #[test]
    fn compacting_what_was_made_pretty_gives_it_back() {
        for seed in seeds(1000) {
            let document = random_json(&mut Random::new(seed), 4);
            let pretty = serde_json::to_string_pretty(&document).unwrap();
            let mut out = Vec::new();
            append(pretty.as_bytes(), &mut out);
            let compact = serde_json::to_string(&document).unwrap();
            assert_eq!(str::from_utf8(&out), Ok(&*compact), "SPILLWAY_SEED={seed}");
            let [whole, _] = scan(&out, [Some(&[]), None]).unwrap();
            assert!(whole.unwrap().compact, "SPILLWAY_SEED={seed}");
        }
    }
}
