//! Uploads.

use crate::config::fields::{GIB, MIB, PART_BYTES_MAX, PART_BYTES_MIN};
use crate::config::{Absent, Field, Kind};
use crate::s3::PARTS_MAX;

pub(super) const UPLOAD: &[Field] = &[
    Field {
        name: "part_bytes",
        aliases: &["min_part_size"],
        kind: Kind::Integer { min: PART_BYTES_MIN, max: PART_BYTES_MAX },
        absent: Absent::Number(8 * MIB),
        doc: "The size of a part, in bytes. An object that never fills a part is stored in one \
              request.",
    },
    Field {
        name: "equal_parts",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::Derived("`false`, or what `provider` needs"),
        doc: "Whether all parts but the last have exactly `part_bytes`. Otherwise parts grow in \
              large objects.",
    },
    Field {
        name: "parts_max",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: PARTS_MAX as u64 },
        absent: Absent::Derived("10000, or what `provider` accepts"),
        doc: "The maximum number of parts of an object.",
    },
    Field {
        name: "requests_in_flight_max",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 256 },
        absent: Absent::Number(16),
        doc: "The maximum number of concurrent requests. Timeouts and throttling lower it for a \
              while.",
    },
    Field {
        name: "memory_bytes_max",
        aliases: &[],
        kind: Kind::Integer { min: PART_BYTES_MIN, max: 3 * GIB },
        absent: Absent::Derived(
            "`part_bytes` times (`max_open_objects` + `requests_in_flight_max` if it is set, else \
             4), plus the compressors of the open objects and of one more; at most 1073741824, \
             with checkpoints 536870912",
        ),
        doc: "The maximum number of bytes of events and compressors in memory, besides the batch \
              being written. At most 1073741824 with `commit` = `checkpointed`.",
    },
];
