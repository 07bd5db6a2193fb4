//! Tells by their content which files were read before by another name, or are copies.
//!
//! Rotation renames a log, copies it, or compresses it. What was renamed has its number; of the
//! rest, the first bytes and those before the place where reading ended are looked at.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::content::{Compression, Content};
use super::decode::{Decoder, Format};
use super::mark::FileMark;
use super::paths::{FileId, Found};
use super::proof::{before, prove, reach_at, read_full_at};
use super::reach::{PRINT_BYTES, Print, Reach};
use super::stream::FileKey;
use super::tracked::{End, Tracked};

/// What a file is to those that are known.
pub(super) enum Kin {
    /// It has a content of its own.
    None,
    /// It is being written yet, or another cannot be looked at, so that nobody can tell.
    Unclear,
    /// It has the content of another that is there, and ends so, where that is known.
    CopyOf(FileKey, Option<End>),
    /// It has a content that was read in a file that is gone, as far as can be told.
    HeirOf(FileKey),
    /// It has no more than a part of such a content, and ends so: all of it was read.
    PartOf(End),
}

/// Where the last whole line of a file ends; nothing where it has none, or is compressed.
pub(super) fn end_of(found: &Found, compression: Compression) -> io::Result<Option<Reach>> {
    let file = File::open(&found.path)?;
    if beginning(&file, compression)?.format.is_some() {
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
    let copy = Copy::new(&file, length, beginning(&file, compression)?);
    if let Some(format) = copy.beginning.format {
        if mark.print.at() > 0 && !copy.is_of(mark.print)? {
            return Ok(None);
        }
        let reach = Reach::at(mark.offset, lines, Vec::new(), Vec::new()).with(mark.earlier);
        // What it holds is decompressed, and compared, only if it has changed.
        let content = match mark.through {
            Some(through) if through == length => {
                Content::through(reach, mark.print, format, length)
            }
            _ => Content::from(reach, Some(mark.print)),
        };
        return Ok(Some(content.marked(mark)));
    }
    if length < mark.offset || !prove(&file, mark.print)? {
        return Ok(None);
    }
    let reach = reach_at(&file, mark.offset, lines)?.with(mark.earlier);
    Ok(Some(Content::from(reach, None).marked(mark)))
}

/// Compares files with each other, and looks but once at how each begins.
pub(super) struct Comparison {
    compression: Compression,
    beginnings: HashMap<FileKey, Beginning>,
}

impl Comparison {
    pub(super) fn new(compression: Compression) -> Comparison {
        Comparison { compression, beginnings: HashMap::new() }
    }

    /// What a file is to `others`, whose contents are what was read of them.
    ///
    /// A compressed file is held for the heir of a content by its first bytes alone. What lies
    /// before the place where reading ended is compared as soon as it is read. With `is_settled` a
    /// compressed file that breaks off is taken as it is.
    ///
    /// Two files that have the same content, line for line, are held for copies: nobody can tell. A
    /// copy that ends before what was read of its original, and is seen for the first time when
    /// that has another content, is told by fingerprints at earlier places. One that ends before
    /// all of those is read again: nobody can tell it from another log that begins alike.
    pub(super) fn kin<'a>(
        &mut self,
        file: &Tracked,
        others: impl Iterator<Item = &'a Tracked>,
        is_settled: bool,
    ) -> io::Result<Kin> {
        let own = file.reopen()?;
        let length = own.metadata()?.len();
        let beginning = beginning(&own, self.compression)?;
        self.beginnings.insert(file.key, beginning.clone());
        let copy = Copy::new(&own, length, beginning);
        if copy.beginning.is_broken && !is_settled {
            return Ok(Kin::Unclear);
        }
        if copy.beginning.head.is_empty() {
            return Ok(Kin::None);
        }
        let is_alike = |other: &&Tracked| self.may_be_alike(&copy, file, other);
        let mut alike: Vec<&Tracked> = others.filter(is_alike).collect();
        // What was read further has more that tells it, and the newest is the most likely one to
        // have been copied.
        alike.sort_by_key(|other| Reverse((other.content.told_at(), other.key)));
        for other in alike.iter().filter(|other| !other.is_ghost()) {
            if let Some(format) = self.beginning_of(other).map(|theirs| theirs.format)
                && let Ok(theirs) = other.reopen()
                && let Some(end) = copy.is_of_file(&theirs, format)?
            {
                return Ok(Kin::CopyOf(other.key, end));
            }
        }
        for other in alike.iter().filter(|other| other.is_ghost()) {
            if !other.denied.contains(&file.id) && copy.is_of(other.content.print())? {
                return Ok(Kin::HeirOf(other.key));
            }
        }
        for other in alike.iter().filter(|other| other.is_ghost()) {
            if let Some(end) = copy.is_part_of(&other.content)? {
                return Ok(Kin::PartOf(end));
            }
        }
        Ok(Kin::None)
    }

    /// Whether a file that has no kin may have what was read of another, which has lost it.
    pub(super) fn may_have(&self, file: &Tracked, (other, loss): (&Tracked, Loss)) -> bool {
        let Some(beginning) = self.beginnings.get(&file.key) else { return true };
        let known = other.content.reach.head();
        let is_told = !known.is_empty() || other_log(file, other);
        if is_told && !beginning.is_like(known) {
            return false;
        }
        let is_of = || {
            let (own, beginning) = (file.reopen()?, beginning.clone());
            let length = own.metadata()?.len();
            Copy::new(&own, length, beginning).is_of(other.content.print())
        };
        match loss {
            Loss::Changed => true,
            Loss::Closed => is_of().unwrap_or(true),
        }
    }

    /// Whether another is worth a comparison. One in another folder is told by what is known of it.
    fn may_be_alike(&mut self, copy: &Copy<'_>, file: &Tracked, other: &Tracked) -> bool {
        let known = other.content.reach.head();
        let is_afar = other_log(file, other) && !known.is_empty();
        other.is_ghost()
            || (!is_afar || copy.begins_like(known))
                && self.beginning_of(other).is_some_and(|theirs| copy.begins_like(&theirs.head))
    }

    fn beginning_of(&mut self, file: &Tracked) -> Option<&Beginning> {
        if !self.beginnings.contains_key(&file.key) {
            let beginning = beginning(&file.reopen().ok()?, self.compression).ok()?;
            self.beginnings.insert(file.key, beginning);
        }
        self.beginnings.get(&file.key)
    }
}

