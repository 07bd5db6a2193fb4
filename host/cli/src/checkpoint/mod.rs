//! Checkpoints: what a run stores of itself, so that another goes on where it was.
//!
//! A [`Checkpoint`] is a position in a source, and what the sink held there. Both stand in one
//! file, which is replaced as a whole ([`CheckpointFile::store`]): after a crash there is the one
//! before or the one after, never half of each. A [`SourceFile`] tells whether what is read is
//! still the file that the position was taken in.

mod config;
mod error;
mod file;
mod format;
mod source;
mod source_file;

pub use config::{CheckpointConfig, CheckpointSettings, EVERY_DEFAULT};
pub use error::{CheckpointError, Damage, Moved};
pub use file::{CheckpointFile, check, names_beside, read};
pub use format::{Checkpoint, Identity, Mark, Marked, Through, Writer};
pub use source::CheckpointSource;
pub(crate) use source::files_of;
pub use source_file::{Rest, SourceFile};
