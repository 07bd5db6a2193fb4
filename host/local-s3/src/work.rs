//! The hidden folder in which the backend keeps what is not an object.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::records::RECORDS;

/// A hidden folder beside the buckets. It must lie on the file system of the buckets, for finished
/// objects get out of it without a copy. Who holds the lock in it owns it; the folder outlives its
/// owner, unless it is removed.
pub(super) struct WorkFolder {
    path: PathBuf,
    // The system frees it when the process dies, however that happens.
    _lock: File,
}

impl WorkFolder {
    /// Makes a folder in `root` that holds all that folders without an owner held.
    pub(super) fn create(root: &Path) -> anyhow::Result<Self> {
        let abandoned = abandoned(root)
            .with_context(|| format!("cannot look for old work folders in {}", root.display()))?;
        let made = Self::make(root)
            .with_context(|| format!("cannot make a work folder in {}", root.display()))?;
        let probe = made.path.join(".probe");
        let linked = fs::hard_link(made.path.join(LOCK), &probe).inspect_err(|_| made.remove());
        linked.with_context(|| {
            format!("{} is on a file system without hard links; choose another", root.display())
        })?;
        let _ = fs::remove_file(probe);
        for old in abandoned {
            take_over(&old.path, &made.path).with_context(|| {
                format!("cannot take over what is unfinished in {}", old.path.display())
            })?;
            old.remove();
        }
        Ok(made)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What no other folder is called, nor was.
    pub(super) fn mark(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.strip_prefix(PREFIX)).unwrap_or_default()
    }

    /// Removes the folder. Without its lock file nobody takes it over, and without its records
    /// nothing in it is needed, so these go in an order in which it may be killed at any time.
    pub(super) fn remove(&self) {
        let _ = fs::remove_dir_all(self.path.join(RECORDS));
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            let _ = match entry.file_type() {
                Ok(kind) if kind.is_dir() => fs::remove_dir_all(path),
                _ if entry.file_name() == LOCK => Ok(()),
                _ => fs::remove_file(path),
            };
        }
        let _ = fs::remove_file(self.path.join(LOCK));
        let _ = fs::remove_dir(&self.path);
    }

    /// Frees the lock, as the end of the process does.
    #[cfg(test)]
    pub(super) fn lose(&self) {
        self._lock.unlock().unwrap();
    }

    fn make(root: &Path) -> io::Result<Self> {
        loop {
            let mut builder = tempfile::Builder::new();
            let folder = builder.prefix(PREFIX).rand_bytes(MARK_BYTES).tempdir_in(root)?;
            let lock = File::create(folder.path().join(LOCK))?;
            match lock.try_lock() {
                Ok(()) if folder.path().join(LOCK).exists() => {
                    return Ok(Self { path: folder.keep(), _lock: lock });
                }
                // Another process found it before it was locked, and removes it.
                Ok(()) | Err(TryLockError::WouldBlock) => drop(folder.keep()),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// The folders in `root` whose owners are gone.
fn abandoned(root: &Path) -> io::Result<Vec<WorkFolder>> {
    let mut abandoned = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !ours || !entry.file_type()?.is_dir() {
            continue;
        }
        let path = entry.path();
        // Without a lock file it is a folder in the making; with a lock that is held, in use.
        let Ok(lock) = File::open(path.join(LOCK)) else {
            continue;
        };
        // Its owner may have removed it just before the lock was free.
        if lock.try_lock().is_ok() && path.join(LOCK).exists() {
            abandoned.push(WorkFolder { path, _lock: lock });
        }
    }
    Ok(abandoned)
}

/// Links the files of one folder into another. The records come last: a file without a record is
/// not needed, so that one of the two folders is whole at any time.
fn take_over(from: &Path, to: &Path) -> io::Result<()> {
    link_files(from, to)?;
    for entry in fs::read_dir(from)? {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if entry.is_dir() && name != RECORDS {
            link_files(&entry, &to.join(name))?;
        }
    }
    match link_files(&from.join(RECORDS), &to.join(RECORDS)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        linked => linked,
    }
}

fn link_files(from: &Path, to: &Path) -> io::Result<()> {
    let entries = fs::read_dir(from)?;
    fs::create_dir_all(to)?;
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        match fs::hard_link(entry.path(), to.join(entry.file_name())) {
            // The lock, or what somebody had taken over before he was killed.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
    }
    Ok(())
}

/// The name of the lock file.
pub(super) const LOCK: &str = ".lock";

const PREFIX: &str = ".spillway-";
const MARK_BYTES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_folders_are_taken_over_and_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let used = WorkFolder::create(root.path()).unwrap();
        let abandoned = root.path().join(".spillway-abandoned");
        let bare = root.path().join(".spillway-bare");
        let young = root.path().join(".spillway-young");
        let strange = root.path().join(".git");
        for folder in [&abandoned, &bare, &young, &strange] {
            fs::create_dir(folder).unwrap();
        }
        for folder in [abandoned.join(RECORDS), abandoned.join("bucket")] {
            fs::create_dir(folder).unwrap();
        }
        File::create(abandoned.join(LOCK)).unwrap();
        File::create(bare.join(LOCK)).unwrap();
        let files = ["part", "bucket/version", ".records/version.json"];
        for file in files {
            fs::write(abandoned.join(file), file).unwrap();
        }

        let other = WorkFolder::create(root.path()).unwrap();
        assert!(!abandoned.exists() && !bare.exists());
        assert!(young.exists() && strange.exists() && used.path().exists());
        for file in files {
            assert_eq!(fs::read_to_string(other.path().join(file)).unwrap(), file);
        }
        let path = other.path().to_owned();
        drop(other);
        assert!(path.exists());
        let third = WorkFolder::create(root.path()).unwrap();
        assert!(!path.exists() && third.path().join("part").exists());
        third.remove();
        assert!(!third.path().exists());
    }

    #[test]
    fn a_folder_that_was_half_taken_over_is_taken_over() {
        let root = tempfile::tempdir().unwrap();
        let (one, two) =
            (WorkFolder::make(root.path()).unwrap(), WorkFolder::make(root.path()).unwrap());
        fs::write(one.path().join("part"), "data").unwrap();
        link_files(one.path(), two.path()).unwrap();
        drop((one, two));
        let third = WorkFolder::create(root.path()).unwrap();
        assert_eq!(fs::read_to_string(third.path().join("part")).unwrap(), "data");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
