//! Checkpoints: the saved state of a sink as bytes.
//!
//! A commit has two phases, and its prepared state is multipart uploads and held bytes. A
//! checkpoint contains every object that is not visible yet. Its sealed objects become visible when
//! the checkpoint is committed, and not before. So every visible object is in the checkpoint that
//! the caller stored last, or in an earlier one. After a crash the caller continues from that
//! checkpoint.

mod state;
mod summary;

pub(crate) use state::State;
pub use summary::{ObjectSummary, Summary, inspect};
