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
    /// What lies behind that place.
    ahead: VecDeque<Note>,
}

impl Ledger {
    /// That of what an earlier run has read.
    pub fn new(marks: Vec<FileMark>) -> Ledger {
        let keys = (0..).map(FileKey);
        Ledger { files: keys.zip(marks).collect(), ahead: VecDeque::new() }
    }

    /// The stream says this, behind all that it said before.
    pub fn add(&mut self, note: Note) {
        match note {
            Note::Notice(_) => {}
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
                Note::Notice(_) => {}
            }
        }
    }

    /// What a checkpoint says of each file.
    pub fn marks(&self) -> Vec<FileMark> {
        self.files.values().filter(|mark| mark.offset > 0).cloned().collect()
    }

    fn take(&mut self, slice: &Slice) {
        let Slice { file, content: (_, until), print, through, earlier, .. } = slice;
        if let Some(mark) = self.files.get_mut(file) {
            (mark.offset, mark.lines) = (until.offset, Some(until.line));
            (mark.print, mark.through, mark.earlier) = (*print, *through, *earlier);
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
            mark.through = None;
            if mark.print.at() == 0 {
                let head = &slice.head[..slice.head.len().min(begin.offset as usize)];
                mark.print = Print::of(head.len() as u64, head, head);
            }
        }
        Slice { stream: (place, to), content: (begin, until), ..slice }
    }
}
