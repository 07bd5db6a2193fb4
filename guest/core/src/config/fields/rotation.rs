//! When an object ends.

use crate::config::fields::{OBJECT_BYTES_MAX, YEAR_MS};
use crate::config::{Absent, Field, Kind};

pub(super) const ROTATION: &[Field] = &[
    Field {
        name: "rotate.bytes",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: OBJECT_BYTES_MAX },
        absent: Absent::Derived("never"),
        doc: "The event that brings an object to this size, in bytes as they are stored, is its last.",
    },
    Field {
        name: "rotate.events",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 1_000_000_000_000 },
        absent: Absent::Derived("never"),
        doc: "How many events an object holds, at most.",
    },
    Field {
        name: "rotate.age_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: YEAR_MS },
        absent: Absent::Derived("never"),
        doc: "How long after its first event came an object ends, in milliseconds.",
    },
    Field {
        name: "rotate.idle_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: YEAR_MS },
        absent: Absent::Derived("never"),
        doc: "How long after its last event came an object ends, in milliseconds.",
    },
    Field {
        name: "max_open_objects",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 1_000 },
        absent: Absent::Number(1),
        doc: "How many objects of different keys or dates are open at once, at most. One more, and the \
              one that was written to the longest ago ends.",
    },
];
