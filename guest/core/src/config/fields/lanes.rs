//! Sinks that run side by side, each with its own keys.

use crate::config::{Absent, Field, Kind};

pub(super) const LANES: &[Field] = &[
    Field {
        name: "lanes",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: LANES_MAX },
        absent: Absent::Number(1),
        doc: "How many sinks of one configuration run side by side. A host sets it, and gives each \
              of them the events of its own keys only: of those whose SHA-256, its first eight \
              bytes as a number, is `lane` modulo `lanes`.",
    },
    Field {
        name: "lane",
        aliases: &[],
        kind: Kind::Integer { min: 0, max: LANES_MAX - 1 },
        absent: Absent::Number(0),
        doc: "Which of the `lanes` this sink is, from 0.",
    },
];

/// As many as a machine has cores, by far.
const LANES_MAX: u64 = 1_024;
