//! What objects are called: the one place where a name is made.

mod search;
mod sequence;
pub mod template;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::Problem;
use template::{DIGITS_MAX, Facts, Rendered, Template, push_number};

pub(crate) use search::{Candidate, Look, Search};
pub use sequence::Sequences;

/// How objects are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// What every name begins with; empty where keys are free.
    pub prefix: String,
    /// What follows it.
    pub template: Template,
    /// What they end in, unless they do already: how the objects are compressed.
    pub suffix: &'static str,
    /// What becomes of an object whose name is taken.
    pub on_existing: OnExisting,
}

/// What becomes of an object whose name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExisting {
    /// It replaces the other.
    Overwrite,
    /// It fails.
    Fail,
    /// It gets the next number that is free.
    Next,
}

impl OnExisting {
    /// Whether the store is told to make an object only where there is none of its name.
    pub fn is_conditional(self) -> bool {
        self != OnExisting::Overwrite
    }

    /// What holds for names of that template where nothing is written. A name that is its key means
    /// the same object, whoever writes it. A number means one of several, and another run, another
    /// machine or another file may count as this one does: what they made is not replaced. Nobody
    /// else makes a UUID, and so the store is asked nothing.
    pub fn of(template: &Template) -> OnExisting {
        if template.has_uuid() {
            OnExisting::Overwrite
        } else if template.has_sequence() {
            OnExisting::Next
        } else if template.has_first() {
            OnExisting::Fail
        } else {
            OnExisting::Overwrite
        }
    }
}

impl Names {
    /// The name of an object that is known so far, all but its number.
    ///
    /// # Errors
    ///
    /// Why there can be no object of that name, as a sentence for people.
    pub fn stem(&self, facts: &Facts) -> Result<Stem, String> {
        if facts.key.is_empty() {
            return Err("the key is empty".to_owned());
        }
        let mut pieces = vec![Rendered::Text(self.prefix.clone())];
        pieces.extend(self.template.render(facts));
        // A part of the last text, and no piece of its own: stems are one where their names are.
        match pieces.last_mut() {
            Some(Rendered::Text(text)) if text.ends_with(self.suffix) => {}
            Some(Rendered::Text(text)) => text.push_str(self.suffix),
            _ => pieces.push(Rendered::Text(self.suffix.to_owned())),
        }
        let stem = Stem { pieces };
        let len = stem.len_max();
        if len > NAME_BYTES_MAX {
            let number = if stem.is_numbered() { " with a number of 20 digits" } else { "" };
            return Err(format!(
                "the object's name has {len} bytes{number}, but S3 allows {NAME_BYTES_MAX}"
            ));
        }
        if !self.prefix.is_empty() {
            // Numbers are digits, and change nothing about where a name leads.
            let name = stem.name(0);
            check_confined(&name[self.prefix.len()..])?;
        }
        Ok(stem)
    }

    /// What is wrong where one key gets several objects, each of which replaces the one before it.
    /// `cause` is the field that makes it several, and what it is set to: `max_open_objects = 8`.
    pub fn refuse_several_of_one_key(&self, field: &str, cause: &str) -> Option<Problem> {
        let safe = self.template.is_unique() || self.on_existing.is_conditional();
        (!safe).then(|| {
            let message = format!(
                "`{cause}` makes several objects of one key, and each would replace the one before \
                 it; put `{{first}}`, `{{sequence}}` or `{{uuid}}` into `key_template`"
            );
            Problem::new(field, message)
        })
    }
}

/// What objects are called that differ in their numbers only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stem {
    pieces: Vec<Rendered>,
}

impl Stem {
    /// The name of the object of that number. The same for all numbers, where it has none.
    pub fn name(&self, number: u64) -> String {
        let mut name = String::new();
        for piece in &self.pieces {
            match piece {
                Rendered::Text(text) => name.push_str(text),
                Rendered::Number { width } => push_number(&mut name, number, *width),
            }
        }
        name
    }

    /// Whether there is a number in it.
    pub fn is_numbered(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Rendered::Number { .. }))
    }

    /// Whether a template can have made it: numbers have no more zeros in front than that allows.
    pub(crate) fn is_possible(&self) -> bool {
        self.pieces.iter().all(|piece| match piece {
            Rendered::Text(_) => true,
            Rendered::Number { width } => *width <= DIGITS_MAX,
        })
    }

    /// Tells stems apart, also from one version of this program to the next. Where two were taken
    /// for one, they would share their numbers, and lose nothing.
    pub fn id(&self) -> StemId {
        let mut hash = Sha256::new();
        for piece in &self.pieces {
            // Lengths keep apart what the pieces alone would not.
            let (kind, text) = match piece {
                Rendered::Text(text) => (text.len() as u64, text.as_str()),
                Rendered::Number { width } => (u64::MAX - *width as u64, ""),
            };
            hash.update(kind.to_be_bytes());
            hash.update(text);
        }
        let first = hash.finalize().iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte));
        StemId(first)
    }

    /// The length of the longest name, in bytes.
    fn len_max(&self) -> usize {
        let len = |piece: &Rendered| match piece {
            Rendered::Text(text) => text.len(),
            Rendered::Number { .. } => DIGITS_MAX,
        };
        self.pieces.iter().map(len).sum()
    }
}

/// Stands for a [`Stem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StemId(pub u64);

/// A tool that takes names for paths must not be led out of the prefix by what follows it: by a
/// segment that means another folder, or by one that means the root. `\` parts segments, too, as
/// it does on Windows.
fn check_confined(rest: &str) -> Result<(), String> {
    if rest.starts_with(SEPARATORS) {
        return Err(format!("behind the prefix the object's name begins with `{}`", &rest[..1]));
    }
    match rest.split(SEPARATORS).find(|segment| matches!(*segment, "." | "..")) {
        Some(segment) => {
            Err(format!("behind the prefix the object's name has a segment `{segment}`"))
        }
        None => Ok(()),
    }
}

/// What parts the segments of a path, here or there.
pub(crate) const SEPARATORS: [char; 2] = ['/', '\\'];
/// The longest name that S3 takes, in bytes of UTF-8:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
pub(crate) const NAME_BYTES_MAX: usize = 1_024;

#[cfg(test)]
mod tests;
