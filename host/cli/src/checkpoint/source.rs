//! What a flow with checkpoints reads.

use std::path::{Path, PathBuf};

use super::format::{Identity, Marked};
use super::{Mark, Moved, SourceFile};
use crate::place::Place;
use crate::source::{FileMark, FilesSettings, Print};

/// What a flow with checkpoints reads.
pub enum CheckpointSource {
    /// One file, which is open.
    File(SourceFile),
    /// Files, which are found by what the checkpoint says of them.
    Files(FilesSettings),
}

impl CheckpointSource {
    /// What it is called in messages.
    pub fn name(&self) -> PathBuf {
        match self {
            CheckpointSource::File(file) => file.path().to_owned(),
            CheckpointSource::Files(files) => files.paths.written().join(", ").into(),
        }
    }

    /// Whether it never ends by itself.
    pub fn is_followed(&self) -> bool {
        matches!(self, CheckpointSource::Files(FilesSettings { follow: true, .. }))
    }

    /// Where to read on: the place that `mark` was made of.
    ///
    /// # Errors
    ///
    /// [`Moved`], where it is not the source of the mark.
    pub fn find(&self, mark: &Mark) -> Result<Place, Moved> {
        match self {
            CheckpointSource::File(file) => file.find(mark),
            CheckpointSource::Files(_) => {
                files_of(mark)?;
                Ok(mark.place())
            }
        }
    }
}

/// What a mark says of each file. One that was made of a single file is of that one.
///
/// # Errors
///
/// That file is not the one of the mark any more, so that nobody can tell what was read of it.
pub(crate) fn files_of(mark: &Mark) -> Result<Vec<FileMark>, Moved> {
    match &mark.of {
        Marked::Files { files } => Ok(files.clone()),
        Marked::File(Identity { path, inode, .. }) => {
            let unreadable = |error| Moved::Unreadable(PathBuf::from(path), error);
            let file = SourceFile::open(Path::new(path));
            let file = file.map_err(|error| unreadable(std::io::Error::other(error)))?;
            file.recognise(mark)?;
            let print = Print::of_file(&file.again().map_err(unreadable)?, mark.offset);
            Ok(vec![FileMark {
                path: path.clone(),
                inode: *inode,
                offset: mark.offset,
                lines: Some(mark.lines),
                print: print.map_err(unreadable)?,
                through: None,
                earlier: None,
            }])
        }
    }
}
