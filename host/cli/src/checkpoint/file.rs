//! The file of a checkpoint: one process has it, and replaces it as a whole.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Checkpoint, CheckpointError};
use crate::dead_letters::{Unusable, folder_of};

/// The file of a checkpoint, which no other process has as long as this is kept.
pub struct CheckpointFile {
    path: PathBuf,
    /// The folder that has its name.
    folder: File,
    /// It is locked, and its name stays: whoever removed it would let two in, each with a file of
    /// its own.
    _lock: File,
}

/// The names beside the file that are used with it.
pub fn names_beside(path: &Path) -> [PathBuf; 2] {
    let resolved = resolve(path).map(|(path, _)| path);
    let path = resolved.unwrap_or_else(|_| path.to_owned());
    [beside(&path, LOCK), beside(&path, TEMPORARY)]
}

/// Proves that a checkpoint can be stored at `path`, and changes nothing.
///
/// # Errors
///
/// [`Unusable`] with why it cannot.
pub fn check(path: &Path) -> Result<(), Unusable> {
    let (path, folder) = resolve(path).map_err(|error| Unusable::Open(path.to_owned(), error))?;
    if !folder.is_dir() {
        return Err(Unusable::NoFolder(folder));
    }
    match fs::metadata(&path) {
        Ok(found) if found.is_dir() => return Err(Unusable::Folder(path)),
        Ok(found) if !found.is_file() => return Err(Unusable::NoFile(path)),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Unusable::Open(path, error)),
    }
    // It is replaced by another file of its folder, so whether it can be written says nothing.
    let made = tempfile::tempfile_in(&folder).and_then(|_| File::open(&folder));
    made.map(drop).map_err(|error| Unusable::Open(path, error))
}

