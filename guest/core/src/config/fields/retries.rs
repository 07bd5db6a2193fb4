//! How long and how often is tried.

use crate::config::{Absent, Field, Kind};

pub(super) const RETRIES: &[Field] = &[
    Field {
        name: "attempts_max",
        aliases: &[],
        kind: Kind::Integer { min: 0, max: 1_000 },
        absent: Absent::Number(0),
        doc: "How often one request is tried, at most, before its object fails. 0 is no limit: then \
              `retry_time_max_ms` alone decides.",
    },
    Field {
        name: "retry_time_max_ms",
        aliases: &[],
        kind: Kind::Integer { min: 0, max: 86_400_000 },
        absent: Absent::Number(1_800_000),
        doc: "How long after its first attempt a request may be tried again, in milliseconds.",
    },
    Field {
        name: "retry_budget",
        aliases: &[],
        kind: Kind::Integer { min: 0, max: 1_000_000 },
        absent: Absent::Number(0),
        doc: "What the retries of all requests together may cost: each takes 10, each request that \
              succeeds gives back 1, up to this. 0 is no limit.",
    },
    Field {
        name: "backoff_base_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 60_000 },
        absent: Absent::Number(100),
        doc: "The longest wait before the first retry, in milliseconds. It doubles with each retry.",
    },
    Field {
        name: "backoff_max_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(20_000),
        doc: "The longest wait before any retry, in milliseconds.",
    },
    Field {
        name: "connect_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(5_000),
        doc: "How long a connection may take to be made, in milliseconds.",
    },
    Field {
        name: "first_byte_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(30_000),
        doc: "How long an answer may take to begin once the request is sent, in milliseconds.",
    },
    Field {
        name: "between_bytes_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(30_000),
        doc: "How long either side may stall in the middle of a body, in milliseconds.",
    },
    Field {
        name: "complete_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(600_000),
        doc: "How long CompleteMultipartUpload may take to begin its answer, and to go on with it, in \
              milliseconds: S3 may need minutes.",
    },
];
