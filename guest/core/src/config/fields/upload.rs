//! How objects are uploaded.

use crate::config::fields::{GIB, MIB, PART_BYTES_MAX, PART_BYTES_MIN};
use crate::config::{Absent, Field, Kind};

pub(super) const UPLOAD: &[Field] = &[
    Field {
        name: "part_bytes",
        aliases: &["min_part_size"],
        kind: Kind::Integer { min: PART_BYTES_MIN, max: PART_BYTES_MAX },
        absent: Absent::Number(8 * MIB),
        doc: "The size of a part, in bytes. An object that never fills one is put in one request.",
    },
    Field {
        name: "requests_in_flight_max",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 256 },
        absent: Absent::Number(4),
        doc: "How many requests are under way at once, at most.",
    },
    Field {
        name: "memory_bytes_max",
        aliases: &[],
        kind: Kind::Integer { min: PART_BYTES_MIN, max: 3 * GIB },
        absent: Absent::Derived(
            "`part_bytes` times (`requests_in_flight_max` + `max_open_objects`), at most 3221225472",
        ),
        doc: "How many bytes of events are held, at most, beside the batch being written.",
    },
];