/// Reads the checkpoint at `path`; nothing where there is none.
///
/// # Errors
///
/// It is there, and cannot be read, or is damaged.
pub fn read(path: &Path) -> Result<Option<Checkpoint>, CheckpointError> {
    let wrong = |error| CheckpointError::Read(path.to_owned(), error);
    match fs::metadata(path) {
        // A device may have no end, and a pipe no beginning.
        Ok(found) if !found.is_file() => return Err(wrong(io::Error::other(NO_FILE))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let bytes = fs::read(path).map_err(wrong)?;
    let checkpoint = Checkpoint::of_bytes(&bytes);
    checkpoint.map(Some).map_err(|damage| CheckpointError::Damaged(path.to_owned(), damage))
}

impl CheckpointFile {
    /// Takes the file for this process. It need not be there.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::InUse`] or [`CheckpointError::Lock`].
    pub fn open(path: &Path) -> Result<CheckpointFile, CheckpointError> {
        let lock_path = beside(path, LOCK);
        let wrong = |error| CheckpointError::Lock(lock_path.clone(), error);
        let (path, folder) = resolve(path).map_err(wrong)?;
        let lock_path = beside(&path, LOCK);
        let wrong = |error| CheckpointError::Lock(lock_path.clone(), error);
        // To open it only when it is to be synced would be too late to say that it may not be.
        let folder = File::open(folder).map_err(wrong)?;
        let mut options = File::options();
        options.read(true).write(true).create(true).mode(MODE);
        let mut lock = options.open(&lock_path).map_err(wrong)?;
        let is_taken = match lock.try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        };
        let mut text = String::new();
        let read = (&lock).take(LOCK_BYTES_MAX).read_to_string(&mut text);
        if is_taken {
            return Err(CheckpointError::InUse { path, pid: text.trim().parse().ok() });
        }
        // A power cut may have left zeros.
        let is_number = |byte| matches!(byte, b'0'..=b'9' | b'\n' | b'\0');
        if read.is_err() || !text.bytes().all(is_number) {
            return Err(wrong(io::Error::other("it is not a lock file of Spillway")));
        }
        // Whose it is, is said to people only; on a disk that is full it stays unsaid.
        let said = lock.set_len(0).and_then(|()| lock.rewind());
        let _ = said.and_then(|()| writeln!(lock, "{}", std::process::id()));
        Ok(CheckpointFile { path, folder, _lock: lock })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds; nothing where it is not there.
    ///
    /// # Errors
    ///
    /// It is there, and cannot be read, or is damaged.
    pub fn load(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        read(&self.path)
    }

    /// Puts `checkpoint` in the place of what is there. When this returns it outlives a power cut;
    /// before, what was there does.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Store`]. What was there is still there.
    pub fn store(&self, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        let temporary = beside(&self.path, TEMPORARY);
        let stored = self.replace(&temporary, checkpoint);
        stored.map_err(|error| {
            // What is left would take room that may be what is missing.
            let _ = fs::remove_file(&temporary);
            let is_first = !self.path.exists();
            CheckpointError::Store { path: self.path.clone(), is_first, source: error }
        })
    }

    fn replace(&self, temporary: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
        // What a crash has left may belong to somebody else, or be a link: a new file is neither.
        match fs::remove_file(temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(MODE).open(temporary)?;
        checkpoint.write_to(&mut file)?;
        file.sync_all()?;
        fs::rename(temporary, &self.path)?;
        // The name is the folder's, which has to be written as well.
        self.folder.sync_all()
    }
}

/// The file that a path leads to, and its folder. A link is followed: to put a file in its place
/// would cut it.
fn resolve(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let path = if path.is_symlink() { fs::canonicalize(path)? } else { path.to_owned() };
    let folder = folder_of(&path).to_owned();
    Ok((path, folder))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

const NO_FILE: &str = "it is not a regular file";
const LOCK: &str = ".lock";
const TEMPORARY: &str = ".tmp";
/// A lock holds the number of a process, and a line end.
const LOCK_BYTES_MAX: u64 = 32;
/// Only its owner may read it: it holds what is not yet in the store.
const MODE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::Damage;
    use super::*;

    #[test]
    fn what_is_stored_is_there_and_replaces_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.checkpoint");
        // What a crash has left is in nobody's way.
        fs::write(beside(&path, ".tmp"), "half a check").unwrap();
        let file = CheckpointFile::open(&path).unwrap();
        assert_eq!(file.load().unwrap(), None);
        for events in [1, 2] {
            file.store(&checkpoint(events)).unwrap();
            assert_eq!(file.load().unwrap(), Some(checkpoint(events)));
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["run.checkpoint", "run.checkpoint.lock"]);
    }

    #[test]
    fn what_cannot_be_stored_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        let file = CheckpointFile::open(&path).unwrap();
        // A folder of the temporary file's name can be replaced by nobody.
        let in_the_way = beside(&path, ".tmp").join("x");
        fs::create_dir_all(&in_the_way).unwrap();
        let error = file.store(&checkpoint(1)).unwrap_err();
        assert!(error.to_string().ends_with("there is none yet, so the next run starts over"));
        fs::remove_dir_all(in_the_way.parent().unwrap()).unwrap();
        file.store(&checkpoint(1)).unwrap();
        fs::create_dir_all(&in_the_way).unwrap();
        let error = file.store(&checkpoint(2)).unwrap_err();
        assert!(error.to_string().ends_with("the previous checkpoint is unchanged"), "{error}");
        assert_eq!(file.load().unwrap(), Some(checkpoint(1)));
    }

    #[test]
    fn two_cannot_have_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        let first = CheckpointFile::open(&path).unwrap();
        let error = CheckpointFile::open(&path).err().expect("it is taken").to_string();
        let pid = std::process::id();
        assert!(error.contains(&format!("in use by another process (pid {pid})")), "{error}");
        // By another name it is the same.
        let link = folder.path().join("link");
        first.store(&checkpoint(1)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(CheckpointFile::open(&link), Err(CheckpointError::InUse { .. })));
        drop(first);
        let second = CheckpointFile::open(&link).unwrap();
        second.store(&checkpoint(2)).unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&path).unwrap(), Some(checkpoint(2)));
    }

    #[test]
    fn what_is_no_lock_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Cargo");
        let lock = beside(&path, ".lock");
        for bytes in [&b"[[package]]"[..], b"\xff", b"42 is the answer"] {
            fs::write(&lock, bytes).unwrap();
            let error = CheckpointFile::open(&path).err().expect("it is something else");
            assert!(matches!(error, CheckpointError::Lock(..)), "{error}");
            assert_eq!(fs::read(&lock).unwrap(), bytes);
        }
        for text in ["", "4", "42\n", "\0\0\0"] {
            fs::write(&lock, text).unwrap();
            CheckpointFile::open(&path).unwrap();
            assert_eq!(fs::read_to_string(&lock).unwrap(), format!("{}\n", std::process::id()));
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_no_fresh_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        for (bytes, damage) in [("", Damage::CutShort(0)), ("else", Damage::Foreign)] {
            fs::write(&path, bytes).unwrap();
            match read(&path) {
                Err(CheckpointError::Damaged(_, found)) => assert_eq!(found, damage),
                other => panic!("{other:?}"),
            }
        }
        for path in [folder.path(), Path::new("/dev/zero")] {
            let error = read(path).unwrap_err();
            assert!(matches!(error, CheckpointError::Read(..)), "{error}");
        }
    }

    #[test]
    fn a_check_says_what_is_wrong_and_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        check(&path("new")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        std::os::unix::fs::symlink("nowhere/at all", path("link")).unwrap();
        fs::write(path("old"), "kept").unwrap();
        check(&path("old")).unwrap();
        for (name, said) in [
            ("no/such", "no does not exist"),
            (".", " is a folder, expected a file"),
            ("link", "link cannot be written"),
            ("old/x", "old does not exist"),
        ] {
            let error = check(&path(name)).unwrap_err().to_string();
            assert!(error.contains(said), "{name}: {error}");
        }
        let error = check(Path::new("/dev/null")).unwrap_err().to_string();
        assert_eq!(error, "/dev/null is not a regular file");
    }

    fn checkpoint(events: u64) -> Checkpoint {
        Checkpoint {
            taken: 0,
            finished: false,
            source: Default::default(),
            events,
            objects: 0,
            object_bytes: 0,
            writer: Default::default(),
            holder: None,
            state: vec![7; 3],
            untaken: None,
        }
    }
}
