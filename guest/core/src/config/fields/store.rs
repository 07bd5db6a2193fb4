//! Where objects go.

use crate::config::{Absent, Field, Kind};

pub(super) const STORE: &[Field] = &[
    Field {
        name: "bucket",
        aliases: &[],
        kind: Kind::Text,
        absent: Absent::Required,
        doc: "The bucket that objects are written to. It must exist.",
    },
    Field {
        name: "region",
        aliases: &["aws_region"],
        kind: Kind::Text,
        absent: Absent::Text("us-east-1"),
        doc: "The region that requests are signed for.",
    },
    Field {
        name: "endpoint",
        aliases: &[],
        kind: Kind::Url,
        absent: Absent::Derived("AWS in `region`"),
        doc: "The URL of a store that speaks S3, as `http://127.0.0.1:9000`.",
    },
    Field {
        name: "addressing",
        aliases: &[],
        kind: Kind::Choice(&["path", "virtual-host"]),
        absent: Absent::Derived(
            "`path` where `endpoint` is set or the bucket's name has a dot, else `virtual-host`",
        ),
        doc: "Whether the bucket stands in the path of a URL or in its host name.",
    },
];
