//! Where files lie that have another name than they had.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::DirEntryExt as _;
use std::path::{Path, PathBuf};

use super::family::{self, Rotation};

/// The files of folders, which are read once each.
#[derive(Default)]
pub(super) struct Listing {
    folders: HashMap<PathBuf, Folder>,
}

/// The files of a folder.
struct Folder {
    by_inode: HashMap<u64, PathBuf>,
    /// Those whose names have something that rotation adds, by the name without that.
    rotated: HashMap<String, Vec<PathBuf>>,
}

impl Listing {
    /// The file of this number in the folder of a path, where there is one.
    pub(super) fn beside(&mut self, path: &Path, inode: u64) -> Option<PathBuf> {
        self.folder(folder_of(path)).by_inode.get(&inode).cloned()
    }

    /// The files that may be rotated out of a log in the folder of a path, which has this name.
    pub(super) fn rotated(&mut self, path: &Path, name: &str) -> &[PathBuf] {
        self.folder(folder_of(path)).rotated.get(name).map_or(&[], Vec::as_slice)
    }

    fn folder(&mut self, folder: &Path) -> &Folder {
        self.folders.entry(folder.to_owned()).or_insert_with(|| Folder::read(folder))
    }
}

impl Folder {
    /// One that cannot be read has nothing.
    fn read(folder: &Path) -> Folder {
        let mut read = Folder { by_inode: HashMap::new(), rotated: HashMap::new() };
        for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            let (family, rotation) = family::split(&path);
            if rotation != Rotation::None {
                read.rotated.entry(family.name).or_default().push(path.clone());
            }
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                read.by_inode.insert(entry.ino(), path);
            }
        }
        read
    }
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
