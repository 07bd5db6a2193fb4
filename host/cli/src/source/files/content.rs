//! The content of one file: reads it on from where it was left, in slices.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::decode::{Decoder, Format};
use super::reach::{PRINT_BYTES, Print, Reach};
use super::stream::{Stream, Who};
use crate::source::sniff::{SNIFFED_BYTES, sniff};
use crate::source::{Codec, Foreign, HEAD_BYTES, Start};

/// How a compressed file is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// It is none: every file is read as it is.
    #[default]
    None,
    /// By how its content begins.
    Auto,
    /// Every file is of this format.
    Format(Format),
}

/// The content of a file, as far as it is known.
pub(super) struct Content {
    pub(super) reach: Reach,
    kind: Kind,
    /// What lies before `reach` must have this print, where that is not proven yet.
    expected: Option<Print>,
    /// There is no line feed from the reach up to here.
    scanned: u64,
    passing: Option<Passing>,
}

enum Kind {
    /// It has too few bytes to tell.
    Unknown,
    Plain,
    Compressed {
        format: Format,
        decoding: Option<Decoding>,
        /// How long the file was when its content was read to the end.
        through: Option<u64>,
    },
    /// It holds no lines.
    Foreign,
}

/// A compressed file that is being read.
struct Decoding {
    decoder: Decoder,
    /// How far it has come towards the reach, until it is there.
    skipping: Option<Skipping>,
    /// What follows the reach and was not put into the stream.
    pending: Vec<u8>,
    is_at_end: bool,
}

/// The content before the reach, which is read again.
#[derive(Default)]
struct Skipping {
    reach: Reach,
    is_proven: bool,
}

/// What skipping on has brought.
enum Skip {
    /// The reach is not there yet.
    More,
    /// It is, and all before it is what was read. The content may end there.
    There { is_at_end: bool },
    /// The content ends before it.
    Short,
    /// It is another content.
    Other,
    /// It cannot be decompressed further.
    Broken(io::Error),
}

/// A line over the limit that is being passed over.
struct Passing {
    from: Start,
    head: Vec<u8>,
    bytes: u64,
    /// Behind what was passed over.
    reach: Reach,
}

/// How a file is read.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) compression: Compression,
    /// Whether the last line is taken without a line feed.
    pub(super) takes_last_line: bool,
    /// How much is read before another file has its turn.
    pub(super) slice_bytes: u64,
}

/// What reading on has brought.
#[derive(Debug)]
pub(super) enum Read {
    /// Something, and there may be more.
    Some,
    /// Nothing: the file is at its end, but for so many bytes of an unfinished line.
    End { unfinished: u64 },
    /// It has not the content any more that was read of it.
    Changed,
    /// It holds no lines.
    Foreign(Foreign),
    /// It cannot be decompressed further, as one that is not written to its end.
    Broken(io::Error),
}

impl Content {
    /// A file of which nothing was read.
    pub(super) fn new() -> Content {
        Content::from(Reach::default(), None)
    }

    /// A file that was read up to here, which is proven by a print where it is given.
    pub(super) fn from(reach: Reach, expected: Option<Print>) -> Content {
        let scanned = reach.offset;
        Content { reach, kind: Kind::Unknown, expected, scanned, passing: None }
    }

    /// A compressed file that was read to its end when it had so many bytes.
    pub(super) fn through(reach: Reach, expected: Print, format: Format, length: u64) -> Content {
        let kind = Kind::Compressed { format, decoding: None, through: Some(length) };
        Content { kind, ..Content::from(reach, Some(expected)) }
    }

    /// A file that is read to its end, where it had so many bytes.
    pub(super) fn at_end(reach: Reach, format: Option<Format>, length: u64) -> Content {
        match format {
            Some(format) => {
                let print = reach.print();
                Content::through(reach, print, format, length)
            }
            None => Content::from(reach, None),
        }
    }

    /// What lies before the reach.
    pub(super) fn print(&self) -> Print {
        self.expected.unwrap_or_else(|| self.reach.print())
    }

