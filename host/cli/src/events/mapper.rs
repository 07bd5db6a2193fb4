//! Maps pieces of the input into a batch.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::batch::{Framing, Run};
use crate::dead_letters::Letter;
use crate::map::{About, Clock, LinePlace, Map, Mapped};
use crate::place::Begun;
use crate::source::{
    Codec, Crlf, EmptyLines, LineSettings, Lines, NoEvent, Note, Piece, Start, TooLong,
};

use super::line_place::{pass, place_of};
use super::open::{BATCH_LINES_MAX, OpenBatch};

/// Maps pieces of the input into a batch.
pub(super) struct Mapper {
    pub(super) map: Arc<Map>,
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
        open.skip_to(rest.first());
        open.pending = rest.pending;
        if open.is_changed() {
            return Filled { open, rest: None, spare };
        }
        let rest = match rest.piece {
            Piece::Note(note) => {
                if *note == Note::GivenUp {
                    open.give_up_begun();
                }
                open.batch.notes.push(*note);
                None
            }
            Piece::TooLong(long) => self.fill_too_long(&mut open, long),
            Piece::NoEvent(record) => fill_no_event(&mut open, record),
            Piece::Lines(lines) => match self.map.verbatim(&place_of(&lines, 0)) {
                Some(key) if rest.index == 0 && self.are_verbatim(&lines) => {
                    self.fill_verbatim(&mut open, &key, lines)
                }
                _ => self.fill_mapped(&mut open, lines, rest.index, &mut spare),
            },
        };
        Filled { open, rest, spare }
    }

    /// Whether the lines lie in their block exactly as in a run.
    fn are_verbatim(&self, lines: &Lines) -> bool {
        let settings = &self.lines;
        self.framing == Framing::Newline
            && (settings.crlf == Crlf::Keep || memchr::memchr(b'\r', &lines.block).is_none())
            && (settings.empty_lines == EmptyLines::Keep || !lines.block.starts_with(b"\n"))
            && (settings.empty_lines == EmptyLines::Keep
                || memchr::memmem::find(&lines.block, b"\n\n").is_none())
    }

    /// Takes a block of lines over as events, as many as a batch may have.
    fn fill_verbatim(&self, open: &mut OpenBatch, key: &str, mut lines: Lines) -> Option<Rest> {
        let count = lines.ends.len().min(BATCH_LINES_MAX);
        let next_offset = lines.offset_of(count);
        let bytes = next_offset - lines.offset;
        if open.is_full(bytes) {
            return Some(Rest::from(Piece::Lines(lines)));
        }
        let rest = lines.cut(count).map(|rest| Rest::from(Piece::Lines(rest)));
        let position = open.batch.next.position;
        open.batch.lines += count as u64;
        open.batch.bytes += bytes;
        open.in_line = count as u64;
        open.know(&lines, count);
        if self.lines.keys {
            open.keep_keys(&lines, 0..count);
        }
        open.pass(count as u64, next_offset);
        open.batcher.push_lines(key, position, lines.block, lines.ends);
        rest
    }

    /// Fills in the lines from `from` on. The first may have pending events of an earlier batch.
    fn fill_mapped(
        &self,
        open: &mut OpenBatch,
        lines: Lines,
        from: usize,
        spare: &mut Option<Vec<u8>>,
    ) -> Option<Rest> {
        let mut place = self.map.asks_for_place().then(|| place_of(&lines, from));
        for index in from..lines.ends.len() {
            let next_offset = lines.offset_of(index + 1);
            if open.pending.is_empty() {
                let bytes = next_offset - lines.offset_of(index);
                if open.is_full(bytes) {
                    open.know(&lines, index);
                    return Some(Rest::from_line(lines, index));
                }
                let line = lines.line(index, self.lines.crlf);
                let is_first = index == 0 && lines.begin_their_file();
                self.fill_line(open, line, place.unwrap_or_default(), is_first);
                if open.is_changed() {
                    return None;
                }
                open.batch.lines += 1;
                open.batch.bytes += bytes;
            }
            if self.lines.keys {
                open.keep_keys(&lines, index..index + 1);
            }
            if !open.fill_pending() {
                open.know(&lines, index);
                let pending = std::mem::take(&mut open.pending);
                return Some(Rest { pending, ..Rest::from_line(lines, index) });
            }
            open.pass(1, next_offset);
            if let Some(place) = &mut place {
                pass(place, &lines, index);
            }
        }
        let (from, end) =
            (Start { line: lines.first, offset: lines.offset }, lines.offset_of(lines.ends.len()));
        open.batch.starts.add(from, lines.ends, end);
        *spare = Some(lines.block);
        None
    }

    /// Fills in the next line. With `is_first` its file begins with it.
    fn fill_line(&self, open: &mut OpenBatch, line: &[u8], place: LinePlace<'_>, is_first: bool) {
        open.in_line = 1;
        let line = match self.map.codec() {
            // A parser may pass over a byte order mark (RFC 8259, section 8.1).
            Codec::Json | Codec::DeadLetters if is_first => {
                line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
            }
            _ => line,
        };
        if let Some(begun) = open.begun.take() {
            return self.go_on(open, line, begun, place);
        }
        if self.lines.empty_lines == EmptyLines::Skip && self.is_blank(line) {
            open.batch.blank += 1;
            return;
        }
        match self.map.codec() {
            Codec::Json | Codec::Raw => self.fill_event(open, line, place),
            Codec::DeadLetters => self.fill_letter(open, line, place),
        }
    }

    /// Fills in what is left of a line.
    fn go_on(&self, open: &mut OpenBatch, line: &[u8], begun: Begun, place: LinePlace<'_>) {
        let about = About { clock: Clock::at(begun.now), place };
        match self.left_of(line, &begun, &about) {
            Some((events, left)) => open.set_apart(events, left, &about.clock),
            None => open.changed = Some(begun),
        }
    }

    /// How many events a line has, and those that were not taken before; nothing if those that were
    /// are not its first ones any more.
    fn left_of(&self, line: &[u8], begun: &Begun, about: &About<'_>) -> Option<(u64, Vec<Run>)> {
        let held;
        let line = match self.map.codec() {
            Codec::Json | Codec::Raw => line,
            Codec::DeadLetters => match Letter::read(line) {
                Ok(Letter::Line(line)) => {
                    held = line;
                    &held
                }
                _ => return None,
            },
        };
        let Mapped::Several(mut runs) = self.map.apply(line, self.framing, about) else {
            return None;
        };
        let mut found = Begun::at(begun.now);
        let taken = usize::try_from(begun.events).ok()?;
        let events = runs.iter().flat_map(|run| run.payloads().map(|payload| (&run.key, payload)));
        events.take(taken).for_each(|(key, payload)| found.add(key, payload));
        let events = runs.last().map_or(0, Run::end);
        let mut left = taken;
        for run in &mut runs {
            let count = run.ends.len().min(left);
            run.skip(count);
            left -= count;
        }
        runs.retain(|run| !run.ends.is_empty());
        // Of a line that was taken whole the place would lie behind it.
        (found == *begun && !runs.is_empty()).then_some((events, runs))
    }

    fn fill_event(&self, open: &mut OpenBatch, line: &[u8], place: LinePlace<'_>) {
        let about = About { clock: Clock::default(), place };
        match self.map.apply(line, self.framing, &about) {
            Mapped::Event { key, payload, at } => {
                let append = |arena: &mut Vec<u8>| payload.append_to(arena);
                if let Err(error) = open.push(&key, at, append) {
                    open.reject(error.to_string(), line);
                }
            }
            Mapped::Several(runs) => {
                let events = runs.last().map_or(0, Run::end);
                open.set_apart(events, runs, &about.clock);
            }
            Mapped::Filtered => open.batch.filtered += 1,
            Mapped::Rejected(reason) => open.reject(reason, line),
        }
    }

    /// What is rejected again is what was in the letter, so that letters never hold letters.
    fn fill_letter(&self, open: &mut OpenBatch, line: &[u8], place: LinePlace<'_>) {
        match Letter::read(line) {
            Ok(Letter::Line(line)) => self.fill_event(open, &line, place),
            Ok(Letter::Event { key, payload, at }) => {
                let append = |arena: &mut Vec<u8>| arena.extend_from_slice(&payload);
                if let Err(error) = open.push(&key, at, append) {
                    open.reject(error.to_string(), line);
                }
            }
            Ok(Letter::Beginning { held, bytes }) => {
                let reason = format!(
                    "the dead letter has only the first {} of {bytes} bytes; take the whole line \
                     from the original source",
                    held.len()
                );
                open.push_rejected(reason, held, bytes);
            }
            Err(reason) => open.reject(reason, line),
        }
    }

    fn is_blank(&self, line: &[u8]) -> bool {
        match self.map.codec() {
            Codec::Json | Codec::DeadLetters => {
                line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
            }
            Codec::Raw => line.is_empty(),
        }
    }

    fn fill_too_long(&self, open: &mut OpenBatch, long: TooLong) -> Option<Rest> {
        if open.is_full(long.bytes) {
            return Some(Rest::from(Piece::TooLong(long)));
        }
        let reason = format!(
            "the line is {} bytes long, more than the {} that `line_bytes_max` allows",
            long.bytes, self.lines.line_bytes_max
        );
        open.batch.bytes += long.next_offset - long.offset;
        open.keep_key(long.line, long.key);
        let from = Start { line: long.line, offset: long.offset };
        open.pass_whole(from, long.next_offset, |open| {
            open.push_rejected(reason, long.head, long.bytes);
        });
        None
    }
}

