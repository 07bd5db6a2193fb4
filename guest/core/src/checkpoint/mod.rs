//! The bytes of a checkpoint, and what they hold.
//!
//! A commit in two phases, with multipart uploads as what is prepared. A checkpoint knows every
//! object that is not visible yet: those that are sealed become visible once it is committed, none
//! before. So what is visible is always known to the checkpoint that the caller stored last, and
//! after a crash the caller writes again from there on.

mod state;
mod summary;

pub(crate) use state::State;
pub use summary::{ObjectSummary, Summary, inspect};
