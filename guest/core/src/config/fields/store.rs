//! The store and the bucket.

use crate::config::{Absent, Field, Kind};

pub(super) const STORE: &[Field] = &[
    Field {
        name: "bucket",
        aliases: &[],
        kind: Kind::Text,
        absent: Absent::Required,
        doc: "The bucket to write to, or the ARN of an access point. It must exist.",
    },
    Field {
        name: "provider",
        aliases: &[],
        kind: Kind::Choice(&[
            "aws",
            "r2",
            "minio",
            "ceph",
            "garage",
            "backblaze",
            "scaleway",
            "ovh",
        ]),
        absent: Absent::Text("aws"),
        doc: "The kind of store. It sets the defaults of other fields to what such a store needs.",
    },
    Field {
        name: "region",
        aliases: &["aws_region"],
        kind: Kind::Text,
        absent: Absent::Derived("`us-east-1`, or what `provider` needs"),
        doc: "The region that requests are signed for.",
    },
    Field {
        name: "endpoint",
        aliases: &[],
        kind: Kind::Url,
        absent: Absent::Derived("AWS in `region`; required for any other `provider`"),
        doc: "The URL of an S3-compatible store, such as `http://127.0.0.1:9000`.",
    },
    Field {
        name: "addressing",
        aliases: &[],
        kind: Kind::Choice(&["path", "virtual-host"]),
        absent: Absent::Derived(
            "`path` where `endpoint` is set or the bucket's name has a dot, an underscore or a \
             capital, else `virtual-host`",
        ),
        doc: "Whether the bucket is in the path of a URL or in its host name.",
    },
    Field {
        name: "dualstack",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::False,
        doc: "Whether to use the AWS endpoint with IPv4 and IPv6.",
    },
    Field {
        name: "fips",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::False,
        doc: "Whether to use the AWS endpoint with FIPS 140 validated cryptography.",
    },
    Field {
        name: "accelerate",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::False,
        doc: "Whether to use S3 Transfer Acceleration, which must be enabled for the bucket.",
    },
    Field {
        name: "request_payer",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::False,
        doc: "Whether the requester agrees to pay, for a Requester Pays bucket.",
    },
    Field {
        name: "expected_bucket_owner",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("any owner"),
        doc: "The account that must own the bucket, as 12 digits. S3 refuses requests to a bucket \
              of another account.",
    },
];
