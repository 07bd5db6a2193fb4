//! Files that cannot be looked at now, as on a disk that is not mounted. What was read of them is
//! kept until it is known what has become of them.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Follower;
use crate::source::files::content::Content;
use crate::source::files::copies;
use crate::source::files::listing::folder_of;
use crate::source::files::mark::FileMark;
use crate::source::files::paths::{FileId, Found, is_absent};
use crate::source::files::stream::FileKey;
use crate::source::files::tracked::Tracked;

/// What is known of folders and files that cannot be looked at.
#[derive(Default)]
pub(super) struct Away {
    /// The file system of each folder, as of when a file was last found in it.
    devices: HashMap<PathBuf, u64>,
    /// The folders that the flow names.
    named: HashSet<PathBuf>,
    /// Whether a folder is away, where that was asked at this look.
    folders: HashMap<PathBuf, bool>,
    /// The files that could not be looked at.
    files: HashSet<FileKey>,
}

impl Away {
    /// A look begins, and has found these files. `known` are the folders of all files that are
    /// followed.
    pub(super) fn begin(&mut self, known: Vec<PathBuf>, named: Vec<PathBuf>, found: &[Found]) {
        let known: HashSet<PathBuf> = known.into_iter().collect();
        self.devices.retain(|folder, _| known.contains(folder));
        let mut there: Vec<&Path> = found.iter().map(|found| folder_of(&found.path)).collect();
        // Most files have the folder of the one before them.
        there.dedup_by(|one, other| one.as_os_str() == other.as_os_str());
        for folder in there.into_iter().collect::<HashSet<_>>() {
            if let Ok(metadata) = fs::metadata(folder) {
                self.devices.insert(folder.to_owned(), metadata.dev());
            }
        }
        self.named = named.into_iter().collect();
        self.folders.clear();
        self.files.clear();
    }

    /// A file cannot be looked at.
    pub(super) fn add(&mut self, key: FileKey) {
        self.files.insert(key);
    }

    /// Whether a file could not be looked at.
    pub(super) fn has(&self, key: FileKey) -> bool {
        self.files.contains(&key)
    }

    /// Whether nobody can tell if the file of a path, which was not found, is still there.
    pub(super) fn hides(&mut self, path: &Path) -> bool {
        match fs::symlink_metadata(path) {
            // A link whose target cannot be reached.
            Ok(found) => found.is_symlink() && fs::metadata(path).is_err(),
            Err(error) if is_absent(&error) => self.is_away(folder_of(path)),
            Err(_) => true,
        }
    }

    fn is_away(&mut self, folder: &Path) -> bool {
        if let Some(is_away) = self.folders.get(folder) {
            return *is_away;
        }
        let is_away = self.look_at(folder);
        self.folders.insert(folder.to_owned(), is_away);
        is_away
    }

    /// Whether a folder cannot be read, or its file system is not there. One that was deleted is
    /// not away: its file system is there, unless the flow itself names the folder.
    fn look_at(&self, folder: &Path) -> bool {
        for nearest in folder.ancestors() {
            let nearest = if nearest.as_os_str().is_empty() { Path::new(".") } else { nearest };
            let found = match fs::metadata(nearest) {
                Ok(found) => found,
                Err(error) if is_absent(&error) && !self.named.contains(nearest) => continue,
                Err(_) => return true,
            };
            let Ok(mut entries) = fs::read_dir(nearest) else { return true };
            return match self.devices.get(folder) {
                Some(device) => *device != found.dev(),
                // As of a place where nothing is mounted yet.
                None => entries.next().is_none(),
            };
        }
        true
    }
}

impl Follower {
    /// The content of a file that is the one of the mark; nothing where it has another, or is gone.
    ///
    /// # Errors
    ///
    /// What the system says, which was said to the person: nobody can tell.
    pub(super) fn recognise(
        &mut self,
        path: &Path,
        mark: &FileMark,
    ) -> io::Result<Option<Content>> {
        match copies::recognise(path, mark, self.settings.compression) {
            Ok(content) => {
                self.complaints.remove(path);
                Ok(content)
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => {
                self.complain(path, "cannot be read", &error);
                Err(error)
            }
        }
    }

    /// The files that are not found and whose numbers are known, by these: a file system that is
    /// mounted again may have another number itself. Files of several may have the same.
    pub(super) fn missed(&self) -> HashMap<u64, Vec<FileKey>> {
        let files = self.table.files().filter(|file| file.nameless.is_some());
        let has_number = |file: &&Tracked| file.id.inode != FileId::NONE.inode;
        let mut missed = HashMap::<u64, Vec<FileKey>>::new();
        for file in files.filter(has_number).filter(|file| file.content.told_at() > 0) {
            missed.entry(file.id.inode).or_default().push(file.key);
        }
        missed
    }

    /// Whether a file that was found is one of those that were missed. Then that has this number.
    ///
    /// # Errors
    ///
    /// The system says something, so that nobody can tell. Those that it may be are away.
    pub(super) fn comes_back(&mut self, missed: &[FileKey], found: &Found) -> io::Result<bool> {
        let mut missed = missed.to_vec();
        // The one that has its name comes first: another may have the same content.
        missed.sort_by_key(|key| self.table.get(*key).is_none_or(|file| file.path != found.path));
        let mut comes_back = Ok(false);
        for key in missed {
            match self.is_back(key, found) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => {
                    self.away.add(key);
                    comes_back = Err(error);
                }
            }
        }
        comes_back
    }

    fn is_back(&mut self, key: FileKey, found: &Found) -> io::Result<bool> {
        let Some(file) = self.table.get(key) else { return Ok(false) };
        // Of one that was not found since the start only a checkpoint knows, and no file system.
        let may_be_it = file.path == found.path || file.id.device == FileId::NONE.device;
        let mark = file.mark();
        if !may_be_it || self.recognise(&found.path, &mark)?.is_none() {
            return Ok(false);
        }
        self.table.unname(key, |file| (file.id, file.handle) = (found.id, None));
        Ok(true)
    }
}
