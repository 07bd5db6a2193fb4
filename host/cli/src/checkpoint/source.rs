//! What a flow with checkpoints reads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mark::{Identity, Marked};
use super::{CheckpointError, Mark, Moved, SourceFile};
use crate::place::{LineStart, Place};
use crate::source::{FileMark, FilesSettings, Partition, Print};

/// What a flow with checkpoints reads.
pub enum CheckpointSource {
    /// One file, which is open.
    File(SourceFile),
    /// Files, which are found by what the checkpoint says of them.
    Files(FilesSettings),
    /// Records of a partition, which are read from where the checkpoint says.
    Partition {
        /// The partition.
        partition: Arc<Partition>,
        /// The offset that it is read from if there is no checkpoint.
        first: u64,
    },
}

impl CheckpointSource {
    /// What it is called in messages.
    pub fn name(&self) -> PathBuf {
        match self {
            CheckpointSource::File(file) => file.path().to_owned(),
            CheckpointSource::Files(files) => files.paths.written().join(", ").into(),
            CheckpointSource::Partition { partition, .. } => partition.to_string().into(),
        }
    }

    /// The same, for a checkpoint that another machine may have taken: a file is known by its
    /// content, and has another inode there.
    pub fn of_any_machine(self) -> CheckpointSource {
        match self {
            CheckpointSource::File(file) => CheckpointSource::File(file.of_any_machine()),
            source @ (CheckpointSource::Files(_) | CheckpointSource::Partition { .. }) => source,
        }
    }

    /// What a checkpoint says of it before anything is read.
    ///
    /// # Errors
    ///
    /// It cannot be looked at.
    pub fn beginning(&self) -> Result<Mark, CheckpointError> {
        match self {
            CheckpointSource::File(file) => {
                let mark = file.mark(Place::default(), None, LineStart::default());
                mark.map_err(|error| CheckpointError::Source(file.path().into(), error))
            }
            CheckpointSource::Files(_) => {
                let of = Marked::of_files(Vec::new(), false);
                Ok(Mark { of, ..Mark::default() })
            }
            CheckpointSource::Partition { partition, first } => {
                // Positions begin with the offset, as long as each record is one event.
                let oldest = LineStart { line: *first, position: *first };
                let (of, lines, position) = (marked(partition), *first, *first);
                Ok(Mark { of, lines, position, oldest, ..Mark::default() })
            }
        }
    }

    /// Whether it never ends by itself.
    pub fn is_followed(&self) -> bool {
        match self {
            CheckpointSource::File(_) => false,
            CheckpointSource::Files(files) => files.follow,
            CheckpointSource::Partition { .. } => true,
        }
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
            CheckpointSource::Partition { partition, .. } => match mark.of == marked(partition) {
                true => Ok(mark.place()),
                false => Err(Moved::Partition { partition: partition.to_string() }),
            },
        }
    }
}

/// What a mark says of a partition.
pub(crate) fn marked(partition: &Partition) -> Marked {
    let Partition { topic, number } = partition;
    Marked::Partition { topic: topic.clone(), partition: *number }
}

/// What a mark says of each file. One that was made of a single file is of that one.
///
/// # Errors
///
/// That file is not the one of the mark any more, so that nobody can tell what was read of it.
pub(crate) fn files_of(mark: &Mark) -> Result<Vec<FileMark>, Moved> {
    match &mark.of {
        Marked::Partition { .. } => Err(Moved::Files),
        Marked::Files { files, begun_file, nameless, .. } => {
            let mut files = files.clone();
            for (index, since) in nameless {
                files.get_mut(*index).into_iter().for_each(|file| file.nameless = Some(*since));
            }
            let begun = begun_file.and_then(|index| files.get_mut(index));
            begun.into_iter().for_each(|file| file.is_begun = true);
            Ok(files)
        }
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
                is_begun: mark.begun.is_some(),
                nameless: None,
            }])
        }
    }
}
