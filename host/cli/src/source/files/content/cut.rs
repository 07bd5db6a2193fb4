//! Cuts what was read of a file into lines.

use std::io;

use super::{Content, How, Read};
use crate::source::files::reach::Reach;
use crate::source::files::stream::{Stream, Who};
use crate::source::{HEAD_BYTES, Start};

/// A line over the limit that is being passed over.
pub(super) struct Passing {
    from: Start,
    head: Vec<u8>,
    bytes: u64,
    /// Behind what was passed over.
    pub(super) reach: Reach,
}

impl Content {
    /// Puts the whole lines of `buffer` into the stream, which begins at the reach, and leaves what
    /// follows them.
    pub(super) fn cut(
        &mut self,
        buffer: &mut Vec<u8>,
        how: How,
        is_at_end: bool,
        stream: &mut Stream,
        who: Who<'_>,
    ) -> io::Result<Read> {
        let is_last = is_at_end && how.takes_last_line;
        if self.passing.is_some() {
            return Ok(self.pass_over(buffer, is_last, stream, who));
        }
        if self.has_nuls_alone() && buffer.first() == Some(&0) {
            return Ok(self.pass_nuls(buffer, stream, who));
        }
        let max = stream.settings().line_bytes_max;
        let mut whole = memchr::memrchr(b'\n', buffer).map_or(0, |at| at + 1);
        let is_added = is_last && whole < buffer.len();
        if whole == 0 && !is_added && buffer.len() as u64 > max + 1 {
            self.begin_passing(std::mem::take(buffer));
            return Ok(Read::Some);
        }
        if is_added {
            buffer.push(b'\n');
            whole = buffer.len();
        }
        let lines = memchr::memchr_iter(b'\n', &buffer[..whole]);
        let lines: Vec<u32> = lines.map(|at| at as u32 + 1).collect();
        let takes_last = is_last || is_at_end && how.takes_last_event;
        let (ends, feeds) = match &stream.settings().multiline {
            Some(multiline) => {
                let ends = multiline.events(&buffer[..whole], &lines, takes_last);
                let end = ends.last().copied().unwrap_or_default();
                (ends, lines.partition_point(|line| *line <= end))
            }
            None => {
                let feeds = lines.len();
                (lines, feeds)
            }
        };
        let Some(end) = ends.last().map(|end| *end as usize) else {
            let unfinished = buffer.len() as u64;
            self.scanned = self.reach.offset + unfinished;
            return Ok(if is_at_end { Read::End { unfinished } } else { Read::Some });
        };
        let rest = buffer.split_off(end);
        let block = std::mem::replace(buffer, rest);
        let feeds = feeds as u64 - u64::from(is_added);
        stream.add(who, &mut self.reach, block, ends, feeds, is_added);
        self.scanned = self.reach.offset + buffer.len() as u64;
        Ok(Read::Some)
    }

    /// Whether nothing but NUL bytes was read.
    fn has_nuls_alone(&self) -> bool {
        self.reach.lines == 0 && self.reach.head().iter().all(|byte| *byte == 0)
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

    pub(super) fn begin_passing(&mut self, buffer: Vec<u8>) {
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
