//! Messages that point at a position in a text.

/// The message, the text below it, and a caret under the byte `at` of the text. Control characters
/// are escaped. Of a long text, only the surroundings of the position are shown.
pub(super) fn point(message: &str, text: &str, at: usize) -> String {
    let before: Vec<char> = text[..at].chars().collect();
    let hidden = before.len().saturating_sub(SHOWN_BEFORE);
    let (mut line, mut space) = (String::new(), String::new());
    if hidden > 0 {
        line.push('…');
        space.push(' ');
    }
    for character in &before[hidden..] {
        let shown = shown(*character);
        for shown in shown.chars() {
            match columns(shown) {
                0 => {}
                1 => space.push(' '),
                // A space as wide as the character above it.
                _ => space.push('\u{3000}'),
            }
        }
        line.push_str(&shown);
    }
    let mut after = text[at..].chars();
    after.by_ref().take(SHOWN_AFTER).for_each(|character| line.push_str(&shown(character)));
    if after.next().is_some() {
        line.push('…');
    }
    format!("{message}\n  {line}\n  {space}^")
}

/// A character, escaped if it is a control character.
pub(super) fn shown(character: char) -> String {
    match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    }
}

/// How many columns of a terminal a character takes: none if it combines with the previous one, two
/// if it is a wide East Asian character or a picture. Whole Unicode blocks are accurate enough for
/// a caret.
///
/// <https://www.unicode.org/reports/tr11/>
fn columns(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036F | 0x200B..=0x200F | 0x20D0..=0x20FF | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// The most characters that are shown before the position.
const SHOWN_BEFORE: usize = 48;
/// The most characters that are shown from the position on.
const SHOWN_AFTER: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, at: usize) -> (String, String) {
        let pointed = point("message", text, at);
        let lines: Vec<_> = pointed.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, "message"), "{pointed:?}");
        (lines[1].to_owned(), lines[2].to_owned())
    }

    #[test]
    fn the_caret_stands_under_the_mistake() {
        let both = |text: &str, caret: &str| (text.to_owned(), caret.to_owned());
        assert_eq!(lines("ab{c}", 2), both("  ab{c}", "    ^"));
        assert_eq!(lines("é{c}", 2), both("  é{c}", "   ^"), "characters, not bytes");
        assert_eq!(lines("e\u{301}{c}", 3), both("  e\u{301}{c}", "   ^"));
        assert_eq!(lines("日{c}", 3), both("  日{c}", "  \u{3000}^"));
        assert_eq!(lines("\t\u{1b}{", 2), both("  \\t\\u{1b}{", "          ^"));
        assert_eq!(lines("a\nb{", 3), both("  a\\nb{", "      ^"), "one line stays one");
        assert_eq!(lines("abc", 3), both("  abc", "     ^"), "behind the end");
    }

    #[test]
    fn of_a_long_text_only_the_place_is_shown() {
        let text = format!("{}{{{}", "a".repeat(500), "b".repeat(500));
        let (shown, caret) = lines(&text, 500);
        assert_eq!(shown, format!("  …{}{{{}…", "a".repeat(48), "b".repeat(23)));
        assert_eq!(caret, format!("  {}^", " ".repeat(49)));
    }
}
