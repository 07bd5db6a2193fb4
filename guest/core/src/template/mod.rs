//! Templates of objects' names: parsed once, rendered for each object.

mod caret;
mod date;
mod parse;

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use date::DateFormat;

/// A template that was understood: text, and what differs from object to object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

/// What is known of an object before its first request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The key that its events carry.
    pub key: &'a str,
    /// The position of its first event.
    pub first: u64,
    /// When its first event happened.
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Key,
    First { width: usize },
    Sequence { width: usize },
    Date(DateFormat),
}

/// A piece of a name, rendered but for its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rendered {
    Text(String),
    /// The number of the object, with zeros in front of it up to this width.
    Number {
        width: usize,
    },
}

/// A name is its key, and nothing else.
impl Default for Template {
    fn default() -> Template {
        Template { text: "{key}".to_owned(), pieces: vec![Piece::Key] }
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in three lines: a sentence, the template, and a caret under the
    /// mistake.
    pub fn parse(text: &str) -> Result<Template, String> {
        let pieces = parse::parse(text);
        let pieces = pieces.map_err(|mistake| caret::point(&mistake.message, text, mistake.at))?;
        Ok(Template { text: text.to_owned(), pieces })
    }

    /// Whether no two objects of one run can have one name by it, whatever their keys are.
    pub fn is_unique(&self) -> bool {
        let counts = |piece: &Piece| matches!(piece, Piece::First { .. } | Piece::Sequence { .. });
        self.pieces.iter().any(counts)
    }

    /// The text that every name has before anything else.
    pub fn beginning(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether objects are numbered.
    pub fn has_sequence(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Sequence { .. }))
    }

    /// Everything but the number, which may not be known yet.
    pub(crate) fn render(&self, facts: &Facts) -> Vec<Rendered> {
        let (mut rendered, mut text) = (Vec::new(), String::new());
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Key => text.push_str(facts.key),
                Piece::First { width } => push_number(&mut text, facts.first, *width),
                Piece::Date(format) => format.push(&mut text, facts.at),
                Piece::Sequence { width } => {
                    rendered.push(Rendered::Text(std::mem::take(&mut text)));
                    rendered.push(Rendered::Number { width: *width });
                }
            }
        }
        rendered.push(Rendered::Text(text));
        rendered
    }
}

/// As it was written.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Adds a number with zeros in front of it up to `width`.
pub(crate) fn push_number(text: &mut String, number: u64, width: usize) {
    write!(text, "{number:0width$}").expect("a text takes all that is written to it");
}

/// The most digits that a number has.
pub(crate) const DIGITS_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, number: u64) -> String {
        let at = Timestamp::parse_iso8601("2026-01-02T03:04:05Z").unwrap();
        let facts = Facts { key: "a/b", first: 42, at };
        let mut name = String::new();
        for piece in Template::parse(template).unwrap().render(&facts) {
            match piece {
                Rendered::Text(text) => name.push_str(&text),
                Rendered::Number { width } => push_number(&mut name, number, width),
            }
        }
        name
    }

    #[test]
    fn every_piece_is_rendered() {
        for (template, name) in [
            ("{key}", "a/b"),
            ("logs/{key}.ndjson", "logs/a/b.ndjson"),
            ("{first}", "42"),
            ("{first:020}", "00000000000000000042"),
            ("{key}-{sequence}", "a/b-7"),
            ("{sequence:06}_{key}", "000007_a/b"),
            ("{sequence:01}", "7"),
            ("{date:%Y/%m/%d/%H}/{key}", "2026/01/02/03/a/b"),
            ("{{{key}}}", "{a/b}"),
            ("}}{{", "}{"),
            ("日本/{key}", "日本/a/b"),
        ] {
            assert_eq!(rendered(template, 7), name, "{template}");
        }
    }

    #[test]
    fn what_counts_makes_names_unique() {
        let template = |text| Template::parse(text).unwrap();
        for text in ["{first}", "{key}-{sequence}", "{date:%F}/{first:020}"] {
            assert!(template(text).is_unique(), "{text}");
        }
        assert!(!template("{date:%s}/{key}").is_unique(), "two may fall into one second");
        assert!(template("{sequence}").has_sequence() && !template("{first}").has_sequence());
    }
}
