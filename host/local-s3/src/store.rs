//! Where objects lie: as plain files below `ROOT/<bucket>/`, each also under a short name in the
//! work folder, where it is written and read.
//!
//! Each body that is to become an object gets a name of its own, a version. When it is whole, a
//! hard link publishes it. Until then nobody sees it; a failed upload leaves the object that was
//! there as it was. What a version is of, and what is said of it, is in its record, which is there
//! before it is published: the process may be killed between any two of these steps.
//!
//! | file in the work folder | what it is |
//! |---|---|
//! | `BUCKET/VERSION` | the bytes of an object |
//! | `.records/VERSION.json` | what it is of; or an open upload, whose identifier is `VERSION` |
//! | `VERSION.part-N` | a part of that upload |
//! | `VERSION.young` | a part that is on its way |

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tempfile::TempPath;

use super::about::About;
use super::keys::{beside, key_of, path_of};
use super::records::{Record, Records};
use super::recovery::{Recovered, e_tag, recover};
use super::uploads::{Upload, Uploads, part_name};
use super::work::WorkFolder;

/// An object and the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// The key of the object.
    pub key: String,
    /// The bytes of the object.
    pub size: u64,
    /// The file, below the root that the server was started with.
    pub path: PathBuf,
}

/// An object that is open for reading, whatever becomes of its key.
pub(super) struct Object {
    pub(super) version: String,
    pub(super) file: File,
    pub(super) metadata: Metadata,
    pub(super) about: About,
}

/// What must hold for the object that an upload is about to replace.
pub(super) enum Precondition {
    None,
    Absent,
    Version(String),
}

/// The objects of all buckets. Dropped, it removes its work folder unless uploads are open.
pub(super) struct Store {
    pub(super) uploads: Uploads,
    root: PathBuf,
    work: WorkFolder,
    /// A version has one before it is published.
    pub(super) records: Records,
    versions: Mutex<Versions>,
    /// Whether what belongs to objects is to outlive this server, also where no upload is open.
    keeps: AtomicBool,
}

impl Store {
    /// Opens the folder, which is made if it is missing, and goes on with what servers that are
    /// gone have left there.
    pub(super) fn open(root: &Path) -> anyhow::Result<Self> {
        let root = fs::create_dir_all(root)
            .and_then(|()| root.canonicalize())
            .with_context(|| format!("cannot use the folder {}", root.display()))?;
        let work = WorkFolder::create(&root)?;
        let recover = || {
            let records = Records::open(work.path())?;
            let recovered = recover(work.path(), &records, |version, record| {
                is_published(&root, work.path(), version, record)
            })?;
            io::Result::Ok((records, recovered))
        };
        let (records, Recovered { current, uploads }) = recover().with_context(|| {
            format!("cannot go on with what is unfinished in {}", work.path().display())
        })?;
        let versions = Mutex::new(Versions { current, mark: work.mark().to_owned(), given: 0 });
        Ok(Self {
            uploads: Uploads::of(uploads),
            root,
            work,
            records,
            versions,
            keeps: AtomicBool::new(false),
        })
    }

    /// Whether what belongs to objects is to outlive this server.
    pub(super) fn keep(&self, keeps: bool) {
        self.keeps.store(keeps, Ordering::Relaxed);
    }

    /// The folder of all that is not published.
    pub(super) fn work(&self) -> &Path {
        self.work.path()
    }

