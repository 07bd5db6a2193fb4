//! Maps pieces of the input into a batch.

use crate::batch::{Batcher, Framing};
use crate::dead_letters::Letter;
use crate::map::{Map, Mapped};
use crate::source::{Codec, Crlf, EmptyLines, LineSettings, Lines, Piece, TooLong};

use super::{Batch, Rejected};

/// Maps pieces of the input into a batch.
pub(super) struct Mapper {
    pub(super) map: Map,
    pub(super) framing: Framing,
    pub(super) lines: LineSettings,
}

/// A batch into which a piece was mapped.
pub(super) struct Filled {
    pub(super) open: OpenBatch,
    /// What the batch has no room for.
    pub(super) rest: Option<Rest>,
    /// Memory that can be read into again.
    pub(super) spare: Option<Vec<u8>>,
}

impl Mapper {
    /// Fills the batch.
    pub(super) fn fill(&self, mut open: OpenBatch, rest: Rest) -> Filled {
        let mut spare = None;
        let rest = match rest.piece {
            Piece::TooLong(long) => self.fill_too_long(&mut open, long),
            Piece::Lines(lines) => match self.map.verbatim() {
                Some(key) if rest.index == 0 && self.are_verbatim(&lines) => {
                    fill_verbatim(&mut open, key, lines)
                }
                _ => self.fill_mapped(&mut open, lines, rest.index, &mut spare),
            },
        };
        Filled { open, rest, spare }
    }

    /// Whether the lines lie in their block exactly as in a run.
    fn are_verbatim(&self, lines: &Lines) -> bool {
        let settings = self.lines;
        self.framing == Framing::Newline
            && (settings.crlf == Crlf::Keep || memchr::memchr(b'\r', &lines.block).is_none())
            && (settings.empty_lines == EmptyLines::Keep || !lines.block.starts_with(b"\n"))
            && (settings.empty_lines == EmptyLines::Keep
                || memchr::memmem::find(&lines.block, b"\n\n").is_none())
    }

    fn fill_mapped(
        &self,
        open: &mut OpenBatch,
        lines: Lines,
        from: usize,
        spare: &mut Option<Vec<u8>>,
    ) -> Option<Rest> {
        for index in from..lines.ends.len() {
            let next_offset = lines.offset_of(index + 1);
            if open.is_full(next_offset - lines.offset_of(index)) {
                return Some(Rest { piece: Piece::Lines(lines), index });
            }
            let position = lines.first + index as u64;
            self.fill_line(open, position, lines.line(index, self.lines.crlf));
            open.pass(1, next_offset - lines.offset_of(index), position + 1, next_offset);
        }
        *spare = Some(lines.block);
        None
    }

    fn fill_line(&self, open: &mut OpenBatch, position: u64, line: &[u8]) {
        let line = match self.map.codec() {
            // A parser may pass over a byte order mark (RFC 8259, section 8.1).
            Codec::Json | Codec::DeadLetters if position == 0 => {
                line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
            }
            _ => line,
        };
        if self.lines.empty_lines == EmptyLines::Skip && self.is_blank(line) {
            open.batch.blank += 1;
            return;
        }
        match self.map.codec() {
            Codec::Json | Codec::Raw => self.fill_event(open, position, line),
            Codec::DeadLetters => self.fill_letter(open, position, line),
        }
    }

    fn fill_event(&self, open: &mut OpenBatch, position: u64, line: &[u8]) {
        match self.map.apply(line) {
            Mapped::Event { key, payload, at } => {
                let append = |arena: &mut Vec<u8>| payload.append_to(arena);
                if let Err(error) = open.batcher.push(&key, position, at, append) {
                    open.reject(position, error.to_string(), line);
                }
            }
            Mapped::Filtered => open.batch.filtered += 1,
            Mapped::Rejected(reason) => open.reject(position, reason, line),
        }
    }

