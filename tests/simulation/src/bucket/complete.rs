//! CompleteMultipartUpload.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>

use bytes::Bytes;
use spillway_core::Timestamp;
use spillway_core::s3::{ChecksumAlgorithm, ChecksumType};

use super::answer::{Answer, S3Error, element};
use super::asked::Asked;
use super::list::{self, ListedPart};
use super::options::ChecksumSupport;
use super::stored::{Completed, Object, Part, Upload};
use super::{Bucket, encryption, integrity};

impl Bucket {
    pub(super) fn complete_multipart_upload(
        &mut self,
        at: Timestamp,
        asked: &Asked<'_>,
        body: &[u8],
    ) -> Result<Answer, S3Error> {
        let id = asked.parameter("uploadId");
        if self.options.precondition_before_upload {
            self.check_precondition(asked)?;
        }
        if let Some(answer) = self.repeated(at, asked) {
            return Ok(answer);
        }
        integrity::check_md5(asked, body)?;
        let listed = list::read(body)?;
        let upload = self.upload(asked)?;
        let brought = encryption::customer_key(asked)?;
        if upload.checksum.is_some() || brought.is_some() {
            encryption::same_for_upload(upload.customer_key.as_ref(), brought.as_ref())?;
        }
        let parts = upload.chosen(&listed)?;
        self.check_sizes(&parts)?;
        check_object_size(asked, &parts)?;
        let bytes: Bytes =
            parts.iter().map(|(_, part)| part.bytes.as_ref()).collect::<Vec<_>>().concat().into();
        let checksum = self.object_checksum(asked, upload, &listed, &parts, &bytes)?;
        self.check_precondition(asked)?;

        let object = Object {
            etag: integrity::multipart_etag(parts.iter().map(|(_, part)| part.bytes.as_ref())),
            bytes,
            parts: parts.iter().map(|(n, part)| (*n, part.bytes.len() as u64)).collect(),
            upload_id: Some(id.to_owned()),
            checksum,
            headers: upload.headers.clone(),
            customer_key: upload.customer_key.clone(),
            at,
            overwritten: 0,
        };
        let answer = self.completed_answer(asked, &object);
        self.publish(&asked.key, object);
        self.uploads.remove(id);
        let completed = Completed { key: asked.key.clone(), at, answer: answer.clone() };
        self.completed.insert(id.to_owned(), completed);
        Ok(answer)
    }

    /// The answer to a Complete that was answered before, for as long as S3 remembers.
    fn repeated(&self, at: Timestamp, asked: &Asked<'_>) -> Option<Answer> {
        let completed = self.completed.get(asked.parameter("uploadId"))?;
        let remembered = self.options.complete_idempotent_for.as_nanos();
        let still = u128::from(at.0.saturating_sub(completed.at.0)) < remembered;
        (still && completed.key == asked.key).then(|| completed.answer.clone())
    }

    fn check_sizes(&self, parts: &[(u32, &Part)]) -> Result<(), S3Error> {
        let minimum = self.options.part_bytes_min;
        let (_, all_but_last) = parts.split_last().unwrap_or((&parts[0], &[]));
        let first = parts[0].1.bytes.len();
        let is_equal = all_but_last.iter().all(|(_, part)| part.bytes.len() == first)
            && parts.iter().all(|(_, part)| part.bytes.len() <= first);
        if self.options.equal_parts && !is_equal {
            let text = "All non-trailing parts must have the same length.";
            return Err(S3Error::new(400, "InvalidPart", text));
        }
        let small = all_but_last.iter().find(|(_, part)| (part.bytes.len() as u64) < minimum);
        let Some((number, part)) = small else { return Ok(()) };
        let text = "Your proposed upload is smaller than the minimum allowed size";
        let error = S3Error::new(400, "EntityTooSmall", text);
        let error = error.detail("ProposedSize", part.bytes.len());
        let error = error.detail("MinSizeAllowed", minimum);
        Err(error.detail("PartNumber", number).detail("ETag", part.etag.trim_matches('"')))
    }

