//! When objects become visible, and what becomes of uploads that a crash left behind.

use crate::config::{Absent, Field, Kind};

pub(super) const COMMIT: &[Field] = &[
    Field {
        name: "commit",
        aliases: &[],
        kind: Kind::Choice(&["sealed", "checkpointed"]),
        absent: Absent::Text("sealed"),
        doc: "When an object becomes visible: as soon as it is sealed, or not before a checkpoint \
              that knows it is stored.",
    },
    Field {
        name: "orphans",
        aliases: &[],
        kind: Kind::Choice(&["keep", "abort"]),
        absent: Absent::Text("keep"),
        doc: "What becomes of uploads that were begun after the checkpoint from which the sink goes \
              on: they are named, and aborted when their name is written again; or all that are open \
              under `prefix` and that the checkpoint does not know are aborted at once.",
    },
];
