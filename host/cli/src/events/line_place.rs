//! Where the lines of a block lie, for what asks for that.

use crate::map::{LinePlace, RecordPlace};
use crate::source::Lines;

/// Where the line at `index` lies. Without a file, its number is that in the input; of a record its
/// offset is the one in the partition.
pub(super) fn place_of(lines: &Lines, index: usize) -> LinePlace<'_> {
    let first = lines.first + index as u64;
    if let Some(records) = &lines.records {
        let (partition, record) = (&*records.partition, records.each.get(index));
        let record = Some(RecordPlace { partition, record });
        return LinePlace { offset: first, record, ..LinePlace::default() };
    }
    let (before, offset) = match lines.origin_of(index) {
        Some(origin) => (origin.line, origin.offset),
        None => (first, lines.offset_of(index)),
    };
    let file = lines.origin.as_ref().map(|origin| &*origin.file);
    LinePlace { file, line: before + 1, offset, record: None }
}

/// Goes on behind the line at `index`, which lies at `place`.
pub(super) fn pass<'a>(place: &mut LinePlace<'a>, lines: &'a Lines, index: usize) {
    if lines.records.is_some() {
        *place = place_of(lines, index + 1);
        return;
    }
    let line = lines.framed(index);
    place.offset += line.len() as u64;
    place.line += match place.file {
        Some(_) => memchr::memchr_iter(b'\n', line).count() as u64,
        None => 1,
    };
}
