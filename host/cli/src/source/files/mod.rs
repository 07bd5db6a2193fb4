//! Many files that are read as one stream, also where they grow, are rotated and vanish.
//!
//! A [`Follower`](follower) knows the files and reads each in its turn; a thread drives it. The
//! stream has the lines, and between them notes that say of which file they are. A [`Ledger`] makes
//! of those what a checkpoint says of each file.

mod complaints;
mod content;
mod copies;
mod decode;
mod family;
mod follower;
mod ledger;
mod listing;
mod mark;
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
pub use paths::Paths;
pub use reach::Print;
pub use settings::{FilesSettings, StartAt};
pub use stats::FileStats;
pub use stream::{FileKey, Note, Notice, Slice};
pub(super) use thread::follow;
