//! How objects are encrypted.

use crate::config::{Absent, Field, Kind};

pub(super) const ENCRYPTION: &[Field] = &[
    Field {
        name: "server_side_encryption",
        aliases: &[],
        kind: Kind::Choice(&["AES256", "aws:kms", "aws:kms:dsse"]),
        absent: Absent::Derived("what the bucket has for default"),
        doc: "How S3 encrypts objects: with its own keys (SSE-S3), or with keys of KMS (SSE-KMS, \
              DSSE-KMS).",
    },
    Field {
        name: "kms_key_id",
        aliases: &[],
        kind: Kind::Header,
        absent: Absent::Derived("the key of KMS that AWS keeps for S3"),
        doc: "The key of KMS, by its id or its ARN.",
    },
    Field {
        name: "kms_context",
        aliases: &[],
        kind: Kind::Texts { max: 32 },
        absent: Absent::Derived("none"),
        doc: "The encryption context for KMS. It is no secret: KMS logs it.",
    },
    Field {
        name: "bucket_key_enabled",
        aliases: &[],
        kind: Kind::Flag,
        absent: Absent::Derived("what the bucket has for default"),
        doc: "Whether a key of the bucket spares requests to KMS.",
    },
    Field {
        name: "customer_key",
        aliases: &[],
        kind: Kind::Secret,
        absent: Absent::Derived("none"),
        doc: "The key of your own that S3 encrypts objects with and forgets (SSE-C): 32 bytes as \
              base64, and only over https. Write it as `${VARIABLE}`. Without it nobody can read \
              the objects, you included.",
    },
];