    fn object_checksum(
        &self,
        asked: &Asked<'_>,
        upload: &Upload,
        listed: &[ListedPart],
        parts: &[(u32, &Part)],
        bytes: &[u8],
    ) -> Result<Option<(ChecksumAlgorithm, ChecksumType, String)>, S3Error> {
        let claimed = integrity::claimed(self.options.checksums, asked)?;
        let has_type = asked.header("x-amz-checksum-type").is_some();
        if self.options.checksum_type_needs_checksum && has_type && claimed.is_none() {
            let text = "x-amz-checksum-type was sent without a checksum";
            return Err(S3Error::invalid_request(text));
        }
        if self.options.checksums != ChecksumSupport::Full {
            return Ok(None);
        }
        let default = (ChecksumAlgorithm::Crc64Nvme, ChecksumType::FullObject);
        let (algorithm, kind) = upload.checksum.unwrap_or(default);
        if let Some(given) = asked.header("x-amz-checksum-type")
            && given != kind.as_str()
        {
            let text = format!(
                "The upload was created using the {} checksum mode. The complete request must use \
                 the same checksum mode.",
                kind.as_str()
            );
            return Err(S3Error::invalid_request(text));
        }
        // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompletedPart.html>
        if upload.checksum.is_some() && listed.iter().zip(1..).any(|(part, n)| part.number != n) {
            let text = "Parts with checksums are numbered from 1 without gaps.";
            return Err(S3Error::new(400, "InvalidPartOrder", text));
        }
        check_listed(algorithm, kind, listed, parts)?;
        let value = match kind {
            ChecksumType::FullObject => integrity::checksum(algorithm, bytes),
            ChecksumType::Composite => {
                integrity::composite(algorithm, parts.iter().map(|(_, part)| part.bytes.as_ref()))
            }
        };
        if let Some((given, claimed)) = claimed {
            if given != algorithm {
                let text = format!(
                    "The upload was created using a {} checksum. The complete request must use the \
                     same.",
                    algorithm.as_str()
                );
                return Err(S3Error::invalid_request(text));
            }
            integrity::compare(algorithm, &claimed, value.as_ref())?;
        }
        Ok(value.map(|value| (algorithm, kind, value)))
    }

    fn completed_answer(&self, asked: &Asked<'_>, object: &Object) -> Answer {
        let (bucket, key) = (&self.options.name, &asked.key);
        let location = format!("http://{}/{bucket}/{key}", asked.request.authority);
        let mut inside = element("Location", &location)
            + &element("Bucket", bucket)
            + &element("Key", key)
            + &element("ETag", &object.etag);
        if let Some((algorithm, kind, value)) = &object.checksum {
            inside += &element(algorithm.element_name(), value);
            inside += &element("ChecksumType", kind.as_str());
        }
        Answer::xml("CompleteMultipartUploadResult", &inside)
    }
}

impl Upload {
    /// The parts that are listed, in the order of the list.
    fn chosen(&self, listed: &[ListedPart]) -> Result<Vec<(u32, &Part)>, S3Error> {
        if listed.windows(2).any(|pair| pair[0].number >= pair[1].number) {
            let text = "The list of parts was not in ascending order. Parts must be ordered by \
                        part \
                        number.";
            return Err(S3Error::new(400, "InvalidPartOrder", text));
        }
        let chosen = listed.iter().map(|ListedPart { number, etag, .. }| {
            let same = |part: &&Part| part.etag.trim_matches('"') == etag.trim_matches('"');
            let part = self.parts.get(number).filter(same);
            part.map(|part| (*number, part)).ok_or_else(|| {
                let text = "One or more of the specified parts could not be found. The part may \
                            not \
                            have been uploaded, or the specified entity tag may not match the \
                            part's entity tag.";
                let error = S3Error::new(400, "InvalidPart", text);
                error.detail("PartNumber", number).detail("ETag", etag.trim_matches('"'))
            })
        });
        chosen.collect()
    }
}

/// The checksums in the list have to be those of the parts, and all there where they make up the
/// object's.
fn check_listed(
    algorithm: ChecksumAlgorithm,
    kind: ChecksumType,
    listed: &[ListedPart],
    parts: &[(u32, &Part)],
) -> Result<(), S3Error> {
    for (listed, (number, part)) in listed.iter().zip(parts) {
        match &listed.checksum {
            Some((given, value)) if *given == algorithm => {
                if integrity::checksum(algorithm, &part.bytes).as_ref() != Some(value) {
                    let text = "One or more of the specified parts has another checksum.";
                    let error = S3Error::new(400, "InvalidPart", text);
                    return Err(error.detail("PartNumber", number));
                }
            }
            None if kind == ChecksumType::FullObject => {}
            _ => {
                let text = format!(
                    "The upload was created using a {} checksum. The complete request must include \
                     the checksum for each part. It was missing for part {number} in the request.",
                    algorithm.as_str().to_ascii_lowercase()
                );
                return Err(S3Error::invalid_request(text));
            }
        }
    }
    Ok(())
}

fn check_object_size(asked: &Asked<'_>, parts: &[(u32, &Part)]) -> Result<(), S3Error> {
    let Some(claimed) = asked.header("x-amz-mp-object-size") else { return Ok(()) };
    let size: u64 = parts.iter().map(|(_, part)| part.bytes.len() as u64).sum();
    if claimed.parse() == Ok(size) {
        return Ok(());
    }
    let text = format!(
        "The provided 'x-amz-mp-object-size' header value {claimed} does not match what was \
         computed: {size}"
    );
    Err(S3Error::invalid_request(text))
}
