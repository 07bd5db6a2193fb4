//! Why a source cannot be read.

use std::io;
use std::path::{Path, PathBuf};

use super::Foreign;

/// Why a source cannot be read. [`SourceError::is_wrong_use`] tells a wrong setting from a failure
/// on the way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no such file.
    #[error("the source file {} does not exist", path.display())]
    Missing {
        /// The file as it was named.
        path: PathBuf,
    },
    /// The path names a directory.
    #[error("the source {} is a directory, expected a file", path.display())]
    Directory {
        /// The directory as it was named.
        path: PathBuf,
    },
    /// The permissions forbid reading the file.
    #[error("this user may not read the source file {}", path.display())]
    Denied {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be opened for another reason.
    #[error("the source file {} cannot be opened", path.display())]
    Open {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Reading was to start in the middle of something that can only be read from its beginning.
    #[error("{name} cannot be read from byte {offset} on: it is not a regular file")]
    NotSeekable {
        /// The file or `standard input`.
        name: String,
        /// Where reading was to start.
        offset: u64,
    },
    /// A consumer group has many partitions, each of which is read by itself.
    #[error("a consumer group cannot be read as one stream")]
    Partitions,
    /// It holds no lines.
    #[error("{name} {}", foreign.explain(file.then_some(name)))]
    NoLines {
        /// The file or `standard input`.
        name: String,
        /// Whether that is the name of a file.
        file: bool,
        /// What it is.
        foreign: Foreign,
    },
    /// What is read may have to be read again, which only a regular file can be.
    #[error(
        "{} is not a regular file, and cannot be read again after a crash: remove [checkpoint]",
        path.display()
    )]
    NotAgain {
        /// What was named.
        path: PathBuf,
    },
    /// Reading was to start behind the end of the file: it is another file, or it was truncated.
    #[error("{} cannot be read from byte {offset} on: it has {length} bytes", path.display())]
    Shorter {
        /// The file as it was named.
        path: PathBuf,
        /// Where reading was to start.
        offset: u64,
        /// How long the file is, in bytes.
        length: u64,
    },
    /// Reading was to go on between two events of a line, and the line has others now.
    #[error(
        "line {line} begins with other events than the {events} that an earlier run took from it: \
         the line, [map] or the program was changed. Restore it. Or, to start over, remove the \
         checkpoint: then every event is stored, also those that are stored already, and events \
         of the old line that are in no visible object are lost"
    )]
    OtherEvents {
        /// The line's number, from 1.
        line: u64,
        /// How many of its events were taken.
        events: u64,
    },
    /// Lines that were read by an earlier run have another number of events now.
    #[error(
        "the first {line} lines have {events} events, but had {before} when an earlier run read \
         them: [map] was changed, or it depends on the clock. Restore it"
    )]
    OtherCount {
        /// How many lines they are.
        line: u64,
        /// How many events they have, where a line without any counts as one.
        events: u64,
        /// How many they had.
        before: u64,
    },
    /// A partition has not the records of which some were read.
    #[error(
        "{partition} ends at offset {end}, but records before offset {offset} were read: the topic \
         was created again, or truncated. To start over, remove the checkpoint or the offsets of \
         the group"
    )]
    OtherRecords {
        /// The partition.
        partition: String,
        /// The offset of the next record to read.
        offset: u64,
        /// Where the partition ends, or goes on.
        end: u64,
    },
    /// librdkafka does not take the settings of a consumer group.
    #[error("the group cannot be joined: {message}")]
    Member {
        /// What it said.
        message: String,
    },
    /// A member of a consumer group cannot go on.
    #[cfg(feature = "kafka")]
    #[error("this member of the consumer group cannot go on")]
    Group {
        /// What librdkafka said.
        source: rdkafka::error::KafkaError,
    },
    /// Reading began and then failed. The events before were delivered.
    #[error("reading {name} failed after {offset} bytes")]
    Read {
        /// The file or `standard input`.
        name: String,
        /// How many bytes of whole lines were read before.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The thread that reads cannot be started.
    #[error("the thread for reading {name} cannot be started")]
    Thread {
        /// The file or `standard input`.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The thread that maps with expressions cannot be started.
    #[error("the thread for expressions cannot be started")]
    MapThread {
        /// What the system said.
        source: io::Error,
    },
}

impl SourceError {
    /// Whether the setting is at fault, rather than something that happened while reading.
    pub fn is_wrong_use(&self) -> bool {
        match self {
            SourceError::Read { .. }
            | SourceError::Thread { .. }
            | SourceError::MapThread { .. } => false,
            #[cfg(feature = "kafka")]
            SourceError::Group { .. } => false,
            _ => true,
        }
    }

    /// What it means that opening `path` failed with `source`.
    pub(crate) fn open(path: &Path, source: io::Error) -> SourceError {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => SourceError::Missing { path },
            io::ErrorKind::IsADirectory => SourceError::Directory { path },
            io::ErrorKind::PermissionDenied => SourceError::Denied { path, source },
            _ => SourceError::Open { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_not_a_failure_on_the_way() {
        let path = Path::new("in.json");
        let denied = SourceError::open(path, io::ErrorKind::PermissionDenied.into());
        assert_eq!(denied.to_string(), "this user may not read the source file in.json");
        assert!(denied.is_wrong_use());
        let missing = SourceError::open(path, io::ErrorKind::NotFound.into());
        assert_eq!(missing.to_string(), "the source file in.json does not exist");
        assert!(missing.is_wrong_use());
        let source = io::Error::other("disk on fire");
        let read = SourceError::Read { name: "in.json".into(), offset: 7, source };
        assert_eq!(read.to_string(), "reading in.json failed after 7 bytes");
        assert!(!read.is_wrong_use());
    }
}
