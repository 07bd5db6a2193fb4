//! Numbers of a member of a consumer group, for metrics.

use std::collections::BTreeMap;

use crate::source::Partition;

/// Numbers of a member of a consumer group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupStats {
    /// The partitions that it has, each with how many records lie behind the last that is stored,
    /// as of some seconds ago; nothing where that is not known yet.
    pub partitions: BTreeMap<Partition, Option<u64>>,
    /// Of how many of them nothing is read, since what was read is not taken.
    pub paused: u64,
    /// How often reading a partition was paused.
    pub pauses: u64,
    /// How often one was assigned to it.
    pub assigned: u64,
    /// How often one was taken away, and let go of.
    pub revoked: u64,
    /// How often one was lost: taken away without waiting.
    pub lost: u64,
    /// How often one was taken over from a process that had not let go of its checkpoint.
    pub takeovers: u64,
}