/// Passes over a record, or rejects it.
fn fill_no_event(open: &mut OpenBatch, record: NoEvent) -> Option<Rest> {
    if open.is_full(0) {
        return Some(Rest::from(Piece::NoEvent(record)));
    }
    let from = Start { line: record.line, offset: open.batch.next.start.offset };
    open.keep_key(record.line, record.key);
    open.pass_whole(from, from.offset, |open| match record.reason {
        Some(reason) => open.reject(reason.to_owned(), b""),
        None => open.batch.blank += 1,
    });
    None
}

/// A piece, from the line at `index` on.
pub(super) struct Rest {
    piece: Piece,
    index: usize,
    /// What is left of that line's events, if it was begun.
    pending: VecDeque<Run>,
}

impl Rest {
    /// The number of lines before the first of it; nothing where it has none.
    fn first(&self) -> Option<u64> {
        match &self.piece {
            Piece::Lines(lines) => Some(lines.first + self.index as u64),
            Piece::TooLong(long) => Some(long.line),
            Piece::NoEvent(record) => Some(record.line),
            Piece::Note(_) => None,
        }
    }

    fn from_line(lines: Lines, index: usize) -> Rest {
        Rest { piece: Piece::Lines(lines), index, pending: VecDeque::new() }
    }
}

impl From<Piece> for Rest {
    fn from(piece: Piece) -> Rest {
        Rest { piece, index: 0, pending: VecDeque::new() }
    }
}
