//! Texts of others on their way out of this program: to a terminal, a log, a file or a page. They
//! may be keys, messages of a component or answers of a store, and must neither change what a
//! terminal shows nor read as another message.

use std::borrow::Cow;

/// The text with `\u{…}` in the place of each character that acts. Lines stay lines.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    replaced(text, |c| c != '\n' && acts(c), |c| c.escape_unicode().to_string())
}

/// The same in one line: its line feeds become `\n`.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    replaced(text, acts, |c| c.escape_default().to_string())
}

/// The same, but for lines below it that are indented: a message may point at a place in a text,
/// and no such line reads as another message.
pub(crate) fn paragraph(text: &str) -> String {
    text.split(INDENTED).map(line).collect::<Vec<_>>().join(INDENTED)
}

/// A JSON document with the escapes of JSON: it means the same. Lines stay lines.
pub(crate) fn json(document: &str) -> Cow<'_, str> {
    let units = |c: char| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    };
    replaced(document, |c| c != '\n' && acts(c), units)
}

/// The text with a space in the place of each such character, where there are no escapes.
pub(crate) fn blank(text: &str) -> Cow<'_, str> {
    replaced(text, acts, |_| " ".to_owned())
}

/// Whether a character does something to a text rather than being seen in it: control characters,
/// separators of lines, what turns the direction of what follows, and what takes no room. With them
/// a text reads as another one.
/// <https://www.unicode.org/reports/tr9/#Bidirectional_Character_Types>
/// <https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>
pub(crate) fn acts(c: char) -> bool {
    let separates = matches!(c, '\u{2028}' | '\u{2029}');
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
    );
    let is_unseen = matches!(
        c,
        '\u{ad}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2060}'..='\u{2064}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    c.is_control() || separates || turns || is_unseen
}

fn replaced(
    text: &str,
    is_out: impl Fn(char) -> bool,
    put: impl Fn(char) -> String,
) -> Cow<'_, str> {
    if !text.contains(&is_out) {
        return text.into();
    }
    let kept = |c: char| if is_out(c) { put(c) } else { c.to_string() };
    text.chars().map(kept).collect::<String>().into()
}

const INDENTED: &str = "\n  ";

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "a\u{0}\u{7}\t\r\n\u{1b}[2J\u{7f}\u{85}\u{9b}\u{ad}\u{61c}\u{180e}\u{200b}\
                       \u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\
                       \u{2066}\u{2069}\u{feff}\u{fffb}\u{e0001}z";

    #[test]
    fn nothing_that_acts_is_left() {
        assert!(!line(ALL).contains(acts) && !blank(ALL).contains(acts));
        assert_eq!(text(ALL).matches(acts).collect::<Vec<_>>(), ["\n"]);
        assert_eq!(line("a\n\u{1b}\u{202e}é"), "a\\n\\u{1b}\\u{202e}é");
        assert_eq!(blank("a\n\u{2028}b"), "a  b");
    }

    #[test]
    fn only_lines_that_are_indented_stay_lines() {
        assert_eq!(paragraph("is wrong\n  a{b\n   ^"), "is wrong\n  a{b\n   ^");
        assert_eq!(paragraph("is wrong\nerror: no\r\n x"), "is wrong\\nerror: no\\r\\n x");
    }

    #[test]
    fn a_document_means_the_same() {
        let document = serde_json::to_string(ALL).unwrap();
        let shown = json(&document);
        assert!(!shown.contains(acts), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), ALL);
    }

    #[test]
    fn what_is_seen_stays() {
        for seen in ["", "key/ä/日本/🙂", "a \u{a0}b", "e\u{301}", "\u{5d0}\u{5d1}"] {
            assert!(matches!(line(seen), Cow::Borrowed(same) if same == seen));
        }
    }
}
