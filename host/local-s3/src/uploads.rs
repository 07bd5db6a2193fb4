//! The multipart uploads that are open.
//!
//! `s3s-fs` remembers neither the key of an upload nor the ETags of its parts, and a Complete that
//! it refuses costs the upload. What it is asked is therefore checked here first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use s3s::dto::{CompletedPart, ETag};
use s3s::{S3Result, s3_error};

/// An open upload.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    /// The name under which the backend knows the object.
    pub(super) version: String,
    pub(super) initiated: SystemTime,
    /// The ETags of the parts by their numbers.
    pub(super) parts: BTreeMap<i32, ETag>,
    /// It is being completed. Until that is done it is kept, for it may fail.
    pub(super) completing: bool,
}

/// Open uploads by their identifiers.
#[derive(Default)]
pub(super) struct Uploads(Mutex<HashMap<String, Upload>>);

impl Uploads {
    pub(super) fn of(open: HashMap<String, Upload>) -> Self {
        Self(Mutex::new(open))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open().is_empty()
    }

    pub(super) fn insert(&self, id: &str, upload: Upload) {
        self.open().insert(id.to_owned(), upload);
    }

    /// The upload of that identifier, if it is one for that key.
    pub(super) fn get(&self, id: &str, bucket: &str, key: &str) -> S3Result<Upload> {
        let open = self.open();
        let upload = open.get(id).filter(|upload| !upload.completing);
        let upload = upload.filter(|upload| upload.bucket == bucket && upload.key == key);
        upload.cloned().ok_or_else(|| s3_error!(NoSuchUpload))
    }

    /// Notes a part that has arrived, and tells what became of its upload in the meantime.
    pub(super) fn add_part(&self, id: &str, number: i32, e_tag: ETag) -> Arrival {
        let mut open = self.open();
        let Some(upload) = open.get_mut(id) else {
            return Arrival::AfterTheEnd;
        };
        upload.parts.insert(number, e_tag);
        if upload.completing { Arrival::AfterComplete } else { Arrival::InTime }
    }

    /// Begins to complete an upload; `false` if another request does, or has ended it.
    pub(super) fn begin_completing(&self, id: &str) -> bool {
        let mut open = self.open();
        let upload = open.get_mut(id).filter(|upload| !upload.completing);
        upload.map(|upload| upload.completing = true).is_some()
    }

    /// Leaves an upload as it was before it was to be completed.
    pub(super) fn give_up_completing(&self, id: &str) {
        if let Some(upload) = self.open().get_mut(id) {
            upload.completing = false;
        }
    }

    /// Ends an upload that is completed.
    pub(super) fn end_completed(&self, id: &str) {
        self.open().remove(id);
    }

    /// Ends an upload; `false` if another request completes it, or has ended it.
    pub(super) fn abort(&self, id: &str) -> bool {
        let mut open = self.open();
        let is_open = open.get(id).is_some_and(|upload| !upload.completing);
        is_open && open.remove(id).is_some()
    }

    /// The uploads of a bucket in the order in which S3 lists them: by key, then by time.
    pub(super) fn of_bucket(&self, bucket: &str) -> Vec<(String, Upload)> {
        let open = self.open();
        let chosen =
            open.iter().filter(|(_, upload)| upload.bucket == bucket && !upload.completing);
        let mut uploads: Vec<_> = chosen.map(|(id, up)| (id.clone(), up.clone())).collect();
        uploads.sort_unstable_by(|(a_id, a), (b_id, b)| {
            (&a.key, a.initiated, a_id).cmp(&(&b.key, b.initiated, b_id))
        });
        uploads
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a part has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    InTime,
    /// The upload is being completed, without this part.
    AfterComplete,
    /// The upload is there no more.
    AfterTheEnd,
}

impl Upload {
    /// Checks the list of parts of a Complete against the parts that have arrived.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
    pub(super) fn check(&self, parts: &[CompletedPart], sizes: &[(i32, i64)]) -> S3Result<()> {
        if parts.is_empty() {
            return Err(s3_error!(InvalidPart, "A Complete names at least one part"));
        }
        let numbers: Vec<i32> = parts.iter().map(|part| part.part_number.unwrap_or(0)).collect();
        if !numbers.is_sorted_by(|one, next| one < next) {
            return Err(s3_error!(InvalidPartOrder));
        }
        let last = numbers.last().copied();
        for (part, number) in parts.iter().zip(numbers) {
            let arrived = self.parts.get(&number);
            if arrived.is_none() || arrived.map(ETag::value) != part.e_tag.as_ref().map(ETag::value)
            {
                return Err(s3_error!(InvalidPart, "Part {number} is not what was uploaded"));
            }
            let size = sizes.iter().find_map(|(of, size)| (*of == number).then_some(*size));
            if Some(number) != last && size.unwrap_or(0) < PART_BYTES_MIN {
                return Err(s3_error!(EntityTooSmall, "Part {number} is under 5 MiB"));
            }
        }
        // S3 takes gaps, the backend does not.
        if last != i32::try_from(parts.len()).ok() {
            return Err(s3_error!(NotImplemented, "Here the parts must be 1, 2, 3 and so on"));
        }
        Ok(())
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_BYTES_MIN: i64 = 5 * 1_024 * 1_024;

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    /// The parts that a Complete names, the sizes of those that arrived, and the refusal.
    type Case = (&'static [(i32, &'static str)], &'static [(i32, i64)], Option<S3ErrorCode>);

    #[test]
    fn a_complete_must_name_what_was_uploaded() {
        use S3ErrorCode::{EntityTooSmall, InvalidPart, InvalidPartOrder, NotImplemented};
        const BIG: i64 = PART_BYTES_MIN;
        let cases: [Case; 8] = [
            (&[(1, "a"), (2, "b"), (3, "c")], &[(3, 1), (2, BIG), (1, BIG)], None),
            (&[(1, "a")], &[(1, 0)], None),
            (&[], &[], Some(InvalidPart)),
            (&[(2, "b"), (1, "a")], &[(1, BIG), (2, BIG)], Some(InvalidPartOrder)),
            (&[(1, "a"), (1, "a")], &[(1, BIG)], Some(InvalidPartOrder)),
            (&[(1, "b")], &[(1, 1)], Some(InvalidPart)),
            (&[(1, "a"), (2, "b")], &[(1, BIG - 1), (2, 1)], Some(EntityTooSmall)),
            (&[(1, "a"), (3, "c")], &[(1, BIG), (3, BIG)], Some(NotImplemented)),
        ];
        let upload = Upload {
            bucket: "bucket".to_owned(),
            key: "key".to_owned(),
            version: "v1".to_owned(),
            initiated: SystemTime::UNIX_EPOCH,
            parts: [(1, "a"), (2, "b"), (3, "c")].map(|(n, tag)| (n, e_tag(tag))).into(),
            completing: false,
        };
        for (parts, sizes, expected) in cases {
            let named: Vec<_> = parts.iter().map(|(number, tag)| named(*number, tag)).collect();
            let refused = upload.check(&named, sizes).err();
            assert_eq!(refused.map(|error| error.code().clone()), expected, "{parts:?}");
        }
        assert!(upload.check(&[named(4, "d")], &[]).is_err());
    }

    fn e_tag(value: &str) -> ETag {
        ETag::Strong(value.to_owned())
    }

    fn named(number: i32, tag: &str) -> CompletedPart {
        let part_number = Some(number);
        CompletedPart { part_number, e_tag: Some(e_tag(tag)), ..CompletedPart::default() }
    }
}
