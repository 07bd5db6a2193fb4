//! Finds the files again that an earlier run has read of.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use super::{Follower, HANDLES_MAX};
use crate::source::files::clock::Moment;
use crate::source::files::content::Content;
use crate::source::files::family;
use crate::source::files::mark::FileMark;
use crate::source::files::paths::{FileId, Found};
use crate::source::files::reach::Reach;
use crate::source::files::stream::{FileKey, Note};
use crate::source::files::tracked::Tracked;

impl Follower {
    /// Finds files by their numbers, if they have the content, and later by that alone. Returns the
    /// new ones.
    pub(super) fn find_again(
        &mut self,
        marks: Vec<FileMark>,
        found: Vec<Found>,
        now: Instant,
    ) -> Vec<Found> {
        let mut by_inode = HashMap::<u64, Vec<Found>>::new();
        for found in found {
            by_inode.entry(found.id.inode).or_default().push(found);
        }
        for (index, mark) in marks.into_iter().enumerate() {
            let (key, path) = (FileKey(index as u64), Path::new(&mark.path));
            let mut found = by_inode.get(&mark.inode).cloned().unwrap_or_default();
            if found.is_empty() {
                self.find_elsewhere(key, &mark, now);
                continue;
            }
            // One that has its name comes first: two file systems may have the same number.
            found.sort_by_key(|found| found.path != path);
            let is_named = found.iter().any(|found| found.path == path);
            let (mut known, mut undecided) = (None, None);
            for found in found {
                match self.recognise(&found.path, &mark) {
                    Ok(Some(content)) => {
                        known = Some((found, content));
                        break;
                    }
                    Ok(None) => {}
                    Err(_) => _ = undecided.get_or_insert(found),
                }
            }
            let file = match (known, undecided) {
                (Some((found, content)), _) => {
                    let mut file = Tracked::resumed(key, &found, content, now);
                    if self.table.open() < HANDLES_MAX {
                        file.handle = file.reopen().ok();
                    }
                    file
                }
                (None, Some(found)) => {
                    self.away.add(key);
                    // Where files are not followed, the error is that of the run.
                    let mut file = self.missed_since(key, &mark, found.id, now);
                    file.has_more = !self.settings.follow;
                    file
                }
                (None, None) if is_named => {
                    self.truncated(&mark.path, family::split(path).0);
                    let file = self.missed_since(key, &mark, FileId::NONE, now);
                    self.insert_resumed(file, &mark);
                    continue;
                }
                (None, None) => {
                    // What has its number is another file, maybe of another file system.
                    self.find_elsewhere(key, &mark, now);
                    continue;
                }
            };
            // Its other names are of the same file.
            by_inode.entry(mark.inode).or_default().retain(|other| other.id != file.id);
            self.insert_resumed(file, &mark);
        }
        let mut new: Vec<Found> = by_inode.into_values().flatten().collect();
        new.sort_by(|one, other| one.path.cmp(&other.path));
        new
    }

    /// Finds a file where the flow does not look, or keeps what was read of it: with its number, if
    /// it may be there still.
    fn find_elsewhere(&mut self, key: FileKey, mark: &FileMark, now: Instant) {
        let is_away = match self.find_unnamed(key, mark, now) {
            Ok(true) => return,
            Ok(false) => self.away.hides(Path::new(&mark.path)),
            Err(_) => true,
        };
        if is_away {
            self.away.add(key);
        }
        let inode = if is_away { mark.inode } else { FileId::NONE.inode };
        let file = self.missed_since(key, mark, FileId { inode, ..FileId::NONE }, now);
        self.insert_resumed(file, mark);
    }

    /// Finds a file by its number that has got a name which the flow does not look for.
    ///
    /// # Errors
    ///
    /// There is one of that number, and the system says something about it.
    fn find_unnamed(&mut self, key: FileKey, mark: &FileMark, now: Instant) -> io::Result<bool> {
        let path = Path::new(&mark.path);
        if mark.inode != 0
            && let Some(place) = self.listing.beside(path, mark.inode)
            && let Some(content) = self.recognise(&place, mark)?
            && let Some(found) = fs::metadata(&place).ok().and_then(|m| Found::of(place, &m))
        {
            if found.path == path {
                // The flow does not name it any more.
                self.stream.note(Note::Gone(key));
                return Ok(true);
            }
            let mut file = Tracked::resumed(key, &found, content, now);
            file.handle = file.reopen().ok();
            let since = self.nameless_since(mark, now);
            file.nameless = Some(since);
            file.grown = since.at.max(self.clock.instant_of(file.modified, now));
            // It is called what it was, and belongs to the family that it came from.
            file.rename(path);
            self.insert_resumed(file, mark);
            return Ok(true);
        }
        Ok(false)
    }

    /// What was read of a file that is not found, which has this number if it is still there.
    fn missed_since(&self, key: FileKey, mark: &FileMark, id: FileId, now: Instant) -> Tracked {
        let reach = Reach::at(mark.offset, mark.lines.unwrap_or(0), Vec::new(), Vec::new());
        let content = Content::from(reach.with(mark.earlier), Some(mark.print)).marked(mark);
        let since = self.nameless_since(mark, now);
        let mut file = Tracked::ghost(key, Path::new(&mark.path), content, since);
        file.id = id;
        file
    }

    /// Since when a file has had no name: a wait goes on that began in an earlier run. Otherwise a
    /// run that is killed again and again would never forget one.
    fn nameless_since(&self, mark: &FileMark, now: Instant) -> Moment {
        match mark.nameless {
            Some(unix) => self.clock.moment_of(unix, now),
            None => self.clock.moment(now),
        }
    }

    /// Follows a file again. Where its wait begins or ends, a checkpoint is to say so.
    fn insert_resumed(&mut self, file: Tracked, mark: &FileMark) {
        let since = file.nameless.filter(|_| !self.away.has(file.key));
        let nameless = since.map(|since| since.unix);
        if nameless != mark.nameless {
            let mark = FileMark { nameless, ..mark.clone() };
            self.stream.note(Note::File(file.key, mark));
        }
        self.table.insert(file);
    }
}
