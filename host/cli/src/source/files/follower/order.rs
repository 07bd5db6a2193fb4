//! What comes before the newest file of a log: that is read last, and only up to where it was
//! before the others were looked at.

use std::fs;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use super::{Follower, LOOK_AGAIN_AFTER};
use crate::source::files::paths::FileId;
use crate::source::files::stream::FileKey;
use crate::source::files::tracked::{Relation, Tracked};

impl Follower {
    /// Up to where the file may be read whose turn it is; nothing where another comes first.
    pub(super) fn until(&mut self, key: FileKey, now: Instant) -> Option<u64> {
        let Some(file) = self.table.get(key).filter(|file| file.is_newest()) else {
            return Some(u64::MAX);
        };
        // Whatever was written before this is seen in what follows.
        let Some((until, modified)) = sizes(file) else { return Some(u64::MAX) };
        let is_shorter = until < file.length && file.length != u64::MAX;
        if self.has_older(key, now) {
            return None;
        }
        let is_outdated = is_shorter
            || self.are_names_others(key)
            || self.awaits(key, now)
            || self.are_copies_outdated(key, (until, modified));
        if !is_outdated || !self.settings.follow {
            return Some(until);
        }
        let may_look = self.looked.is_none_or(|looked| now >= looked + LOOK_AGAIN_AFTER);
        if may_look {
            self.look(now);
        }
        if !may_look || self.awaits(key, now) {
            // It is seen again at the next look, as if it had changed.
            self.wants_look = true;
            self.table.update(key, |file| (file.has_more, file.length) = (false, u64::MAX));
        }
        None
    }

    /// Whether names should be looked at soon, since a file waits for that.
    pub(in crate::source::files) fn wants_look(&mut self) -> bool {
        std::mem::take(&mut self.wants_look)
    }

    /// When names in each folder were last changed, as of before they are looked at.
    pub(super) fn times_of_names(&self) -> Vec<(PathBuf, Option<SystemTime>)> {
        let folders = self.folders().into_iter();
        let time = |folder: &PathBuf| fs::metadata(folder).and_then(|it| it.modified()).ok();
        folders.map(|folder| (folder.clone(), time(&folder))).collect()
    }

    /// Whether an older file of a log has become longer than was known, so that its turn is first:
    /// its writer went on with it before it wrote to the new one.
    fn has_older(&mut self, key: FileKey, now: Instant) -> bool {
        let Some(file) = self.table.get(key) else { return false };
        let beside = self
            .table
            .named(&file.family.name)
            .filter(|other| other.key != key && other.family == file.family && !other.has_more);
        let grown = beside.filter(|other| other.relation.is_read()).filter_map(|other| {
            let (length, modified) = sizes(other)?;
            (length > other.length).then_some((other.key, length, modified))
        });
        let grown: Vec<_> = grown.collect();
        for (key, length, modified) in &grown {
            self.table.update(*key, |file| file.see(*length, *modified, now));
        }
        !grown.is_empty()
    }

    /// Whether names in the folder of a file have changed since they were looked at: the file may
    /// have been copied, and have other lines by now.
    fn are_names_others(&self, key: FileKey) -> bool {
        let Some(folder) = self.table.get(key).map(folder) else { return false };
        let time = fs::metadata(&folder).and_then(|it| it.modified()).ok();
        self.names.get(&folder).is_some_and(|then| *then != time)
    }

    /// Whether a copy of a file may be one no more, or have more than was known: either is not as
    /// it was when they were compared.
    fn are_copies_outdated(&self, key: FileKey, now: (u64, SystemTime)) -> bool {
        let Some(file) = self.table.get(key) else { return false };
        let beside = self.table.named(&file.family.name).filter(|it| it.family == file.family);
        let mut copies = beside.filter(|it| !it.relation.is_read());
        copies.any(|copy| {
            let is_other = copy.relation == Relation::CopyOf(key) && copy.compared != now;
            is_other || sizes(copy) != Some((copy.length, copy.modified))
        })
    }

    /// Whether a file of the same log may have what was read before, which is not known yet: it is
    /// being written.
    fn awaits(&self, key: FileKey, now: Instant) -> bool {
        let Some(file) = self.table.get(key) else { return false };
        let beside = || self.table.named(&file.family.name).filter(|it| it.family == file.family);
        let is_new = |it: &Tracked| {
            now.saturating_duration_since(it.grown) < self.settings.rotate_wait
                && it.relation == Relation::Unknown
                && it.length > 0
        };
        beside().any(is_new) && beside().any(Tracked::is_ghost)
    }
}

/// The folder whose names are those of a file's log.
fn folder(file: &Tracked) -> PathBuf {
    match file.family.folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => file.family.folder.clone(),
    }
}

/// How long a file is, and when it was changed, where that can be told.
fn sizes(file: &Tracked) -> Option<(u64, SystemTime)> {
    let metadata = match &file.handle {
        Some(handle) => handle.metadata().ok()?,
        None => fs::metadata(&file.path).ok().filter(|it| FileId::of(it) == file.id)?,
    };
    Some((metadata.len(), metadata.modified().unwrap_or(file.modified)))
}
