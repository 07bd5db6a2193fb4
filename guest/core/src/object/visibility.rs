//! Whether an object may become visible: the second phase of a two-phase commit.

/// Whether an object may become visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// As soon as it is sealed. There are no checkpoints.
    Immediate,
    /// Not yet. No checkpoint contains the object as sealed.
    Pending,
    /// Not yet. A checkpoint contains it as sealed, but is not committed.
    Prepared,
    /// Now. A committed checkpoint contains it as sealed.
    Committed,
}

impl Visibility {
    /// Whether the object may become visible now.
    pub(crate) fn allows(self) -> bool {
        matches!(self, Visibility::Immediate | Visibility::Committed)
    }

    /// The state after a checkpoint was taken that contains the object as sealed.
    pub(crate) fn prepared(self) -> Visibility {
        if self == Visibility::Pending { Visibility::Prepared } else { self }
    }

    /// The state after that checkpoint was committed.
    pub(crate) fn committed(self) -> Visibility {
        if self == Visibility::Prepared { Visibility::Committed } else { self }
    }

    /// The state after the object has changed, so that the checkpoint does not describe it any
    /// more.
    pub(crate) fn withdrawn(self) -> Visibility {
        if self == Visibility::Immediate { self } else { Visibility::Pending }
    }
}
