//! Where the lines of a block lie, for what asks for that.

use crate::map::LinePlace;
use crate::source::Lines;

/// The file that a block is of.
pub(super) fn file_of(lines: &Lines) -> Option<&str> {
    lines.origin.as_ref().map(|origin| &*origin.file)
}

/// Where the line at `index` lies. Without a file, its number is that in the input.
pub(super) fn place_of(lines: &Lines, index: usize) -> LinePlace<'_> {
    let (before, offset) = match lines.origin_of(index) {
        Some(origin) => (origin.line, origin.offset),
        None => (lines.first + index as u64, lines.offset_of(index)),
    };
    LinePlace { file: file_of(lines), line: before + 1, offset }
}

/// Goes on behind the line at `index`, which lies at `place`.
pub(super) fn pass(place: &mut LinePlace<'_>, lines: &Lines, index: usize) {
    let line = lines.framed(index);
    place.offset += line.len() as u64;
    place.line += match place.file {
        Some(_) => memchr::memchr_iter(b'\n', line).count() as u64,
        None => 1,
    };
}
