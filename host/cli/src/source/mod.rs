//! Where events come from: a file or standard input, cut into lines.
//!
//! A thread of its own reads ahead and hands over blocks of whole lines, so that what a line costs
//! is an offset in a list and nothing else. It hands a block over as soon as a read returns: an
//! input that pauses holds nothing back but an unfinished line.

mod config;
mod error;
mod files;
mod lines;
mod piece;
mod queue;
mod reader;
mod sniff;

pub use config::{
    Codec, Crlf, EmptyLines, Input, LINE_BYTES_MAX_DEFAULT, LastLine, LineSettings, SourceConfig,
    SourceSettings,
};
pub use error::SourceError;
pub use files::{
    Compression, FileKey, FileMark, FileStats, FilesSettings, Format, Ledger, Note, Notice, Paths,
    Print, Slice, StartAt,
};
pub use lines::LineReader;
pub use piece::{HEAD_BYTES, Lines, Origin, Piece, TooLong};
pub use reader::{Source, Start};
pub use sniff::Foreign;
