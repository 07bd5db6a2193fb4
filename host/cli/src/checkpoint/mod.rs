//! Checkpoints: what a run stores of itself, so that another goes on where it was.
//!
//! A [`Checkpoint`] is a position in a source, and what the sink held there. Both stand in one
//! file, or one object of the bucket, which is replaced as a whole ([`Keeper::store`]): after a
//! crash there is the one before or the one after, never half of each. A [`SourceFile`] tells
//! whether what is read is still the file that the position was taken in.

pub mod bucket;
mod config;
mod error;
mod file;
mod format;
mod keeper;
mod mark;
mod source;
mod source_file;
mod untaken;

use std::time::{SystemTime, UNIX_EPOCH};

pub use config::{
    BucketSettings, CheckpointConfig, CheckpointSettings, CheckpointStore, EVERY_DEFAULT,
};
pub use error::{CheckpointError, Damage, Moved};
pub use file::{CheckpointFile, check, names_beside, read};
pub use format::{Checkpoint, Holder, Through, Writer};
pub use keeper::{Keeper, StoreError};
pub use mark::{Identity, Mark, Marked};
pub use source::CheckpointSource;
pub(crate) use source::{files_of, marked};
pub use source_file::{Rest, SourceFile};
pub use untaken::Untaken;

/// The time, in nanoseconds since 1970-01-01T00:00:00Z.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
