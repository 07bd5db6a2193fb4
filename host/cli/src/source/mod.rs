//! Where events come from: files or standard input, cut into lines, or partitions of topics, whose
//! records are what lines are elsewhere.
//!
//! A thread of its own reads ahead and hands over blocks of whole lines, so that what a line costs
//! is an offset in a list and nothing else. It hands a block over as soon as a read returns: an
//! input that pauses holds nothing back but an unfinished line.

mod config;
mod error;
mod files;
mod kafka;
mod lines;
mod multiline;
mod piece;
mod queue;
mod reader;
mod record;
mod sniff;

pub use config::{
    Codec, Crlf, EmptyLines, Input, LINE_BYTES_MAX_DEFAULT, LastLine, LineSettings, SourceConfig,
    SourceSettings,
};
pub use error::SourceError;
pub use files::{
    Compression, FileKey, FileMark, FileStats, FilesSettings, Format, Ledger, Note, Notice,
    Origins, Paths, Print, SharedStats, Slice, StartAt,
};
#[cfg(feature = "kafka")]
pub use kafka::{Assigned, Assignment, Hand, Member, News};
pub use kafka::{
    COMMIT_EVERY_DEFAULT, GroupStats, KafkaSettings, NotWritten, Password, Properties,
    PropertiesConfig, REVOKE_TIMEOUT_DEFAULT, Sasl, SaslConfig, Security, Tls, TlsConfig,
    Tombstones, TopicWriter,
};
pub use lines::LineReader;
pub use multiline::{Multiline, MultilineConfig};
pub use piece::{HEAD_BYTES, Lines, Origin, Piece, TooLong};
pub use reader::{Source, Start};
pub use record::{NoEvent, Partition, Record, Records};
pub use sniff::Foreign;
