//! Tells by their content which files were read before by another name, or are copies.
//!
//! Rotation renames a log, copies it, or compresses it. What was renamed has its number; of the
//! rest, the first bytes and those before the place where reading ended are looked at.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::content::{Compression, Content, before, prove, reach_at, read_full_at};
use super::decode::{Decoder, Format};
use super::family::{self, Rotation};
use super::mark::FileMark;
use super::paths::{FileId, Found};
use super::reach::{PRINT_BYTES, Print, Reach};
use super::stream::FileKey;
use super::tracked::Tracked;

/// The file that another is a copy of.
pub(super) struct Original {
    pub(super) key: FileKey,
    /// Whether it is gone, so that the copy is read in its place.
    pub(super) is_gone: bool,
    /// Whether the copy is compressed: it does not change any more.
    pub(super) is_compressed: bool,
}

/// Where the last whole line of a file ends; nothing where it has none, or is compressed.
pub(super) fn end_of(found: &Found, compression: Compression) -> io::Result<Option<Reach>> {
    let file = File::open(&found.path)?;
    let (head, _) = beginning(&file, Compression::None, PRINT_BYTES)?;
    if format_of(&head, compression).is_some() {
        return Ok(None);
    }
    let mut block = vec![0; SCAN_BYTES];
    let mut end = found.length;
    while end > 0 {
        let start = end.saturating_sub(SCAN_BYTES as u64);
        let read = read_full_at(&file, &mut block[..(end - start) as usize], start)?;
        if let Some(feed) = memchr::memrchr(b'\n', &block[..read]) {
            let offset = start + feed as u64 + 1;
            return reach_at(&file, offset, 0).map(Some);
        }
        end = start;
    }
    Ok(None)
}

/// The content of a file that a mark was made of; nothing where it has another.
pub(super) fn recognise(
    path: &Path,
    mark: &FileMark,
    compression: Compression,
) -> io::Result<Option<Content>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let lines = mark.lines.unwrap_or_default();
    let (head, format) = beginning(&file, compression, PRINT_BYTES)?;
    if let Some(format) = format {
        let copy = Copy { file: &file, length, head: &head, format: Some(format) };
        if mark.offset > 0 && !copy.is_of(mark.print)? {
            return Ok(None);
        }
        let reach = Reach::at(mark.offset, lines, Vec::new(), Vec::new());
        // What it holds is decompressed, and compared, only if it has changed.
        return Ok(Some(match mark.through {
            Some(through) if through == length => {
                Content::through(reach, mark.print, format, length)
            }
            _ => Content::from(reach, Some(mark.print)),
        }));
    }
    if length < mark.offset {
        return Ok(None);
    }
    let is_it = prove(&file, mark.print)?;
    Ok(is_it.then_some(Content::from(reach_at(&file, mark.offset, lines)?, None)))
}

/// The file among `others` that this one is a copy of, as far as can be told.
///
/// A copy that is compressed is told by its first bytes alone. What lies before the place where
/// reading ended is compared as soon as it is read in place of the other.
pub(super) fn original(
    file: &Tracked,
    others: &[&Tracked],
    compression: Compression,
) -> io::Result<Option<Original>> {
    let own = file.reopen()?;
    let length = own.metadata()?.len();
    let (head, format) = beginning(&own, compression, PRINT_BYTES)?;
    if head.is_empty() {
        return Ok(None);
    }
    let copy = Copy { file: &own, length, head: &head, format };
    for other in others {
        let is_gone = other.nameless.is_some() && other.handle.is_none();
        let is_copy = match other.reopen().ok().filter(|_| !is_gone) {
            Some(theirs) => copy.is_of_file(&theirs, &other.content, compression)?,
            None => copy.is_of(other.content.print())?,
        };
        if is_copy {
            let is_compressed = format.is_some();
            return Ok(Some(Original { key: other.key, is_gone, is_compressed }));
        }
    }
    Ok(None)
}

/// Whether a file has still what was read of it.
pub(super) fn is_intact(file: &Tracked) -> io::Result<bool> {
    let print = file.content.print();
    let handle = file.reopen()?;
    Ok(file.content.is_compressed()
        || handle.metadata()?.len() >= print.at() && prove(&handle, print)?)
}

