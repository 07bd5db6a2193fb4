//! Dead letters: events that were not stored, in a file or a topic that a flow can read again.
//!
//! A line that became no event is written as it was read, and goes through the map when it is read
//! again. An event is written as the sink was given it, with its key, and needs no map any more.

mod config;
mod failed;
mod file;
mod letter;
mod spool;
mod topic;

pub use config::OnFailed;
pub use file::{Unusable, check};

pub(crate) use config::Written;
pub(crate) use failed::Failed;
pub(crate) use file::{DeadLetters, folder_of};
pub(crate) use letter::{Content, DeadLetter, Letter};
pub(crate) use topic::LetterTopic;
