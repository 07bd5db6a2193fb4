//! What an object holds.

use crate::config::{Absent, Field, Kind};

pub(super) const ENCODING: &[Field] = &[Field {
    name: "framing",
    aliases: &[],
    kind: Kind::Choice(&["newline", "none"]),
    absent: Absent::Text("newline"),
    doc: "What follows each event in an object: a line feed, or nothing.",
}];
