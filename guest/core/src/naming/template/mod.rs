//! Templates of object names: parsed once, and rendered for each object.

mod caret;
mod date;
mod keys;
mod parse;
mod uuid;

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use date::DateFormat;

pub use uuid::Uuid;
pub(crate) use uuid::Uuids;

/// A parsed template: text and placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
    /// Cached, since [`date_step`](Template::date_step) is called for each run.
    date_step: Option<u64>,
}

/// The values for the placeholders, known before an object's first request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The key of its events.
    pub key: &'a str,
    /// The position of its first event.
    pub first: u64,
    /// When its first event happened.
    pub at: Timestamp,
    /// The UUID of this object.
    pub uuid: Uuid,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Key,
    First { width: usize },
    Sequence { width: usize },
    Date(DateFormat),
    Uuid,
}

/// A piece of a name. Only the number is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rendered {
    Text(String),
    /// The number of the object, with leading zeros up to this width.
    Number {
        width: usize,
    },
}

/// The name is the key.
impl Default for Template {
    fn default() -> Template {
        Template { text: "{key}".to_owned(), pieces: vec![Piece::Key], date_step: None }
    }
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// Three lines: the problem, the template, and a caret under the position of the problem.
    pub fn parse(text: &str) -> Result<Template, String> {
        let pieces = parse::parse(text);
        let pieces = pieces.map_err(|mistake| caret::point(&mistake.message, text, mistake.at))?;
        let date_step = dates(&pieces).map(DateFormat::step).min();
        Ok(Template { text: text.to_owned(), pieces, date_step })
    }

    /// Whether the names of all objects of one run are distinct, for any keys.
    pub fn is_unique(&self) -> bool {
        let differs =
            |piece: &Piece| !matches!(piece, Piece::Text(_) | Piece::Key | Piece::Date(_));
        self.pieces.iter().any(differs)
    }

    /// The common prefix of all names.
    pub fn beginning(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether names contain a number.
    pub fn has_sequence(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Sequence { .. }))
    }

    /// Whether names contain the position of the first event.
    pub fn has_first(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::First { .. }))
    }

    /// Whether the names of all objects of all writers are distinct.
    pub fn has_uuid(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Uuid))
    }

    /// A number of nanoseconds, as large as possible. Dates are constant between any two successive
    /// multiples of it. `None` if names have no date.
    pub(crate) fn date_step(&self) -> Option<u64> {
        self.date_step
    }

    /// The dates in names at this time. Events with different dates belong to different objects.
    pub(crate) fn dates_at(&self, at: Timestamp) -> String {
        let mut text = String::new();
        for format in dates(&self.pieces) {
            format.push(&mut text, at);
            text.push('\n');
        }
        text
    }

    /// Renders everything but the number, which may not be known yet.
    pub(crate) fn render(&self, facts: &Facts) -> Vec<Rendered> {
        let (mut rendered, mut text) = (Vec::new(), String::new());
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Key => text.push_str(facts.key),
                Piece::First { width } => push_number(&mut text, facts.first, *width),
                Piece::Date(format) => format.push(&mut text, facts.at),
                Piece::Uuid => {
                    write!(text, "{}", facts.uuid).expect("writing to a string cannot fail");
                }
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

fn dates(pieces: &[Piece]) -> impl Iterator<Item = &DateFormat> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Date(format) => Some(format),
        _ => None,
    })
}

/// The template as it was given.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Appends a number with leading zeros up to `width`.
pub(crate) fn push_number(text: &mut String, number: u64, width: usize) {
    write!(text, "{number:0width$}").expect("writing to a string cannot fail");
}

/// The most digits of a number.
pub(crate) const DIGITS_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, number: u64) -> String {
        let at = Timestamp::parse_iso8601("2026-01-02T03:04:05Z").unwrap();
        let facts = Facts { key: "a/b", first: 42, at, uuid: Uuid(0xAB) };
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
            ("{uuid}/{key}", "00000000-0000-0000-0000-0000000000ab/a/b"),
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
        for text in ["{first}", "{key}-{sequence}", "{date:%F}/{first:020}", "{uuid}"] {
            assert!(template(text).is_unique(), "{text}");
        }
        assert!(!template("{date:%s}/{key}").is_unique(), "two may fall into one second");
        assert!(template("{sequence}").has_sequence() && !template("{first}").has_sequence());
        assert!(template("{key}{uuid}").has_uuid() && !template("{key}-{first}").has_uuid());
    }

    /// Dates are compared step by step, so a step must be short enough for every format.
    #[test]
    fn no_date_changes_within_a_step() {
        for format in "%Y %y %m %d %j %H %M %S %s %F %T %G %V".split(' ') {
            let template = Template::parse(&format!("{{date:{format}}}/{{date:%F}}")).unwrap();
            let step = template.date_step().expect("it has a date");
            let mut random = fastrand::Rng::with_seed(3);
            for _ in 0..2_000 {
                let at = Timestamp(random.u64(..20_000 * 86_400) * 1_000_000_000);
                let begin = Timestamp(at.0 / step * step);
                let end = Timestamp(begin.0 + step - 1);
                assert_eq!(template.dates_at(begin), template.dates_at(end), "{format}");
            }
        }
        assert_eq!(Template::parse("{key}").unwrap().date_step(), None);
    }

    #[test]
    fn all_dates_of_a_name_are_compared() {
        let template = Template::parse("{date:%H}/{key}-{date:%M}").unwrap();
        let dates = |text| template.dates_at(Timestamp::parse_iso8601(text).unwrap());
        let one = dates("2026-01-02T03:04:05Z");
        assert_eq!(one, dates("2027-11-12T03:04:59Z"), "the day is no part of the name");
        assert_ne!(one, dates("2026-01-02T04:04:05Z"));
        assert_ne!(one, dates("2026-01-02T03:05:05Z"));
    }
}