    /// What is rejected again is what was in the letter, so that letters never hold letters.
    fn fill_letter(&self, open: &mut OpenBatch, position: u64, line: &[u8]) {
        match Letter::read(line) {
            Ok(Letter::Line(line)) => self.fill_event(open, position, &line),
            Ok(Letter::Event { key, payload, at }) => {
                let append = |arena: &mut Vec<u8>| arena.extend_from_slice(&payload);
                if let Err(error) = open.batcher.push(&key, position, at, append) {
                    open.reject(position, error.to_string(), line);
                }
            }
            Ok(Letter::Beginning { held, bytes }) => {
                let reason = format!(
                    "the dead letter holds the first {} of {bytes} bytes; \
                     take the whole line from where it came from",
                    held.len()
                );
                let rejected = Rejected { position, reason, line: held, line_bytes: bytes };
                open.batch.rejected.push(rejected);
            }
            Err(reason) => open.reject(position, reason, line),
        }
    }

    fn is_blank(&self, line: &[u8]) -> bool {
        match self.map.codec() {
            Codec::Json | Codec::DeadLetters => {
                line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
            }
            Codec::Raw => line.is_empty(),
        }
    }

    fn fill_too_long(&self, open: &mut OpenBatch, long: TooLong) -> Option<Rest> {
        if open.is_full(long.bytes) {
            return Some(Rest::from(Piece::TooLong(long)));
        }
        let reason = format!(
            "the line is {} bytes long, over the {} that `line_bytes_max` allows",
            long.bytes, self.lines.line_bytes_max
        );
        open.pass(1, long.next_offset - long.offset, long.position + 1, long.next_offset);
        open.batch.rejected.push(Rejected {
            position: long.position,
            reason,
            line: long.head,
            line_bytes: long.bytes,
        });
        None
    }
}

/// Takes a block of lines over as events.
fn fill_verbatim(open: &mut OpenBatch, key: &str, lines: Lines) -> Option<Rest> {
    let count = lines.ends.len();
    let next_offset = lines.offset_of(count);
    let bytes = next_offset - lines.offset;
    if open.is_full(bytes) {
        return Some(Rest::from(Piece::Lines(lines)));
    }
    open.pass(count as u64, bytes, lines.first + count as u64, next_offset);
    open.batcher.push_lines(key, lines.first, lines.block, lines.ends);
    None
}

/// A batch that is being filled.
pub(super) struct OpenBatch {
    batch: Batch,
    batcher: Batcher,
}

impl OpenBatch {
    pub(super) fn new(framing: Framing) -> OpenBatch {
        OpenBatch { batch: Batch::default(), batcher: Batcher::new(framing) }
    }

    pub(super) fn close(mut self) -> Batch {
        self.batch.runs = self.batcher.take();
        self.batch
    }

    /// Whether there is no room for `more` bytes of input. There always is for the first.
    fn is_full(&self, more: u64) -> bool {
        self.batch.lines > 0
            && (self.batch.bytes + more > BATCH_BYTES_MAX
                || self.batcher.bytes() as u64 >= BATCH_BYTES_MAX
                || self.batcher.runs() >= BATCH_RUNS_MAX
                || self.batch.rejected.len() >= BATCH_REJECTED_MAX)
    }

    fn reject(&mut self, position: u64, reason: String, line: &[u8]) {
        let line_bytes = line.len() as u64;
        self.batch.rejected.push(Rejected { position, reason, line: line.to_vec(), line_bytes });
    }

    /// Counts lines, of whatever fate.
    fn pass(&mut self, lines: u64, bytes: u64, next_position: u64, next_offset: u64) {
        self.batch.lines += lines;
        self.batch.bytes += bytes;
        self.batch.next_position = next_position;
        self.batch.next_offset = next_offset;
    }
}

/// A piece, from the line at `index` on.
pub(super) struct Rest {
    piece: Piece,
    index: usize,
}

impl From<Piece> for Rest {
    fn from(piece: Piece) -> Rest {
        Rest { piece, index: 0 }
    }
}

/// How much of the input, and how many bytes of payloads, one batch takes: 1 MiB.
pub(super) const BATCH_BYTES_MAX: u64 = 1 << 20;

/// How many runs, and how many rejected lines, one batch holds.
pub(super) const BATCH_RUNS_MAX: usize = 1024;
pub(super) const BATCH_REJECTED_MAX: usize = 1024;
