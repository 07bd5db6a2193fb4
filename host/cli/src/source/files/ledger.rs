//! How far each file is read at a place of the stream: what a checkpoint says of them.

use std::collections::{BTreeMap, VecDeque};

use super::mark::FileMark;
use super::reach::Print;
use super::stream::{FileKey, Note, Slice};
use crate::source::Start;

/// How far each file is read at a place of the stream that only moves on.
#[derive(Debug, Default)]
pub struct Ledger {
    files: BTreeMap<FileKey, FileMark>,
    has_looked: bool,
    /// What lies behind that place.
    ahead: VecDeque<Note>,
}

impl Ledger {
    /// That of what an earlier run has read. `has_looked` says whether that run has looked at all
    /// files.
    pub fn new(marks: Vec<FileMark>, has_looked: bool) -> Ledger {
        let keys = (0..).map(FileKey);
        Ledger { files: keys.zip(marks).collect(), has_looked, ahead: VecDeque::new() }
    }

    /// Whether all files were looked at before that place: those that are not known begin at their
    /// beginnings.
    pub fn has_looked(&self) -> bool {
        self.has_looked
    }

    /// The stream says this, behind all that it said before.
    pub fn add(&mut self, note: Note) {
        match note {
            Note::GivenUp | Note::Notice(_) => {}
            note => self.ahead.push_back(note),
        }
    }

    /// All before this place is taken.
    pub fn advance_to(&mut self, place: Start) {
        while let Some(note) = self.ahead.pop_front() {
            match note {
                Note::Slice(slice) if place.line < slice.stream.1.line => {
                    let rest = self.take_part(slice, place);
                    return self.ahead.push_front(Note::Slice(rest));
                }
                Note::Slice(slice) => self.take(&slice),
                Note::File(key, mark) => drop(self.files.insert(key, mark)),
                Note::Gone(key) => drop(self.files.remove(&key)),
                Note::Looked => self.has_looked = true,
                Note::GivenUp | Note::Notice(_) => {}
            }
        }
    }

    /// What a checkpoint says of each file. With `is_begun` some events of the line at that place
    /// were taken: the file that it is of is told from the others.
    pub fn marks(&self, is_begun: bool) -> Vec<FileMark> {
        // Without a slice it is the line that an earlier run began.
        let next = self.next().filter(|_| is_begun);
        let mark = |(key, mark): (&FileKey, &FileMark)| {
            let is_next = next.map_or(mark.is_begun, |next| next.file == *key);
            let mut mark = FileMark { is_begun: is_begun && is_next, ..mark.clone() };
            if let Some(next) = next.filter(|_| mark.is_begun && mark.print.at() == 0) {
                // Nothing before the line tells the file, so that how it begins does.
                mark.print = Print::of(next.head.len() as u64, &next.head, &next.head);
            }
            (mark.offset > 0 || mark.is_begun).then_some(mark)
        };
        self.files.iter().filter_map(mark).collect()
    }

    /// The slice of the next line.
    fn next(&self) -> Option<&Slice> {
        self.ahead.iter().find_map(|note| match note {
            Note::Slice(slice) if !slice.is_empty() => Some(slice),
            _ => None,
        })
    }

    fn take(&mut self, slice: &Slice) {
        let Slice { file, content: (_, until), print, through, earlier, .. } = slice;
        if let Some(mark) = self.files.get_mut(file) {
            (mark.offset, mark.lines) = (until.offset, Some(until.line));
            (mark.print, mark.through, mark.earlier) = (*print, *through, *earlier);
            mark.is_begun = false;
        }
    }

    /// Takes the lines of a slice that lie before a place in it. Returns the others.
    fn take_part(&mut self, slice: Slice, place: Start) -> Slice {
        let Slice { stream: (from, to), content: (begin, until), .. } = slice;
        if place.line <= from.line {
            return slice;
        }
        let (lines, bytes) = (place.line - from.line, place.offset - from.offset);
        // Where a line of the stream is one of the file. Otherwise their number is not known.
        let is_by_line = to.line - from.line == until.line - begin.line;
        let line = if is_by_line { begin.line + lines } else { begin.line };
        let begin = Start { line, offset: begin.offset + bytes };
        if let Some(mark) = self.files.get_mut(&slice.file) {
            mark.offset = begin.offset;
            mark.lines = is_by_line.then_some(begin.line);
            (mark.through, mark.is_begun) = (None, false);
            if mark.print.at() == 0 {
                let head = &slice.head[..slice.head.len().min(begin.offset as usize)];
                mark.print = Print::of(head.len() as u64, head, head);
            }
        }
        Slice { stream: (place, to), content: (begin, until), ..slice }
    }
}
