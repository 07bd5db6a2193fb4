//! What is known of versions, on disk: a small file for each, written whole or not at all.
//!
//! A version without a record is of no use to anybody; one whose record cannot be read is lost,
//! and nothing else is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::about::About;

/// What an object, or an upload that is to become one, is called, and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) about: About,
    /// The multipart upload that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) upload: Option<UploadRecord>,
}

/// What S3 tells of an open upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UploadRecord {
    pub(super) initiated: SystemTime,
    /// The algorithm of the checksum that the whole object is to have.
    pub(super) algorithm: Option<String>,
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

    /// The record of a version, if there is one.
    pub(super) fn get(&self, version: &str) -> Option<Record> {
        read(&self.path(version))
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
    // Paths are made of it.
    s3s::path::check_bucket_name(&record.bucket).then_some(record)
}

/// The name of the folder.
pub(super) const RECORDS: &str = ".records";

const ENDING: &str = ".json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_are_torn_or_lead_elsewhere_are_removed() {
        let work = tempfile::tempdir().unwrap();
        let records = Records::open(work.path()).unwrap();
        let record = |bucket: &str| Record {
            bucket: bucket.to_owned(),
            key: "a//b\n".to_owned(),
            about: About { content_type: Some("text/plain".to_owned()), ..About::default() },
            upload: Some(UploadRecord { initiated: SystemTime::now(), algorithm: None }),
        };
        let good = record("bucket");
        let object = Record { upload: None, ..good.clone() };
        records.write("good", &object).unwrap();
        records.write("good", &good).unwrap();
        records.write("object", &object).unwrap();
        records.write("gone", &good).unwrap();
        records.remove("gone");
        records.write("up", &record("../up")).unwrap();
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
