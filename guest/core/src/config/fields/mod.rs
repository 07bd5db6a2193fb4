//! Every field there is, a file for each group of them.

mod commit;
mod encoding;
mod encryption;
mod integrity;
mod keys;
mod object;
mod retries;
mod rotation;
mod store;
mod upload;

use crate::config::Field;

pub(crate) use encoding::{GZIP_LEVEL_MAX, ZSTD_LEVEL_MAX};

/// Fields that belong together.
#[derive(Debug)]
pub struct Group {
    /// What they are about, as a heading.
    pub title: &'static str,
    /// The fields.
    pub fields: &'static [Field],
}

/// The one table of fields, in groups.
pub const GROUPS: &[Group] = &[
    Group { title: "Where objects go", fields: store::STORE },
    Group { title: "What objects are called", fields: keys::KEYS },
    Group { title: "What an object holds", fields: encoding::ENCODING },
    Group { title: "When an object ends", fields: rotation::ROTATION },
    Group { title: "When an object becomes visible", fields: commit::COMMIT },
    Group { title: "What is said about objects", fields: object::OBJECT },
    Group { title: "How objects are uploaded", fields: upload::UPLOAD },
    Group { title: "How bytes are protected", fields: integrity::INTEGRITY },
    Group { title: "How objects are encrypted", fields: encryption::ENCRYPTION },
    Group { title: "How long and how often is tried", fields: retries::RETRIES },
];

/// Every field of every group.
pub fn fields() -> impl Iterator<Item = &'static Field> + Clone {
    GROUPS.iter().flat_map(|group| group.fields)
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// The least size of a part that is not the last:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_BYTES_MIN: u64 = 5 * MIB;
/// The greatest size of a part, from the same page.
pub(crate) const PART_BYTES_MAX: u64 = 5 * GIB;
/// The size of an object of as many and as large parts as there may be, from the same page.
const OBJECT_BYTES_MAX: u64 = 10_000 * PART_BYTES_MAX;
const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;
