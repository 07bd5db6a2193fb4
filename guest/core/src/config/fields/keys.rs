//! Object keys.

use crate::config::{Absent, Field, Kind};

pub(super) const KEYS: &[Field] = &[
    Field {
        name: "key_template",
        aliases: &[],
        kind: Kind::Text,
        absent: Absent::Text("{key}"),
        doc: "The name of an object, with the placeholders `{key}`, `{first}`, `{sequence}`, \
              `{uuid}` and `{date:…}`.",
    },
    Field {
        name: "prefix",
        aliases: &[],
        kind: Kind::Text,
        absent: Absent::Derived("none"),
        doc: "The beginning of every name. No key leads out of it.",
    },
    Field {
        name: "on_existing",
        aliases: &[],
        kind: Kind::Choice(&["overwrite", "fail", "next"]),
        absent: Absent::Derived(
            "`next` where `key_template` has `{sequence}`, else `fail` where it has `{first}`, \
             else `overwrite`; with `{uuid}` always `overwrite`, since no other object has the \
             name",
        ),
        doc: "What happens when the name of an object is taken. `overwrite`: it replaces the \
              existing object. `fail`: it fails. `next`: it gets the next free `{sequence}`.",
    },
];
