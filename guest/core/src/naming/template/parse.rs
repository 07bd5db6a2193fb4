//! Parses a template, up to the first mistake.

use super::caret::shown;
use super::date::DateFormat;
use super::{DIGITS_MAX, Piece};
use crate::suggest::nearest;

/// A mistake in a template, and its byte offset.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) at: usize,
    pub(super) message: String,
}

impl Mistake {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Mistake {
        Mistake { at, message: message.into() }
    }
}

pub(super) fn parse(text: &str) -> Result<Vec<Piece>, Mistake> {
    // Each piece with its byte offset.
    let mut pieces: Vec<(usize, Piece)> = Vec::new();
    let mut at = 0;
    while let Some(brace) = text[at..].find(['{', '}']).map(|offset| at + offset) {
        push_text(&mut pieces, at, &text[at..brace]);
        let rest = &text[brace..];
        at = if rest.starts_with("{{") || rest.starts_with("}}") {
            push_text(&mut pieces, brace, &rest[..1]);
            brace + 2
        } else if rest.starts_with('}') {
            let message = "a `}` without its `{`; `}}` stands for one `}`";
            return Err(Mistake::new(brace, message));
        } else {
            let inner = &rest[1..];
            let end = inner.find(['{', '}']).filter(|end| inner[*end..].starts_with('}'));
            let Some(end) = end else {
                let message = "no `}` ends this; `{{` stands for one `{`";
                return Err(Mistake::new(brace, message));
            };
            pieces.push((brace, placeholder(&inner[..end], brace)?));
            brace + end + 2
        };
    }
    push_text(&mut pieces, at, &text[at..]);
    check_counts(&pieces)?;
    Ok(pieces.into_iter().map(|(_, piece)| piece).collect())
}

fn push_text(pieces: &mut Vec<(usize, Piece)>, at: usize, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some((_, Piece::Text(last))) => last.push_str(text),
        _ => pieces.push((at, Piece::Text(text.to_owned()))),
    }
}

/// Parses the text between braces. The opening brace is at byte `brace`.
fn placeholder(inner: &str, brace: usize) -> Result<Piece, Mistake> {
    let (name, argument) = match inner.split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (inner, None),
    };
    let behind_colon = brace + name.len() + 2;
    match name {
        "key" | "uuid" if argument.is_some() => {
            let message = format!("`{{{name}}}` takes nothing behind a colon");
            Err(Mistake::new(behind_colon - 1, message))
        }
        "key" => Ok(Piece::Key),
        "uuid" => Ok(Piece::Uuid),
        "first" => Ok(Piece::First { width: width(name, argument, behind_colon)? }),
        "sequence" => Ok(Piece::Sequence { width: width(name, argument, behind_colon)? }),
        "date" => match argument {
            Some(format) => DateFormat::parse(format, behind_colon).map(Piece::Date),
            None => {
                let message = "`{date}` wants a format, such as `{date:%Y/%m/%d}`";
                Err(Mistake::new(brace, message))
            }
        },
        _ => Err(Mistake::new(brace, unknown(name))),
    }
}

fn unknown(name: &str) -> String {
    // Only the start of a long name is shown.
    let shown: String = name.chars().take(40).map(shown).collect();
    match nearest(name.trim(), NAMES.into_iter()) {
        Some(near) => {
            let format = if near == "date" { ":…" } else { "" };
            format!("`{{{shown}}}` is unknown; did you mean `{{{near}{format}}}`?")
        }
        None => format!(
            "`{{{shown}}}` is unknown; there are `{{key}}`, `{{first}}`, `{{sequence}}`, \
             `{{uuid}}` \
             and `{{date:…}}`"
        ),
    }
}

/// `020` means a width of 20, filled with zeros.
fn width(name: &str, argument: Option<&str>, at: usize) -> Result<usize, Mistake> {
    let Some(argument) = argument else { return Ok(0) };
    let digits = argument.strip_prefix('0').filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    let width = digits.and_then(|digits| digits.parse().ok());
    width.filter(|width| (1..=DIGITS_MAX).contains(width)).ok_or_else(|| {
        let message = format!(
            "a width is `0` and a number from 1 to {DIGITS_MAX}, such as `{{{name}:06}}`, which \
             fills up with zeros"
        );
        Mistake::new(at, message)
    })
}

