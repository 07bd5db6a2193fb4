//! What a sink has to tell its caller.

use std::collections::VecDeque;

use crate::notice::Notice;
use crate::object::{Failure, Visible};

/// What happened since the last report.
#[derive(Debug, Default)]
pub struct Report {
    /// Objects that became visible.
    pub visible: Vec<Visible>,
    /// Events that will not be stored.
    pub failed: Vec<Failure>,
    /// What an operator may want to read, oldest first.
    pub notices: VecDeque<Notice>,
    /// How many notices were dropped to keep their number down.
    pub notices_dropped: u64,
}
