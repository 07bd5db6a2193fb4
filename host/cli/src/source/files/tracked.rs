//! A file that is followed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::clock::Moment;
use super::content::{Content, How, Read};
use super::decode::Format;
use super::family::{self, Family, Rotation};
use super::mark::FileMark;
use super::paths::{FileId, Found};
use super::reach::Reach;
use super::stream::{FileKey, Note, Stream, Who};

/// A file that is followed.
pub(super) struct Tracked {
    pub(super) key: FileKey,
    /// Where it was among the files of its log at the last look, the oldest first; behind all of
    /// them where it was not there yet.
    pub(super) place: usize,
    pub(super) path: PathBuf,
    name: Arc<str>,
    pub(super) family: Family,
    pub(super) rotation: Rotation,
    pub(super) id: FileId,
    pub(super) modified: SystemTime,
    /// As last seen, in bytes.
    pub(super) length: u64,
    /// When it was first seen, or last longer than before.
    pub(super) grown: Instant,
    pub(super) handle: Option<File>,
    pub(super) used: Instant,
    pub(super) content: Content,
    pub(super) relation: Relation,
    /// What is known of its end, where it is a copy.
    pub(super) end: Option<End>,
    /// How long the original was when they were compared, and when it had changed.
    pub(super) compared: (u64, SystemTime),
    /// The files that have proven not to have its content.
    pub(super) denied: Vec<FileId>,
    /// Whether there may be something to read.
    pub(super) has_more: bool,
    /// Whether it ends with a line that has no line feed.
    pub(super) is_unfinished: bool,
    /// Whether such a line is taken as it is.
    pub(super) takes_last_line: bool,
    /// Whether the last event is taken, though it may go on.
    pub(super) takes_last_event: bool,
    /// Since when it has no name that is looked for.
    pub(super) nameless: Option<Moment>,
    /// How long it was when it could not be decompressed.
    pub(super) broken: Option<u64>,
    /// Whether a checkpoint knows of it.
    pub(super) is_marked: bool,
}

/// Whether a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// It is not known yet whether it is a copy.
    Unknown,
    /// It is one of its own.
    Own,
    /// It goes on where another ended, if it has the same content before that.
    Heir,
    /// Another file has its content, and is read.
    CopyOf(FileKey),
}

/// Where a copy ends.
pub(super) struct End {
    pub(super) reach: Reach,
    /// If it is compressed: how, and how long it is.
    pub(super) compressed: Option<Format>,
    pub(super) length: u64,
}

impl Relation {
    /// Of a file that nothing is known of but its name: what is being written is no copy.
    fn of(rotation: &Rotation) -> Relation {
        if *rotation == Rotation::None { Relation::Own } else { Relation::Unknown }
    }

    /// Whether the lines are read of the file itself.
    pub(super) fn is_read(self) -> bool {
        matches!(self, Relation::Own | Relation::Heir)
    }

    /// What it is a copy of.
    pub(super) fn original(self) -> Option<FileKey> {
        match self {
            Relation::CopyOf(original) => Some(original),
            _ => None,
        }
    }
}

impl Tracked {
    pub(super) fn new(key: FileKey, found: &Found, content: Content, now: Instant) -> Tracked {
        let (family, rotation) = family::split(&found.path);
        let relation = Relation::of(&rotation);
        Tracked {
            key,
            place: usize::MAX,
            name: name(&found.path),
            path: found.path.clone(),
            family,
            rotation,
            id: found.id,
            modified: found.modified,
            length: found.length,
            grown: now,
            handle: None,
            used: now,
            content,
            relation,
            end: None,
            compared: (0, SystemTime::UNIX_EPOCH),
            denied: Vec::new(),
            has_more: true,
            is_unfinished: false,
            takes_last_line: false,
            takes_last_event: false,
            nameless: None,
            broken: None,
            is_marked: false,
        }
    }

    /// One that an earlier run has read.
    pub(super) fn resumed(key: FileKey, found: &Found, content: Content, now: Instant) -> Tracked {
        let relation = if content.is_proven() { Relation::Own } else { Relation::Heir };
        Tracked { relation, is_marked: true, ..Tracked::new(key, found, content, now) }
    }

    /// A content that was read and of which is not known where it is, since then.
    pub(super) fn ghost(key: FileKey, path: &Path, content: Content, since: Moment) -> Tracked {
        let found = Found {
            path: path.to_owned(),
            id: FileId::NONE,
            length: content.reach.offset,
            modified: SystemTime::UNIX_EPOCH,
        };
        let nameless = Some(since);
        let (relation, is_marked, has_more) = (Relation::Own, true, false);
        let file = Tracked::new(key, &found, content, since.at);
        Tracked { relation, is_marked, has_more, nameless, ..file }
    }

    /// Whether it is a content without a file.
    pub(super) fn is_ghost(&self) -> bool {
        self.id.inode == 0 && self.handle.is_none()
    }

    /// It has this path now.
    pub(super) fn rename(&mut self, path: &Path) {
        self.path = path.to_owned();
        self.name = name(path);
        (self.family, self.rotation) = family::split(path);
    }

