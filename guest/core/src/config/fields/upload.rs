//! How objects are uploaded.

use crate::config::fields::{GIB, MIB, PART_BYTES_MAX, PART_BYTES_MIN};
use crate::config::{Absent, Field, Kind};
use crate::parts::PARTS_MAX;

pub(super) const UPLOAD: &[Field] = &[
    Field {
        name: "part_bytes",
        aliases: &["min_part_size"],
        kind: Kind::Integer { min: PART_BYTES_MIN, max: PART_BYTES_MAX },
        absent: Absent::Number(8 * MIB),
        doc: "The size of a part, in bytes. An object that never fills one is put in one request.",
    },
    Field {
        name: "equal_parts",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::Derived("`false`, or what `provider` needs"),
        doc: "Whether all parts but the last have `part_bytes`, and never grow.",
    },
    Field {
        name: "parts_max",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: PARTS_MAX as u64 },
        absent: Absent::Derived("10000, or what `provider` takes"),
        doc: "How many parts an object may have, at most.",
    },
    Field {
        name: "requests_in_flight_max",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 256 },
        absent: Absent::Number(16),
        doc: "How many requests are under way at once, at most.",
    },
    Field {
        name: "memory_bytes_max",
        aliases: &[],
        kind: Kind::Integer { min: PART_BYTES_MIN, max: 3 * GIB },
        absent: Absent::Derived(
            "`part_bytes` times (4, or what is written for `requests_in_flight_max`, and \
             `max_open_objects`), and what the compressors of the open objects and of one more take, \
             up to 1073741824, with checkpoints 536870912",
        ),
        doc: "How many bytes of events and of compressors are held, at most, beside the batch being \
              written; with `commit` = `checkpointed` up to 1073741824.",
    },
];
