//! CreateMultipartUpload, UploadPart, AbortMultipartUpload.

use bytes::Bytes;
use spillway_core::Timestamp;
use spillway_core::s3::ChecksumType;

use super::answer::{Answer, S3Error, element};
use super::asked::Asked;
use super::stored::{Part, Upload, kept};
use super::{Bucket, encryption, integrity, lock};

impl Bucket {
    pub(super) fn create_multipart_upload(
        &mut self,
        at: Timestamp,
        asked: &Asked<'_>,
    ) -> Result<Answer, S3Error> {
        refuse_conditions(asked)?;
        lock::check(at, asked)?;
        let customer_key = encryption::customer_key(asked)?;
        let checksum = integrity::declared(self.options.checksums, asked)?;
        self.uploads_begun += 1;
        // Characters that a URL, and one that XML, has to escape. The order of ids is that of time.
        let upload_id = format!("{:08}.+/=&", self.uploads_begun);
        let inside = [
            element("Bucket", &self.options.name),
            element("Key", &asked.key),
            element("UploadId", &upload_id),
        ];
        let mut answer = Answer::xml("InitiateMultipartUploadResult", &inside.concat());
        if let Some((algorithm, kind)) = checksum {
            answer = answer.with("x-amz-checksum-algorithm", algorithm.as_str());
            answer = answer.with("x-amz-checksum-type", kind.as_str());
        }
        let upload = Upload {
            key: asked.key.clone(),
            initiated: at,
            headers: kept(asked),
            customer_key,
            hides_md5: encryption::hides_md5(asked),
            checksum,
            parts: Default::default(),
        };
        self.uploads.insert(upload_id, upload);
        Ok(answer)
    }

    pub(super) fn upload_part(
        &mut self,
        at: Timestamp,
        asked: &Asked<'_>,
        body: Bytes,
    ) -> Result<Answer, S3Error> {
        refuse_conditions(asked)?;
        let number = asked.part_number().filter(|number| (1..=PART_NUMBER_MAX).contains(number));
        let Some(number) = number else {
            let text = "Part number must be an integer between 1 and 10000, inclusive";
            let error = S3Error::new(400, "InvalidArgument", text);
            let error = error.detail("ArgumentName", "partNumber");
            return Err(error.detail("ArgumentValue", asked.parameter("partNumber")));
        };
        let upload = self.upload(asked)?;
        let brought = encryption::customer_key(asked)?;
        encryption::same_for_upload(upload.customer_key.as_ref(), brought.as_ref())?;
        lock::check_integrity(&upload.headers, asked)?;
        let (declared, hides_md5) = (upload.checksum, upload.hides_md5);
        integrity::check_md5(asked, &body)?;
        let checksum = integrity::check_body(self.options.checksums, asked, &body)?;
        let (expected, actual) = (declared.map(|(a, _)| a), checksum.as_ref().map(|(a, _)| *a));
        let composite = declared.is_some_and(|(_, kind)| kind == ChecksumType::Composite);
        // Of a full-object checksum, S3 needs none with the parts.
        if actual != expected && (actual.is_some() || composite) {
            let name = |a: Option<spillway_core::s3::ChecksumAlgorithm>| {
                a.map_or_else(|| "null".to_owned(), |a| a.as_str().to_ascii_lowercase())
            };
            let (expected, actual) = (name(expected), name(actual));
            let text = format!(
                "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual \
                 checksum Type: {actual}"
            );
            return Err(S3Error::invalid_request(text));
        }
        let etag = integrity::etag(&body, hides_md5);
        let mut answer = Answer::ok().with("ETag", etag.clone());
        if let Some((algorithm, value)) = &checksum {
            answer = answer.with(algorithm.header_name(), value);
        }
        let part = Part { bytes: body, etag, checksum, at };
        if let Some(upload) = self.uploads.get_mut(asked.parameter("uploadId")) {
            upload.parts.insert(number, part);
        }
        Ok(answer)
    }

    pub(super) fn abort_multipart_upload(&mut self, asked: &Asked<'_>) -> Result<Answer, S3Error> {
        self.upload(asked)?;
        self.uploads.remove(asked.parameter("uploadId"));
        self.aborted.insert(asked.parameter("uploadId").to_owned());
        Ok(Answer::no_content())
    }

    /// The open upload that is asked about. Its key has to be the one that it was begun with.
    pub(super) fn upload(&self, asked: &Asked<'_>) -> Result<&Upload, S3Error> {
        let id = asked.parameter("uploadId");
        let found = self.uploads.get(id).filter(|upload| upload.key == asked.key);
        found.ok_or_else(|| no_such_upload(id))
    }
}

pub(super) fn no_such_upload(id: &str) -> S3Error {
    let text = "The specified upload does not exist. The upload ID may be invalid, or the upload \
                may have been aborted or completed.";
    S3Error::new(404, "NoSuchUpload", text).detail("UploadId", id)
}

/// Conditions are for what makes an object visible:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
fn refuse_conditions(asked: &Asked<'_>) -> Result<(), S3Error> {
    match ["if-none-match", "if-match"].into_iter().find(|name| asked.header(name).is_some()) {
        Some(name) => Err(S3Error::not_implemented(name)),
        None => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_NUMBER_MAX: u32 = 10_000;
