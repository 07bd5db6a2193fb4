//! Whether an object may become visible: the second phase of a commit in two.

/// Whether an object may become visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    /// As soon as it is sealed: there are no checkpoints.
    Always,
    /// Not yet: no checkpoint knows that it is sealed.
    Awaited,
    /// A checkpoint knows, and is not committed yet.
    Prepared,
    /// A checkpoint that is committed knows.
    Given,
}

impl Permit {
    /// Whether it may.
    pub(crate) fn allows(self) -> bool {
        matches!(self, Permit::Always | Permit::Given)
    }

    /// What holds once a checkpoint knows it.
    pub(crate) fn prepared(self) -> Permit {
        if self == Permit::Awaited { Permit::Prepared } else { self }
    }

    /// What holds once that checkpoint is committed.
    pub(crate) fn committed(self) -> Permit {
        if self == Permit::Prepared { Permit::Given } else { self }
    }

    /// What holds for an object that is not the one any more that a checkpoint knows.
    pub(crate) fn withdrawn(self) -> Permit {
        if self == Permit::Always { self } else { Permit::Awaited }
    }
}
