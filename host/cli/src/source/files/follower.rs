//! Follows files: finds them, tells which is which, and reads each in its turn.
//!
//! It does nothing by itself. [`look`](Follower::look) looks at names and lengths, and
//! [`turn`](Follower::turn) reads a slice of one file. Whoever calls them says what time it is.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirEntryExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::content::{Content, How, Read};
use super::copies;
use super::family::{self, Family};
use super::mark::FileMark;
use super::paths::{FileId, Found};
use super::reach::Reach;
use super::settings::{FilesSettings, StartAt};
use super::stats::FileStats;
use super::stream::{FileKey, Note, Notice, Stream, Who};
use super::tracked::{Relation, Tracked};
use crate::source::{LastLine, LineSettings, Piece, SourceError, Start};

/// Follows files.
pub(super) struct Follower {
    settings: FilesSettings,
    stream: Stream,
    files: BTreeMap<FileKey, Tracked>,
    by_id: HashMap<FileId, FileKey>,
    by_path: HashMap<PathBuf, FileKey>,
    families: HashMap<Family, Vec<FileKey>>,
    /// The families that have something to read, in the order of their turns.
    ready: VecDeque<Family>,
    next_key: u64,
    /// What an earlier run has read, until the first look.
    resumed: Option<Vec<FileMark>>,
    /// Whether files that are found begin at their ends: those that are there at first.
    begins_at_end: bool,
    /// When names were last looked at.
    looked: Option<Instant>,
    /// What is wrong, by path: it is said once.
    complaints: HashMap<PathBuf, String>,
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
    ) -> Follower {
        Follower {
            stream: Stream::new(lines, at),
            files: BTreeMap::new(),
            by_id: HashMap::new(),
            by_path: HashMap::new(),
            families: HashMap::new(),
            ready: VecDeque::new(),
            next_key: resumed.as_ref().map_or(0, |marks| marks.len() as u64),
            begins_at_end: resumed.is_none() && settings.start_at == StartAt::End,
            looked: None,
            resumed,
            complaints: HashMap::new(),
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
        !self.settings.follow && self.looked.is_some() && self.ready.is_empty()
    }

    /// When names are looked at next that have changed: shortly after the last look, since a folder
    /// in which much happens is not to be read without end.
    pub(super) fn soon(&self) -> Instant {
        let now = Instant::now();
        self.looked.map_or(now, |looked| looked + LOOK_AGAIN_AFTER)
    }

    /// The folders in which names may change.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let parent = |file: &Tracked| match file.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut folders = self.settings.paths.folders();
        folders.extend(self.files.values().filter(|file| file.nameless.is_none()).map(parent));
        folders
    }

    /// What was put into the stream since this was last asked.
    pub(super) fn take(&mut self) -> Vec<Piece> {
        self.stream.take()
    }

    /// Looks which files are there, and how long they are.
    pub(super) fn look(&mut self, now: Instant) {
        let (found, errors) = self.settings.paths.find();
        self.complain(errors);
        let new = self.see(found, now);
        let mut new = match self.resumed.take() {
            Some(marks) => self.find_again(marks, new, now),
            None => new,
        };
        new.dedup_by_key(|found| found.id);
        for found in new {
            // The same file by another name.
            if !self.by_id.contains_key(&found.id) {
                self.discover(&found, now);
            }
        }
        self.begins_at_end = false;
        self.looked = Some(now);
        self.review_all(now);
        self.look_at_time(now);
    }

    /// Looks at one path. Returns whether it is one that is not known, so that all are to be looked
    /// at.
    pub(super) fn glance(&mut self, path: &Path, now: Instant) -> bool {
        let Some(&key) = self.by_path.get(path) else { return self.settings.paths.matches(path) };
        let Some(file) = self.files.get_mut(&key) else { return true };
        match fs::metadata(path) {
            Ok(metadata) if FileId::of(&metadata) == file.id => {
                let modified = metadata.modified().unwrap_or(file.modified);
                file.see(metadata.len(), modified, now);
                let is_undecided = file.relation == Relation::Unknown;
                if file.is_ready() {
                    let family = file.family.clone();
                    self.make_ready(family);
                }
                is_undecided
            }
            _ => true,
        }
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
        let Some((family, key)) = self.next() else { return Ok(false) };
        let follow = self.settings.follow;
        let takes_all = !follow && self.stream.settings().last_line == LastLine::Take;
        let Some(file) = self.files.get_mut(&key) else { return Ok(true) };
        let takes_last_line = file.takes_last_line || takes_all;
        let how = How { compression: self.settings.compression, takes_last_line };
        if !file.is_marked {
            file.is_marked = true;
            self.stream.note(Note::File(key, file.mark()));
        }
        let name = file.name();
        let who = Who::of(key, &name);
        let read = match file.open(now) {
            Err(error) => Err(error),
            Ok(_) => {
                let handle = file.handle.as_ref().expect("it is open");
                file.content.read(handle, how, &mut self.stream, who, spare())
            }
        };
        match read {
            Ok(Read::Some) => drop(self.complaints.remove(&file.path)),
            Ok(Read::End { unfinished }) => {
                (file.has_more, file.is_unfinished) = (false, unfinished > 0);
                file.takes_last_line = false;
                self.complaints.remove(&file.path);
            }
            Ok(Read::Changed) => self.changed(key, now),
            Ok(Read::Foreign(foreign)) => {
                file.has_more = false;
                if !follow {
                    let name = file.path.display().to_string();
                    return Err(SourceError::NoLines { name, file: true, foreign });
                }
                let message =
                    format!("{} {}. It is passed over", file.name(), foreign.explain(None));
                self.notice(true, message);
            }
            Ok(Read::Broken(source)) => {
                (file.has_more, file.broken) = (false, Some(file.length));
                let (path, offset) = (file.path.clone(), file.content.reach.offset);
                if !follow {
                    let name = path.display().to_string();
                    return Err(SourceError::Read { name, offset, source });
                }
                // One that is being written comes to its end later.
                self.complain_of(path, &source, "cannot be decompressed further yet");
            }
            Err(source) => {
                file.has_more = false;
                let path = file.path.clone();
                if !follow {
                    return Err(SourceError::open(&path, source));
                }
                if matches!(source.raw_os_error(), Some(EMFILE | ENFILE)) {
                    self.close_idle(0);
                }
                if source.kind() != io::ErrorKind::NotFound {
                    self.complain_of(path, &source, "cannot be read");
                }
                // Looked at as if it had changed.
                if let Some(file) = self.files.get_mut(&key) {
                    file.length = u64::MAX;
                }
            }
        }
        self.make_ready(family);
        self.close_idle(HANDLES_MAX);
        Ok(true)
    }

    /// The numbers of each family.
    pub(super) fn stats(&self) -> Vec<FileStats> {
        let mut stats = BTreeMap::<&Family, FileStats>::new();
        for (family, truncations) in &self.truncations {
            stats.entry(family).or_default().truncations = *truncations;
        }
        for file in self.files.values() {
            let of = stats.entry(&file.family).or_default();
            of.files += 1;
            of.open += u64::from(file.handle.is_some());
            if matches!(file.relation, Relation::Own | Relation::Heir) && file.length != u64::MAX {
                of.lag_bytes += file.content.lag(file.length);
            }
        }
        let named = stats.into_iter().map(|(family, stats)| {
            let family = family.folder.join(&family.name).display().to_string();
            FileStats { family, ..stats }
        });
        named.collect()
    }

    /// The next file to read, the oldest of its family, with that.
    fn next(&mut self) -> Option<(Family, FileKey)> {
        let decoding = self.files.values().filter(|file| file.content.is_decoding()).count();
        for _ in 0..self.ready.len() {
            let family = self.ready.pop_front()?;
            let keys = self.families.get(&family).into_iter().flatten();
            let files = keys.filter_map(|key| self.files.get(key));
            let mut files: Vec<&Tracked> = files.filter(|file| file.is_ready()).collect();
            family::sort(&mut files, |file| (file.rotation.clone(), file.modified));
            let Some(file) = files.first() else { continue };
            if file.content.is_compressed()
                && !file.content.is_decoding()
                && decoding >= DECODERS_MAX
            {
                self.ready.push_back(family);
                continue;
            }
            return Some((family, file.key));
        }
        None
    }

    /// Gives a family its turn, if it has something to read.
    fn make_ready(&mut self, family: Family) {
        let keys = self.families.get(&family).into_iter().flatten();
        let mut files = keys.filter_map(|key| self.files.get(key));
        if files.any(Tracked::is_ready) && !self.ready.contains(&family) {
            self.ready.push_back(family);
        }
    }

    /// Looks at the files that are known, by their numbers. Returns those that are not.
    fn see(&mut self, found: Vec<Found>, now: Instant) -> Vec<Found> {
        let (mut new, mut seen) = (Vec::new(), HashMap::<FileKey, Found>::new());
        for found in found {
            let Some(key) = self.by_id.get(&found.id) else {
                new.push(found);
                continue;
            };
            // One that has several names keeps its own.
            let is_own = self.files[key].path == found.path;
            if is_own || !seen.contains_key(key) {
                seen.insert(*key, found);
            }
        }
        let nameless: Vec<FileKey> =
            self.files.keys().filter(|key| !seen.contains_key(key)).copied().collect();
        for key in nameless {
            self.lose_name(key, now);
        }
        for (key, found) in seen {
            let Some(file) = self.files.get(&key) else { continue };
            if file.path != found.path {
                let mark = file.mark();
                // The number of a file that is not open may be that of another by now.
                let is_it = file.handle.is_some()
                    || mark.offset > 0 && self.recognise(&found.path, &mark).is_some();
                if !is_it {
                    self.lose(key, now);
                    new.push(found);
                    continue;
                }
                self.rename(key, &found.path);
            }
            let Some(file) = self.files.get_mut(&key) else { continue };
            self.by_path.insert(found.path, key);
            file.nameless = None;
            file.see(found.length, found.modified, now);
            let family = file.family.clone();
            self.make_ready(family);
        }
        new
    }

    /// It has another name, and may be of another family.
    fn rename(&mut self, key: FileKey, path: &Path) {
        let Some(file) = self.files.get_mut(&key) else { return };
        if self.by_path.get(&file.path) == Some(&key) {
            self.by_path.remove(&file.path);
        }
        let before = file.family.clone();
        file.rename(path);
        let (mark, family) = (file.mark(), file.family.clone());
        if file.is_marked {
            self.stream.note(Note::File(key, mark));
        }
        if before != family {
            self.families.entry(before).or_default().retain(|other| *other != key);
            self.families.entry(family).or_default().push(key);
        }
    }

    /// It has no name any more that is looked for: it was deleted, or renamed to another.
    fn lose_name(&mut self, key: FileKey, now: Instant) {
        let Some(file) = self.files.get_mut(&key) else { return };
        if !matches!(file.relation, Relation::Own | Relation::Heir) {
            // Nothing was read of it, and what it was a copy of is there.
            return self.forget(key);
        }
        if file.nameless.is_none() {
            file.nameless = Some(now);
            if self.by_path.get(&file.path) == Some(&key) {
                self.by_path.remove(&file.path);
            }
        }
        if file.handle.is_none() && file.id.inode != 0 {
            let elsewhere = find_inode(&file.path, file.id.inode);
            file.handle = elsewhere.and_then(|path| File::open(path).ok());
        }
        if let Some(metadata) = file.handle.as_ref().and_then(|handle| handle.metadata().ok()) {
            let modified = metadata.modified().unwrap_or(file.modified);
            file.see(metadata.len(), modified, now);
        }
        let family = file.family.clone();
        self.make_ready(family);
    }

    /// It is gone, and its number is that of another file.
    fn lose(&mut self, key: FileKey, now: Instant) {
        let Some(file) = self.files.get_mut(&key) else { return };
        if self.by_id.get(&file.id) == Some(&key) {
            self.by_id.remove(&file.id);
        }
        if self.by_path.get(&file.path) == Some(&key) {
            self.by_path.remove(&file.path);
        }
        file.id = FileId { device: 0, inode: 0 };
        (file.has_more, file.nameless) = (false, Some(now));
        if file.content.reach.offset == 0 {
            self.forget(key);
        }
    }

    /// A file is there that was not there before.
    fn discover(&mut self, found: &Found, now: Instant) {
        let is_at_end = self.begins_at_end;
        let content = match is_at_end.then(|| copies::end_of(found, self.settings.compression)) {
            None | Some(Ok(None)) => Content::new(),
            Some(Ok(Some(reach))) => Content::from(reach, None),
            Some(Err(error)) => {
                self.complain_of(found.path.clone(), &error, "cannot be read");
                Content::new()
            }
        };
        let key = FileKey(self.next_key);
        self.next_key += 1;
        let mut file = Tracked::new(key, found, content, now);
        if is_at_end {
            file.relation = Relation::Own;
            file.is_marked = true;
            self.stream.note(Note::File(key, file.mark()));
        }
        self.track(file);
    }

    fn track(&mut self, file: Tracked) {
        let (key, family) = (file.key, file.family.clone());
        if file.id.inode != 0 {
            self.by_id.insert(file.id, key);
        }
        if file.nameless.is_none() {
            self.by_path.insert(file.path.clone(), key);
        }
        self.families.entry(family.clone()).or_default().push(key);
        self.files.insert(key, file);
        self.make_ready(family);
    }

    /// Finds the files that an earlier run has read of: by their names, by their numbers, and later
    /// by their content. Returns the new ones.
    fn find_again(&mut self, marks: Vec<FileMark>, found: Vec<Found>, now: Instant) -> Vec<Found> {
        let mut new: Vec<Found> = found;
        for (index, mark) in marks.into_iter().enumerate() {
            let key = FileKey(index as u64);
            let place = new.iter().position(|found| found.id.inode == mark.inode);
            if let Some(place) = place {
                if let Some(content) = self.recognise(&new[place].path, &mark) {
                    let found = new.swap_remove(place);
                    self.track(Tracked::resumed(key, &found, content, now));
                    continue;
                }
                if new[place].path == Path::new(&mark.path) {
                    let (family, _) = family::split(Path::new(&mark.path));
                    self.truncated(&mark.path, family);
                }
            } else if let Some(path) = find_inode(Path::new(&mark.path), mark.inode)
                && let Some(content) = self.recognise(&path, &mark)
                && let Some(found) = fs::metadata(&path).ok().and_then(|m| Found::of(path, &m))
            {
                if found.path == Path::new(&mark.path) {
                    // The flow does not name it any more.
                    self.stream.note(Note::Gone(key));
                    continue;
                }
                let mut file = Tracked::resumed(key, &found, content, now);
                file.handle = File::open(&found.path).ok();
                file.nameless = Some(now);
                // It is called what it was, and belongs to the family that it came from.
                file.rename(Path::new(&mark.path));
                self.track(file);
                continue;
            }
            self.track(ghost(key, &mark, now));
        }
        new.sort_by(|one, other| one.path.cmp(&other.path));
        new
    }

    /// The content of a file that is the one of the mark.
    fn recognise(&mut self, path: &Path, mark: &FileMark) -> Option<Content> {
        match copies::recognise(path, mark, self.settings.compression) {
            Ok(content) => content,
            Err(error) => {
                self.complain_of(path.to_owned(), &error, "cannot be read");
                None
            }
        }
    }

    /// Decides of each file that may be a copy whether it is one.
    fn review_all(&mut self, now: Instant) {
        let originals = self.files.values().filter_map(|file| match file.relation {
            Relation::CopyOf(original) => Some(original),
            _ => None,
        });
        // What was copied is known only as long as it is there.
        for key in originals.collect::<HashSet<_>>() {
            let original = self.files.get(&key);
            if original.is_some_and(|file| matches!(copies::is_intact(file), Ok(false))) {
                self.changed(key, now);
            }
        }
        let undecided = |file: &&Tracked| match file.relation {
            Relation::Unknown => true,
            // The other may grow on otherwise.
            Relation::CopyOf(_) => !file.is_compressed,
            Relation::Own | Relation::Heir => false,
        };
        let keys: Vec<FileKey> =
            self.files.values().filter(undecided).map(|file| file.key).collect();
        for key in keys {
            self.review(key);
        }
    }

    fn review(&mut self, key: FileKey) {
        let Some(mut file) = self.files.remove(&key) else { return };
        let others = self.files.values().filter(|other| {
            other.family.name == file.family.name
                && matches!(other.relation, Relation::Own | Relation::Heir)
        });
        let mut others: Vec<&Tracked> = others.collect();
        // The newest is the most likely one to have been copied.
        others.reverse();
        let original = match file.length {
            0 => Ok(None),
            _ => copies::original(&file, &others, self.settings.compression),
        };
        match original {
            Ok(Some(copies::Original { key, is_gone: false, is_compressed })) => {
                (file.relation, file.is_compressed) = (Relation::CopyOf(key), is_compressed);
            }
            Ok(Some(copies::Original { key: original, is_gone: true, .. })) => {
                let inherited = self.files.get(&original).map(|file| file.content.copied());
                if let Some(content) = inherited {
                    self.inherit(&mut file, content);
                    self.forget(original);
                }
            }
            Ok(None) if file.length > 0 => {
                file.relation = Relation::Own;
                file.has_more = true;
            }
            Ok(None) => {}
            Err(error) => self.complain_of(file.path.clone(), &error, "cannot be read"),
        }
        let family = file.family.clone();
        self.files.insert(key, file);
        self.make_ready(family);
    }

    /// A file goes on with a content that another had up to there.
    fn inherit(&mut self, file: &mut Tracked, content: Content) {
        file.content = content;
        (file.relation, file.has_more, file.is_marked) = (Relation::Heir, true, true);
        self.stream.note(Note::File(file.key, file.mark()));
    }

    /// A file has not the content any more that was read of it.
    fn changed(&mut self, key: FileKey, now: Instant) {
        let Some(file) = self.files.get_mut(&key) else { return };
        if file.relation == Relation::Heir {
            // It is another file after all, of which nothing was read.
            file.content = Content::new();
            (file.relation, file.has_more) = (Relation::Own, true);
            let mark = file.mark();
            return self.stream.note(Note::File(key, mark));
        }
        let content = file.content.handed_on();
        file.content = Content::new();
        (file.has_more, file.is_unfinished, file.grown) = (true, false, now);
        let (path, family, mark) = (file.path.clone(), file.family.clone(), file.mark());
        self.stream.note(Note::File(key, mark));
        self.truncated(&path.display().to_string(), family.clone());
        // What was copied before has the lines that were not read.
        self.hand_on(key, content, now);
    }

    fn truncated(&mut self, path: &str, family: Family) {
        *self.truncations.entry(family).or_default() += 1;
        self.notice(
            true,
            format!(
                "{path} was truncated or rewritten, and is read from its beginning; lines that \
                 were written to it after the last read and before that are in no object, unless \
                 a copy of it has them that is found"
            ),
        );
    }

    /// Hands on what was read of a content that its file has not any more, to a copy.
    fn hand_on(&mut self, key: FileKey, content: Content, now: Instant) {
        let content = self.hand_on_named(key, content);
        let (Some(content), Some(file)) = (content, self.files.get(&key)) else { return };
        // One that the flow does not name is looked for where the file lies.
        let known: HashSet<FileId> = self.by_id.keys().copied().collect();
        let compression = self.settings.compression;
        if let Some(found) = copies::unnamed(file, &content, &known, compression) {
            let key = FileKey(self.next_key);
            self.next_key += 1;
            let mut copy = Tracked::new(key, &found, Content::new(), now);
            copy.handle = File::open(&found.path).ok();
            copy.nameless = Some(now);
            self.inherit(&mut copy, content);
            self.track(copy);
            return;
        }
        // A copy that is being written, or compressed, cannot be told yet.
        let key = FileKey(self.next_key);
        self.next_key += 1;
        let mark = FileMark {
            path: file.path.display().to_string(),
            inode: 0,
            offset: content.reach.offset,
            lines: Some(content.reach.lines),
            print: content.print(),
            through: None,
        };
        if mark.offset > 0 {
            self.stream.note(Note::File(key, mark.clone()));
            self.track(ghost(key, &mark, now));
        }
    }

    /// Does what is due by now: takes unfinished lines, and forgets files that are gone.
    fn look_at_time(&mut self, now: Instant) {
        let FilesSettings { follow, partial_line_after, rotate_wait, .. } = self.settings;
        if !follow {
            return;
        }
        let mut gone = Vec::new();
        let mut changed = Vec::new();
        for file in self.files.values_mut().filter(|file| !file.has_more) {
            let waits = |time: Duration| now.saturating_duration_since(file.grown) < time;
            let is_old = partial_line_after.is_some_and(|time| !waits(time));
            let is_gone = file.nameless.is_some_and(|since| {
                let since = since.max(file.grown);
                now.saturating_duration_since(since) >= rotate_wait
            });
            if file.is_unfinished && (is_old || is_gone) {
                (file.takes_last_line, file.has_more) = (true, true);
                file.is_unfinished = false;
                changed.push(file.family.clone());
            } else if is_gone {
                gone.push(file.key);
            }
        }
        changed.into_iter().for_each(|family| self.make_ready(family));
        for key in gone {
            let Some(file) = self.files.get(&key) else { continue };
            let content = file.content.handed_on();
            if file.handle.is_none() && file.is_marked {
                let message = format!(
                    "{} is gone; it was read up to byte {}",
                    file.path.display(),
                    content.reach.offset
                );
                self.notice(false, message);
            }
            self.hand_on_named(key, content);
            self.forget(key);
        }
    }

    /// Hands it on to a copy that the flow names, of which the others are copies then. Returns it
    /// where there is none.
    fn hand_on_named(&mut self, key: FileKey, content: Content) -> Option<Content> {
        let is_copy = |file: &&Tracked| file.relation == Relation::CopyOf(key);
        let mut copies: Vec<&Tracked> = self.files.values().filter(is_copy).collect();
        copies.sort_by_key(|copy| (copy.is_compressed, std::cmp::Reverse(copy.length)));
        let copies: Vec<FileKey> = copies.into_iter().map(|copy| copy.key).collect();
        let Some((heir, others)) = copies.split_first() else { return Some(content) };
        for other in others {
            if let Some(file) = self.files.get_mut(other) {
                file.relation = Relation::CopyOf(*heir);
            }
        }
        let mut file = self.files.remove(heir)?;
        self.inherit(&mut file, content.copied());
        let family = file.family.clone();
        self.files.insert(*heir, file);
        self.make_ready(family);
        None
    }

    fn forget(&mut self, key: FileKey) {
        let Some(file) = self.files.remove(&key) else { return };
        if self.by_id.get(&file.id) == Some(&key) {
            self.by_id.remove(&file.id);
        }
        if self.by_path.get(&file.path) == Some(&key) {
            self.by_path.remove(&file.path);
        }
        if let Some(keys) = self.families.get_mut(&file.family) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.families.remove(&file.family);
            }
        }
        if file.is_marked {
            self.stream.note(Note::Gone(key));
        }
    }

    /// Closes files that are not read now, where more than so many are open.
    fn close_idle(&mut self, max: usize) {
        let open = self.files.values().filter(|file| file.handle.is_some()).count();
        let Some(excess) = open.checked_sub(max).filter(|excess| *excess > 0) else { return };
        let closable = self.files.values_mut().filter(|file| file.is_closable());
        let mut closable: Vec<&mut Tracked> = closable.collect();
        closable.sort_by_key(|file| file.used);
        closable.into_iter().take(excess.max(max / 8)).for_each(|file| file.handle = None);
    }

    fn complain(&mut self, errors: Vec<(PathBuf, io::Error)>) {
        for (path, error) in errors {
            self.complain_of(path, &error, "cannot be read");
        }
    }

    /// Says what is wrong with a path, once for as long as it stays so.
    fn complain_of(&mut self, path: PathBuf, error: &io::Error, what: &str) {
        let message = format!("{} {what}, and is tried again: {error}", path.display());
        if self.complaints.get(&path) != Some(&message) {
            self.complaints.insert(path, message.clone());
            self.notice(true, message);
        }
    }

    fn notice(&mut self, is_warning: bool, message: String) {
        self.stream.note(Note::Notice(Notice { is_warning, message }));
    }
}

/// A file of which is known what was read, and not where it is.
fn ghost(key: FileKey, mark: &FileMark, now: Instant) -> Tracked {
    let found = Found {
        path: PathBuf::from(&mark.path),
        id: FileId { device: 0, inode: 0 },
        length: mark.offset,
        modified: std::time::SystemTime::UNIX_EPOCH,
    };
    let reach = Reach::at(mark.offset, mark.lines.unwrap_or(0), Vec::new(), Vec::new());
    let content = Content::from(reach, Some(mark.print));
    let mut file = Tracked::new(key, &found, content, now);
    (file.relation, file.is_marked, file.has_more) = (Relation::Own, true, false);
    file.nameless = Some(now);
    file
}

/// Where a file lies that was renamed within its folder.
fn find_inode(path: &Path, inode: u64) -> Option<PathBuf> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    entries.find(|entry| entry.ino() == inode).map(|entry| entry.path())
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
