//! The names of objects. All names are made here.

mod lane;
mod search;
mod sequence;
pub mod template;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::Problem;
use template::{DIGITS_MAX, Facts, Rendered, Template, push_number};

pub use lane::Lane;
pub(crate) use search::{Candidate, Look, Search};
pub use sequence::Sequences;

/// How objects are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The prefix of all names. May be empty.
    pub prefix: String,
    /// The template of the part after the prefix.
    pub template: Template,
    /// The suffix for the compression. It is added to names that do not end with it.
    pub suffix: &'static str,
    /// What to do if the name of an object is taken.
    pub on_existing: OnExisting,
    /// The prefix of the names that hosts keep their state under. No object has such a name.
    pub state_prefix: String,
    /// Which of the sinks that have these names in common has them.
    pub lane: Lane,
}

/// What to do if the name of an object is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExisting {
    /// Replace the existing object.
    Overwrite,
    /// Fail.
    Fail,
    /// Use the next free number.
    Next,
}

impl OnExisting {
    /// Whether the store is asked to create an object only if none exists with its name.
    pub fn is_conditional(self) -> bool {
        self != OnExisting::Overwrite
    }

    /// The default for names of a template. A name made of the key alone denotes one object,
    /// whoever writes it, so it is overwritten. A number is only one of several: another run,
    /// machine or file may count the same way, and its objects must not be replaced. A UUID is
    /// unique, so the store need not check.
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
    /// The name of an object without its number.
    ///
    /// # Errors
    ///
    /// The reason, as a sentence, if an object cannot have that name.
    pub fn stem(&self, facts: &Facts) -> Result<Stem, String> {
        if facts.key.is_empty() {
            return Err("the key is empty".to_owned());
        }
        let mut pieces = vec![Rendered::Text(self.prefix.clone())];
        pieces.extend(self.template.render(facts));
        // Appended to the last text instead of added as a piece, so that stems are equal if their
        // names are.
        match pieces.last_mut() {
            Some(Rendered::Text(text)) if text.ends_with(self.suffix) => {
                if self.lane.has_others() && !self.has_own_suffix() {
                    // The key without it gives the same name, and may be of another lane.
                    return Err(format!(
                        "the name ends with `{}` because of its key; with `lanes` above 1 it must \
                         not, since another key gives that name, too",
                        self.suffix
                    ));
                }
            }
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
        if stem.may_begin_with(&self.state_prefix) {
            let prefix = &self.state_prefix;
            return Err(format!(
                "the object's name is below `{prefix}`, which `state_prefix` reserves"
            ));
        }
        if !self.prefix.is_empty() {
            // Numbers are digits, so they do not affect the check.
            let name = stem.name(0);
            check_confined(&name[self.prefix.len()..])?;
        }
        Ok(stem)
    }

    /// Whether an object replaces an earlier one of the same key.
    pub(crate) fn replaces(&self) -> bool {
        !self.template.is_unique() && !self.on_existing.is_conditional()
    }

    /// The problem, if several objects of one key replace each other. `cause` is the field that
    /// makes several objects, with its value: `max_open_objects = 8`.
    pub fn refuse_several_of_one_key(&self, field: &str, cause: &str) -> Option<Problem> {
        self.replaces().then(|| {
            let message = format!(
                "`{cause}` makes several objects of one key, and each would replace the one before \
                 it; put `{{first}}`, `{{sequence}}` or `{{uuid}}` into `key_template`"
            );
            Problem::new(field, message)
        })
    }
}

/// The common part of the names of objects that differ in their numbers only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stem {
    pieces: Vec<Rendered>,
}

impl Stem {
    /// Whether a name may begin with this text, whichever number it has.
    fn may_begin_with(&self, text: &str) -> bool {
        let texts = self.pieces.iter().map_while(|piece| match piece {
            Rendered::Text(text) => Some(text.as_str()),
            Rendered::Number { .. } => None,
        });
        let fixed: String = texts.collect();
        let is_number = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
        fixed.starts_with(text)
            || self.is_numbered() && text.strip_prefix(&*fixed).is_some_and(is_number)
    }

    /// The name with this number. It is the same for all numbers if names have none.
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

    /// Whether the name has a number.
    pub fn is_numbered(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Rendered::Number { .. }))
    }

    /// Whether a template can have made this stem: the width of its numbers is within the limit.
    pub(crate) fn is_possible(&self) -> bool {
        self.pieces.iter().all(|piece| match piece {
            Rendered::Text(_) => true,
            Rendered::Number { width } => *width <= DIGITS_MAX,
        })
    }

    /// An id of the stem, stable across versions of this program. If two stems had the same id,
    /// they would share their numbers, which is harmless.
    pub fn id(&self) -> StemId {
        let mut hash = Sha256::new();
        for piece in &self.pieces {
            // Lengths make the hashed text unambiguous.
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

/// The id of a [`Stem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StemId(pub u64);

/// Checks that a tool that treats names as paths does not leave the prefix: no segment may denote
/// another folder or the root. `\` separates segments too, as it does on Windows.
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

/// The separators of path segments, on all systems.
pub(crate) const SEPARATORS: [char; 2] = ['/', '\\'];
/// The longest name that S3 allows, in bytes of UTF-8:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
pub(crate) const NAME_BYTES_MAX: usize = 1_024;

#[cfg(test)]
mod tests;
