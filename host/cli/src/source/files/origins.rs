//! Of which file a line of the stream is, for people.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::stream::{FileKey, Note, SliceLines};

/// Of which file the lines are that were read not long ago.
#[derive(Default)]
pub struct Origins {
    names: HashMap<FileKey, Arc<str>>,
    slices: VecDeque<SliceLines>,
    /// The files that are gone and of which there are lines, each with the number of its last line
    /// in the stream.
    gone: VecDeque<(FileKey, u64)>,
}

impl Origins {
    /// The stream says this of the files, behind all that it said before.
    pub fn add(&mut self, note: &Note) {
        match note {
            Note::File(key, mark) => drop(self.names.insert(*key, mark.path.as_str().into())),
            Note::Slice(slice) if !slice.is_empty() => {
                self.slices.push_back(slice.lines());
                if self.slices.len() > SLICES_MAX {
                    self.slices.pop_front();
                    self.forget();
                }
            }
            // Its lines may still be asked for, but not for long.
            Note::Gone(key) => match self.slices.iter().rfind(|slice| slice.file() == *key) {
                Some(slice) => self.gone.push_back((*key, slice.in_stream().1)),
                None => drop(self.names.remove(key)),
            },
            Note::GivenUp | Note::Looked | Note::Slice(_) | Note::Notice(_) => {}
        }
    }

    /// Forgets the names of files that are gone, once their lines are forgotten. They are forgotten
    /// in the order in which they went, so one may wait for another that has later lines.
    fn forget(&mut self) {
        let oldest = self.slices.front().map_or(u64::MAX, |slice| slice.in_stream().0);
        while let Some((key, _)) = self.gone.pop_front_if(|(_, last)| *last < oldest) {
            self.names.remove(&key);
        }
    }

    /// The file of a line of the stream, and the line's number in it, both from 1; or the number of
    /// the first line of the part that it lies in, where several lines are one event.
    pub fn of(&self, line: u64) -> Option<(Arc<str>, u64)> {
        let index = self.slices.partition_point(|slice| slice.in_stream().0 <= line);
        let slice = self.slices.get(index.checked_sub(1)?)?;
        Some((Arc::clone(self.names.get(&slice.file())?), slice.in_file(line)?))
    }
}

/// How many parts of files are known: those of some seconds.
const SLICES_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::super::mark::FileMark;
    use super::super::reach::Print;
    use super::super::stream::Slice;
    use super::*;
    use crate::source::Start;

    #[test]
    fn a_line_has_the_name_of_its_file_and_its_number_there() {
        let mut origins = Origins::default();
        origins.add(&file(0, "a"));
        origins.add(&file(1, "b"));
        for (key, first, content) in [(0, 0, 7), (1, 2, 0), (0, 4, 9)] {
            origins.add(&slice(key, first, content));
        }
        let of = |line| origins.of(line).map(|(name, line)| (name.to_string(), line));
        let name = |name: &str, line| Some((name.to_owned(), line));
        assert_eq!([of(0), of(1), of(2)], [None, name("a", 8), name("a", 9)]);
        assert_eq!([of(3), of(4), of(5)], [name("b", 1), name("b", 2), name("a", 10)]);
        assert_eq!([of(6), of(7)], [name("a", 11), None]);
        origins.add(&file(0, "a.1"));
        origins.add(&Note::Gone(FileKey(0)));
        assert_eq!(origins.of(1).map(|(name, _)| name.to_string()), Some("a.1".to_owned()));
    }

    #[test]
    fn of_files_that_are_gone_no_more_is_known_than_of_lines() {
        let mut origins = Origins::default();
        for key in 0..3 * SLICES_MAX as u64 {
            origins.add(&file(key, "a"));
            // One that is never gone, and every other without a line.
            if key > 0 && key % 2 == 0 {
                origins.add(&slice(key, 2 * key, 0));
            }
            if key > 0 {
                origins.add(&Note::Gone(FileKey(key)));
            }
        }
        assert_eq!(origins.slices.len(), SLICES_MAX);
        assert_eq!((origins.names.len(), origins.gone.len()), (SLICES_MAX + 1, SLICES_MAX));
        assert!(origins.names.contains_key(&FileKey(0)));
    }

    fn file(key: u64, path: &str) -> Note {
        let mark = FileMark { path: path.to_owned(), ..FileMark::default() };
        Note::File(FileKey(key), mark)
    }

    /// Two lines, in the stream behind so many and in the file behind so many.
    fn slice(key: u64, first: u64, content: u64) -> Note {
        let lines = |line| (Start { line, offset: 0 }, Start { line: line + 2, offset: 8 });
        Note::Slice(Slice {
            file: FileKey(key),
            stream: lines(first),
            content: lines(content),
            print: Print::default(),
            through: None,
            earlier: None,
            head: Box::default(),
        })
    }
}
