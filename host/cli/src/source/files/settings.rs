//! How files are followed.

use std::time::Duration;

use super::content::Compression;
use super::paths::Paths;
use crate::source::SourceError;

/// How files are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesSettings {
    /// Which files.
    pub paths: Paths,
    /// Whether their ends are waited at, and new files are looked for. Otherwise each is read to
    /// its end.
    pub follow: bool,
    /// Where a file begins that is there when the first run starts.
    pub start_at: StartAt,
    /// Whether they are decompressed.
    pub compression: Compression,
    /// How long a file that has lost its name is still looked at: its writer may go on with it.
    pub rotate_wait: Duration,
    /// After how long without growth a last line is taken that has no line feed; nothing where it
    /// waits for that.
    pub partial_line_after: Option<Duration>,
}

impl FilesSettings {
    /// Looks whether there is something to read, where nothing is waited for.
    ///
    /// # Errors
    ///
    /// No file has such a name, or one cannot be looked at.
    pub(in crate::source) fn check(&self) -> Result<(), SourceError> {
        if self.follow {
            return Ok(());
        }
        let (found, errors) = self.paths.find();
        if let Some((path, error)) = errors.into_iter().next() {
            return Err(SourceError::open(&path, error));
        }
        match found.is_empty() {
            true => Err(SourceError::Missing { path: self.paths.written().join(", ").into() }),
            false => Ok(()),
        }
    }
}

/// Where a file begins that was never seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// At its beginning.
    #[default]
    Beginning,
    /// Behind its last whole line, where it is there when the first run starts.
    End,
}
