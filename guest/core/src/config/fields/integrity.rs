//! Integrity of the data.

use crate::config::{Absent, Field, Kind};

pub(super) const INTEGRITY: &[Field] = &[
    Field {
        name: "payload_signing",
        aliases: &[],
        kind: Kind::Choice(&["signed", "unsigned"]),
        absent: Absent::Derived("`unsigned` over https, `signed` over http"),
        doc: "Whether the signature covers a hash of the payload.",
    },
    Field {
        name: "checksum",
        aliases: &[],
        kind: Kind::Choice(&["crc64nvme", "crc32c", "crc32", "none"]),
        absent: Absent::Derived("`crc64nvme`, or what `provider` needs"),
        doc: "The checksum of each part and each object, which the store verifies and keeps.",
    },
    Field {
        name: "content_md5",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::Derived("`false`, or what `provider` needs"),
        doc: "Whether to send `Content-MD5` as well, for stores and bucket policies that require \
              it.",
    },
];
