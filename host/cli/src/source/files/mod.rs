//! Many files that are read as one stream, also where they grow, are rotated and vanish.
//!
//! A [`Follower`](follower) knows the files and reads each in its turn; a thread drives it. The
//! stream has the lines, and between them notes that say of which file they are. A [`Ledger`] makes
//! of those what a checkpoint says of each file.
//!
//! No line is passed over that may be new, and none is read twice but where nobody can tell:
//!
//! - A copy ends before what was read of its log, is seen for the first time when the log has been
//!   truncated, and has no place that a fingerprint was taken at. It may be another log that begins
//!   alike.
//! - A log is copied to another folder before anything was read of it, and both are named.
//! - A copy of a file that is gone appears later than `rotate_wait` after that: it is a new file.
//!
//! Two files of one log that have the same content, byte for byte, are held for copies. Lines that
//! nobody can read are lost: those between the last read and a truncation that no copy has, and
//! those of files that get a name outside of the flow before a checkpoint knows of them, if the
//! process ends before it has read them.

mod clock;
mod complaints;
mod content;
mod copies;
mod decode;
mod family;
mod follower;
mod ledger;
mod listing;
mod mark;
mod origins;
mod paths;
mod proof;
mod reach;
mod settings;
mod stats;
mod stream;
mod table;
mod thread;
mod tracked;
mod turns;
mod watch;

pub use content::Compression;
pub use decode::Format;
pub use ledger::Ledger;
pub use mark::FileMark;
pub use origins::Origins;
pub use paths::Paths;
pub(super) use proof::line_feeds;
pub use reach::Print;
pub use settings::{FilesSettings, StartAt};
pub use stats::{FileStats, SharedStats};
pub use stream::{FileKey, Note, Notice, Slice};
pub(super) use thread::follow;
