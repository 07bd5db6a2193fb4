//! What is known of versions, on disk: a small file for each, written whole or not at all.
//!
//! A version without a record is of no use to anybody; one whose record cannot be read is lost,
//! and nothing else is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// What an object, or an upload that is to become one, is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) bucket: String,
    pub(super) key: String,
    /// The multipart upload that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) upload: Option<UploadRecord>,
}

/// What S3 tells of an open upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UploadRecord {
    pub(super) id: String,
    pub(super) initiated: SystemTime,
}

/// The folder of the records.
pub(super) struct Records(PathBuf);

impl Records {
    pub(super) fn open(work: &Path) -> io::Result<Self> {
        let folder = work.join(RECORDS);
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Writes the record of a version, in the place of the one that was there.
    pub(super) fn write(&self, version: &str, record: &Record) -> io::Result<()> {
        let young = self.0.join(format!("{version}.young"));
        fs::write(&young, serde_json::to_vec(record)?)?;
        fs::rename(young, self.path(version))
    }

    /// Forgets a version.
    pub(super) fn remove(&self, version: &str) {
        // It is not there, or it is found useless at the next start.
        let _ = fs::remove_file(self.path(version));
    }

    /// The records by their versions. What is none is removed.
    pub(super) fn read(&self) -> io::Result<Vec<(String, Record)>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            match (version_of(&entry.path()), read(&entry.path())) {
                (Some(version), Some(record)) => records.push((version, record)),
                _ => drop(fs::remove_file(entry.path())),
            }
        }
        Ok(records)
    }

    fn path(&self, version: &str) -> PathBuf {
        self.0.join(format!("{version}{ENDING}"))
    }
}

fn version_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.strip_suffix(ENDING)?.to_owned())
}

fn read(path: &Path) -> Option<Record> {
    let record: Record = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    // Paths are made of these.
    let id_is_sound = record.upload.as_ref().is_none_or(|upload| {
        upload.id.len() == UUID_BYTES
            && upload.id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    });
    (s3s::path::check_bucket_name(&record.bucket) && id_is_sound).then_some(record)
}

/// The name of the folder.
pub(super) const RECORDS: &str = ".records";

const ENDING: &str = ".json";
const UUID_BYTES: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_are_torn_or_lead_elsewhere_are_removed() {
        let work = tempfile::tempdir().unwrap();
        let records = Records::open(work.path()).unwrap();
        let id = "67e55044-10b1-426f-9247-bb680e5fe0c8".to_owned();
        let record = |bucket: &str, id: &str| Record {
            bucket: bucket.to_owned(),
            key: "a//b\n".to_owned(),
            upload: Some(UploadRecord { id: id.to_owned(), initiated: SystemTime::now() }),
        };
        let good = record("bucket", &id);
        let object = Record { upload: None, ..good.clone() };
        records.write("good", &object).unwrap();
        records.write("good", &good).unwrap();
        records.write("object", &object).unwrap();
        records.write("gone", &good).unwrap();
        records.remove("gone");
        records.write("up", &record("../up", &id)).unwrap();
        records.write("id", &record("bucket", "../../../../../../../../../../../../")).unwrap();
        let whole = fs::read(records.path("good")).unwrap();
        fs::write(records.path("torn"), &whole[..whole.len() / 2]).unwrap();
        fs::write(records.path("empty"), "").unwrap();
        fs::write(records.0.join("killed.young"), &whole).unwrap();
        let mut read = records.read().unwrap();
        read.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        assert_eq!(read, [("good".to_owned(), good), ("object".to_owned(), object)]);
        assert_eq!(fs::read_dir(&records.0).unwrap().count(), 2);
    }
}
