//! What is said about objects.

use crate::config::{Absent, Field, Kind};

pub(super) const OBJECT: &[Field] = &[
    Field {
        name: "content_type",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("none is sent, and S3 says `binary/octet-stream`"),
        doc: "The media type of objects, as `application/x-ndjson`.",
    },
    Field {
        name: "content_encoding",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("`gzip` or `zstd` where `compression` is, else none is sent"),
        doc: "How the bytes of objects are encoded, as `gzip`. The word `none` sends none.",
    },
    Field {
        name: "content_disposition",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("none is sent"),
        doc: "How objects are presented, as `attachment; filename=\"log.ndjson\"`.",
    },
    Field {
        name: "content_language",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("none is sent"),
        doc: "The language of objects, as `en`.",
    },
    Field {
        name: "cache_control",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("none is sent"),
        doc: "How those who read objects may keep them, as `max-age=3600`.",
    },
    Field {
        name: "storage_class",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("the store's, which is `STANDARD`"),
        doc: "The storage class, as `STANDARD_IA`, `INTELLIGENT_TIERING` or `GLACIER_IR`.",
    },
    Field {
        name: "acl",
        aliases: &[],
        kind: Kind::Choice(&[
            "private",
            "public-read",
            "public-read-write",
            "authenticated-read",
            "aws-exec-read",
            "bucket-owner-read",
            "bucket-owner-full-control",
        ]),
        absent: Absent::Derived("none is sent"),
        doc: "The canned ACL of objects.",
    },
    Field {
        name: "tags",
        aliases: &[],
        kind: Kind::Texts { max: 10 },
        absent: Absent::Derived("none"),
        doc: "The tags of objects: keys of 128 characters at most, values of 256, of letters, \
              digits, blanks and `+ - = . _ : / @`.",
    },
    Field {
        name: "metadata",
        aliases: &[],
        // All of it together has 2 KB, and a name has a byte.
        kind: Kind::Texts { max: 2_048 },
        absent: Absent::Derived("none but `spillway-nonce`"),
        doc: "The user metadata of objects, without `x-amz-meta-` before the names: 2,002 bytes at \
              most.",
    },
    Field {
        name: "object_lock_mode",
        aliases: &[],
        kind: Kind::Choice(&["GOVERNANCE", "COMPLIANCE"]),
        absent: Absent::Derived("what the bucket has for default"),
        doc: "How objects are locked. It needs one of the next two.",
    },
    Field {
        name: "object_lock_retain_until",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("none"),
        doc: "Until when objects are locked, in UTC, as `2035-01-31T00:00:00Z`.",
    },
    Field {
        name: "object_lock_retain_days",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 36_500 },
        absent: Absent::Derived("none"),
        doc: "For how many days objects are locked, from the request that begins them: PutObject \
              or CreateMultipartUpload.",
    },
    Field {
        name: "object_lock_legal_hold",
        aliases: &[],
        kind: Kind::Choice(&["ON", "OFF"]),
        absent: Absent::Derived("none is sent"),
        doc: "Whether objects are under legal hold.",
    },
];
