//! PutObject, GetObject, HeadObject, DeleteObject.

use std::sync::Arc;

use bytes::Bytes;
use spillway_core::Timestamp;
use spillway_core::s3::{ChecksumAlgorithm, ChecksumType};

use super::answer::{Answer, S3Error};
use super::asked::Asked;
use super::options::{Action, ChecksumSupport};
use super::stored::{Object, kept};
use super::{Bucket, encryption, integrity, lock};

impl Bucket {
    pub(super) fn put_object(
        &mut self,
        at: Timestamp,
        asked: &Asked<'_>,
        body: Bytes,
    ) -> Result<Answer, S3Error> {
        let customer_key = encryption::customer_key(asked)?;
        let headers = kept(asked);
        lock::check(at, asked)?;
        lock::check_integrity(&headers, asked)?;
        integrity::check_md5(asked, &body)?;
        let support = self.options.checksums;
        let claimed = integrity::check_body(support, asked, &body)?;
        self.check_precondition(asked)?;
        // S3 computes one where it is given none.
        let algorithm = claimed.map_or(ChecksumAlgorithm::Crc64Nvme, |(algorithm, _)| algorithm);
        let checksum = match support {
            ChecksumSupport::Full => integrity::checksum(algorithm, &body)
                .map(|value| (algorithm, ChecksumType::FullObject, value)),
            ChecksumSupport::Ignored | ChecksumSupport::Refused => None,
        };
        let etag = integrity::etag(&body, encryption::hides_md5(asked));
        let mut answer = Answer::ok().with("ETag", etag.clone());
        if let Some((algorithm, kind, value)) = &checksum {
            answer = answer.with(algorithm.header_name(), value);
            answer = answer.with("x-amz-checksum-type", kind.as_str());
        }
        let object = Object {
            etag,
            bytes: body,
            parts: Vec::new(),
            upload_id: None,
            checksum,
            headers,
            customer_key,
            at,
            overwritten: 0,
        };
        self.publish(&asked.key, object);
        Ok(answer)
    }

    pub(super) fn get_object(&self, asked: &Asked<'_>) -> Result<Answer, S3Error> {
        let object = self.readable(asked)?;
        let answer = object.describe(Answer::ok(), wants_checksums(asked));
        Ok(answer.body(object.bytes.clone()))
    }

    pub(super) fn head_object(&self, asked: &Asked<'_>) -> Result<Answer, S3Error> {
        let object = self.readable(asked)?;
        let length = object.bytes.len().to_string();
        let answer = Answer::ok().with("Content-Length", length);
        Ok(object.describe(answer, wants_checksums(asked)))
    }

    pub(super) fn delete_object(&mut self, asked: &Asked<'_>) -> Answer {
        self.objects.remove(&asked.key);
        Answer::no_content()
    }

    /// `If-None-Match: *`, or `If-Match` with an ETag: nothing else is known, here as at S3.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
    pub(super) fn check_precondition(&self, asked: &Asked<'_>) -> Result<(), S3Error> {
        let failed = |condition| {
            let text = "At least one of the pre-conditions you specified did not hold";
            let error = S3Error::new(412, "PreconditionFailed", text);
            Err(error.detail("Condition", condition))
        };
        let is_evaluated = |name: &&str| !self.options.ignored_conditions.contains(name);
        let condition = |name| Some(name).filter(is_evaluated).and_then(|name| asked.header(name));
        if let Some(etag) = condition("if-match") {
            // A user who may not list is not told that there is none.
            return match self.find(asked)?.etag == etag {
                true => Ok(()),
                false => failed("If-Match"),
            };
        }
        match condition("if-none-match") {
            None => Ok(()),
            Some("*") if !self.objects.contains_key(&asked.key) => Ok(()),
            Some("*") => failed("If-None-Match"),
            Some(_) => Err(S3Error::not_implemented("If-None-Match")),
        }
    }

    /// Makes an object visible.
    pub(super) fn publish(&mut self, key: &str, mut object: Object) {
        let before = self.visible_history.iter().filter(|visible| visible.key == key).count();
        object.overwritten = before as u64;
        let object = Arc::new(object);
        self.objects.insert(key.to_owned(), object.clone());
        self.visible_history.push(super::stored::Visible { key: key.to_owned(), object });
    }

    /// The object, for one who has the key to it.
    fn readable(&self, asked: &Asked<'_>) -> Result<&Arc<Object>, S3Error> {
        let brought = encryption::customer_key(asked)?;
        let object = self.find(asked)?;
        encryption::same_for_object(object.customer_key.as_ref(), brought.as_ref())?;
        Ok(object)
    }

    fn find(&self, asked: &Asked<'_>) -> Result<&Arc<Object>, S3Error> {
        let found = self.objects.get(&asked.key);
        found.ok_or_else(|| match self.options.denied.contains(&Action::ListBucket) {
            true => S3Error::access_denied(),
            false => {
                let error = S3Error::new(404, "NoSuchKey", "The specified key does not exist.");
                error.detail("Key", &asked.key)
            }
        })
    }
}

fn wants_checksums(asked: &Asked<'_>) -> bool {
    asked.header("x-amz-checksum-mode") == Some("ENABLED")
}
