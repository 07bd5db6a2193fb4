//! Follows files: finds them, tells which is which, and reads each in its turn.
//!
//! It does nothing by itself. [`look`](Follower::look) looks at names and lengths, and
//! [`turn`](Follower::turn) reads a slice of one file. Whoever calls them says what time it is.

mod away;
mod begun;
mod kinship;
mod look;
mod order;
mod resume;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use self::away::Away;
use super::clock::Clock;
use super::complaints::Complaints;
use super::content::{How, Read, SLICE_BYTES};
use super::family::Family;
use super::listing::Listing;
use super::mark::FileMark;
use super::settings::{FilesSettings, StartAt};
use super::stats::FileStats;
use super::stream::{FileKey, Note, Notice, Stream};
use super::table::Table;
use crate::source::{LastLine, LineSettings, Piece, SourceError, Start};

/// Follows files.
pub(super) struct Follower {
    settings: FilesSettings,
    clock: Clock,
    stream: Stream,
    table: Table,
    /// What an earlier run has read, until the first look.
    resumed: Option<Vec<FileMark>>,
    /// Whether an earlier run has begun a line that is not read yet.
    is_begun: bool,
    /// When names were first looked at.
    started: Option<Instant>,
    /// Whether files that are found begin at their ends: those that are there at first.
    begins_at_end: bool,
    /// When names were last looked at.
    looked: Option<Instant>,
    /// When names in each folder were last changed, as of the last look.
    names: HashMap<PathBuf, Option<SystemTime>>,
    /// Whether a file waits for the next look.
    wants_look: bool,
    /// What was seen of folders at this look.
    listing: Listing,
    away: Away,
    complaints: Complaints,
    slice_bytes: u64,
    truncations: BTreeMap<Family, u64>,
}

impl Follower {
    /// Follows what `settings` name, into a stream that has what lies before `at` behind it.
    /// `resumed` are the files that an earlier run has read of, in the order of their keys.
    pub(super) fn new(
        settings: FilesSettings,
        lines: LineSettings,
        at: Start,
        resumed: Option<Vec<FileMark>>,
        clock: Clock,
    ) -> Follower {
        Follower {
            clock,
            stream: Stream::new(lines, at),
            table: Table::from(resumed.as_ref().map_or(0, |marks| marks.len() as u64)),
            begins_at_end: resumed.is_none() && settings.start_at == StartAt::End,
            is_begun: resumed.iter().flatten().any(|mark| mark.is_begun),
            started: None,
            looked: None,
            names: HashMap::new(),
            wants_look: false,
            resumed,
            listing: Listing::default(),
            away: Away::default(),
            complaints: Complaints::default(),
            slice_bytes: SLICE_BYTES,
            truncations: BTreeMap::new(),
            settings,
        }
    }

    /// Whether new files and lines are waited for.
    pub(super) fn is_following(&self) -> bool {
        self.settings.follow
    }

    /// Whether nothing more comes.
    pub(super) fn is_through(&self) -> bool {
        !self.settings.follow && self.looked.is_some() && self.table.is_read()
    }

    /// When names are looked at next that have changed: shortly after the last look, since a folder
    /// in which much happens is not to be read without end.
    pub(super) fn soon(&self) -> Instant {
        let now = Instant::now();
        self.looked.map_or(now, |looked| looked + LOOK_AGAIN_AFTER)
    }

