//! What is read: blocks of whole lines, and lines that are too long for one.

use std::sync::Arc;

use super::{Crlf, NoEvent, Note, Records};

/// What a [`LineReader`](super::LineReader) yields.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Whole lines.
    Lines(Lines),
    /// A line over the limit.
    TooLong(TooLong),
    /// A record that is no event.
    NoEvent(NoEvent),
    /// Something about the files that lines are of.
    Note(Box<Note>),
}

/// Whole lines, as they lie in the input, each ended by a newline. Where several lines are joined,
/// a line of these is a whole event.
#[derive(Debug, PartialEq, Eq)]
pub struct Lines {
    /// The lines with their line ends.
    pub block: Vec<u8>,
    /// Where each line ends in `block`, its newline included. Never empty.
    pub ends: Vec<u32>,
    /// How many lines the input has before the first of them.
    pub first: u64,
    /// How many bytes the input has before the block.
    pub offset: u64,
    /// Whether the last newline is not in the input, which ended without one.
    pub newline_added: bool,
    /// Where in its file the block begins, if it is of a file.
    pub origin: Option<Origin>,
    /// What is known of the lines, if they are records of a partition.
    pub records: Option<Records>,
}

/// Where in its file a block begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, as it is named now.
    pub file: Arc<str>,
    /// How many lines the file has before the block: line feeds, also those within events.
    pub line: u64,
    /// How many bytes the file has before the block.
    pub offset: u64,
}

/// A line longer than `line_bytes_max`.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong {
    /// How many lines the input has before it.
    pub line: u64,
    /// How many bytes the input has before the line.
    pub offset: u64,
    /// How many bytes the input has before the next line.
    pub next_offset: u64,
    /// How the line begins: its first [`HEAD_BYTES`] at most.
    pub head: Vec<u8>,
    /// How long the line is, in bytes, without its newline.
    pub bytes: u64,
    /// Where in its file the line begins, if it is of a file.
    pub origin: Option<Origin>,
    /// The key of the record that it is, if it has one and somebody asks for it.
    pub key: Option<Vec<u8>>,
}

impl Lines {
    /// The line at `index` without its line end.
    pub fn line(&self, index: usize, crlf: Crlf) -> &[u8] {
        let line = &self.block[self.start(index)..self.ends[index] as usize - 1];
        // A `\r` before a newline that the reader added is no line end of the input.
        let added = self.newline_added && index + 1 == self.ends.len();
        match line.strip_suffix(b"\r") {
            Some(line) if crlf == Crlf::Strip && !added => line,
            _ => line,
        }
    }

    /// The line at `index` with its line end.
    pub fn framed(&self, index: usize) -> &[u8] {
        &self.block[self.start(index)..self.ends[index] as usize]
    }

    /// Whether the first of them is the first of its file, or of the input.
    pub fn begin_their_file(&self) -> bool {
        let offset = self.origin.as_ref().map_or(self.offset, |origin| origin.offset);
        offset == 0 && self.records.is_none()
    }

    /// How many bytes the input has before the line at `index`, or before what follows the block.
    pub fn offset_of(&self, index: usize) -> u64 {
        let added = self.newline_added && index == self.ends.len();
        self.offset + self.start(index) as u64 - u64::from(added)
    }

    /// Where in its file the line at `index` begins.
    pub fn origin_of(&self, index: usize) -> Option<Origin> {
        let origin = self.origin.as_ref()?;
        Some(origin.behind(&self.block[..self.start(index)]))
    }

    /// Cuts off the lines behind the first `count`, of which there is at least one, if there are
    /// more.
    pub fn cut(&mut self, count: usize) -> Option<Lines> {
        if self.ends.len() <= count {
            return None;
        }
        let (first, offset) = (self.first + count as u64, self.offset_of(count));
        let origin = self.origin_of(count);
        let at = self.ends[count - 1];
        let block = self.block.split_off(at as usize);
        let ends = self.ends.split_off(count).into_iter().map(|end| end - at).collect();
        let newline_added = std::mem::take(&mut self.newline_added);
        let records = self.records.as_mut().map(|records| records.split_off(count));
        Some(Lines { block, ends, first, offset, newline_added, origin, records })
    }

    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }
}

impl Origin {
    /// Where what follows `bytes` begins, which begin here.
    pub fn behind(&self, bytes: &[u8]) -> Origin {
        Origin {
            file: Arc::clone(&self.file),
            line: self.line + memchr::memchr_iter(b'\n', bytes).count() as u64,
            offset: self.offset + bytes.len() as u64,
        }
    }
}

/// Lines of a file of which some are too `long`, as pieces.
pub(super) fn set_apart(lines: &Lines, long: impl Fn(usize) -> bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut index = 0;
    while index < lines.ends.len() {
        let from = index;
        while index < lines.ends.len() && !long(index) {
            index += 1;
        }
        if index > from {
            pieces.push(Piece::Lines(part(lines, from, index)));
        }
        if index < lines.ends.len() {
            // The `\r` counts here: a file of rejected lines shows what was there.
            let line = lines.line(index, Crlf::Keep);
            pieces.push(Piece::TooLong(TooLong {
                line: lines.first + index as u64,
                offset: lines.offset_of(index),
                next_offset: lines.offset_of(index + 1),
                head: line[..line.len().min(HEAD_BYTES)].to_vec(),
                bytes: line.len() as u64,
                origin: lines.origin_of(index),
                key: None,
            }));
            index += 1;
        }
    }
    pieces
}

/// The lines from index `from` to `to`, as a block of their own.
fn part(lines: &Lines, from: usize, to: usize) -> Lines {
    let start = lines.start(from);
    Lines {
        block: lines.block[start..lines.start(to)].to_vec(),
        ends: lines.ends[from..to].iter().map(|end| end - start as u32).collect(),
        first: lines.first + from as u64,
        offset: lines.offset_of(from),
        newline_added: lines.newline_added && to == lines.ends.len(),
        origin: lines.origin_of(from),
        records: None,
    }
}

/// How much of a line over the limit is kept, to be shown: 1 KiB.
pub const HEAD_BYTES: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_block_knows_where_in_its_file_it_begins() {
        // The second event has two lines.
        let lines = || Lines {
            block: b"one\ntwo\n more\nthree\nfour\n".to_vec(),
            ends: vec![4, 14, 20, 25],
            first: 7,
            offset: 1000,
            newline_added: true,
            origin: Some(origin(40, 100)),
            records: None,
        };
        let mut cut = lines();
        let rest = cut.cut(2).unwrap();
        assert_eq!((rest.block, rest.ends), (b"three\nfour\n".to_vec(), vec![6, 11]));
        assert_eq!((rest.first, rest.offset, rest.newline_added), (9, 1014, true));
        assert_eq!(rest.origin, Some(origin(43, 114)));
        assert_eq!((&cut.origin, cut.newline_added), (&lines().origin, false));
        assert_eq!(cut.cut(2), None);

        let pieces = set_apart(&lines(), |index| index == 2);
        let [Piece::Lines(before), Piece::TooLong(long), Piece::Lines(behind)] = &pieces[..] else {
            panic!("{pieces:?}");
        };
        assert_eq!(before.origin, Some(origin(40, 100)));
        assert_eq!(long.origin, Some(origin(43, 114)));
        assert_eq!(behind.origin, Some(origin(44, 120)));
        assert_eq!((behind.first, behind.offset), (10, 1020));
    }

    fn origin(line: u64, offset: u64) -> Origin {
        Origin { file: "a.log".into(), line, offset }
    }
}