/// A file beside a log, with a name that the flow does not look for, that has the content which
/// the log had.
pub(super) fn unnamed(
    log: &Tracked,
    content: &Content,
    known: &HashSet<FileId>,
    compression: Compression,
) -> Option<Found> {
    let folder = match log.path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let print = content.print();
    if print.at() == 0 {
        return None;
    }
    let candidates = fs::read_dir(folder).ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        let (family, rotation) = family::split(&entry.path());
        if family.name != log.family.name || rotation == Rotation::None {
            return None;
        }
        let found = Found::of(entry.path(), &entry.metadata().ok()?)?;
        (!known.contains(&found.id)).then_some(found)
    });
    let mut candidates: Vec<Found> = candidates.collect();
    candidates.sort_by_key(|found| std::cmp::Reverse(found.modified));
    candidates.into_iter().find(|found| {
        let is_it = || {
            let file = File::open(&found.path)?;
            let (head, format) = beginning(&file, compression, PRINT_BYTES)?;
            Copy { file: &file, length: found.length, head: &head, format }.is_of(print)
        };
        is_it().unwrap_or(false)
    })
}

/// A file that may be a copy.
struct Copy<'a> {
    file: &'a File,
    length: u64,
    head: &'a [u8],
    format: Option<Format>,
}

impl Copy<'_> {
    /// Whether it has the content of a print: proven, or, where it is compressed or has not so much,
    /// by its beginning.
    fn is_of(&self, print: Print) -> io::Result<bool> {
        if print.at() == 0 || self.head.len() < print.bytes() {
            return Ok(false);
        }
        match self.format {
            None if self.length >= print.at() => Ok(prove(self.file, print)?),
            _ => Ok(print.begins_with(&self.head[..print.bytes()])),
        }
    }

    /// Whether it has the content of a file that is there.
    fn is_of_file(
        &self,
        theirs: &File,
        content: &Content,
        compression: Compression,
    ) -> io::Result<bool> {
        let (begins, other_format) = beginning(theirs, compression, PRINT_BYTES)?;
        let (length, print) = (theirs.metadata()?.len(), content.print());
        let is_plain = other_format.is_none();
        if is_plain && print.at() > 0 && (length < print.at() || !prove(theirs, print)?) {
            // It has been truncated, and what was read of it is in its copies.
            let is_part = self.head.len() < print.bytes();
            return match is_part && !self.head.is_empty() {
                true => Ok(content.reach.head().starts_with(self.head)),
                false => self.is_of(print),
            };
        }
        let common = begins.len().min(self.head.len());
        if common == 0 || begins[..common] != self.head[..common] {
            return Ok(false);
        }
        match (self.format, is_plain) {
            // Copies are taken of what was there before.
            (None, true) => Ok(self.length <= length
                && before(self.file, self.length)? == before(theirs, self.length)?),
            (Some(format), true) => self.is_compressed_of(format, theirs, length),
            // Nobody compresses what is compressed, or keeps both for long.
            (_, false) => Ok(true),
        }
    }

    /// Whether it is compressed of a file that has this length, or of its beginning.
    fn is_compressed_of(&self, format: Format, theirs: &File, length: u64) -> io::Result<bool> {
        let mut decoder = Decoder::new(self.file.try_clone()?, format)?;
        let mut block = vec![0; SCAN_BYTES];
        let mut reach = Reach::default();
        loop {
            let (filled, end) = decoder.fill(&mut block);
            reach.advance(&block[..filled], 0);
            if reach.offset > length {
                return Ok(false);
            }
            if end.is_some() || reach.offset >= COMPARED_BYTES_MAX {
                return Ok(before(theirs, reach.offset)? == reach.tail());
            }
        }
    }
}

/// The first bytes of a file's content, and its format if it is compressed.
fn beginning(
    file: &File,
    compression: Compression,
    bytes: usize,
) -> io::Result<(Vec<u8>, Option<Format>)> {
    let mut head = vec![0; bytes];
    let read = read_full_at(file, &mut head, 0)?;
    head.truncate(read);
    let Some(format) = format_of(&head, compression) else { return Ok((head, None)) };
    let mut content = vec![0; bytes];
    let mut decoder = Decoder::new(file.try_clone()?, format)?;
    let (filled, _) = decoder.fill(&mut content);
    content.truncate(filled);
    Ok((content, Some(format)))
}

fn format_of(beginning: &[u8], compression: Compression) -> Option<Format> {
    match compression {
        Compression::None => None,
        Compression::Auto => Format::of(beginning),
        Compression::Format(format) => Some(format),
    }
}

const SCAN_BYTES: usize = 64 << 10;
/// How much of a compressed file is compared before it is held for a copy: 16 MiB.
const COMPARED_BYTES_MAX: u64 = 16 << 20;