/// Whether a path is that of a file which is not open, as far as its content tells: that number may
/// have been given to another. Of one of which nothing is known, it is so if it may be a log.
pub(super) fn is_same(path: &Path, file: &Tracked, compression: Compression) -> io::Result<bool> {
    let mark = file.mark();
    if mark.print.at() > 0 {
        return Ok(recognise(path, &mark, compression)?.is_some());
    }
    let found = File::open(path)?;
    let is_plain = beginning(&found, compression)?.format.is_none();
    Ok(is_plain && found.metadata()?.len() >= file.length)
}

/// Whether a file has still what was read of it, as far as that is seen without decompressing it.
pub(super) fn is_intact(file: &Tracked) -> io::Result<bool> {
    if file.content.is_compressed() || !file.content.is_proven() {
        return Ok(true);
    }
    let (handle, print) = (file.reopen()?, file.content.print());
    Ok(handle.metadata()?.len() >= print.at() && prove(&handle, print)?)
}

/// How what was read of a file was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It has another content.
    Changed,
    /// It cannot be opened, so that nobody knows what has become of it.
    Closed,
}

/// How what was read of a file was lost, if it was, as far as is seen.
pub(super) fn loss(file: &Tracked) -> Option<Loss> {
    match file.reopen() {
        Err(_) => Some(Loss::Closed),
        Ok(_) => matches!(is_intact(file), Ok(false)).then_some(Loss::Changed),
    }
}

/// Whether they are not of the same log.
fn other_log(one: &Tracked, other: &Tracked) -> bool {
    one.family != other.family
}

/// A file that has the content which a log had, among those that may be rotated out of it and that
/// the flow does not name.
pub(super) fn unnamed(
    ghost: &Tracked,
    rotated: &[PathBuf],
    known: &HashSet<FileId>,
    compression: Compression,
) -> Option<Found> {
    let print = ghost.content.print();
    let candidates = rotated.iter().filter_map(|path| {
        let found = Found::of(path.clone(), &fs::symlink_metadata(path).ok()?)?;
        let is_new = !known.contains(&found.id) && !ghost.denied.contains(&found.id);
        is_new.then_some(found)
    });
    let mut candidates: Vec<Found> = candidates.collect();
    candidates.sort_by_key(|found| Reverse(found.modified));
    candidates.into_iter().find(|found| {
        let is_it = || {
            let file = File::open(&found.path)?;
            let beginning = beginning(&file, compression)?;
            Copy::new(&file, found.length, beginning).is_of(print)
        };
        is_it().unwrap_or(false)
    })
}

/// A file that may be a copy.
struct Copy<'a> {
    file: &'a File,
    length: u64,
    beginning: Beginning,
    /// How far it reaches, once that was looked at.
    reach: OnceCell<(Reach, bool)>,
}

