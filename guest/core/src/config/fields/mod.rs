//! All fields, one file per group.

mod commit;
mod encoding;
mod encryption;
mod integrity;
mod keys;
mod lanes;
mod object;
mod retries;
mod rotation;
mod store;
mod upload;

use crate::config::Field;

pub(crate) use encoding::{GZIP_LEVEL_MAX, ZSTD_LEVEL_MAX};

/// A group of fields.
#[derive(Debug)]
pub struct Group {
    /// The heading of the group.
    pub title: &'static str,
    /// The fields.
    pub fields: &'static [Field],
}

/// The one table of fields, in groups.
pub const GROUPS: &[Group] = &[
    Group { title: "Store", fields: store::STORE },
    Group { title: "Names", fields: keys::KEYS },
    Group { title: "Content", fields: encoding::ENCODING },
    Group { title: "Rotation", fields: rotation::ROTATION },
    Group { title: "Commit", fields: commit::COMMIT },
    Group { title: "Object options", fields: object::OBJECT },
    Group { title: "Upload", fields: upload::UPLOAD },
    Group { title: "Integrity", fields: integrity::INTEGRITY },
    Group { title: "Encryption", fields: encryption::ENCRYPTION },
    Group { title: "Retries and timeouts", fields: retries::RETRIES },
    Group { title: "Lanes", fields: lanes::LANES },
];

/// All fields of all groups.
pub fn fields() -> impl Iterator<Item = &'static Field> + Clone {
    GROUPS.iter().flat_map(|group| group.fields)
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// The smallest size of a part other than the last:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_BYTES_MIN: u64 = 5 * MIB;
/// The largest size of a part, from the same page.
pub(crate) const PART_BYTES_MAX: u64 = 5 * GIB;
/// The size of an object with the most and the largest parts, from the same page.
const OBJECT_BYTES_MAX: u64 = 10_000 * PART_BYTES_MAX;
const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;
