//! The content of one file: reads it on from where it was left, in slices.

mod compressed;
mod cut;
mod plain;

use std::fs::File;
use std::io;
use std::sync::Arc;

use self::compressed::Decoding;
use self::cut::Passing;
use super::decode::Format;
use super::mark::FileMark;
use super::proof::read_full_at;
use super::reach::{Print, Reach};
use super::stream::{Stream, Who};
use crate::source::sniff::{SNIFFED_BYTES, sniff};
use crate::source::{Codec, Foreign};

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
    /// What the file was called, where an earlier run has taken some events of its next line.
    pub(super) begun: Option<Arc<str>>,
    /// Whether the line feeds before the reach are still to be counted.
    pub(super) is_uncounted: bool,
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
/// How a file is read.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) compression: Compression,
    /// Whether the last line is taken without a line feed.
    pub(super) takes_last_line: bool,
    /// Whether the last event is taken without the line that would show its end.
    pub(super) takes_last_event: bool,
    /// How much is read before another file has its turn.
    pub(super) slice_bytes: u64,
    /// Where reading ends, if the file does not before.
    pub(super) until: u64,
    /// Where a slice ends that would go on behind it: a copy ends there, and is told by the
    /// fingerprint at that place.
    pub(super) copied: Option<u64>,
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
        let (kind, begun, is_uncounted, passing) = (Kind::Unknown, None, false, None);
        Content { reach, kind, expected, begun, is_uncounted, scanned, passing }
    }

    /// The same, with what else a mark says of it.
    pub(super) fn marked(self, mark: &FileMark) -> Content {
        let begun = mark.is_begun.then(|| mark.path.as_str().into());
        Content { begun, is_uncounted: mark.lines.is_none(), ..self }
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

    /// The fingerprint at the last place before `offset` that has one.
    pub(super) fn print_before(&self, offset: u64) -> Option<Print> {
        let expected = self.expected.filter(|print| print.at() <= offset);
        expected.or_else(|| self.reach.print_before(offset))
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
        let (begun, is_uncounted) = (self.begun.clone(), self.is_uncounted);
        let content = Content::from(self.reach.clone(), Some(self.print()));
        Content { begun, is_uncounted, ..content }
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
        let before = self.reach.offset;
        let read = match self.kind {
            Kind::Plain => self.read_plain(file, how, stream, who, spare),
            Kind::Compressed { .. } => self.read_compressed(file, how, stream, who),
            Kind::Unknown => Ok(Read::End { unfinished: file.metadata()?.len() }),
            Kind::Foreign => Ok(Read::End { unfinished: 0 }),
        };
        if self.reach.offset != before {
            self.begun = None;
        }
        read
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
}

/// How much of one file is read before another has its turn.
pub(super) const SLICE_BYTES: u64 = 1 << 20;
/// How many bytes tell a format of compression.
const MAGIC_BYTES: usize = 4;
