//! What is read: blocks of whole lines, and lines that are too long for one.

use super::Crlf;

/// What a [`LineReader`](super::LineReader) yields.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Whole lines.
    Lines(Lines),
    /// A line over the limit.
    TooLong(TooLong),
}

/// Whole lines, as they lie in the input, each ended by a newline.
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

    /// How many bytes the input has before the line at `index`, or before what follows the block.
    pub fn offset_of(&self, index: usize) -> u64 {
        let added = self.newline_added && index == self.ends.len();
        self.offset + self.start(index) as u64 - u64::from(added)
    }

    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }
}

/// Lines of which some are too `long`, as pieces.
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
    }
}

/// How much of a line over the limit is kept, to be shown: 1 KiB.
pub const HEAD_BYTES: usize = 1 << 10;
