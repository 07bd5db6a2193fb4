//! Encryption of objects.

use crate::config::{Absent, Field, Kind};

pub(super) const ENCRYPTION: &[Field] = &[
    Field {
        name: "server_side_encryption",
        aliases: &[],
        kind: Kind::Choice(&["AES256", "aws:kms", "aws:kms:dsse"]),
        absent: Absent::Derived("the default of the bucket"),
        doc: "How S3 encrypts objects: with its own keys (SSE-S3, `AES256`), or with KMS keys \
              (SSE-KMS, DSSE-KMS).",
    },
    Field {
        name: "kms_key_id",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("the AWS managed key for S3"),
        doc: "The KMS key, by ID or ARN.",
    },
    Field {
        name: "kms_context",
        aliases: &[],
        kind: Kind::Texts { max: 32 },
        absent: Absent::Derived("none"),
        doc: "The KMS encryption context. It is not secret: KMS logs it.",
    },
    Field {
        name: "bucket_key_enabled",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::Derived("the default of the bucket"),
        doc: "Whether to use an S3 Bucket Key, which saves requests to KMS.",
    },
    Field {
        name: "customer_key",
        aliases: &[],
        kind: Kind::Secret,
        absent: Absent::Derived("none"),
        doc: "Your own encryption key (SSE-C), as 32 bytes in base64. S3 forgets it after use. \
              Requires https. Write it as `${VARIABLE}`. Without the key nobody can read the \
              objects, including you.",
    },
];
