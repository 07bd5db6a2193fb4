//! Looks which files are there, by what names, and how long they are.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Follower, HANDLES_MAX};
use crate::source::files::content::Content;
use crate::source::files::copies;
use crate::source::files::family::Family;
use crate::source::files::listing::Listing;
use crate::source::files::paths::{FileId, Found, is_absent};
use crate::source::files::settings::FilesSettings;
use crate::source::files::stream::{FileKey, Note};
use crate::source::files::tracked::{Relation, Tracked};

impl Follower {
    /// Looks which files are there, and how long they are.
    pub(in crate::source::files) fn look(&mut self, now: Instant) {
        self.names = self.times_of_names().into_iter().collect();
        let (found, errors) = self.settings.paths.find();
        self.listing = Listing::default();
        let (known, named) = (self.folders(), self.settings.paths.folders());
        self.away.begin(known, named, &found);
        for (path, error) in errors {
            self.complain(&path, "cannot be read", &error);
        }
        let new = self.see(found, now);
        let mut new = match self.resumed.take() {
            Some(marks) => self.find_again(marks, new, now),
            None => new,
        };
        // The same file by another name.
        let mut ids = HashSet::new();
        new.retain(|found| self.table.by_id(found.id).is_none() && ids.insert(found.id));
        for found in new {
            self.discover(&found, now);
        }
        if self.looked.is_none() {
            self.stream.note(Note::Looked);
        }
        self.table.note_ages();
        self.begins_at_end = false;
        self.looked = Some(now);
        self.review_all(now);
        self.look_at_time(now);
        self.started.get_or_insert(now);
        self.give_up_begun(now);
        self.table.close_idle(HANDLES_MAX);
        self.forget_what_was_said();
    }

    /// Forgets what was said and counted of paths that nothing is left of.
    fn forget_what_was_said(&mut self) {
        self.complaints.forget_absent();
        if !self.truncations.is_empty() {
            let known: HashSet<&Family> = self.table.files().map(|file| &file.family).collect();
            self.truncations.retain(|family, _| known.contains(family));
        }
    }

    /// Looks at one path. Returns whether it is one that is not known, so that all are to be looked
    /// at.
    pub(in crate::source::files) fn glance(&mut self, path: &Path, now: Instant) -> bool {
        let Some(key) = self.table.by_path(path) else { return self.settings.paths.matches(path) };
        let Ok(metadata) = fs::metadata(path) else { return true };
        let seen = self.table.update(key, |file| {
            let is_it = FileId::of(&metadata) == file.id;
            if is_it {
                let modified = metadata.modified().unwrap_or(file.modified);
                file.see(metadata.len(), modified, now);
            }
            !is_it || file.relation == Relation::Unknown
        });
        seen.unwrap_or(true)
    }

    /// Looks at the files that are known, by their numbers. Returns those that are not.
    pub(super) fn see(&mut self, found: Vec<Found>, now: Instant) -> Vec<Found> {
        let (mut new, mut seen) = (Vec::new(), HashMap::<FileKey, Found>::new());
        let missed = self.missed();
        for found in found {
            if self.table.by_id(found.id).is_none()
                && let Some(missed) = missed.get(&found.id.inode)
                && self.comes_back(missed, &found).is_err()
            {
                continue;
            }
            let Some(file) = self.table.by_id(found.id) else {
                new.push(found);
                continue;
            };
            // One that has several names keeps its own.
            if file.path == found.path || !seen.contains_key(&file.key) {
                seen.insert(file.key, found);
            }
        }
        let is_lost = |file: &Tracked| !seen.contains_key(&file.key) && !self.away.has(file.key);
        for key in self.table.keys_of(is_lost) {
            self.lose_name(key, now);
        }
        for (key, found) in seen {
            let Some(file) = self.table.get(key) else { continue };
            if file.path != found.path || file.nameless.is_some() {
                let (mark, is_open) = (file.mark(), file.handle.is_some());
                // The number of a file that is not open may be that of another by now. Its content
                // tells, also where an earlier run has only begun its first line.
                let is_it = match is_open || mark.print.at() == 0 {
                    true => is_open,
                    false => match self.recognise(&found.path, &mark) {
                        Ok(content) => content.is_some(),
                        Err(_) => {
                            self.away.add(key);
                            continue;
                        }
                    },
                };
                if !is_it {
                    self.lose(key, now);
                    new.push(found);
                    continue;
                }
                self.rename(key, &found.path);
            }
            self.table.update(key, |file| file.see(found.length, found.modified, now));
        }
        new
    }

    /// It has another name, and may be of another family.
    fn rename(&mut self, key: FileKey, path: &Path) {
        self.table.rename(key, path);
        self.note_mark(key);
    }

    /// What a checkpoint says of a file has changed.
    pub(super) fn note_mark(&mut self, key: FileKey) {
        if let Some(file) = self.table.get(key).filter(|file| file.is_marked) {
            self.stream.note(Note::File(key, file.mark()));
        }
    }