    /// Makes a bucket unless it is there.
    pub(super) fn create_bucket(&self, bucket: &str) -> anyhow::Result<()> {
        // The rules keep names such as `..` or `.hidden` away as well.
        anyhow::ensure!(
            s3s::path::check_bucket_name(bucket),
            "{bucket:?} is no name for a bucket: 3 to 63 lower-case letters, digits, dots, hyphens"
        );
        let folder = self.root.join(bucket);
        // A link that leads nowhere would lead somewhere once a folder is made there.
        inside(&self.root, &folder.join("object"))?;
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))
    }

    pub(super) fn has_bucket(&self, bucket: &str) -> bool {
        let folder = self.root.join(bucket);
        s3s::path::check_bucket_name(bucket)
            && folder.is_dir()
            && inside(&self.root, &folder.join("object")).is_ok()
    }

    /// A name, never used before, for an upload.
    pub(super) fn new_version(&self) -> String {
        self.versions().next_name()
    }

    /// The version that holds the object now, if there is one. A file that another run or a person
    /// put there becomes a version when first asked for.
    pub(super) fn current(&self, bucket: &str, key: &str) -> io::Result<Option<String>> {
        self.current_of(&mut self.versions(), bucket, key)
    }

    /// The object that has the key now, if there is one.
    pub(super) fn object(&self, bucket: &str, key: &str) -> io::Result<Option<Object>> {
        let mut versions = self.versions();
        let Some(version) = self.current_of(&mut versions, bucket, key)? else {
            return Ok(None);
        };
        let mut file = File::open(self.versioned(bucket, &version))?;
        drop(versions);
        let about = match self.records.get(&version) {
            Some(record) => record.about,
            None => About { e_tag: e_tag(&mut file)?, ..About::default() },
        };
        file.rewind()?;
        Ok(Some(Object { version, metadata: file.metadata()?, file, about }))
    }

    /// Where the bytes of a version go. Dropped, it removes the file.
    pub(super) fn new_file(&self, bucket: &str, version: &str) -> io::Result<TempPath> {
        fs::create_dir_all(self.work().join(bucket))?;
        TempPath::try_from_path(self.versioned(bucket, version))
    }

    /// Where the bytes of a part go on their way. Dropped, it removes the file.
    pub(super) fn new_part(&self) -> io::Result<TempPath> {
        TempPath::try_from_path(self.work().join(format!("{}.young", self.new_version())))
    }

    /// Where a part lies that has arrived.
    pub(super) fn part(&self, id: &str, number: i32) -> PathBuf {
        self.work().join(part_name(id, number))
    }

    /// Opens an upload.
    pub(super) fn begin_upload(&self, id: &str, upload: Upload) -> io::Result<()> {
        self.records.write(id, &upload.to_record())?;
        self.uploads.insert(id, upload);
        Ok(())
    }

    /// Ends an upload without an object; `false` if another request completes it, or has ended it.
    pub(super) fn abort_upload(&self, id: &str) -> bool {
        let Some(upload) = self.uploads.abort(id) else { return false };
        self.records.remove(id);
        self.remove_parts(id, Some(upload));
        true
    }

    /// Ends an upload whose object is published.
    pub(super) fn end_upload(&self, id: &str, upload: &Upload) {
        // Where this fails, the next start sees that the object is published.
        let _ = self.records.write(id, &Record { upload: None, ..upload.to_record() });
        self.remove_parts(id, self.uploads.end_completed(id));
    }

    fn remove_parts(&self, id: &str, upload: Option<Upload>) {
        // What cannot be removed now is useless at the next start.
        for number in upload.into_iter().flat_map(|upload| upload.parts.into_keys()) {
            let _ = fs::remove_file(self.part(id, number));
        }
    }

    /// Makes the finished upload the object of that key, unless the precondition does not hold,
    /// which is answered with `false`.
    pub(super) fn publish(
        &self,
        (bucket, key): (&str, &str),
        version: &str,
        precondition: &Precondition,
    ) -> io::Result<bool> {
        let mut versions = self.versions();
        let holds = match precondition {
            Precondition::None => true,
            Precondition::Absent => self.current_of(&mut versions, bucket, key)?.is_none(),
            Precondition::Version(expected) => {
                self.current_of(&mut versions, bucket, key)?.as_ref() == Some(expected)
            }
        };
        if !holds {
            return Ok(false);
        }
        let target = self.make_way(bucket, key)?;
        // A rename replaces at once what was there; a link alone would refuse to.
        let link = self.work().join(format!(".{version}.link"));
        fs::hard_link(self.versioned(bucket, version), &link)?;
        fs::rename(&link, &target).inspect_err(|_| drop(fs::remove_file(&link)))?;
        // A folder that the object once had to make room for may have gone since.
        let plain = self.root.join(bucket).join(path_of(key));
        if target == plain {
            let _ = fs::remove_file(beside(&plain));
        }
        self.record(&mut versions, bucket, key, version);
        Ok(true)
    }

    /// The objects of a bucket, by key.
    pub(super) fn objects(&self, bucket: &str) -> io::Result<Vec<StoredObject>> {
        let top = self.root.join(bucket);
        let mut folders = vec![top.clone()];
        let mut objects = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file()
                    && let Some(key) = path.strip_prefix(&top).ok().and_then(key_of)
                {
                    objects.push(StoredObject { key, size: entry.metadata()?.len(), path });
                }
            }
        }
        // Of two files for one key, which a person or a kill can make, the plain one counts.
        objects.sort_unstable_by(|a, b| (&a.key, &a.path).cmp(&(&b.key, &b.path)));
        objects.dedup_by(|next, first| next.key == first.key);
        Ok(objects)
    }

    /// Frees the work folder, as the end of the process does.
    #[cfg(test)]
    pub(super) fn lose(&self) {
        self.work.lose();
    }

    fn current_of(
        &self,
        versions: &mut Versions,
        bucket: &str,
        key: &str,
    ) -> io::Result<Option<String>> {
        let Some((path, metadata)) = published(&self.root, bucket, key) else {
            return Ok(None);
        };
        inside(&self.root, &path)?;
        if let Some(version) = versions.current.get(&place(bucket, key))
            && let Ok(known) = fs::metadata(self.versioned(bucket, version))
            && same_content(&known, &metadata)
        {
            return Ok(Some(version.clone()));
        }
        let version = versions.next_name();
        let versioned = self.versioned(bucket, &version);
        fs::create_dir_all(self.work().join(bucket))?;
        fs::hard_link(path, versioned)?;
        self.record(versions, bucket, key, &version);
        Ok(Some(version))
    }

    fn record(&self, versions: &mut Versions, bucket: &str, key: &str, version: &str) {
        if let Some(old) = versions.current.insert(place(bucket, key), version.to_owned()) {
            // Where this fails, it is found useless at the next start.
            let _ = fs::remove_file(self.versioned(bucket, &old));
            self.records.remove(&old);
        }
    }

    /// Makes the folders above an object and says where its file goes. In S3 `a` and `a/b` can both
    /// be objects; where a name must be a folder and a file, the file steps aside.
    fn make_way(&self, bucket: &str, key: &str) -> io::Result<PathBuf> {
        let mut path = self.root.join(bucket);
        inside(&self.root, &path.join(path_of(key)))?;
        let relative = path_of(key);
        let mut names = relative.components().peekable();
        while let Some(name) = names.next() {
            path.push(name);
            if names.peek().is_none() {
                break;
            }
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
                fs::rename(&path, beside(&path))?;
            }
            match fs::create_dir(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        Ok(if path.is_dir() { beside(&path) } else { path })
    }

    fn versioned(&self, bucket: &str, version: &str) -> PathBuf {
        self.work().join(bucket).join(version)
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.uploads.is_empty() && !self.keeps.load(Ordering::Relaxed) {
            self.work.remove();
        }
    }
}