/// Rejects a number next to another digit, which makes names ambiguous: `a1` with 0, and `a` with
/// 10. A number of full width is always unambiguous. With a UUID, no two names are equal anyway.
fn check_counts(pieces: &[(usize, Piece)]) -> Result<(), Mistake> {
    if pieces.iter().any(|(_, piece)| matches!(piece, Piece::Uuid)) {
        return check_uuid(pieces);
    }
    let ends_in_digit = |piece: Option<&(usize, Piece)>| match piece {
        None => false,
        Some((_, Piece::Text(text))) => text.ends_with(|c: char| c.is_ascii_digit()),
        Some(_) => true,
    };
    let begins_with_digit = |piece: Option<&(usize, Piece)>| match piece {
        None => false,
        Some((_, Piece::Text(text))) => text.starts_with(|c: char| c.is_ascii_digit()),
        Some(_) => true,
    };
    for (index, (at, piece)) in pieces.iter().enumerate() {
        let name = match piece {
            Piece::First { width } if *width < DIGITS_MAX => "first",
            Piece::Sequence { width } if *width < DIGITS_MAX => "sequence",
            _ => continue,
        };
        let before = index.checked_sub(1).and_then(|index| pieces.get(index));
        if ends_in_digit(before) || begins_with_digit(pieces.get(index + 1)) {
            let message = format!(
                "`{{{name}}}` touches what may be a digit, so two objects could get one name; put \
                 a character such as `-` between them, or write `{{{name}:0{DIGITS_MAX}}}`"
            );
            return Err(Mistake::new(*at, message));
        }
    }
    Ok(())
}

/// Rejects a number beside a UUID. Names with a UUID never differ in the number only, so it would
/// always be 0.
fn check_uuid(pieces: &[(usize, Piece)]) -> Result<(), Mistake> {
    match pieces.iter().find(|(_, piece)| matches!(piece, Piece::Sequence { .. })) {
        None => Ok(()),
        Some((at, _)) => {
            let message = "`{sequence}` counts the objects whose names differ in it only, and with \
                           `{uuid}` there are none: leave one of the two out";
            Err(Mistake::new(*at, message))
        }
    }
}

/// The names of placeholders.
const NAMES: [&str; 5] = ["key", "first", "sequence", "uuid", "date"];

#[cfg(test)]
mod tests {
    use crate::naming::template::Template;

    /// The message, and the number of characters before the caret.
    fn mistake(template: &str) -> (String, usize) {
        let message = Template::parse(template).unwrap_err();
        let lines: Vec<_> = message.lines().collect();
        let [message, shown, caret] = lines[..] else { panic!("{message}") };
        assert_eq!(shown, format!("  {template}"));
        (message.to_owned(), caret.chars().count() - 3)
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        for (template, said, at) in [
            ("logs/{key}-{sequense}", "`{sequense}` is unknown; did you mean `{sequence}`?", 11),
            ("{ key }", "`{ key }` is unknown; did you mean `{key}`?", 0),
            ("{dat:%Y}", "`{dat}` is unknown; did you mean `{date:…}`?", 0),
            ("{}", "there are `{key}`, `{first}`, `{sequence}`, `{uuid}` and `{date:…}`", 0),
            ("a-{uid}", "`{uid}` is unknown; did you mean `{uuid}`?", 2),
            ("{uuid:7}", "`{uuid}` takes nothing behind a colon", 5),
            ("{key}-{sequence}.{uuid}", "`{sequence}` counts the objects whose names differ", 6),
            ("{hostname}", "`{hostname}` is unknown; there are `{key}`", 0),
            ("a{key", "no `}` ends this; `{{` stands for one `{`", 1),
            ("a{key/{first}", "no `}` ends this", 1),
            ("a}b", "a `}` without its `{`; `}}` stands for one `}`", 1),
            ("{{key}", "a `}` without its `{`", 5),
            ("{key:3}", "`{key}` takes nothing behind a colon", 4),
            ("{first:20}", "a width is `0` and a number from 1 to 20, such as `{first:06}`", 7),
            ("{first:021}", "a width is `0` and a number from 1 to 20", 7),
            ("{first:0}", "a width is `0` and a number", 7),
            ("{first:0+1}", "a width is `0` and a number", 7),
            ("{sequence:}", "such as `{sequence:06}`", 10),
            ("{date}", "`{date}` wants a format, such as `{date:%Y/%m/%d}`", 0),
            ("x/{date:}", "wants a format", 8),
            ("{date:%Y-%q}", "`%q` is unknown; there are %Y", 9),
            ("é{kez}", "did you mean `{key}`?", 1),
        ] {
            let (message, caret) = mistake(template);
            assert!(message.contains(said), "{template}: {message}");
            assert_eq!(caret, at, "{template}");
        }
    }

    #[test]
    fn a_number_is_told_from_what_stands_beside_it() {
        let touching = ["{key}{sequence}", "{sequence:06}{key}", "a1{first}", "{first}0"];
        for template in touching.into_iter().chain(["{date:%F}{first}", "{first}{sequence}"]) {
            let (message, _) = mistake(template);
            assert!(message.contains("touches what may be a digit"), "{template}: {message}");
        }
        for template in [
            "{key}-{sequence}",
            "{sequence}/{key}",
            "{key}{first:020}",
            "{first:020}{sequence:020}",
            "{key}{uuid}",
            "1{uuid}{first}{key}",
        ] {
            assert!(Template::parse(template).is_ok(), "{template}");
        }
    }
}
