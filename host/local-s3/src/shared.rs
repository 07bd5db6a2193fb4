//! The steps that the S3 operations are made of.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::ETagCondition;
use s3s::{S3Error, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::about::{About, Sums};
use super::receive::hex;
use super::store::{Object, Precondition, Store};
use super::uploads::{Part, Upload};

pub(super) fn require_bucket(store: &Store, bucket: &str) -> S3Result<()> {
    if store.has_bucket(bucket) { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
}

/// The object that has the key now.
pub(super) async fn require_object(
    store: &Arc<Store>,
    bucket: &str,
    key: &str,
) -> S3Result<Object> {
    require_bucket(store, bucket)?;
    let (store, bucket, key) = (Arc::clone(store), bucket.to_owned(), key.to_owned());
    // A file that a person put there is read for its ETag.
    let opened = spawn_blocking(move || store.object(&bucket, &key)).await;
    let opened = opened.map_err(S3Error::internal_error)?.map_err(storage_error)?;
    opened.ok_or_else(|| s3_error!(NoSuchKey))
}

/// Answers conditions that fail already, and says what must still hold when it is published.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
pub(super) async fn precondition(
    store: &Arc<Store>,
    (bucket, key): (&str, &str),
    (if_match, if_none_match): (Option<ETagCondition>, Option<ETagCondition>),
) -> S3Result<Precondition> {
    require_bucket(store, bucket)?;
    if if_none_match.is_some_and(|condition| condition.is_any()) {
        return match store.current(bucket, key).map_err(storage_error)? {
            Some(_) => Err(s3_error!(PreconditionFailed)),
            None => Ok(Precondition::Absent),
        };
    }
    let Some(condition) = if_match else {
        return Ok(Precondition::None);
    };
    let object = require_object(store, bucket, key).await?;
    match condition.into_etag() {
        Some(expected) if expected != object.about.e_tag() => Err(s3_error!(PreconditionFailed)),
        _ => Ok(Precondition::Version(object.version)),
    }
}

pub(super) fn publish(
    store: &Store,
    place: (&str, &str),
    version: &str,
    precondition: &Precondition,
) -> S3Result<()> {
    match store.publish(place, version, precondition).map_err(storage_error)? {
        true => Ok(()),
        false => Err(s3_error!(PreconditionFailed)),
    }
}

/// An upload that is being completed, by nobody else.
pub(super) struct Completion {
    pub(super) id: String,
    pub(super) upload: Upload,
    /// The parts of the object, in their order.
    pub(super) parts: Vec<(i32, Part)>,
    /// What the request says of the object.
    pub(super) sums: Sums,
    pub(super) precondition: Precondition,
}

impl Completion {
    /// Makes the object. After a failure the upload is as it was before. Who is killed meanwhile
    /// leaves the upload open, or the object published.
    pub(super) fn run(mut self, store: &Store) -> S3Result<About> {
        let done = self.publish(store);
        match &done {
            Ok(_) => store.end_upload(&self.id, &self.upload),
            Err(_) => store.uploads.give_up_completing(&self.id),
        }
        done
    }

    fn publish(&mut self, store: &Store) -> S3Result<About> {
        let Self { id, upload, .. } = self;
        let file = store.new_file(&upload.bucket, id).map_err(storage_error)?;
        let mut to = File::create_new(&file).map_err(storage_error)?;
        let mut hasher = Sums::default().hasher(upload.record.algorithm.as_deref());
        let (mut md5, mut buffer) = (Md5::new(), vec![0; BUFFER_BYTES]);
        for (number, part) in &self.parts {
            let mut from = File::open(store.part(id, *number)).map_err(storage_error)?;
            loop {
                let read = from.read(&mut buffer).map_err(storage_error)?;
                if read == 0 {
                    break;
                }
                hasher.update(&buffer[..read]);
                to.write_all(&buffer[..read]).map_err(storage_error)?;
            }
            md5.update(&of_hex(&part.e_tag));
        }
        let mut sums = Sums::from(hasher.finalize());
        if upload.record.algorithm.is_some()
            && let Some(name) = self.sums.mismatch(&mut sums)
        {
            return Err(s3_error!(BadDigest, "The {name} is not the one of the object"));
        }
        // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
        let e_tag = format!("{}-{}", hex(&md5.finalize()), self.parts.len());
        upload.about = About { e_tag, sums, ..upload.about.clone() };
        store.records.write(id, &upload.to_record()).map_err(storage_error)?;
        publish(store, (&upload.bucket, &upload.key), id, &self.precondition)?;
        // An error would be that it cannot be kept, where it is as good as kept.
        let _ = file.keep();
        Ok(upload.about.clone())
    }
}

/// The bytes behind hexadecimal digits, which a server of this kind has written.
fn of_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).filter_map(|pair| str::from_utf8(pair).ok());
    digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

pub(super) fn storage_error(error: io::Error) -> S3Error {
    match error.kind() {
        // The path is longer than the system allows, though each name in it is not.
        ErrorKind::InvalidFilename => s3_error!(error, KeyTooLongError),
        // To ask again would change nothing.
        ErrorKind::PermissionDenied => s3_error!(AccessDenied, "{error}"),
        _ => s3_error!(InternalError, "The local store failed: {error}"),
    }
}

const BUFFER_BYTES: usize = 256 * 1_024;
