//! Properties of objects.

use crate::config::{Absent, Field, Kind};

pub(super) const OBJECT: &[Field] = &[
    Field {
        name: "content_type",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("not sent; S3 assumes `binary/octet-stream`"),
        doc: "The media type of objects, such as `application/x-ndjson`.",
    },
    Field {
        name: "content_encoding",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("`gzip` or `zstd` with `compression`, else not sent"),
        doc: "The content encoding of objects, such as `gzip`. `none` sends no header.",
    },
    Field {
        name: "content_disposition",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("not sent"),
        doc: "The `Content-Disposition` of objects, such as `attachment; filename=\"log.ndjson\"`.",
    },
    Field {
        name: "content_language",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("not sent"),
        doc: "The language of objects, such as `en`.",
    },
    Field {
        name: "cache_control",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("not sent"),
        doc: "The `Cache-Control` of objects, such as `max-age=3600`.",
    },
    Field {
        name: "storage_class",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("the store's, which is `STANDARD`"),
        doc: "The storage class, such as `STANDARD_IA`, `INTELLIGENT_TIERING` or `GLACIER_IR`.",
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
        absent: Absent::Derived("not sent"),
        doc: "The canned ACL of objects.",
    },
    Field {
        name: "tags",
        aliases: &[],
        kind: Kind::Texts { max: 10 },
        absent: Absent::Derived("none"),
        doc: "The tags of objects. Keys have at most 128 characters and values 256: letters, \
              digits, blanks and `+ - = . _ : / @`.",
    },
    Field {
        name: "metadata",
        aliases: &[],
        // All metadata together has at most 2 KB, and each name has at least one byte.
        kind: Kind::Texts { max: 2_048 },
        absent: Absent::Derived("none but `spillway-nonce`"),
        doc: "The user metadata of objects, with names without `x-amz-meta-`. At most 2,002 bytes \
              in all.",
    },
    Field {
        name: "object_lock_mode",
        aliases: &[],
        kind: Kind::Choice(&["GOVERNANCE", "COMPLIANCE"]),
        absent: Absent::Derived("the default of the bucket"),
        doc: "The retention mode of Object Lock. It requires one of the next two fields.",
    },
    Field {
        name: "object_lock_retain_until",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("none"),
        doc: "The end of retention, in UTC, such as `2035-01-31T00:00:00Z`.",
    },
    Field {
        name: "object_lock_retain_days",
        aliases: &[],
        kind: Kind::Integer { min: 1, max: 36_500 },
        absent: Absent::Derived("none"),
        doc: "The days of retention, from the PutObject or CreateMultipartUpload request.",
    },
    Field {
        name: "object_lock_legal_hold",
        aliases: &[],
        kind: Kind::Choice(&["ON", "OFF"]),
        absent: Absent::Derived("not sent"),
        doc: "Whether objects are under legal hold.",
    },
];
