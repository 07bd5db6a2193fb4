//! Where objects go.

use crate::config::{Absent, Field, Kind};

pub(super) const STORE: &[Field] = &[
    Field {
        name: "bucket",
        aliases: &[],
        kind: Kind::Text,
        absent: Absent::Required,
        doc: "The bucket that objects are written to, or an access point by its ARN. It must exist.",
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
        doc: "Whose store it is. It sets the defaults of other fields to what such a store needs.",
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
        absent: Absent::Derived("AWS in `region`; every other `provider` needs it"),
        doc: "The URL of a store that speaks S3, as `http://127.0.0.1:9000`.",
    },
    Field {
        name: "addressing",
        aliases: &[],
        kind: Kind::Choice(&["path", "virtual-host"]),
        absent: Absent::Derived(
            "`path` where `endpoint` is set or the bucket's name has a dot, an underscore or a \
             capital, else `virtual-host`",
        ),
        doc: "Whether the bucket stands in the path of a URL or in its host name.",
    },
    Field {
        name: "dualstack",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::False,
        doc: "Whether AWS is talked to at its endpoint that has IPv6, too.",
    },
    Field {
        name: "fips",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::False,
        doc: "Whether AWS is talked to at its endpoint that is validated for FIPS 140.",
    },
    Field {
        name: "accelerate",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::False,
        doc: "Whether AWS is talked to at the endpoint of Transfer Acceleration, which the bucket \
              must have switched on.",
    },
    Field {
        name: "request_payer",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::False,
        doc: "Whether the requester agrees to pay, for a bucket that asks that of others.",
    },
    Field {
        name: "expected_bucket_owner",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("any owner"),
        doc: "The account whose bucket it has to be, as 12 digits. S3 refuses all requests to \
              another's.",
    },
];
