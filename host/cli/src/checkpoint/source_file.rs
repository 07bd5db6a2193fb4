//! The file that a flow reads, and whether it is still the same.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::mark::{Identity, Marked};
use super::{Mark, Moved};
use crate::place::{Begun, LineStart, Place};
use crate::source::{SourceError, Start};

/// A regular file that is read: the one that was opened, whatever becomes of its name.
pub struct SourceFile {
    path: PathBuf,
    file: File,
    /// Whether a file with another inode is another file.
    has_inode: bool,
}

/// What a file has behind a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing.
    Nothing,
    /// Part of a line, of so many bytes, which may go on.
    Unfinished(u64),
    /// A line at least.
    Lines,
}

impl SourceFile {
    /// Opens the file.
    ///
    /// # Errors
    ///
    /// It is missing, not readable, or no regular file: that could not be read again.
    pub fn open(path: &Path) -> Result<SourceFile, SourceError> {
        let wrong = |source| SourceError::open(path, source);
        let kind = std::fs::metadata(path).map_err(wrong)?.file_type();
        if kind.is_dir() {
            return Err(SourceError::Directory { path: path.to_owned() });
        }
        if !kind.is_file() {
            // To open a pipe would wait for its writer.
            return Err(SourceError::NotAgain { path: path.to_owned() });
        }
        let file = File::open(path).map_err(wrong)?;
        Ok(SourceFile { path: path.to_owned(), file, has_inode: true })
    }

    /// The same, to be known by its content alone: on another machine it has another inode.
    pub fn of_any_machine(self) -> SourceFile {
        SourceFile { has_inode: false, ..self }
    }

    /// The file as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same open file once more, to be read by somebody else.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn again(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// The same file, opened another time: it has a place of its own in it.
    ///
    /// # Errors
    ///
    /// What the system says, or that another file has its name now.
    pub(crate) fn reopen(&self) -> io::Result<File> {
        let file = File::open(&self.path)?;
        let (now, then) = (file.metadata()?, self.file.metadata()?);
        if (now.dev(), now.ino()) != (then.dev(), then.ino()) {
            return Err(io::Error::other("another file has its name now"));
        }
        Ok(file)
    }

