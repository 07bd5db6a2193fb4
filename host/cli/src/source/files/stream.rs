//! The lines of many files as one stream, and what is to be known of the files between them.

use std::sync::Arc;

use super::mark::FileMark;
use super::reach::{Print, Reach};
use crate::source::piece::set_apart;
use crate::source::{LineSettings, Lines, Origin, Piece, Start, TooLong};

/// A file for as long as it is followed. No two files of a run have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey(pub(super) u64);

/// What the stream says of files between its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The lines that follow are of this file, up to the end of the slice.
    Slice(Slice),
    /// A file is followed, from where the mark says, or has another name.
    File(FileKey, FileMark),
    /// All files were looked at for the first time: one that is found later begins at its
    /// beginning.
    Looked,
    /// All of a file that was read is in the stream, and it is not followed any more.
    Gone(FileKey),
    /// The line that an earlier run began is not found: it takes its place in the stream with what
    /// was taken of it.
    GivenUp,
    /// What a person should know.
    Notice(Notice),
}

/// Consecutive lines of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The file.
    pub(super) file: FileKey,
    /// Where in the stream they begin and end.
    pub(super) stream: (Start, Start),
    /// Where in the file they begin and end. Its lines are line feeds, also those within events.
    pub(super) content: (Start, Start),
    /// What the file has before their end.
    pub(super) print: Print,
    /// Whether it is compressed, and they are its last lines: how long it is.
    pub(super) through: Option<u64>,
    /// What the file has before an earlier place.
    pub(super) earlier: Option<Print>,
    /// How the file begins, where they are its first lines.
    pub(super) head: Box<[u8]>,
}

impl Slice {
    /// Whether it has no lines.
    pub fn is_empty(&self) -> bool {
        self.stream.0.line == self.stream.1.line
    }

    /// Which lines it has.
    pub(super) fn lines(&self) -> SliceLines {
        let ((from, to), (begin, until)) = (self.stream, self.content);
        SliceLines {
            file: self.file,
            stream: (from.line, to.line),
            content: begin.line,
            is_by_line: to.line - from.line == until.line - begin.line,
        }
    }
}

/// Which lines of the stream a slice has, and which of its file they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct SliceLines {
    file: FileKey,
    stream: (u64, u64),
    /// How many lines of the file are before them.
    content: u64,
    /// Whether each of its lines in the stream is one line of the file, not an event of several.
    is_by_line: bool,
}

impl SliceLines {
    /// The file.
    pub(super) fn file(&self) -> FileKey {
        self.file
    }

    /// The numbers of its first and its last line in the stream, from 1.
    pub(super) fn in_stream(&self) -> (u64, u64) {
        (self.stream.0 + 1, self.stream.1)
    }

    /// The number that a line of the stream has in the file, both from 1; that of its first line
    /// where several lines are one event. Nothing where it is none of its lines.
    pub(super) fn in_file(&self, line: u64) -> Option<u64> {
        let (first, last) = self.in_stream();
        let before = line.checked_sub(first).filter(|_| line <= last)?;
        Some(self.content + 1 + if self.is_by_line { before } else { 0 })
    }
}

/// What a person should know of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether something is wrong.
    pub is_warning: bool,
    /// What it is.
    pub message: String,
}

/// Where the stream is, and what was put into it and not taken out yet.
pub(super) struct Stream {
    settings: LineSettings,
    at: Start,
    pieces: Vec<Piece>,
}

impl Stream {
    /// A stream that has what lies before `at` behind it.
    pub(super) fn new(settings: LineSettings, at: Start) -> Stream {
        Stream { settings, at, pieces: Vec::new() }
    }

    pub(super) fn settings(&self) -> &LineSettings {
        &self.settings
    }

    pub(super) fn note(&mut self, note: Note) {
        self.pieces.push(Piece::Note(Box::new(note)));
    }

    /// Adds lines of a file whose reach is moved behind them. `feeds` are their line feeds.
    pub(super) fn add(
        &mut self,
        who: Who<'_>,
        reach: &mut Reach,
        block: Vec<u8>,
        ends: Vec<u32>,
        feeds: u64,
        added: bool,
    ) {
        let (line, offset) = (reach.lines, reach.offset);
        reach.advance(&block[..block.len() - usize::from(added)], feeds);
        let origin = Origin { file: Arc::clone(who.name), line, offset };
        let lines = Lines {
            first: self.at.line,
            offset: self.at.offset,
            ends,
            block,
            newline_added: added,
            origin: Some(origin),
            records: None,
        };
        let to = Start {
            line: self.at.line + lines.ends.len() as u64,
            offset: lines.offset_of(lines.ends.len()),
        };
        self.slice(who, Start { line, offset }, reach, to, None);
        let LineSettings { line_bytes_max: max, crlf, .. } = self.settings;
        let long = |index| lines.line(index, crlf).len() as u64 > max;
        if lines.block.len() as u64 > max && (0..lines.ends.len()).any(long) {
            self.pieces.extend(set_apart(&lines, long));
        } else {
            self.pieces.push(Piece::Lines(lines));
        }
    }

    /// Adds a line over the limit, which begins where `from` is and after which `of` is.
    pub(super) fn add_too_long(
        &mut self,
        who: Who<'_>,
        reach: &Reach,
        from: Start,
        head: Vec<u8>,
        bytes: u64,
    ) {
        let offset = self.at.offset;
        let to = Start { line: self.at.line + 1, offset: offset + (reach.offset - from.offset) };
        let line = self.at.line;
        self.slice(who, from, reach, to, None);
        let origin =
            Some(Origin { file: Arc::clone(who.name), line: from.line, offset: from.offset });
        let next_offset = to.offset;
        self.pieces.push(Piece::TooLong(TooLong {
            line,
            offset,
            next_offset,
            head,
            bytes,
            origin,
            key: None,
        }));
    }

    /// Says that a file is read up to its reach, without lines from `from` on.
    pub(super) fn pass(&mut self, who: Who<'_>, reach: &Reach, from: Start, through: Option<u64>) {
        self.slice(who, from, reach, self.at, through);
    }

    /// Goes on behind a line that an earlier run began.
    pub(super) fn give_up_line(&mut self) {
        self.at.line += 1;
        self.note(Note::GivenUp);
    }

    /// What was put into it since this was last asked.
    pub(super) fn take(&mut self) -> Vec<Piece> {
        std::mem::take(&mut self.pieces)
    }

    fn slice(&mut self, who: Who<'_>, from: Start, reach: &Reach, to: Start, through: Option<u64>) {
        let file = who.key;
        let until = Start { line: reach.lines, offset: reach.offset };
        let stream = (self.at, to);
        let head = if from.offset == 0 { reach.head().into() } else { Box::default() };
        let (content, print) = ((from, until), reach.print());
        let earlier = reach.earlier();
        let slice = Slice { file, stream, content, print, through, earlier, head };
        self.pieces.push(Piece::Note(Box::new(Note::Slice(slice))));
        self.at = to;
    }
}

/// The file that lines are of.
#[derive(Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) key: FileKey,
    pub(super) name: &'a Arc<str>,
}