    /// The offset before which that is known.
    pub(super) fn told_at(&self) -> u64 {
        self.expected.map_or(self.reach.offset, |print| print.at())
    }

    /// Whether it is proven that the file has what lies before the reach.
    pub(super) fn is_proven(&self) -> bool {
        self.expected.is_none()
    }

    /// The same, to be read on in another file, once that has proven to have it.
    pub(super) fn handed_on(&self) -> Content {
        Content::from(self.reach.clone(), Some(self.print()))
    }

    /// How long a compressed file was when its content was read to the end.
    pub(super) fn read_through(&self) -> Option<u64> {
        match self.kind {
            Kind::Compressed { through, .. } => through,
            _ => None,
        }
    }

    pub(super) fn is_compressed(&self) -> bool {
        matches!(self.kind, Kind::Compressed { .. })
    }

    pub(super) fn is_decoding(&self) -> bool {
        matches!(self.kind, Kind::Compressed { decoding: Some(_), .. })
    }

    /// How many bytes are not read of a file that is so long: of a compressed one, which is not
    /// known before, all or none.
    pub(super) fn lag(&self, length: u64) -> u64 {
        match self.kind {
            Kind::Unknown | Kind::Plain => length.saturating_sub(self.reach.offset),
            Kind::Compressed { through, .. } if through == Some(length) => 0,
            Kind::Compressed { .. } => length,
            Kind::Foreign => 0,
        }
    }

