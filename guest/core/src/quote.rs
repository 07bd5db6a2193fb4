//! Text from outside, made safe to appear within one line of a message.

use std::borrow::Cow;

/// An excerpt of a body that is not a response of S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Whether the body is a web page. The text is then its title, if it has one.
    pub is_page: bool,
    /// Its first line with a letter or a digit, as [`one_line`] returns it.
    pub text: String,
}

impl Quote {
    /// The excerpt of a body. `None` if the body is blank.
    pub fn of(body: &[u8]) -> Option<Quote> {
        let text = decoded(&body[..body.len().min(BODY_BYTES_MAX)]);
        let is_page = is_page(&text);
        let title = is_page.then(|| title(&text)).flatten();
        let lines = || text.lines().map(one_line).filter(|line| !line.is_empty());
        // The first line of a JSON document may be just a brace.
        let says = |line: &String| line.contains(char::is_alphanumeric);
        let first = || lines().find(says).or_else(|| lines().next());
        title.or_else(first).map(|text| Quote { is_page, text })
    }
}

/// The text as one line of at most 200 characters, without characters that move a cursor, begin a
/// line, or change the direction of writing.
pub fn one_line(text: &str) -> String {
    cut(&plain(text), CHARACTERS_MAX)
}

/// The text as one line of any length, without such characters.
pub fn plain(text: &str) -> String {
    let shown = text.chars().filter(|c| !is_invisible(*c));
    let spaced: String = shown.map(|c| if ends_line(c) { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(characters_max - 1).chain(['…']).collect(),
    }
}

/// Some servers answer in UTF-16 if the request does not name a character set.
fn decoded(body: &[u8]) -> Cow<'_, str> {
    let units = |read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = body[2..].as_chunks().0.iter().map(|pair| read(*pair)).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match body {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8_lossy(body),
    }
}

fn is_page(text: &str) -> bool {
    let begin = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let begin = begin[..begin.floor_char_boundary(LOOK_BYTES)].to_ascii_lowercase();
    let is_prefaced = begin.starts_with("<?xml") || begin.starts_with("<!--");
    PAGE.iter().any(|tag| begin.starts_with(tag)) || (is_prefaced && begin.contains("<html"))
}

/// The title of a page, or its first heading.
fn title(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    ["title", "h1"].into_iter().find_map(|name| {
        let open = lower.match_indices(&format!("<{name}")).find_map(|(at, tag)| {
            let behind = &lower[at + tag.len()..];
            let ends = behind.find('>')?;
            let is_tag = behind.starts_with(|c: char| c == '>' || c.is_whitespace());
            is_tag.then_some(at + tag.len() + ends + 1)
        })?;
        let close = lower[open..].find(&format!("</{name}"))?;
        let line = one_line(&unescaped(&without_tags(&text[open..open + close])));
        (!line.is_empty()).then_some(line)
    })
}

fn without_tags(text: &str) -> String {
    let mut outside = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        outside.push_str(before);
        outside.push(' ');
        rest = behind.split_once('>').map_or("", |(_, behind)| behind);
    }
    outside + rest
}

fn unescaped(text: &str) -> Cow<'_, str> {
    let known = |entity: &str| match entity {
        "nbsp" => Some(" "),
        name => quick_xml::escape::resolve_predefined_entity(name),
    };
    quick_xml::escape::unescape_with(text, known).unwrap_or(Cow::Borrowed(text))
}

/// Whether a character ends a line, or is a control character.
fn ends_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// NUL, and the characters of Unicode's category Cf. They are invisible, and some of them change
/// the direction of the text around them.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\0' | '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// How many bytes of a body are searched.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// How many bytes at the start of a body are searched for a tag of a page.
const LOOK_BYTES: usize = 1024;
const CHARACTERS_MAX: usize = 200;
/// What a page begins with, in lower case.
const PAGE: [&str; 5] = ["<!doctype html", "<html", "<head", "<title", "<h1"];

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(body: &str) -> (bool, String) {
        let quote = Quote::of(body.as_bytes()).expect("something to repeat");
        (quote.is_page, quote.text)
    }

    #[test]
    fn the_first_line_that_says_something_is_repeated() {
        let plain = |text: &str| (false, text.to_owned());
        assert_eq!(quoted("\r\n \t\n  no route 7 \nmore"), plain("no route 7"));
        assert_eq!(quoted("{\"error\": \"quota\"}"), plain("{\"error\": \"quota\"}"));
        assert_eq!(quoted("{\n  \"error\": 7\n}"), plain("\"error\": 7"));
        assert_eq!(quoted("\n***\n---"), plain("***"));
        assert_eq!(quoted("a\rb"), plain("a b"), "one line, not two");
        for blank in ["", " \r\n\t", "\0\0", "\u{feff}\n\u{200b}"] {
            assert_eq!(Quote::of(blank.as_bytes()), None, "{blank:?}");
        }
        let utf16: Vec<u8> = [0xff, 0xfe, b'n', 0, b'o', 0].to_vec();
        assert_eq!(Quote::of(&utf16).map(|quote| quote.text).as_deref(), Some("no"));
    }

    #[test]
    fn a_page_is_repeated_by_its_title() {
        let page = |text: &str| (true, text.to_owned());
        let whole = "<!DOCTYPE html>\n<html lang=\"en\"><head>\n<title id='t'>\n  Sign in &amp; \
                     go\n\
                     </title></head><body><h1>Hello</h1>";
        assert_eq!(quoted(whole), page("Sign in & go"));
        assert_eq!(quoted("<html><body><h1>Bad <b>Gateway</b></h1>"), page("Bad Gateway"));
        assert_eq!(quoted("<HTML><TITLE></TITLE><H1 class=x>418</H1>"), page("418"));
        assert_eq!(quoted("<html><titlebar>x</titlebar>"), page("<html><titlebar>x</titlebar>"));
        assert_eq!(quoted("<html><title>cut o"), page("<html><title>cut o"));
        assert!(!quoted("<Result><Title>x</Title></Result>").0);
    }

    #[test]
    fn nothing_in_it_forges_a_line_or_turns_one() {
        let evil = "\u{1b}[2Jok\u{202e}gpj\u{2066}\u{200b}.\u{2028}error: all is lost\u{85}\u{7}";
        assert_eq!(one_line(evil), "[2Jokgpj. error: all is lost");
        assert_eq!(one_line("\u{e0041}\u{feff}\u{61c}"), "");
    }

    #[test]
    fn it_has_two_hundred_characters_at_most() {
        assert_eq!(one_line(&"é".repeat(200)), "é".repeat(200));
        let cut = one_line(&"é".repeat(201));
        assert_eq!((cut.chars().count(), cut.ends_with("é…")), (200, true));
    }
}