impl<'a> Copy<'a> {
    fn new(file: &'a File, length: u64, beginning: Beginning) -> Copy<'a> {
        Copy { file, length, beginning, reach: OnceCell::new() }
    }

    /// Its reach, of what is compressed so much as is compared at most, and whether that is known
    /// to be all.
    fn reach(&self) -> io::Result<&(Reach, bool)> {
        if let Some(known) = self.reach.get() {
            return Ok(known);
        }
        let max = self.beginning.format.map_or(self.length, |_| COMPARED_BYTES_MAX);
        let found = reach_of(self.file, self.beginning.format, max)?;
        Ok(self.reach.get_or_init(|| found))
    }

    /// Whether it has the first bytes of a print.
    fn begins_as(&self, print: Print) -> bool {
        let head = self.beginning.head.get(..print.bytes());
        head.is_some_and(|head| print.begins_with(head))
    }

    /// Whether it has the content of a print: proven, or, where it is compressed, by its beginning.
    fn is_of(&self, print: Print) -> io::Result<bool> {
        if print.at() == 0 || !self.begins_as(print) {
            return Ok(false);
        }
        match self.beginning.format {
            None => Ok(self.length >= print.at() && prove(self.file, print)?),
            Some(_) => Ok(true),
        }
    }

    /// Where it ends if it has the beginning of what was read, and less than all of it: lines that
    /// were written after it was copied were read before the log was truncated.
    fn is_part_of(&self, content: &Content) -> io::Result<Option<End>> {
        let read = &content.reach;
        // Of what an earlier run has read the fingerprint has to do.
        if !read.head().is_empty() && !self.begins_like(read.head()) {
            return Ok(None);
        }
        let (compressed, length) = (self.beginning.format, self.length);
        let (reach, is_whole) = self.reach()?;
        let print =
            content.print_before(reach.offset).filter(|_| *is_whole && reach.offset < read.offset);
        let is_part = match print {
            Some(print) if !self.begins_as(print) => false,
            Some(print) if compressed.is_none() => prove(self.file, print)?,
            Some(print) => reach_of(self.file, compressed, print.at())?.0.print() == print,
            // So little is compared as a whole.
            None => {
                reach.offset < read.head().len() as u64 && read.head().starts_with(reach.head())
            }
        };
        let end = || End { reach: reach.clone(), compressed, length };
        Ok((is_part && *is_whole).then(end))
    }

    /// Whether it and another have the same first bytes, as far as both have some.
    fn begins_like(&self, head: &[u8]) -> bool {
        self.beginning.is_like(head)
    }

    /// Where it ends if it has the content of a file, or of the beginning of that.
    fn is_of_file(&self, theirs: &File, format: Option<Format>) -> io::Result<Option<Option<End>>> {
        let (reach, is_whole) = self.reach()?;
        let (tail, is_there) = match format {
            None => (before(theirs, reach.offset)?, theirs.metadata()?.len() >= reach.offset),
            Some(_) => {
                let (other, _) = reach_of(theirs, format, reach.offset)?;
                (other.tail().to_vec(), other.offset == reach.offset)
            }
        };
        let (compressed, length) = (self.beginning.format, self.length);
        let is_copy = is_there && tail == reach.tail();
        let end = || End { reach: reach.clone(), compressed, length };
        Ok(is_copy.then(|| is_whole.then(end)))
    }
}

/// The reach of a content at its end, or at `max`, and whether the first is known. A file that is
/// not compressed has so much.
fn reach_of(file: &File, format: Option<Format>, max: u64) -> io::Result<(Reach, bool)> {
    let Some(format) = format else { return Ok((reach_at(file, max, 0)?, true)) };
    let mut decoder = Decoder::new(file.try_clone()?, format)?;
    let mut reach = Reach::default();
    loop {
        let left = max - reach.offset;
        let mut block = vec![0; left.min(SCAN_BYTES as u64) as usize];
        let (filled, end) = decoder.fill(&mut block);
        reach.advance(&block[..filled], 0);
        if end.is_some() || reach.offset == max {
            return Ok((reach, matches!(end, Some(Ok(())))));
        }
    }
}

/// How a file begins.
#[derive(Clone)]
struct Beginning {
    /// The first bytes of its content.
    head: Vec<u8>,
    format: Option<Format>,
    /// Whether it has no more of them since it cannot be decompressed further.
    is_broken: bool,
}

impl Beginning {
    /// Whether it and another are the same, as far as both have some.
    fn is_like(&self, head: &[u8]) -> bool {
        let common = head.len().min(self.head.len());
        common > 0 && head[..common] == self.head[..common]
    }
}

fn beginning(file: &File, compression: Compression) -> io::Result<Beginning> {
    let mut head = vec![0; PRINT_BYTES];
    let read = read_full_at(file, &mut head, 0)?;
    head.truncate(read);
    let Some(format) = format_of(&head, compression) else {
        return Ok(Beginning { head, format: None, is_broken: false });
    };
    let mut content = vec![0; PRINT_BYTES];
    let mut decoder = Decoder::new(file.try_clone()?, format)?;
    let (filled, end) = decoder.fill(&mut content);
    content.truncate(filled);
    let is_broken = matches!(end, Some(Err(_)));
    Ok(Beginning { head: content, format: Some(format), is_broken })
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
