//! How files are followed.

use std::time::Duration;

use super::content::Compression;
use super::paths::Paths;

/// How files are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesSettings {
    /// Which files.
    pub paths: Paths,
    /// Whether their ends are waited at, and new files are looked for. Otherwise each is read to its
    /// end.
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

/// Where a file begins that was never seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// At its beginning.
    #[default]
    Beginning,
    /// Behind its last whole line, where it is there when the first run starts.
    End,
}
