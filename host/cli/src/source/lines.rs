//! Cuts what is read into blocks of whole lines.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::mem;

use super::piece::set_apart;
use super::sniff::{SNIFFED_BYTES, sniff};
use super::{Codec, Foreign, HEAD_BYTES, LastLine, LineSettings, Lines, Origin, Piece, TooLong};

/// Cuts an input into blocks of whole lines.
///
/// A block is what one read gave, up to its last newline; what follows is kept for the next block.
/// A line is held once, and never more of it than `line_bytes_max` and one read.
#[derive(Debug)]
pub struct LineReader<R> {
    input: R,
    settings: LineSettings,
    /// Initialised memory to read into; the first `filled` bytes are input not yet handed over.
    buffer: Vec<u8>,
    filled: usize,
    /// Where lines end at the front of `buffer` that are the beginning of an event of several.
    held: Vec<u32>,
    /// How many lines the input has before the one that starts at the front of `buffer`, and the
    /// offset of that byte in the input.
    line: u64,
    offset: u64,
    /// Where in its file the front of `buffer` is.
    origin: Option<Origin>,
    read_bytes: usize,
    /// The line that is being passed over, if one is.
    passing: Option<TooLong>,
    ready: VecDeque<Piece>,
    ended: bool,
    /// Whether the input is known to begin as one of lines does.
    is_sniffed: bool,
    left: u64,
    spare: Vec<u8>,
}

impl<R: Read> LineReader<R> {
    /// Reads `input`, which has `line` lines and `offset` bytes of the whole before it.
    pub fn new(input: R, settings: LineSettings, line: u64, offset: u64) -> LineReader<R> {
        LineReader {
            input,
            settings,
            buffer: Vec::new(),
            filled: 0,
            held: Vec::new(),
            line,
            offset,
            origin: None,
            read_bytes: READ_BYTES_MIN,
            passing: None,
            ready: VecDeque::new(),
            ended: false,
            is_sniffed: offset > 0,
            left: 0,
            spare: Vec::new(),
        }
    }

    /// What it reads begins there in its file.
    pub fn at(self, origin: Option<Origin>) -> LineReader<R> {
        LineReader { origin, ..self }
    }