    /// It has no name any more that is looked for: it was deleted, or renamed to another.
    fn lose_name(&mut self, key: FileKey, now: Instant) {
        let Some(file) = self.table.get(key) else { return };
        let is_undecided = file.relation == Relation::Unknown && file.handle.is_some();
        if !file.relation.is_read() && !is_undecided {
            // Nothing was read of it, and what it was a copy of is there.
            return self.forget(key);
        }
        let has_name = file.nameless.is_none();
        let mut handle = None;
        if file.handle.is_none() && file.id.inode != 0 {
            let elsewhere = self.listing.beside(&file.path, file.id.inode);
            let compression = self.settings.compression;
            let open = |path: PathBuf| match copies::is_same(&path, file, compression)? {
                true => File::open(path).map(Some),
                false => Ok(None),
            };
            let is_read = file.content.told_at() > 0;
            match elsewhere.map(open) {
                Some(Ok(Some(found))) => handle = Some(found),
                Some(Err(error)) if is_read && !is_absent(&error) => self.away.add(key),
                _ if is_read && self.away.hides(&file.path) => self.away.add(key),
                _ => return self.lose(key, now),
            }
        } else if self.away.hides(&file.path) {
            self.away.add(key);
        }
        if has_name {
            let since = self.clock.moment(now);
            self.table.unname(key, |file| file.nameless = Some(since));
            // The wait for one that is away has not begun.
            if !self.away.has(key) {
                self.note_mark(key);
            }
        }
        self.table.update(key, |file| {
            file.handle = file.handle.take().or(handle);
            if let Some(found) = file.handle.as_ref().and_then(|handle| handle.metadata().ok()) {
                let modified = found.modified().unwrap_or(file.modified);
                file.see(found.len(), modified, now);
            }
        });
    }

    /// It is gone, and its number is that of another file or of none.
    fn lose(&mut self, key: FileKey, now: Instant) {
        let since = self.clock.moment(now);
        self.table.unname(key, |file| {
            file.id = FileId::NONE;
            (file.has_more, file.nameless) = (false, Some(since));
        });
        match self.table.get(key).is_some_and(|file| file.content.told_at() > 0) {
            true => self.note_mark(key),
            false => self.forget(key),
        }
    }

    /// A file is there that was not there before.
    pub(super) fn discover(&mut self, found: &Found, now: Instant) {
        let is_at_end = self.begins_at_end;
        let content = match is_at_end.then(|| copies::end_of(found, self.settings.compression)) {
            None | Some(Ok(None)) => Content::new(),
            Some(Ok(Some(reach))) => Content::from(reach, None),
            Some(Err(error)) => {
                self.complain(&found.path, "cannot be read", &error);
                Content::new()
            }
        };
        let mut file = Tracked::new(self.table.new_key(), found, content, now);
        if self.table.open() < HANDLES_MAX {
            // Which file it is is certain for as long as it is open.
            file.handle = file.reopen().ok();
        }
        if is_at_end {
            (file.relation, file.is_marked) = (Relation::Own, true);
            self.stream.note(Note::File(file.key, file.mark()));
        }
        self.table.insert(file);
    }

    /// Does what is due by now: takes unfinished lines, and forgets files that are gone.
    fn look_at_time(&mut self, now: Instant) {
        let FilesSettings { follow, partial_line_after, rotate_wait, .. } = self.settings;
        if !follow {
            return;
        }
        let multiline = self.stream.settings().multiline.as_ref();
        let timeout = multiline.map(|multiline| multiline.timeout());
        let (mut gone, mut unfinished) = (Vec::new(), Vec::new());
        for file in self.table.files().filter(|file| !file.has_more) {
            let waits = |time: Duration| now.saturating_duration_since(file.grown) < time;
            let is_old = partial_line_after.is_some_and(|time| !waits(time));
            let is_event = timeout.is_some_and(|time| !waits(time));
            let is_gone = file.nameless.is_some_and(|since| {
                let since = since.at.max(file.grown);
                now.saturating_duration_since(since) >= rotate_wait && !self.away.has(file.key)
            });
            if file.is_unfinished && (is_old || is_gone || is_event) {
                unfinished.push((file.key, is_old || is_gone));
            } else if is_gone {
                gone.push(file.key);
            }
        }
        for (key, takes_last_line) in unfinished {
            self.table.update(key, |file| {
                (file.takes_last_line, file.takes_last_event) = (takes_last_line, true);
                file.has_more = true;
                file.is_unfinished = false;
            });
        }
        for key in gone {
            let Some(file) = self.table.get(key) else { continue };
            let content = file.content.handed_on();
            if file.handle.is_none() && file.is_marked {
                let path = file.path.display();
                let message =
                    format!("`{path}` is gone; it was read up to byte {}", content.reach.offset);
                self.notice(false, message);
            }
            self.hand_on(key, content);
            self.forget(key);
        }
    }
}
