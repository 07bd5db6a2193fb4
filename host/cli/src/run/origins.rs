//! Of which file a line of the stream is, for people.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::source::{FileKey, Note, Slice};

/// Of which file the lines are that were read not long ago.
#[derive(Default)]
pub(super) struct Origins {
    names: HashMap<FileKey, Arc<str>>,
    slices: VecDeque<Slice>,
}

impl Origins {
    /// The stream says this of the files, behind all that it said before.
    pub(super) fn add(&mut self, note: &Note) {
        match note {
            Note::File(key, mark) => drop(self.names.insert(*key, mark.path.as_str().into())),
            Note::Slice(slice) if !slice.is_empty() => {
                self.slices.push_back(slice.clone());
                if self.slices.len() > SLICES_MAX {
                    self.slices.pop_front();
                }
            }
            // Its lines may still be asked for, but not for long.
            Note::Gone(_) | Note::GivenUp | Note::Looked | Note::Slice(_) | Note::Notice(_) => {}
        }
        if self.names.len() > NAMES_MAX {
            let used: Vec<FileKey> = self.slices.iter().map(Slice::file).collect();
            self.names.retain(|key, _| used.contains(key));
        }
    }

    /// The file of a line of the stream, and the line's number in it, both from 1; or the number of
    /// the first line of the part that it lies in, where several lines are one event.
    pub(super) fn of(&self, line: u64) -> Option<(Arc<str>, u64)> {
        let index = self.slices.partition_point(|slice| slice.first_line() < line);
        let slice = self.slices.get(index.checked_sub(1)?)?;
        Some((Arc::clone(self.names.get(&slice.file())?), slice.line_in_file(line)?))
    }
}

/// How many parts of files are known: those of some seconds.
const SLICES_MAX: usize = 16_384;
/// How many names are kept before those of files that are gone are dropped.
const NAMES_MAX: usize = 65_536;