struct Versions {
    current: HashMap<String, String>,
    /// What tells its names from those of other servers.
    mark: String,
    given: u64,
}

impl Versions {
    fn next_name(&mut self) -> String {
        self.given += 1;
        format!("{}-{}", self.mark, self.given)
    }
}

/// Names a key of a bucket; buckets have no slash in their names.
pub(super) fn place(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}")
}

/// The file of an object. A symbolic link is none: it could lead out of the root.
fn published(root: &Path, bucket: &str, key: &str) -> Option<(PathBuf, Metadata)> {
    let plain = root.join(bucket).join(path_of(key));
    let aside = beside(&plain);
    [plain, aside].into_iter().find_map(|path| {
        let metadata = fs::symlink_metadata(&path).ok().filter(Metadata::is_file)?;
        Some((path, metadata))
    })
}

/// Proves that a path leads nowhere out of the root: where one of its folders is a symbolic link,
/// to a place below the root.
fn inside(root: &Path, path: &Path) -> io::Result<()> {
    let folders = path.ancestors().skip(1).take_while(|folder| *folder != root);
    for folder in folders {
        let led_to = match fs::canonicalize(folder) {
            // What is not there, or below a file, is no link, and neither is what lies below it.
            Err(error) if is_absent(&error) && !folder.is_symlink() => continue,
            led_to => led_to?,
        };
        if led_to.starts_with(root) {
            break;
        }
        let (folder, root, led_to) = (folder.display(), root.display(), led_to.display());
        let text = format!("{folder} leads out of {root}, to {led_to}: nothing is stored there");
        return Err(io::Error::new(ErrorKind::PermissionDenied, text));
    }
    Ok(())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn is_published(root: &Path, work: &Path, version: &str, record: &Record) -> bool {
    let file = published(root, &record.bucket, &record.key);
    let known = fs::metadata(work.join(&record.bucket).join(version));
    file.zip(known.ok()).is_some_and(|((_, file), known)| same_content(&known, &file))
}

/// Links to one file agree in these; a file that a person has put in its place does not.
fn same_content(one: &Metadata, other: &Metadata) -> bool {
    one.len() == other.len() && one.modified().ok() == other.modified().ok()
}
