//! Whether an object may become visible: the second phase of a commit in two.

/// Whether an object may become visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// As soon as it is sealed: there are no checkpoints.
    Immediate,
    /// Not yet: no checkpoint knows that it is sealed.
    Pending,
    /// A checkpoint knows, and is not committed yet.
    Prepared,
    /// A checkpoint that is committed knows.
    Committed,
}

impl Visibility {
    /// Whether it may.
    pub(crate) fn allows(self) -> bool {
        matches!(self, Visibility::Immediate | Visibility::Committed)
    }

    /// What holds once a checkpoint knows it.
    pub(crate) fn prepared(self) -> Visibility {
        if self == Visibility::Pending { Visibility::Prepared } else { self }
    }

    /// What holds once that checkpoint is committed.
    pub(crate) fn committed(self) -> Visibility {
        if self == Visibility::Prepared { Visibility::Committed } else { self }
    }

    /// What holds for an object that is not the one any more that a checkpoint knows.
    pub(crate) fn withdrawn(self) -> Visibility {
        if self == Visibility::Immediate { self } else { Visibility::Pending }
    }
}
