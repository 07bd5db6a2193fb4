//! Reads a file that is not compressed.

use std::fs::File;
use std::io;

use super::{Content, How, Read};
use crate::source::files::proof::{before, line_feeds, prove, reach_at, read_full_at};
use crate::source::files::stream::{Stream, Who};

impl Content {
    pub(super) fn read_plain(
        &mut self,
        file: &File,
        how: How,
        stream: &mut Stream,
        who: Who<'_>,
        mut buffer: Vec<u8>,
    ) -> io::Result<Read> {
        let length = file.metadata()?.len().min(how.until);
        let from = self.passing.as_ref().map_or(self.reach.offset, |passing| passing.reach.offset);
        if length < from {
            return Ok(Read::Changed);
        }
        if let Some(expected) = self.expected {
            if !prove(file, expected)? {
                return Ok(Read::Changed);
            }
            let earlier = self.reach.earlier();
            self.reach = reach_at(file, self.reach.offset, self.reach.lines)?.with(earlier);
            self.expected = None;
        }
        if self.is_uncounted {
            self.reach.lines = line_feeds(file, self.reach.offset)?;
            self.is_uncounted = false;
        }
        let max = stream.settings().line_bytes_max;
        let more = length - from;
        let takes_last = how.takes_last_line || how.takes_last_event;
        let is_new = length > self.scanned.max(from) || takes_last && more > 0;
        if !is_new {
            // It may have been written anew, and be as long as before.
            let is_same = before(file, from)? == self.tail();
            return Ok(if is_same { Read::End { unfinished: more } } else { Read::Changed });
        }
        let known = self.scanned.saturating_sub(self.reach.offset);
        let multiline = stream.settings().multiline.as_ref();
        // An event of several lines may be as long as many slices.
        let event = multiline.map_or(0, |multiline| multiline.bytes_max());
        let slice = how.slice_bytes.saturating_add(event);
        if known > 0 && !takes_last && multiline.is_none() && !self.has_feed(file, length, max)? {
            return Ok(Read::End { unfinished: length - self.reach.offset });
        }
        let mut size = more.min(slice.max(known + how.slice_bytes / 16)) as usize;
        if let Some(copied) = how.copied.and_then(|copied| copied.checked_sub(from))
            && copied > 0
            && multiline.is_none()
        {
            size = size.min(usize::try_from(copied).unwrap_or(size));
        }
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
        let read = self.cut(&mut buffer, how, is_at_end, stream, who)?;
        if how.copied == Some(self.reach.offset) {
            self.reach.is_copied();
        }
        Ok(read)
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

    pub(super) fn tail(&self) -> &[u8] {
        self.passing.as_ref().map_or(&self.reach, |passing| &passing.reach).tail()
    }
}

const SCAN_BYTES: usize = 64 << 10;
