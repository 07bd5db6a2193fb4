//! Which key a name is of. It is told where no two keys give one name.

use super::{DIGITS_MAX, Piece, Template};

impl Template {
    /// Why two keys may give one name, if they may.
    pub fn mixes_keys(&self) -> Option<&'static str> {
        let mut keys = self.pieces.iter().filter(|piece| matches!(piece, Piece::Key));
        if keys.next().is_none() {
            return Some("it has no `{key}`");
        }
        let Some((before, after)) = self.sides() else {
            return Some("`{key}` stands in it more than once");
        };
        let next = |index: usize| before.get(index + 1);
        let last = |index: usize| after.get(index.checked_sub(1)?);
        let is_apart = |text: &str, end: fn(&str) -> Option<char>| {
            end(text).is_some_and(|character| !character.is_ascii_digit())
        };
        let mixed = |piece: &Piece, beside: Option<&Piece>, end| match (piece, beside) {
            (Piece::First { width } | Piece::Sequence { width }, _) if *width >= DIGITS_MAX => None,
            (Piece::First { .. } | Piece::Sequence { .. }, Some(Piece::Text(text)))
                if is_apart(text, end) =>
            {
                None
            }
            // The parser allows it beside a UUID, by which names differ. The key is not told from
            // it.
            (Piece::First { .. } | Piece::Sequence { .. }, _) => Some(TOUCHES),
            (Piece::Date(format), _) if format.width().is_none() => Some(NO_WIDTH),
            _ => None,
        };
        let first_of = |text: &str| text.chars().next();
        let last_of = |text: &str| text.chars().next_back();
        let mut before = before.iter().enumerate();
        let mut after = after.iter().enumerate();
        before
            .find_map(|(index, piece)| mixed(piece, next(index), first_of))
            .or_else(|| after.find_map(|(index, piece)| mixed(piece, last(index), last_of)))
    }

    /// The key in what this template has made, where it does not mix keys.
    pub(in crate::naming) fn key_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        let (before, after) = self.sides()?;
        let rest = before.iter().try_fold(name, |rest, piece| piece.strip_front(rest))?;
        let key = after.iter().rev().try_fold(rest, |rest, piece| piece.strip_back(rest))?;
        (!key.is_empty()).then_some(key)
    }

    /// What stands before the key and behind it, where it stands in the template once.
    fn sides(&self) -> Option<(&[Piece], &[Piece])> {
        let is_key = |piece: &Piece| matches!(piece, Piece::Key);
        let at = self.pieces.iter().position(is_key)?;
        let (before, after) = (&self.pieces[..at], &self.pieces[at + 1..]);
        (!after.iter().any(is_key)).then_some((before, after))
    }

    /// Whether what this template makes ends with this text, whatever stands for its placeholders.
    pub(in crate::naming) fn ends_with(&self, text: &str) -> bool {
        text.is_empty()
            || matches!(self.pieces.last(), Some(Piece::Text(last)) if last.ends_with(text))
    }
}

impl Piece {
    /// What follows what this piece has made.
    fn strip_front<'a>(&self, name: &'a str) -> Option<&'a str> {
        match self {
            Piece::Text(text) => name.strip_prefix(text.as_str()),
            Piece::Key => None,
            Piece::First { width } | Piece::Sequence { width } if *width >= DIGITS_MAX => {
                name.get(DIGITS_MAX..)
            }
            Piece::First { .. } | Piece::Sequence { .. } => {
                let rest = name.trim_start_matches(|c: char| c.is_ascii_digit());
                (rest.len() < name.len()).then_some(rest)
            }
            Piece::Date(format) => name.get(format.width()?..),
            Piece::Uuid => name.get(UUID_BYTES..),
        }
    }

    /// What stands before what this piece has made.
    fn strip_back<'a>(&self, name: &'a str) -> Option<&'a str> {
        let without = |bytes| name.get(..name.len().checked_sub(bytes)?);
        match self {
            Piece::Text(text) => name.strip_suffix(text.as_str()),
            Piece::Key => None,
            Piece::First { width } | Piece::Sequence { width } if *width >= DIGITS_MAX => {
                without(DIGITS_MAX)
            }
            Piece::First { .. } | Piece::Sequence { .. } => {
                let rest = name.trim_end_matches(|c: char| c.is_ascii_digit());
                (rest.len() < name.len()).then_some(rest)
            }
            Piece::Date(format) => without(format.width()?),
            Piece::Uuid => without(UUID_BYTES),
        }
    }
}

const UUID_BYTES: usize = 36;
const TOUCHES: &str = "between `{key}` and a number, and beside that, a character has to stand that \
                       is no digit, as in `{key}-{sequence}`";
const NO_WIDTH: &str = "a date with `%s` is not always as long";
