//! A file of dead letters.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::letter::DeadLetter;
use crate::source::Partition;

/// A file of dead letters, which is added to.
pub(crate) struct DeadLetters {
    file: BufWriter<File>,
    /// Whether all that was added is on disk.
    is_synced: bool,
    /// The partition that all of them are of, if they are records.
    partition: Option<Arc<Partition>>,
}

/// Why a path is none for dead letters, or for a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The folder is not there.
    #[error("the folder {} does not exist", .0.display())]
    NoFolder(PathBuf),
    /// There is a folder of that name.
    #[error("{} is a folder, expected a file", .0.display())]
    Folder(PathBuf),
    /// There is something else of that name. A pipe would wait for its reader, and no device could
    /// be read again.
    #[error("{} is not a regular file", .0.display())]
    NoFile(PathBuf),
    /// The file cannot be opened, or none can be made.
    #[error("{} cannot be written", .0.display())]
    Open(PathBuf, #[source] io::Error),
}

/// Proves that dead letters can be written to `path`, and changes nothing: a file that is there
/// keeps its bytes, and one that is not there is not made.
///
/// # Errors
///
/// [`Unusable`] with why they cannot.
pub fn check(path: &Path) -> Result<(), Unusable> {
    let wrong = |error| Unusable::Open(path.to_owned(), error);
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(Unusable::NoFolder(folder.to_owned()));
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Unusable::Folder(path.to_owned())),
        Ok(found) if !found.is_file() => Err(Unusable::NoFile(path.to_owned())),
        Ok(_) => open(path, false).map(drop).map_err(wrong),
        // A link that leads nowhere is there, and its folder may not be.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            tempfile::tempfile_in(folder).map(drop).map_err(wrong)
        }
        Err(error) => Err(wrong(error)),
    }
}

/// The folder of `path`.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl DeadLetters {
    /// Opens the file, and makes it where it is not there.
    pub(crate) fn open(path: &Path) -> io::Result<DeadLetters> {
        check(path).map_err(io::Error::other)?;
        let mut file = open(path, true)?;
        end_the_last_line(&mut file)?;
        Ok(DeadLetters { file: BufWriter::new(file), is_synced: false, partition: None })
    }

    /// The same, for records of this partition.
    pub(crate) fn of(self, partition: Option<Arc<Partition>>) -> DeadLetters {
        DeadLetters { partition, ..self }
    }

    /// Adds one. Where the flow goes on without an event, it is [`flush`](DeadLetters::flush)ed
    /// before.
    pub(crate) fn add(&mut self, letter: &DeadLetter<'_>) -> io::Result<()> {
        self.is_synced = false;
        self.file.write_all(&letter.to_line(self.partition.as_deref()))
    }

    /// Flushes added letters to the system, which keeps them if this process ends.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Syncs added letters to disk.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            self.is_synced = true;
        }
        Ok(())
    }
}

fn open(path: &Path, create: bool) -> io::Result<File> {
    File::options().create(create).read(true).append(true).open(path)
}

/// A process that was killed may have left half a letter. The next one begins a line of its own.
fn end_the_last_line(file: &mut File) -> io::Result<()> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(()) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    if byte == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

#[cfg(test)]
mod tests {
    use super::super::letter::Content;
    use super::*;
    use crate::layout::Lines;

    #[test]
    fn letters_are_added_on_lines_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letters");
        for (before, lines) in [("", 1), ("one\n", 2), ("one\nhalf", 3)] {
            fs::write(&path, before).unwrap();
            let mut letters = DeadLetters::open(&path).unwrap();
            let content = Content::Line { held: b"x", bytes: 1 };
            let of = Lines { first: 1, last: 1 };
            letters
                .add(&DeadLetter { position: 0, lines: of, reason: "why", content, file: None })
                .unwrap();
            letters.sync().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.starts_with(before), "{text}");
            assert_eq!(text.lines().count(), lines, "{text}");
            assert!(text.lines().last().unwrap().contains("\"event\":\"x\""), "{text}");
        }
    }

    #[test]
    fn a_check_says_what_is_wrong_and_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        check(&path("new")).unwrap();
        assert!(!path("new").exists());
        fs::write(path("old"), "kept").unwrap();
        check(&path("old")).unwrap();
        assert_eq!(fs::read(path("old")).unwrap(), b"kept");

        let fifo = std::process::Command::new("mkfifo").arg(path("fifo")).status().unwrap();
        assert!(fifo.success());
        std::os::unix::fs::symlink("nowhere/at all", path("link")).unwrap();
        let long = "x".repeat(300);
        for (name, said) in [
            ("no/such", "the folder "),
            (".", " is a folder, expected a file"),
            ("fifo", "fifo is not a regular file"),
            ("link", "link cannot be written"),
            (&long, "x cannot be written"),
            ("old/x", "the folder "),
        ] {
            let error = check(&path(name)).unwrap_err().to_string();
            assert!(error.contains(said), "{name}: {error}");
            assert!(DeadLetters::open(&path(name)).is_err(), "{name}");
        }
        let error = check(Path::new("/dev/null")).unwrap_err().to_string();
        assert_eq!(error, "/dev/null is not a regular file");
    }
}
