//! What objects are called.

use crate::config::{Absent, Field, Kind};

pub(super) const KEYS: &[Field] = &[
    Field {
        name: "key_template",
        aliases: &[],
        kind: Kind::Text,
        absent: Absent::Text("{key}"),
        doc: "The name of an object, with `{key}`, `{first}`, `{sequence}`, `{uuid}` and `{date:…}` \
              for what differs.",
    },
    Field {
        name: "prefix",
        aliases: &[],
        kind: Kind::Text,
        absent: Absent::Derived("none"),
        doc: "What every name begins with. No key leads out of it.",
    },
    Field {
        name: "on_existing",
        aliases: &[],
        kind: Kind::Choice(&["overwrite", "fail", "next"]),
        absent: Absent::Derived(
            "`next` where `key_template` has `{sequence}`, else `fail` where it has `{first}`, else \
             `overwrite`; with `{uuid}` always `overwrite`, since no other object has the name",
        ),
        doc: "What becomes of an object whose name is taken: it replaces the other, fails, or gets \
              the next free `{sequence}`.",
    },
];
