//! What can be wrong with a checkpoint, and with what it was taken of.

use std::io;
use std::path::PathBuf;

use super::format::VERSIONS;

/// Why a checkpoint cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file is there, and cannot be read.
    #[error("the checkpoint {} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// The file is there, and holds no checkpoint that this program can use.
    #[error(
        "{} {}: nothing was read or written. To start over, remove it: then every event is stored \
         again, also those that are stored already",
        .0.display(), .1
    )]
    Damaged(PathBuf, Damage),
    /// Another process has it.
    #[error(
        "the checkpoint {} is in use by another process{}: two runs would store the same events \
         twice",
        path.display(), pid.map_or(String::new(), |pid| format!(" (pid {pid})"))
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process, where it said.
        pid: Option<u32>,
    },
    /// The lock beside it cannot be had.
    #[error("the lock {} cannot be taken", .0.display())]
    Lock(PathBuf, #[source] io::Error),
    /// It could not be stored. What was stored before is untouched.
    #[error(
        "the checkpoint {} cannot be stored: {}", path.display(),
        if *is_first { "there is none yet, so the next run starts over" }
        else { "the previous checkpoint is unchanged" }
    )]
    Store {
        /// The file.
        path: PathBuf,
        /// Whether none was there before.
        is_first: bool,
        /// Why.
        source: io::Error,
    },
    /// It is in the bucket, and holds nothing that this program can use.
    #[error(
        "the checkpoint {0} {1}: nothing was read or written. To start over, remove it: then every \
         event is stored again, also those that are stored already"
    )]
    DamagedIn(String, Damage),
    /// Another process goes on with it.
    #[error(
        "another process has taken over the checkpoint {name}, so this one ends, and makes nothing \
         visible any more ({why})"
    )]
    TakenOver {
        /// The checkpoint.
        name: String,
        /// What the sink says.
        why: String,
    },
    /// The flow does not go on with it.
    #[error("the checkpoint {name} does not fit: {why}")]
    Misfit {
        /// The checkpoint.
        name: String,
        /// Why.
        why: String,
    },
    /// The store of the sink refuses it.
    #[error("the checkpoint {name} cannot be {what}: {why}")]
    Refused {
        /// The checkpoint.
        name: String,
        /// What was to be done with it.
        what: &'static str,
        /// What the sink says.
        why: String,
    },
    /// The store of the sink cannot be reached. Where it was to be stored, it may be.
    #[error("the checkpoint {name} cannot be {what} now: {why}")]
    Unavailable {
        /// The checkpoint.
        name: String,
        /// What was to be done with it.
        what: &'static str,
        /// What the sink says.
        why: String,
    },
    /// The source cannot be looked at.
    #[error("the source {} cannot be inspected for the checkpoint", .0.display())]
    Source(PathBuf, #[source] io::Error),
    /// The source is not any more what was read of it.
    #[error("the source has changed since the previous checkpoint")]
    Moved(#[from] Moved),
}

impl CheckpointError {
    /// Whether it may be stored later, where the run goes on until then. One that `follows` its
    /// source has time for a disk that is full.
    pub fn may_pass(&self, follows: bool) -> bool {
        match self {
            CheckpointError::Unavailable { .. } => true,
            CheckpointError::Store { .. } => follows,
            _ => false,
        }
    }
}

/// What is wrong with the bytes of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It the file has another format.
    #[error("is not a checkpoint")]
    Foreign,
    /// A later program wrote it, or an earlier one.
    #[error(
        "is a checkpoint of version {0}, but this program reads versions {first} to {last}; finish \
         the source with the program that wrote it", first = VERSIONS.start(), last = VERSIONS.end()
    )]
    OtherVersion(u32),
    /// It ends too early.
    #[error("is a truncated checkpoint that ends at byte {0}")]
    CutShort(usize),
    /// Some of it is not as it was written.
    #[error("is a damaged checkpoint: its checksum does not match")]
    Altered,
}

/// Why a source is not the one that a checkpoint was taken of, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum Moved {
    /// It is another file.
    #[error(
        "{} was replaced: it is not the file of which {lines} lines were read \
         ({why}). {}", path.display(), REMEDY
    )]
    Replaced {
        /// The file as it is named now.
        path: PathBuf,
        /// How many lines were read.
        lines: u64,
        /// What tells.
        why: String,
    },
    /// It has less than what was read of it.
    #[error(
        "{} was truncated: it has {length} bytes, but {offset} were already read. {}",
        path.display(), REMEDY
    )]
    Truncated {
        /// The file as it is named now.
        path: PathBuf,
        /// How long it is, in bytes.
        length: u64,
        /// How much of it was read.
        offset: u64,
    },
    /// It is one file, and the checkpoint is of several, or the other way round.
    #[error(
        "the checkpoint is of followed files, and `path` without `follow` names one file. Restore \
         [source]; or, to start over, remove the checkpoint: then every event is stored again"
    )]
    Files,
    /// It is a partition, and the checkpoint is of something else.
    #[error(
        "the checkpoint is of another source than {partition}; give one of the two another name"
    )]
    Partition {
        /// The partition.
        partition: String,
    },
    /// It cannot be looked at.
    #[error("{} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
}

const REMEDY: &str = "Restore the file. Or, to start over with this one, remove the checkpoint: \
                      then all of its events are stored, also those that are stored already, and \
                      events of the old file that are in no visible object are lost";