    /// The next lines; nothing at the end of the input. Reads until it has one whole line, and no
    /// further.
    ///
    /// # Errors
    ///
    /// What the input says, or `NoLines` in an error of its own kind. An unfinished line is then
    /// lost.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            if self.ended {
                return Ok(None);
            }
            let before = self.filled;
            match self.read()? {
                0 => self.finish(),
                _ => {
                    self.sniff()?;
                    self.split(before);
                }
            }
        }
    }

    /// How many bytes of a last line without a line feed were left, once the input is at its end.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Gives a block back, to be read into again.
    pub fn recycle(&mut self, block: Vec<u8>) {
        self.spare = block;
    }

    fn read(&mut self) -> io::Result<usize> {
        let end = self.filled + self.read_bytes;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.filled..end]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.filled += read;
        // A pipe gives 64 KiB at most: clearing more memory than that for it would be for nothing.
        if read == self.read_bytes {
            self.read_bytes = (self.read_bytes * 2).min(READ_BYTES_MAX);
        } else if read < self.read_bytes / 2 {
            self.read_bytes = (self.read_bytes / 2).max(READ_BYTES_MIN);
        }
        Ok(read)
    }

    /// Looks how the input begins, until that is known and before any of it is handed over.
    fn sniff(&mut self) -> io::Result<()> {
        if self.is_sniffed {
            return Ok(());
        }
        let beginning = &self.buffer[..self.filled.min(SNIFFED_BYTES)];
        self.is_sniffed = beginning.len() == SNIFFED_BYTES || beginning.contains(&b'\n');
        match sniff(beginning, self.settings.codec == Codec::Raw) {
            Some(foreign) => Err(io::Error::new(io::ErrorKind::InvalidData, NoLines(foreign))),
            None => Ok(()),
        }
    }

    /// Looks for newlines in what was read: there is none in the first `before` bytes.
    fn split(&mut self, before: usize) {
        // While a line is passed over nothing is kept, so `before` is 0 then.
        if self.passing.is_some() && !self.pass_over() {
            return;
        }
        match memchr::memrchr(b'\n', &self.buffer[before..self.filled]) {
            Some(last) => self.hand_over(before, before + last + 1),
            // One byte more, since a `\r` that belongs to the line end does not count.
            None if self.unfinished() > self.settings.line_bytes_max + 1 => {
                self.hand_over_held();
                self.begin_passing();
            }
            None => {}
        }
    }

    /// How many bytes there are of a line whose end was not read.
    fn unfinished(&self) -> u64 {
        self.filled as u64 - self.held.last().map_or(0, |end| u64::from(*end))
    }

    /// Hands over the first `end` bytes, which end with a newline and have none in the first
    /// `before` but those that are held. The beginning of an event of several lines stays.
    fn hand_over(&mut self, before: usize, end: usize) {
        let newlines = memchr::memchr_iter(b'\n', &self.buffer[before..end]);
        let ends = newlines.map(|at| (before + at + 1) as u32);
        let Some(multiline) = &self.settings.multiline else {
            let ends = ends.collect();
            return self.cut_off(ends);
        };
        self.held.extend(ends);
        let events = multiline.events(&self.buffer[..end], &self.held, false);
        if let Some(last) = events.last() {
            let whole = self.held.partition_point(|end| end <= last);
            self.held.drain(..whole);
            self.held.iter_mut().for_each(|end| *end -= last);
            self.cut_off(events);
        }
    }

    /// Hands over what is held of an event: no line of it follows.
    fn hand_over_held(&mut self) {
        let held = mem::take(&mut self.held);
        if let (Some(end), Some(multiline)) = (held.last(), &self.settings.multiline) {
            let events = multiline.events(&self.buffer[..*end as usize], &held, true);
            self.cut_off(events);
        }
    }

    /// Hands over lines that end there.
    fn cut_off(&mut self, ends: Vec<u32>) {
        let end = ends.last().map_or(0, |end| *end as usize);
        let rest = self.filled - end;
        let mut next = mem::take(&mut self.spare);
        if next.len() < rest + self.read_bytes {
            // New memory comes cleared from the system; growing the old would copy it first.
            next = vec![0; rest + self.read_bytes];
        }
        next[..rest].copy_from_slice(&self.buffer[end..self.filled]);
        let mut block = mem::replace(&mut self.buffer, next);
        block.truncate(end);
        self.filled = rest;
        self.push(block, ends, false);
    }

    fn push(&mut self, block: Vec<u8>, ends: Vec<u32>, newline_added: bool) {
        let (first, offset, origin) = (self.line, self.offset, self.origin.clone());
        let records = None;
        let lines = Lines { first, offset, block, ends, newline_added, origin, records };
        if let Some(origin) = &mut self.origin {
            origin.offset += lines.block.len() as u64;
            origin.line += match self.settings.multiline {
                None => lines.ends.len() as u64,
                Some(_) => memchr::memchr_iter(b'\n', &lines.block).count() as u64,
            };
        }
        self.line += lines.ends.len() as u64;
        self.offset = lines.offset_of(lines.ends.len());
        let max = self.settings.line_bytes_max;
        let long = |index| lines.line(index, self.settings.crlf).len() as u64 > max;
        if lines.block.len() as u64 > max && (0..lines.ends.len()).any(long) {
            self.ready.extend(set_apart(&lines, long));
        } else {
            self.ready.push_back(Piece::Lines(lines));
        }
    }

    /// The line at the front of the buffer is over the limit, and its end is not in sight.
    fn begin_passing(&mut self) {
        self.passing = Some(TooLong {
            line: self.line,
            offset: self.offset,
            next_offset: self.offset,
            head: self.buffer[..self.filled.min(HEAD_BYTES)].to_vec(),
            bytes: self.filled as u64,
            origin: self.origin.clone(),
            key: None,
        });
        self.offset += self.filled as u64;
        self.filled = 0;
        self.buffer = Vec::new();
    }

    /// Passes over the rest of the line as far as it was read. Whether its end was found.
    fn pass_over(&mut self) -> bool {
        let newline = memchr::memchr(b'\n', &self.buffer[..self.filled]);
        let line = newline.unwrap_or(self.filled);
        let passed = newline.map_or(line, |at| at + 1);
        if let Some(long) = &mut self.passing {
            long.bytes += line as u64;
        }
        self.buffer.copy_within(passed..self.filled, 0);
        self.filled -= passed;
        self.offset += passed as u64;
        if newline.is_some() {
            self.end_passing();
        }
        newline.is_some()
    }

    fn end_passing(&mut self) {
        if let Some(mut long) = self.passing.take() {
            long.next_offset = self.offset;
            self.line += 1;
            if let Some(origin) = &mut self.origin {
                origin.line += 1;
                origin.offset += long.next_offset - long.offset;
            }
            self.ready.push_back(Piece::TooLong(long));
        }
    }

    fn finish(&mut self) {
        self.ended = true;
        if self.settings.last_line == LastLine::Leave {
            // An unfinished line may go on the event before it, unless it is too long for that.
            if self.unfinished() == 0 || self.unfinished() > self.settings.line_bytes_max + 1 {
                self.hand_over_held();
            }
            let passed = self.passing.take().map_or(0, |long| long.bytes);
            self.left = passed + mem::take(&mut self.filled) as u64;
            self.held.clear();
            return;
        }
        self.end_passing();
        if self.unfinished() > 0 {
            let mut block = mem::take(&mut self.buffer);
            block.truncate(mem::take(&mut self.filled));
            block.push(b'\n');
            let mut ends = mem::take(&mut self.held);
            ends.push(block.len() as u32);
            if let Some(multiline) = &self.settings.multiline {
                ends = multiline.events(&block, &ends, true);
            }
            self.push(block, ends, true);
        }
        self.hand_over_held();
    }
}

/// The input holds no lines.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.explain(None))]
pub(super) struct NoLines(pub(super) Foreign);

/// The least and the most that one read asks for: what a pipe holds, and what a run holds.
const READ_BYTES_MIN: usize = 64 << 10;
const READ_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests;
