//! Why a line is no JSON document, as far as its bytes tell, and what to do.

use super::syntax::Fault;

/// The fault of `line` as a sentence, with its cause where that can be told.
pub(super) fn not_json(fault: &Fault, line: &[u8]) -> String {
    let at = fault.at();
    let cause = match line.get(at..).unwrap_or_default() {
        [0xEF, 0xBB, 0xBF, ..] => MARK.to_owned(),
        [0, ..] => nuls(line, at),
        // Of a string that has one the fault is told first.
        [] if is_open(line) => OPEN.to_owned(),
        [] => String::new(),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] if at == 0 => UTF_16.to_owned(),
        [b'{' | b'[', ..] if at > 0 && fault.is_behind() => BEHIND.to_owned(),
        // What is between the braces of a document that has a line of its own.
        [b':' | b',', ..] if fault.is_behind() => OPEN.to_owned(),
        [b'}' | b']', ..] if at == 0 => OPEN.to_owned(),
        _ => String::new(),
    };
    format!("not JSON: {fault}{cause}")
}

fn nuls(line: &[u8], at: usize) -> String {
    let count = line[at..].iter().take_while(|byte| **byte == 0).count();
    match count {
        // At every second byte, as in `{ NUL " NUL`.
        1 if line.iter().skip(at).step_by(2).take(8).all(|byte| *byte == 0) => UTF_16.to_owned(),
        1 => format!(", a NUL byte{COPYTRUNCATE}"),
        _ => format!(", where {count} NUL bytes are{COPYTRUNCATE}"),
    }
}

/// Whether an array or an object begins and does not end.
fn is_open(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'{' | b'['))
}

const MARK: &str = ", where a byte order mark (BOM) is, as in files that were concatenated. Only \
                      the first line may begin with it: remove it from this line";
const UTF_16: &str = ", of what looks like UTF-16; lines must be UTF-8: convert it, as with \
                      `iconv -f UTF-16 -t UTF-8`";
const COPYTRUNCATE: &str = ": logs have those that were truncated while their writer continued \
                      (copytruncate). `tr -d '\\000'` removes them";
const OPEN: &str = ". A document has one line, and this document seems to span several lines: \
                    `jq -c .` makes one line of each document, and `jq -c '.[]'` of each element \
                    of an array";
const BEHIND: &str = ": one line holds one document, and here another begins. `jq -c .` makes a \
                      line of each";
