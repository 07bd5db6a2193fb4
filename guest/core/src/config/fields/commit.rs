//! When objects become visible, and how orphaned uploads are handled.

use crate::config::{Absent, Field, Kind};

pub(super) const COMMIT: &[Field] = &[
    Field {
        name: "commit",
        aliases: &[],
        kind: Kind::Choice(&["sealed", "checkpointed"]),
        absent: Absent::Text("sealed"),
        doc: "When an object becomes visible. `sealed`: as soon as it has ended. `checkpointed`: \
              after a checkpoint that contains it is stored.",
    },
    Field {
        name: "orphans",
        aliases: &[],
        kind: Kind::Choice(&["keep", "abort"]),
        absent: Absent::Text("keep"),
        doc: "How to handle orphaned uploads, multipart uploads that began after the last \
              checkpoint. `keep`: name each, and abort it when its name is written again. `abort`: \
              abort every open upload under `prefix` that the checkpoint does not contain.",
    },
    Field {
        name: "state_prefix",
        aliases: &[],
        kind: Kind::Text,
        absent: Absent::Text("_spillway/"),
        doc: "The prefix of the objects in which a host keeps checkpoints, where it keeps them in \
              the bucket. No event may be stored under it.",
    },
];