    /// Reads on: a slice at most, and puts its lines into the stream. `spare` is memory that can be
    /// read into.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn read(
        &mut self,
        file: &File,
        how: How,
        stream: &mut Stream,
        who: Who<'_>,
        spare: Vec<u8>,
    ) -> io::Result<Read> {
        if matches!(self.kind, Kind::Unknown)
            && let Some(end) = self.look(file, how, stream)?
        {
            return Ok(end);
        }
        match self.kind {
            Kind::Plain => self.read_plain(file, how, stream, who, spare),
            Kind::Compressed { .. } => self.read_compressed(file, how, stream, who),
            Kind::Unknown => Ok(Read::End { unfinished: file.metadata()?.len() }),
            Kind::Foreign => Ok(Read::End { unfinished: 0 }),
        }
    }

    /// Looks how the file begins. Returns what is to be said of that, if anything is.
    fn look(&mut self, file: &File, how: How, stream: &Stream) -> io::Result<Option<Read>> {
        let mut beginning = vec![0; SNIFFED_BYTES];
        let read = read_full_at(file, &mut beginning, 0)?;
        beginning.truncate(read);
        if beginning.len() < MAGIC_BYTES && (read as u64) < self.reach.offset {
            return Ok(Some(Read::Changed));
        }
        let is_undecided = beginning.len() < MAGIC_BYTES && !beginning.contains(&b'\n');
        if is_undecided && (beginning.is_empty() || !how.takes_last_line) {
            return Ok(Some(Read::End { unfinished: read as u64 }));
        }
        let format = match how.compression {
            Compression::None => None,
            Compression::Auto => Format::of(&beginning),
            Compression::Format(format) => Some(format),
        };
        if let Some(format) = format {
            self.kind = Kind::Compressed { format, decoding: None, through: None };
            return Ok(None);
        }
        self.kind = Kind::Plain;
        if self.reach.offset > 0 {
            return Ok(None);
        }
        let is_raw = stream.settings().codec == Codec::Raw;
        let nuls = beginning.iter().take_while(|byte| **byte == 0).count();
        match sniff(&beginning[nuls..], is_raw) {
            Some(foreign) => {
                self.kind = Kind::Foreign;
                Ok(Some(Read::Foreign(foreign)))
            }
            None => Ok(None),
        }
    }

    fn read_plain(
        &mut self,
        file: &File,
        how: How,
        stream: &mut Stream,
        who: Who<'_>,
        mut buffer: Vec<u8>,
    ) -> io::Result<Read> {
        let length = file.metadata()?.len();
        let from = self.passing.as_ref().map_or(self.reach.offset, |passing| passing.reach.offset);
        if length < from {
            return Ok(Read::Changed);
        }
        if let Some(expected) = self.expected {
            if !prove(file, expected)? {
                return Ok(Read::Changed);
            }
            self.reach = reach_at(file, self.reach.offset, self.reach.lines)?;
            self.expected = None;
        }
        let max = stream.settings().line_bytes_max;
        let more = length - from;
        let is_new = length > self.scanned.max(from) || how.takes_last_line && more > 0;
        if !is_new {
            // It may have been written anew, and be as long as before.
            let is_same = before(file, from)? == self.tail();
            return Ok(if is_same { Read::End { unfinished: more } } else { Read::Changed });
        }
        let known = self.scanned.saturating_sub(self.reach.offset);
        if known > 0 && !how.takes_last_line && !self.has_feed(file, length, max)? {
            return Ok(Read::End { unfinished: length - self.reach.offset });
        }
        let mut size = more.min(how.slice_bytes.max(known + how.slice_bytes / 16)) as usize;
        let is_at_end = loop {
            buffer.resize(size.max(1), 0);
            let read = read_full_at(file, &mut buffer, from)?;
            let is_at_end = read < buffer.len() || from + read as u64 >= length;
            buffer.truncate(read);
            let is_enough = is_at_end || buffer.len() as u64 > max + 1;
            if is_enough || self.passing.is_some() || memchr::memchr(b'\n', &buffer).is_some() {
                break is_at_end;
            }
            size = (size * 2).min(more as usize).min(usize::try_from(max).unwrap_or(size) + 2);
        };
        // Read after the lines: what was truncated before that is seen.
        if before(file, from)? != self.tail() {
            return Ok(Read::Changed);
        }
        self.cut(&mut buffer, is_at_end && how.takes_last_line, is_at_end, stream, who)
    }

    /// Whether there is something to be had of a line that was looked at before: its end, or that
    /// it is over the limit.
    fn has_feed(&mut self, file: &File, length: u64, max: u64) -> io::Result<bool> {
        let mut block = vec![0; SCAN_BYTES];
        while self.passing.is_none() && self.scanned < length {
            let read = read_full_at(file, &mut block, self.scanned)?;
            if read == 0 || memchr::memchr(b'\n', &block[..read]).is_some() {
                return Ok(true);
            }
            self.scanned += read as u64;
            if self.scanned - self.reach.offset > max + 1 {
                return Ok(true);
            }
        }
        Ok(self.passing.is_some())
    }

    fn tail(&self) -> &[u8] {
        self.passing.as_ref().map_or(&self.reach, |passing| &passing.reach).tail()
    }

    fn read_compressed(
        &mut self,
        file: &File,
        how: How,
        stream: &mut Stream,
        who: Who<'_>,
    ) -> io::Result<Read> {
        let Kind::Compressed { format, decoding, through } = &mut self.kind else {
            return Ok(Read::End { unfinished: 0 });
        };
        let length = file.metadata()?.len();
        if *through == Some(length) {
            return Ok(Read::End { unfinished: 0 });
        }
        if decoding.is_none() && self.expected.is_none() && !self.reach.head().is_empty() {
            self.expected = Some(self.reach.print());
        }
        let current = match decoding {
            Some(decoding) => decoding,
            None => decoding.insert(Decoding {
                decoder: Decoder::new(file.try_clone()?, *format)?,
                skipping: Some(Skipping::default()),
                pending: Vec::new(),
                is_at_end: false,
            }),
        };
        if let Some(skipping) = &mut current.skipping {
            let read =
                match skipping.go_on(&mut current.decoder, self.reach.offset, self.expected, how) {
                    Skip::More => return Ok(Read::Some),
                    Skip::Other | Skip::Short => Read::Changed,
                    Skip::Broken(error) => Read::Broken(error),
                    Skip::There { is_at_end } => {
                        let (lines, skipping) = (self.reach.lines, current.skipping.take());
                        self.reach = skipping.map(|skipping| skipping.reach).unwrap_or_default();
                        self.reach.lines = lines;
                        self.expected = None;
                        current.is_at_end = is_at_end;
                        return Ok(Read::Some);
                    }
                };
            *decoding = None;
            return Ok(read);
        }
        if !current.is_at_end {
            let start = current.pending.len();
            current.pending.resize(start + how.slice_bytes as usize, 0);
            let (filled, end) = current.decoder.fill(&mut current.pending[start..]);
            current.pending.truncate(start + filled);
            match end {
                None => {}
                Some(Ok(())) => current.is_at_end = true,
                Some(Err(error)) if filled == 0 => {
                    // What is unfinished is decompressed again, once there is more of the file.
                    *decoding = None;
                    return Ok(Read::Broken(error));
                }
                Some(Err(_)) => {}
            }
        }
        let is_at_end = current.is_at_end;
        let mut buffer = std::mem::take(&mut current.pending);
        if is_at_end && buffer.is_empty() && self.passing.is_none() {
            (*decoding, *through) = (None, Some(length));
            let from = Start { line: self.reach.lines, offset: self.reach.offset };
            stream.pass(who, &self.reach, from, Some(length));
            return Ok(Read::End { unfinished: 0 });
        }
        // A compressed file is written to its end.
        let read = self.cut(&mut buffer, is_at_end, is_at_end, stream, who);
        if let Kind::Compressed { decoding: Some(decoding), .. } = &mut self.kind {
            decoding.pending = buffer;
        }
        match read? {
            Read::End { .. } if !is_at_end => Ok(Read::Some),
            read => Ok(read),
        }
    }

    /// Puts the whole lines of `buffer` into the stream, which begins at the reach, and leaves what
    /// follows them. With `is_last` nothing is left.
    fn cut(
        &mut self,
        buffer: &mut Vec<u8>,
        is_last: bool,
        is_at_end: bool,
        stream: &mut Stream,
        who: Who<'_>,
    ) -> io::Result<Read> {
        if self.passing.is_some() {
            return Ok(self.pass_over(buffer, is_last, stream, who));
        }
        if self.reach.offset == 0 && buffer.first() == Some(&0) {
            return Ok(self.pass_nuls(buffer, stream, who));
        }
        let max = stream.settings().line_bytes_max;
        let whole = memchr::memrchr(b'\n', buffer).map_or(0, |at| at + 1);
        let is_added = whole == 0 && is_last && !buffer.is_empty();
        if whole == 0 && !is_added {
            if buffer.len() as u64 > max + 1 {
                self.begin_passing(std::mem::take(buffer));
                return Ok(Read::Some);
            }
            self.scanned = self.reach.offset + buffer.len() as u64;
            let unfinished = buffer.len() as u64;
            return Ok(if is_at_end { Read::End { unfinished } } else { Read::Some });
        }
        let rest = if is_added { Vec::new() } else { buffer.split_off(whole) };
        let mut block = std::mem::replace(buffer, rest);
        if is_added {
            block.push(b'\n');
        }
        let ends: Vec<u32> = memchr::memchr_iter(b'\n', &block).map(|at| at as u32 + 1).collect();
        let feeds = ends.len() as u64 - u64::from(is_added);
        stream.add(who, &mut self.reach, block, ends, feeds, is_added);
        self.scanned = self.reach.offset + buffer.len() as u64;
        Ok(Read::Some)
    }

    /// Logs that are truncated while their writer goes on where it was begin with NUL bytes.
    fn pass_nuls(&mut self, buffer: &mut Vec<u8>, stream: &mut Stream, who: Who<'_>) -> Read {
        let nuls = buffer.iter().take_while(|byte| **byte == 0).count();
        self.reach.advance(&buffer[..nuls], 0);
        buffer.drain(..nuls);
        self.scanned = self.reach.offset;
        stream.pass(who, &self.reach, Start::default(), None);
        Read::Some
    }

    fn begin_passing(&mut self, buffer: Vec<u8>) {
        let from = Start { line: self.reach.lines, offset: self.reach.offset };
        let mut reach = self.reach.clone();
        reach.advance(&buffer, 0);
        let head = buffer[..buffer.len().min(HEAD_BYTES)].to_vec();
        self.passing = Some(Passing { from, head, bytes: buffer.len() as u64, reach });
    }

    /// Passes over the rest of a line as far as it is in the buffer.
    fn pass_over(
        &mut self,
        buffer: &mut Vec<u8>,
        is_last: bool,
        stream: &mut Stream,
        who: Who<'_>,
    ) -> Read {
        let Some(mut passing) = self.passing.take() else { return Read::Some };
        let feed = memchr::memchr(b'\n', buffer);
        let passed = feed.map_or(buffer.len(), |at| at + 1);
        passing.bytes += feed.unwrap_or(passed) as u64;
        passing.reach.advance(&buffer[..passed], u64::from(feed.is_some()));
        buffer.drain(..passed);
        self.scanned = passing.reach.offset;
        if feed.is_none() && !is_last {
            let is_nothing = passed == 0;
            let unfinished = passing.bytes;
            self.passing = Some(passing);
            return if is_nothing { Read::End { unfinished } } else { Read::Some };
        }
        let Passing { from, head, bytes, reach } = passing;
        self.reach = reach;
        stream.add_too_long(who, &self.reach, from, head, bytes);
        Read::Some
    }
}

