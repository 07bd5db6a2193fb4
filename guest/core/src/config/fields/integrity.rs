//! How bytes are protected.

use crate::config::{Absent, Field, Kind};

pub(super) const INTEGRITY: &[Field] = &[
    Field {
        name: "payload_signing",
        aliases: &[],
        kind: Kind::Choice(&["signed", "unsigned"]),
        absent: Absent::Derived("`unsigned` over https, `signed` over http"),
        doc: "Whether a hash of the payload is part of the signature.",
    },
    Field {
        name: "checksum",
        aliases: &[],
        kind: Kind::Choice(&["crc64nvme", "crc32c", "crc32", "none"]),
        absent: Absent::Derived("`crc64nvme`, or what `provider` needs"),
        doc: "The checksum sent with each part and each object, for the store to verify and to keep.",
    },
    Field {
        name: "content_md5",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::Derived("`false`, or what `provider` needs"),
        doc: "Whether `Content-MD5` is sent as well, for stores and bucket rules that want it.",
    },
];
