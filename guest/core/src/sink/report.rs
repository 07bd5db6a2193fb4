//! The report of a sink to its caller.

use std::collections::VecDeque;

use crate::notice::Notice;
use crate::object::{Failure, Visible};

/// What happened since the last report.
#[derive(Debug, Default)]
pub struct Report {
    /// The objects that became visible.
    pub visible: Vec<Visible>,
    /// The events that will not be stored.
    pub failed: Vec<Failure>,
    /// The notices for the operator, oldest first.
    pub notices: VecDeque<Notice>,
    /// How many notices were dropped because there were too many.
    pub notices_dropped: u64,
}
