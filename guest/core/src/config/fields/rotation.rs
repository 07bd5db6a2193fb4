//! When an object is sealed.

use crate::config::fields::{OBJECT_BYTES_MAX, YEAR_MS};
use crate::config::{Absent, Field, Kind};

pub(super) const ROTATION: &[Field] = &[
    Field {
        name: "rotate.bytes",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: OBJECT_BYTES_MAX },
        absent: Absent::Derived("never"),
        doc: "The size at which an object ends, in bytes as they are stored. The event that \
              reaches it is the last one.",
    },
    Field {
        name: "rotate.events",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 1_000_000_000_000 },
        absent: Absent::Derived("never"),
        doc: "The maximum number of events in an object.",
    },
    Field {
        name: "rotate.age_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: YEAR_MS },
        absent: Absent::Derived("never"),
        doc: "How long after its first event an object ends, in milliseconds.",
    },
    Field {
        name: "rotate.idle_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: YEAR_MS },
        absent: Absent::Derived("never"),
        doc: "How long after its last event an object ends, in milliseconds.",
    },
    Field {
        name: "max_open_objects",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 1_000 },
        absent: Absent::Number(1),
        doc: "The maximum number of open objects of different keys or dates. When one more is \
              needed, the least recently written object ends.",
    },
];