    /// The folders in which names may change.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let mut folders = self.settings.paths.folders();
        folders.extend(self.table.folders().map(|folder| match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder.to_owned(),
        }));
        folders
    }

    /// What was put into the stream since this was last asked.
    pub(super) fn take(&mut self) -> Vec<Piece> {
        self.stream.take()
    }

    /// Reads a slice of the file whose turn it is. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// A file cannot be read that is not followed.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        spare: impl FnOnce() -> Vec<u8>,
    ) -> Result<bool, SourceError> {
        let Some(key) = self.next() else { return Ok(false) };
        let until = if self.is_begun { Some(u64::MAX) } else { self.until(key, now) };
        let Some(until) = until else { return Ok(true) };
        let (follow, compression) = (self.settings.follow, self.settings.compression);
        let takes_all = !follow && self.stream.settings().last_line == LastLine::Take;
        let copied = self.copied(key);
        let (stream, slice_bytes) = (&mut self.stream, self.slice_bytes);
        let read = self.table.update(key, |file| {
            let takes_last_line = file.takes_last_line || takes_all;
            let takes_last_event = file.takes_last_event || !follow;
            let how =
                How { compression, takes_last_line, takes_last_event, slice_bytes, until, copied };
            file.read(how, stream, spare(), now)
        });
        let (Some(read), Some(file)) = (read, self.table.get(key)) else { return Ok(true) };
        // The turn was that of the file which has it.
        self.is_begun &= file.content.begun.is_some();
        let (path, offset) = (file.path.clone(), file.content.reach.offset);
        match read {
            Ok(Read::Some | Read::End { .. }) => self.complaints.remove(&path),
            Ok(Read::Changed) => self.changed(key, now),
            Ok(Read::Foreign(foreign)) => {
                let name = path.display().to_string();
                if !follow {
                    return Err(SourceError::NoLines { name, file: true, foreign });
                }
                let message =
                    format!("`{name}` {}. It is passed over", foreign.explain(Some(&name)));
                self.notice(true, message);
            }
            Ok(Read::Broken(source)) => {
                if !follow {
                    let name = path.display().to_string();
                    return Err(SourceError::Read { name, offset, source });
                }
                // One that is being written comes to its end later.
                self.complain(&path, "cannot be decompressed further yet", &source);
            }
            Err(source) => {
                if !follow {
                    return Err(SourceError::open(&path, source));
                }
                if matches!(source.raw_os_error(), Some(EMFILE | ENFILE)) {
                    self.table.close_idle(0);
                }
                match source.kind() {
                    // It has another name by now, and comes before what is newer.
                    io::ErrorKind::NotFound => self.look(now),
                    _ => self.complain(&path, "cannot be read", &source),
                }
            }
        }
        self.give_up_begun(now);
        self.table.close_idle(HANDLES_MAX);
        Ok(true)
    }

    /// The numbers of each family.
    pub(super) fn stats(&self) -> Arc<[FileStats]> {
        let mut stats = BTreeMap::<&Family, FileStats>::new();
        for (family, truncations) in &self.truncations {
            stats.entry(family).or_default().truncations = *truncations;
        }
        for file in self.table.files() {
            let of = stats.entry(&file.family).or_default();
            of.files += 1;
            of.open += u64::from(file.handle.is_some());
            if file.relation.is_read() && file.length != u64::MAX {
                of.lag_bytes += file.content.lag(file.length);
            }
        }
        let named = stats.into_iter().map(|(family, stats)| {
            let family = family.folder.join(&family.name).display().to_string();
            FileStats { family, ..stats }
        });
        named.collect()
    }

    fn truncated(&mut self, path: &str, family: Family) {
        *self.truncations.entry(family).or_default() += 1;
        self.notice(
            true,
            format!(
                "`{path}` was truncated or rewritten, and is read from its beginning; lines that \
                 were written to it after the last read and before that are in no object, unless \
                 a copy of it has them that is found"
            ),
        );
    }

    fn complain(&mut self, path: &Path, what: &str, error: &io::Error) {
        if let Some(notice) = self.complaints.add(path, what, error) {
            self.stream.note(Note::Notice(notice));
        }
    }

    fn notice(&mut self, is_warning: bool, message: String) {
        self.stream.note(Note::Notice(Notice { is_warning, message }));
    }

    /// A file is not followed any more.
    fn forget(&mut self, key: FileKey) {
        if self.table.remove(key).is_some_and(|file| file.is_marked) {
            self.stream.note(Note::Gone(key));
        }
    }
}

/// How many files are kept open that are not being read, and how many are decompressed at a time.
const HANDLES_MAX: usize = 512;
const DECODERS_MAX: usize = 4;
/// How much time lies between two looks, at least.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);
/// What the system says where too many files are open, in this process or on this machine.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

#[cfg(test)]
mod tests;
