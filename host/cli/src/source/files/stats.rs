//! The numbers of the files that are followed.

use std::sync::{Arc, Mutex};

/// The numbers of all files, as of the last look, where others read them.
pub type SharedStats = Arc<Mutex<Arc<[FileStats]>>>;

/// The numbers of the files of one log: the one that is written, and those rotated out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileStats {
    /// The path of the log.
    pub family: String,
    /// How many files it has.
    pub files: u64,
    /// How many of them are open.
    pub open: u64,
    /// How many bytes of them are not read. A compressed file counts whole until it is read.
    pub lag_bytes: u64,
    /// How often one of them was truncated.
    pub truncations: u64,
}
