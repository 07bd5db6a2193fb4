//! Where files lie that have another name than they had.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::DirEntryExt as _;
use std::path::{Path, PathBuf};

/// The files of folders by their numbers, read once each.
#[derive(Default)]
pub(super) struct Listing {
    folders: HashMap<PathBuf, HashMap<u64, PathBuf>>,
}

impl Listing {
    /// The file of this number in the folder of a path, where there is one.
    pub(super) fn beside(&mut self, path: &Path, inode: u64) -> Option<PathBuf> {
        let folder = folder_of(path);
        if !self.folders.contains_key(folder) {
            let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
            let files = entries.map(|entry| (entry.ino(), entry.path())).collect();
            self.folders.insert(folder.to_owned(), files);
        }
        self.folders.get(folder)?.get(&inode).cloned()
    }
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
