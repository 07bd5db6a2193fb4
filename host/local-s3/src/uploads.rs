//! The multipart uploads that are open.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use s3s::dto::{CompletedPart, ETag};
use s3s::{S3Result, s3_error};

use super::about::About;
use super::records::{Record, UploadRecord};

/// An open upload. Its identifier is the version that its object will be.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) about: About,
    pub(super) record: UploadRecord,
    /// The parts that have arrived, by their numbers.
    pub(super) parts: BTreeMap<i32, Part>,
    /// It is being completed. Until that is done it is kept, for it may fail.
    completing: bool,
}

/// A part that has arrived.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The value of the ETag, without quotes.
    pub(super) e_tag: String,
    /// Its length in bytes.
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

/// The name of the file of a part.
pub(super) fn part_name(id: &str, number: i32) -> String {
    format!("{id}{PART}{number}")
}

/// The upload and the number of the part that has this name.
pub(super) fn part_of(name: &str) -> Option<(&str, i32)> {
    let (id, number) = name.split_once(PART)?;
    Some((id, number.parse().ok()?))
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

    /// Notes a part that has arrived once `keep` has put its file in its place; `false`, without
    /// that, if the upload is completed or has ended in the meantime.
    pub(super) fn add_part(
        &self,
        id: &str,
        number: i32,
        part: Part,
        keep: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<bool> {
        let mut open = self.open();
        let Some(upload) = open.get_mut(id).filter(|upload| !upload.completing) else {
            return Ok(false);
        };
        keep()?;
        upload.parts.insert(number, part);
        Ok(true)
    }

    /// Begins to complete an upload, of the parts that a Complete names. It may also say how
    /// many bytes they are.
    pub(super) fn begin_completing(
        &self,
        id: &str,
        named: &[CompletedPart],
        size: Option<i64>,
    ) -> S3Result<(Upload, Vec<(i32, Part)>)> {
        let mut open = self.open();
        let upload = open.get_mut(id).filter(|upload| !upload.completing);
        let upload = upload.ok_or_else(|| s3_error!(NoSuchUpload))?;
        let parts = upload.check(named)?;
        let bytes: u64 = parts.iter().map(|(_, part)| part.size).sum();
        if size.is_some_and(|size| u64::try_from(size) != Ok(bytes)) {
            return Err(s3_error!(InvalidRequest, "The parts have {bytes} bytes"));
        }
        upload.completing = true;
        Ok((upload.clone(), parts))
    }

    /// Leaves an upload as it was before it was to be completed.
    pub(super) fn give_up_completing(&self, id: &str) {
        if let Some(upload) = self.open().get_mut(id) {
            upload.completing = false;
        }
    }

    /// Ends an upload that is completed.
    pub(super) fn end_completed(&self, id: &str) -> Option<Upload> {
        self.open().remove(id)
    }

    /// Ends an upload; `None` if another request completes it, or has ended it.
    pub(super) fn abort(&self, id: &str) -> Option<Upload> {
        let mut open = self.open();
        let is_open = open.get(id).is_some_and(|upload| !upload.completing);
        is_open.then(|| open.remove(id)).flatten()
    }

    /// The uploads of a bucket in the order in which S3 lists them: by key, then by time.
    pub(super) fn of_bucket(&self, bucket: &str) -> Vec<(String, Upload)> {
        let open = self.open();
        let chosen =
            open.iter().filter(|(_, upload)| upload.bucket == bucket && !upload.completing);
        let mut uploads: Vec<_> = chosen.map(|(id, up)| (id.clone(), up.clone())).collect();
        uploads.sort_unstable_by(|(a_id, a), (b_id, b)| {
            (&a.key, a.record.initiated, a_id).cmp(&(&b.key, b.record.initiated, b_id))
        });
        uploads
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// One that no part has arrived of.
    pub(super) fn open(bucket: String, key: String, about: About, record: UploadRecord) -> Upload {
        Upload { bucket, key, about, record, parts: BTreeMap::new(), completing: false }
    }

    /// What is to be known of it after the process is gone.
    pub(super) fn to_record(&self) -> Record {
        let (bucket, key, about) = (self.bucket.clone(), self.key.clone(), self.about.clone());
        Record { bucket, key, about, upload: Some(self.record.clone()) }
    }

    /// Checks the list of parts of a Complete against the parts that have arrived, and returns
    /// those.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
    fn check(&self, parts: &[CompletedPart]) -> S3Result<Vec<(i32, Part)>> {
        if parts.is_empty() {
            return Err(s3_error!(InvalidPart, "A Complete names at least one part"));
        }
        let numbers: Vec<i32> = parts.iter().map(|part| part.part_number.unwrap_or(0)).collect();
        if !numbers.is_sorted_by(|one, next| one < next) {
            return Err(s3_error!(InvalidPartOrder));
        }
        let last = numbers.last().copied();
        let mut named = Vec::with_capacity(numbers.len());
        for (part, number) in parts.iter().zip(numbers) {
            let e_tag = part.e_tag.as_ref().map(ETag::value);
            let arrived = self.parts.get(&number);
            let Some(arrived) = arrived.filter(|part| Some(&*part.e_tag) == e_tag) else {
                return Err(s3_error!(InvalidPart, "Part {number} is not what was uploaded"));
            };
            if Some(number) != last && arrived.size < PART_BYTES_MIN {
                return Err(s3_error!(EntityTooSmall, "Part {number} is under 5 MiB"));
            }
            named.push((number, arrived.clone()));
        }
        Ok(named)
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_BYTES_MIN: u64 = 5 * 1_024 * 1_024;
const PART: &str = ".part-";

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    /// The parts that a Complete names, the sizes of those that arrived, and the refusal.
    type Case = (&'static [(i32, &'static str)], [u64; 3], Option<S3ErrorCode>);

    #[test]
    fn a_complete_must_name_what_was_uploaded() {
        use S3ErrorCode::{EntityTooSmall, InvalidPart, InvalidPartOrder};
        const BIG: u64 = PART_BYTES_MIN;
        let cases: [Case; 9] = [
            (&[(1, "a"), (2, "b"), (3, "c")], [BIG, BIG, 1], None),
            (&[(1, "a")], [0, 0, 0], None),
            (&[(1, "a"), (3, "c")], [BIG, 0, 1], None),
            (&[], [BIG; 3], Some(InvalidPart)),
            (&[(2, "b"), (1, "a")], [BIG; 3], Some(InvalidPartOrder)),
            (&[(1, "a"), (1, "a")], [BIG; 3], Some(InvalidPartOrder)),
            (&[(1, "b")], [BIG; 3], Some(InvalidPart)),
            (&[(1, "a"), (4, "d")], [BIG; 3], Some(InvalidPart)),
            (&[(1, "a"), (2, "b")], [BIG - 1, 1, 0], Some(EntityTooSmall)),
        ];
        for (parts, sizes, expected) in cases {
            let record = UploadRecord { initiated: SystemTime::UNIX_EPOCH, algorithm: None };
            let (bucket, key) = ("bucket".to_owned(), "key".to_owned());
            let mut upload = Upload::open(bucket, key, About::default(), record);
            for ((number, e_tag), size) in [(1, "a"), (2, "b"), (3, "c")].into_iter().zip(sizes) {
                let (e_tag, modified) = (e_tag.to_owned(), SystemTime::UNIX_EPOCH);
                upload.parts.insert(number, Part { e_tag, size, modified });
            }
            let named: Vec<_> = parts.iter().map(|(number, tag)| named(*number, tag)).collect();
            let refused = upload.check(&named).err();
            assert_eq!(refused.map(|error| error.code().clone()), expected, "{parts:?}");
        }
    }

    #[test]
    fn a_file_has_the_number_of_its_part() {
        assert_eq!(part_of(&part_name("abc-7", 12)), Some(("abc-7", 12)));
        assert_eq!(part_of("abc-7.part-x"), None);
        assert_eq!(part_of("abc-7.young"), None);
    }

    fn named(number: i32, tag: &str) -> CompletedPart {
        let (part_number, e_tag) = (Some(number), Some(ETag::Strong(tag.to_owned())));
        CompletedPart { part_number, e_tag, ..CompletedPart::default() }
    }
}
