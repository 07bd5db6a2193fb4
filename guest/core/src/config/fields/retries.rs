//! Retries and timeouts.

use crate::config::{Absent, Field, Kind};

pub(super) const RETRIES: &[Field] = &[
    Field {
        name: "attempts_max",
        aliases: &[],
        kind: Kind::Integer { min: 0, max: 1_000 },
        absent: Absent::Number(0),
        doc: "The maximum number of attempts of one request. 0 means no limit: only \
              `retry_time_max_ms` decides.",
    },
    Field {
        name: "retry_time_max_ms",
        aliases: &[],
        kind: Kind::Integer { min: 0, max: 86_400_000 },
        absent: Absent::Number(1_800_000),
        doc: "How long a request is tried again after its first attempt, in milliseconds.",
    },
    Field {
        name: "retry_budget",
        aliases: &[],
        kind: Kind::Integer { min: 0, max: 1_000_000 },
        absent: Absent::Number(0),
        doc: "The budget for retries of all requests together: a retry costs 10, a successful \
              request returns 1. 0 means no limit.",
    },
    Field {
        name: "backoff_base_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 60_000 },
        absent: Absent::Number(100),
        doc: "The maximum wait before the first retry, in milliseconds. It doubles with each \
              retry.",
    },
    Field {
        name: "backoff_max_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(20_000),
        doc: "The maximum wait before any retry, in milliseconds.",
    },
    Field {
        name: "connect_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(5_000),
        doc: "The timeout for making a connection, in milliseconds.",
    },
    Field {
        name: "first_byte_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(30_000),
        doc: "The timeout for an answer to begin after the request is sent, in milliseconds.",
    },
    Field {
        name: "between_bytes_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(30_000),
        doc: "The timeout for progress in the middle of a body, in either direction, in \
              milliseconds.",
    },
    Field {
        name: "complete_timeout_ms",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 3_600_000 },
        absent: Absent::Number(600_000),
        doc: "The timeout for the answer to CompleteMultipartUpload to begin, and to continue, in \
              milliseconds. S3 may need minutes.",
    },
];
