//! The hidden folder in which the backend keeps what is not an object.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

/// A hidden folder beside the buckets, removed when dropped. It must lie on the file system of the
/// buckets, for finished objects move out of it without a copy.
pub(super) struct WorkFolder {
    // Held for its lock, and before the folder so that it is closed when the folder goes.
    _lock: File,
    folder: TempDir,
}

impl WorkFolder {
    /// Makes a folder in `root`, after removing those that killed processes left there.
    pub(super) fn create(root: &Path) -> anyhow::Result<Self> {
        remove_abandoned(root)
            .with_context(|| format!("cannot look for old work folders in {}", root.display()))?;
        let make = || {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(root)?;
            let lock = File::create(folder.path().join(LOCK))?;
            lock.try_lock()?;
            io::Result::Ok(Self { _lock: lock, folder })
        };
        let made =
            make().with_context(|| format!("cannot make a work folder in {}", root.display()))?;
        let probe = made.path().join(".probe");
        fs::hard_link(made.path().join(LOCK), probe).with_context(|| {
            format!("{} is on a file system without hard links; choose another", root.display())
        })?;
        Ok(made)
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn remove_abandoned(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !ours || !entry.file_type()?.is_dir() {
            continue;
        }
        // Without a lock file it is a folder in the making; with a lock that is held, in use.
        let Ok(lock) = File::open(entry.path().join(LOCK)) else {
            continue;
        };
        if lock.try_lock().is_ok() {
            // Another process may be removing it at this moment, which is as well.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

const PREFIX: &str = ".spillway-";
const LOCK: &str = ".lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_folders_go_and_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let used = WorkFolder::create(root.path()).unwrap();
        let abandoned = root.path().join(".spillway-abandoned");
        let young = root.path().join(".spillway-young");
        let strange = root.path().join(".git");
        for folder in [&abandoned, &young, &strange] {
            fs::create_dir(folder).unwrap();
        }
        File::create(abandoned.join(LOCK)).unwrap();
        fs::write(abandoned.join("part"), "data").unwrap();

        let other = WorkFolder::create(root.path()).unwrap();
        assert!(!abandoned.exists());
        assert!(young.exists() && strange.exists() && used.path().exists());
        let path = other.path().to_owned();
        drop(other);
        assert!(!path.exists());
    }
}
