//! The content of an object.

use crate::config::{Absent, Field, Kind};

pub(super) const ENCODING: &[Field] = &[
    Field {
        name: "framing",
        aliases: &[],
        kind: Kind::Choice(&["newline", "none", "length-delimited", "json-array"]),
        absent: Absent::Text("newline"),
        doc: "How events are separated in an object. `newline`: a line feed after each. `none`: \
              nothing. `length-delimited`: the length before each, as four bytes, big-endian. \
              `json-array`: the object is one JSON array.",
    },
    Field {
        name: "compression",
        aliases: &[],
        kind: Kind::Choice(COMPRESSIONS),
        absent: Absent::Text("none"),
        doc: "How objects are compressed. `Content-Encoding` is set to match.",
    },
    Field {
        name: "compression_level",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: ZSTD_LEVEL_MAX },
        absent: Absent::Derived("6 for `gzip`, 3 for `zstd`"),
        doc: "The level, from fast to small: 1 to 9 for `gzip`, 1 to 12 for `zstd`.",
    },
    Field {
        name: "compression_suffix",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::True,
        doc: "Whether the name of a compressed object ends in `.gz` or `.zst`. The suffix is added \
              unless the key has it already.",
    },
];

/// What the build has been made with.
const COMPRESSIONS: &[&str] =
    if cfg!(feature = "zstd") { &["none", "gzip", "zstd"] } else { &["none", "gzip"] };
/// The highest level of gzip: <https://zlib.net/manual.html>
pub(crate) const GZIP_LEVEL_MAX: u64 = 9;
/// Higher levels are much slower and use much larger tables than a component has memory for.
pub(crate) const ZSTD_LEVEL_MAX: u64 = 12;