    /// It was looked at, and is so long.
    pub(super) fn see(&mut self, length: u64, modified: SystemTime, now: Instant) {
        if (length, modified) != (self.length, self.modified) {
            (self.length, self.modified, self.grown) = (length, modified, now);
            self.has_more = self.broken.is_none_or(|broken| broken != length);
            if matches!(self.relation, Relation::CopyOf(_)) {
                // It is being copied yet, or is another file that has got its number.
                (self.relation, self.end) = (Relation::Unknown, None);
            }
        }
    }

    /// What a checkpoint says of it.
    pub(super) fn mark(&self) -> FileMark {
        let Content { reach, begun, is_uncounted, .. } = &self.content;
        FileMark {
            // The events of a line may have its name in them, and are to be the same.
            path: begun.as_deref().map_or_else(|| self.path.display().to_string(), str::to_owned),
            inode: self.id.inode,
            offset: reach.offset,
            lines: (!is_uncounted).then_some(reach.lines),
            print: self.content.print(),
            through: self.content.read_through(),
            earlier: reach.earlier(),
            nameless: self.nameless.map(|since| since.unix),
            is_begun: begun.is_some(),
        }
    }

    /// Whether it is the one of its log that is being written.
    pub(super) fn is_newest(&self) -> bool {
        self.rotation == Rotation::None && self.nameless.is_none()
    }

    /// Whether its turn comes.
    pub(super) fn is_ready(&self) -> bool {
        self.has_more && self.relation.is_read()
    }

    /// Reads on, a slice at most, and puts its lines into the stream.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn read(
        &mut self,
        how: How,
        stream: &mut Stream,
        spare: Vec<u8>,
        now: Instant,
    ) -> io::Result<Read> {
        if !self.is_marked {
            self.is_marked = true;
            stream.note(Note::File(self.key, self.mark()));
        }
        let name = Arc::clone(self.content.begun.as_ref().unwrap_or(&self.name));
        let read = match self.open(now) {
            Err(error) => Err(error),
            Ok(()) => {
                let handle = self.handle.as_ref().expect("it is open");
                self.content.read(handle, how, stream, Who::of(self.key, &name), spare)
            }
        };
        match &read {
            Ok(Read::Some | Read::Changed) => {}
            Ok(Read::End { unfinished }) => {
                (self.has_more, self.is_unfinished) = (false, *unfinished > 0);
                (self.takes_last_line, self.takes_last_event) = (false, false);
            }
            Ok(Read::Foreign(_)) => self.has_more = false,
            Ok(Read::Broken(_)) => (self.has_more, self.broken) = (false, Some(self.length)),
            // It is read again at the next look, as if it had changed.
            Err(_) => (self.has_more, self.length) = (false, u64::MAX),
        }
        read
    }

    /// It goes on with a content that another had up to there, and some have not.
    pub(super) fn inherit(&mut self, content: Content, denied: Vec<FileId>) {
        (self.content, self.denied, self.end) = (content, denied, None);
        (self.relation, self.has_more, self.is_marked) = (Relation::Heir, true, true);
    }

    /// It has another content, of which nothing was read.
    pub(super) fn begin_anew(&mut self, now: Instant) {
        (self.content, self.denied) = (Content::new(), Vec::new());
        (self.has_more, self.is_unfinished, self.grown) = (true, false, now);
        self.relation = Relation::of(&self.rotation);
    }

    /// Whether it is a copy of which all was read in its original.
    pub(super) fn is_all_in(&self, read: &Content) -> bool {
        let length = self.reopen().and_then(|file| file.metadata()).map(|found| found.len());
        // What is told may lie behind what was read, where an earlier run began the first line.
        let read_to = read.told_at().min(read.reach.offset);
        self.end.as_ref().is_some_and(|end| {
            end.reach.offset < read_to
                && read.reach.head().starts_with(end.reach.head())
                && length.is_ok_and(|length| length == end.length)
        })
    }

    /// All of it was read in its original.
    pub(super) fn take_as_read(&mut self) {
        if let Some(End { reach, compressed, length }) = self.end.take() {
            self.content = Content::at_end(reach, compressed, length);
            (self.relation, self.is_marked) = (Relation::Own, true);
        }
    }

    /// Whether it can be told without opening it that it is not the original of a file in another
    /// folder, or there are few such.
    pub(super) fn is_told_from_afar(&self) -> bool {
        self.nameless.is_some() || !self.content.reach.head().is_empty()
    }

    /// Opens it, where it is not open.
    fn open(&mut self, now: Instant) -> io::Result<()> {
        self.used = now;
        if self.handle.is_none() {
            self.handle = Some(self.reopen()?);
        }
        Ok(())
    }

    /// The open file, or the one of its name, if that is still the same.
    pub(super) fn reopen(&self) -> io::Result<File> {
        if let Some(handle) = &self.handle {
            return handle.try_clone();
        }
        let file = File::open(&self.path)?;
        match FileId::of(&file.metadata()?) == self.id {
            true => Ok(file),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Whether it can be closed, and opened again by its name.
    pub(super) fn is_closable(&self) -> bool {
        self.handle.is_some() && self.nameless.is_none() && !self.content.is_decoding()
    }
}

impl<'a> Who<'a> {
    pub(super) fn of(key: FileKey, name: &'a Arc<str>) -> Who<'a> {
        Who { key, name }
    }
}

fn name(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}