impl Skipping {
    /// Goes on towards an offset, a slice at most, and proves what is expected on the way.
    fn go_on(&mut self, decoder: &mut Decoder, to: u64, expected: Option<Print>, how: How) -> Skip {
        let unproven = expected.filter(|_| !self.is_proven);
        let stop = unproven.map_or(to, |print| print.at().clamp(self.reach.offset, to));
        let mut buffer = vec![0; (stop - self.reach.offset).min(how.slice_bytes) as usize];
        let (filled, end) = decoder.fill(&mut buffer);
        self.reach.advance(&buffer[..filled], 0);
        if unproven.is_some_and(|print| print.at() == self.reach.offset) {
            if unproven != Some(self.reach.print()) {
                return Skip::Other;
            }
            self.is_proven = true;
        }
        let is_there = self.reach.offset == to && (self.is_proven || expected.is_none());
        match end {
            Some(Err(error)) if !is_there => Skip::Broken(error),
            end if is_there => Skip::There { is_at_end: end.is_some() },
            Some(_) => Skip::Short,
            None => Skip::More,
        }
    }
}

/// Whether a file has the content that a print was taken of.
pub(super) fn prove(file: &File, print: Print) -> io::Result<bool> {
    let head = before(file, print.bytes() as u64)?;
    let tail = before(file, print.at())?;
    Ok(head.len() == print.bytes() && Print::of(print.at(), &head, &tail) == print)
}

/// The reach of a file that is read up to an offset.
pub(super) fn reach_at(file: &File, offset: u64, lines: u64) -> io::Result<Reach> {
    let head = before(file, offset.min(PRINT_BYTES as u64))?;
    Ok(Reach::at(offset, lines, head, before(file, offset)?))
}

impl Print {
    /// Of what a file has before an offset.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn of_file(file: &File, offset: u64) -> io::Result<Print> {
        reach_at(file, offset, 0).map(|reach| reach.print())
    }
}

/// The bytes directly before an offset that tell a content; fewer where the file ends before.
pub(super) fn before(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let bytes = offset.min(PRINT_BYTES as u64);
    let mut tail = vec![0; bytes as usize];
    let read = read_full_at(file, &mut tail, offset - bytes)?;
    tail.truncate(read);
    Ok(tail)
}

/// Reads from an offset until the buffer is full or the file ends. Returns how much.
pub(super) fn read_full_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// How much of one file is read before another has its turn.
pub(super) const SLICE_BYTES: u64 = 1 << 20;
const SCAN_BYTES: usize = 64 << 10;
/// How many bytes tell a format of compression.
const MAGIC_BYTES: usize = 4;