    /// What it has behind a place where a line begins.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn rest(&self, place: Start) -> io::Result<Rest> {
        let mut block = vec![0; SCAN_BYTES];
        let mut offset = place.offset;
        loop {
            match self.file.read_at(&mut block, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(0) if offset == place.offset => return Ok(Rest::Nothing),
                Ok(0) => return Ok(Rest::Unfinished(offset - place.offset)),
                Ok(read) if memchr::memchr(b'\n', &block[..read]).is_some() => {
                    return Ok(Rest::Lines);
                }
                Ok(read) => offset += read as u64,
            }
        }
    }

    /// What a checkpoint says of `place`, so that it is found again. What was `begun` of its line
    /// lies before it, and `oldest` is the line of the first event that is not durable.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn mark(&self, place: Place, begun: Option<Begun>, oldest: LineStart) -> io::Result<Mark> {
        let found = self.file.metadata()?;
        let Place { start: Start { line: lines, offset }, position, .. } = place;
        let of = Marked::File(Identity {
            path: self.path.display().to_string(),
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            beginning: self.beginning(offset)?,
            before: self.before(offset)?,
        });
        Ok(Mark { of, lines, offset, position, begun, oldest })
    }

    /// Where to read on: the place that `mark` was made of, in the same file.
    ///
    /// # Errors
    ///
    /// [`Moved`], where it is another file, or the place is not there any more.
    pub fn find(&self, mark: &Mark) -> Result<Place, Moved> {
        self.recognise(mark)?;
        Ok(mark.place())
    }

    /// Proves that what lies before the line of the place that `mark` was made of is what was read
    /// there.
    ///
    /// # Errors
    ///
    /// As [`find`](SourceFile::find).
    pub fn recognise(&self, mark: &Mark) -> Result<(), Moved> {
        let unreadable = |error| Moved::Unreadable(self.path.clone(), error);
        let Mark { lines, offset, .. } = *mark;
        let found = self.file.metadata().map_err(unreadable)?;
        if offset == 0 && mark.begun.is_none() {
            // Nothing was read of it, so nothing can be taken for something else.
            return Ok(());
        }
        let Marked::File(identity) = &mark.of else { return Err(Moved::Files) };
        let replaced = |why| Moved::Replaced { path: self.path.clone(), lines, why };
        // A file of another number may begin alike, as logs do that are rotated. Numbers of file
        // systems are given anew when they are mounted, and say nothing.
        if self.has_inode && found.ino() != identity.inode {
            let why = format!("its inode is {}, and was {}", found.ino(), identity.inode);
            return Err(replaced(why));
        }
        let length = found.len();
        if length < offset {
            return Err(Moved::Truncated { path: self.path.clone(), length, offset });
        }
        if self.beginning(offset).map_err(unreadable)? != identity.beginning {
            return Err(replaced("its first bytes differ".to_owned()));
        }
        if self.before(offset).map_err(unreadable)? != identity.before {
            let why = format!("its bytes before byte {offset} differ");
            return Err(replaced(why));
        }
        Ok(())
    }

    /// Where the line begins that has `line` lines before it, at `from` or behind.
    ///
    /// # Errors
    ///
    /// What the system says, or that there are not so many lines.
    pub fn line(&self, from: Start, line: u64) -> io::Result<Start> {
        let mut place = from;
        let mut block = vec![0; SCAN_BYTES];
        while place.line < line {
            let read = self.file.read_at(&mut block, place.offset)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let left = usize::try_from(line - place.line).unwrap_or(usize::MAX);
            let newlines = memchr::memchr_iter(b'\n', &block[..read]).take(left);
            let (count, end) = newlines.fold((0, read), |(count, _), at| (count + 1, at + 1));
            place.line += count as u64;
            // Short of the line, all that was read lies before it.
            place.offset += if count == left { end } else { read } as u64;
        }
        Ok(place)
    }

    /// The digest of how it begins, of what lies before the offset.
    fn beginning(&self, offset: u64) -> io::Result<String> {
        self.digest(0, offset.min(DIGEST_BYTES_MAX))
    }

    /// The digest of what lies directly before the offset.
    fn before(&self, offset: u64) -> io::Result<String> {
        self.digest(offset.saturating_sub(DIGEST_BYTES_MAX), offset)
    }

    fn digest(&self, from: u64, to: u64) -> io::Result<String> {
        let mut bytes = vec![0; (to - from) as usize];
        self.file.read_exact_at(&mut bytes, from)?;
        let digest = Sha256::digest(&bytes);
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// How much of a file is looked at, from its beginning, and back from the place: 64 KiB.
const DIGEST_BYTES_MAX: u64 = 64 << 10;
const SCAN_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_grows_is_the_same() {
        let (folder, path) = file(b"one\ntwo\n");
        let whole = mark(&path, 2, 8);
        assert_eq!(find(&path, &whole).unwrap(), start(2, 8));
        append(&path, b"three\n");
        assert_eq!(find(&path, &whole).unwrap(), start(2, 8));
        // Also by another name.
        fs::rename(&path, folder.path().join("other")).unwrap();
        assert_eq!(find(&folder.path().join("other"), &whole).unwrap(), start(2, 8));
    }

    #[test]
    fn a_large_file_is_known_by_its_beginning_and_by_what_was_read_last() {
        let bytes = vec![b'x'; 300_000];
        let (_folder, path) = file(&bytes);
        let mark = mark(&path, 0, 200_000);
        for (at, is_seen) in [
            (0, true),
            (65_535, true),
            (65_536, false),
            (134_463, false),
            (134_464, true),
            (199_999, true),
            (200_000, false),
        ] {
            let mut changed = bytes.clone();
            changed[at] = b'y';
            // In its place: the inode stays.
            fs::write(&path, &changed).unwrap();
            let found = find(&path, &mark);
            assert_eq!(matches!(found, Err(Moved::Replaced { .. })), is_seen, "{at}: {found:?}");
        }
    }

    #[test]
    fn a_file_that_was_replaced_is_told_though_it_begins_alike() {
        let (folder, path) = file(b"one\ntwo\n");
        let mark = mark(&path, 1, 4);
        let other = folder.path().join("other");
        fs::write(&other, b"one\ntwo\n").unwrap();
        fs::rename(&other, &path).unwrap();
        let error = find(&path, &mark).unwrap_err().to_string();
        for text in ["in was replaced", "1 lines were read (its inode is ", "remove the checkpoint"]
        {
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_file_that_was_truncated_is_told() {
        let (_folder, path) = file(b"one\ntwo\n");
        let mark = mark(&path, 2, 8);
        fs::write(&path, b"one\n").unwrap();
        let error = find(&path, &mark).unwrap_err().to_string();
        assert!(
            error.contains("in was truncated: it has 4 bytes, but 8 were already read"),
            "{error}"
        );
        // Grown again since, it has other bytes where it was read to.
        fs::write(&path, b"one\nsix\nten\n").unwrap();
        let error = find(&path, &mark).unwrap_err().to_string();
        assert!(error.contains("was replaced"), "{error}");
    }

    #[test]
    fn only_a_line_with_its_line_feed_is_something_to_go_on_with() {
        let (_folder, path) = file(b"one\n");
        let rest = |place| SourceFile::open(&path).unwrap().rest(place).unwrap();
        assert_eq!(rest(start(1, 4)), Rest::Nothing);
        append(&path, b"tw");
        assert_eq!(rest(start(1, 4)), Rest::Unfinished(2));
        append(&path, &vec![b'o'; 2 * SCAN_BYTES]);
        assert_eq!(rest(start(1, 4)), Rest::Unfinished(2 + 2 * SCAN_BYTES as u64));
        append(&path, b"\r");
        assert_eq!(rest(start(1, 4)), Rest::Unfinished(3 + 2 * SCAN_BYTES as u64));
        append(&path, b"\nthr");
        assert_eq!(rest(start(1, 4)), Rest::Lines);
        // The place stays before the line, whatever becomes of it.
        let mark = mark(&path, 1, 4);
        append(&path, b"ee\n");
        assert_eq!(find(&path, &mark).unwrap(), start(1, 4));
    }

    #[test]
    fn of_which_nothing_was_read_may_be_any_file() {
        let (_folder, path) = file(b"one\n");
        let mark = mark(&path, 0, 0);
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"other\n").unwrap();
        assert_eq!(find(&path, &mark).unwrap(), start(0, 0));
    }

    #[test]
    fn a_line_is_found_from_one_before_it() {
        let mut bytes = b"\none\n\n".to_vec();
        bytes.extend(vec![b'x'; 2 * SCAN_BYTES]);
        bytes.extend(b"\nlast");
        let (_folder, path) = file(&bytes);
        let source = SourceFile::open(&path).unwrap();
        let long = 6 + 2 * SCAN_BYTES as u64 + 1;
        for (from, position, wanted) in [
            (start(0, 0), 0, start(0, 0)),
            (start(0, 0), 1, start(1, 1)),
            (start(0, 0), 3, start(3, 6)),
            (start(1, 1), 3, start(3, 6)),
            (start(10, 1), 13, start(13, long)),
            (start(3, 6), 4, start(4, long)),
        ] {
            assert_eq!(source.line(from, position).unwrap(), wanted, "{from:?} {position}");
        }
        assert!(source.line(start(0, 0), 5).is_err());
    }

    #[test]
    fn what_cannot_be_read_again_is_refused() {
        let refused = SourceFile::open(Path::new("/dev/null")).err();
        assert!(matches!(refused, Some(SourceError::NotAgain { .. })));
        let folder = tempfile::tempdir().unwrap();
        let refused = SourceFile::open(folder.path()).err();
        assert!(matches!(refused, Some(SourceError::Directory { .. })));
        let refused = SourceFile::open(&folder.path().join("none")).err();
        assert!(matches!(refused, Some(SourceError::Missing { .. })));
    }

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in");
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn append(path: &Path, bytes: &[u8]) {
        let mut file = File::options().append(true).open(path).unwrap();
        io::Write::write_all(&mut file, bytes).unwrap();
    }

    fn start(line: u64, offset: u64) -> Start {
        Start { line, offset }
    }

    fn mark(path: &Path, lines: u64, offset: u64) -> Mark {
        let place = Place { start: start(lines, offset), position: lines, taken: 0 };
        SourceFile::open(path).unwrap().mark(place, None, place.line_start()).unwrap()
    }

    fn find(path: &Path, mark: &Mark) -> Result<Start, Moved> {
        SourceFile::open(path).unwrap().find(mark).map(|place| place.start)
    }
}
