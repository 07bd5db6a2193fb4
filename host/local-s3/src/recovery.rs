//! What a server goes on with that others have left.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use s3s::crypto::{Checksum as _, Md5};

use super::receive::hex;
use super::records::{RECORDS, Record, Records};
use super::store::place;
use super::uploads::{Part, Upload, part_of};
use super::work::LOCK;

/// What was found in a work folder.
#[derive(Default)]
pub(super) struct Recovered {
    /// The versions of objects by their [`place`].
    pub(super) current: HashMap<String, String>,
    /// The open uploads by their identifiers.
    pub(super) uploads: HashMap<String, Upload>,
}

/// Finds what is needed in a work folder, and removes the rest.
pub(super) fn recover(
    work: &Path,
    records: &Records,
    is_published: impl Fn(&str, &Record) -> bool,
) -> io::Result<Recovered> {
    let mut recovered = Recovered::default();
    let mut needed = HashSet::from([PathBuf::from(LOCK)]);
    for (version, record) in records.read()? {
        let is_published = is_published(&version, &record);
        let Record { bucket, key, about, upload } = record;
        match upload {
            // Whoever completed it was killed before the upload was ended, or just after.
            upload if is_published => {
                needed.insert(Path::new(&bucket).join(&version));
                recovered.current.insert(place(&bucket, &key), version.clone());
                if upload.is_some() {
                    records.write(&version, &Record { bucket, key, about, upload: None })?;
                }
            }
            Some(upload) => {
                recovered.uploads.insert(version, Upload::open(bucket, key, about, upload));
            }
            None => records.remove(&version),
        }
    }
    recovered.sweep(work, &needed)?;
    Ok(recovered)
}

impl Recovered {
    /// Notes the parts of the uploads, and removes what is not needed.
    fn sweep(&mut self, work: &Path, needed: &HashSet<PathBuf>) -> io::Result<()> {
        for entry in fs::read_dir(work)? {
            let entry = entry?;
            let (path, name) = (entry.path(), PathBuf::from(entry.file_name()));
            if name == Path::new(RECORDS) || needed.contains(&name) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                sweep_bucket(&path, &name, needed)?;
            } else if let Some((upload, number)) = self.part(&name) {
                upload.parts.insert(number, part(&path)?);
            } else {
                // Whatever it is, it hinders nobody.
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }

    fn part(&mut self, name: &Path) -> Option<(&mut Upload, i32)> {
        let (id, number) = part_of(name.to_str()?)?;
        Some((self.uploads.get_mut(id)?, number))
    }
}

fn sweep_bucket(folder: &Path, bucket: &Path, needed: &HashSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !needed.contains(&bucket.join(entry.file_name())) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

fn part(path: &Path) -> io::Result<Part> {
    let metadata = fs::metadata(path)?;
    // Noted beside the part, the ETag could be that of a body which the part was given before.
    let e_tag = e_tag(&mut File::open(path)?)?;
    Ok(Part { e_tag, size: metadata.len(), modified: metadata.modified()? })
}

/// The ETag of a part, and of an object that was put at once: the MD5 of its bytes.
pub(super) fn e_tag(file: &mut File) -> io::Result<String> {
    let (mut md5, mut buffer) = (Md5::new(), vec![0; BUFFER_BYTES]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&md5.finalize())),
            read => md5.update(&buffer[..read]),
        }
    }
}

const BUFFER_BYTES: usize = 256 * 1_024;
