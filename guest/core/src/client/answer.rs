//! The results of successful requests.

use crate::checksum::{Crc, Sum};
use crate::http::{Body, Response};
use crate::s3::{
    ChecksumAlgorithm, Completion, CreateMultipartUploadResult, GetObjectResult, HeadObjectResult,
    ListMultipartUploadsResult, ListPartsResult, Malformed, Operation, part_etag,
};

/// The result of a successful request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A result without content.
    Plain,
    /// The id of a new multipart upload.
    Created {
        /// The id.
        upload_id: String,
    },
    /// The ETag of a part.
    Stored {
        /// The ETag with its quotes.
        etag: String,
    },
    /// The ETag of an object with its quotes, where the store names one.
    Written {
        /// The ETag.
        etag: Option<String>,
    },
    /// An object.
    Read(GetObjectResult),
    /// The metadata of an object.
    Found(HeadObjectResult),
    /// A page of incomplete uploads.
    Uploads(ListMultipartUploadsResult),
    /// A page of the parts of an upload.
    Parts(ListPartsResult),
}

impl Answer {
    /// Parses the result of a success.
    ///
    /// # Errors
    ///
    /// If required information is missing: the response was cut off, or another server sent it.
    pub(super) fn parse(operation: Operation, response: &Response) -> Result<Answer, Malformed> {
        match operation {
            Operation::CreateMultipartUpload => {
                let upload_id = CreateMultipartUploadResult::parse(response)?.upload_id;
                Ok(Answer::Created { upload_id })
            }
            Operation::UploadPart(_) => {
                let etag = part_etag(response)?;
                without_body(response).map(|()| Answer::Stored { etag })
            }
            Operation::CompleteMultipartUpload => match Completion::parse(response)? {
                Completion::Completed(_) => Ok(Answer::Plain),
                Completion::Failed(_) => Err(Malformed { what: "CompleteMultipartUploadResult" }),
            },
            Operation::HeadObject => HeadObjectResult::parse(response).map(Answer::Found),
            Operation::ListMultipartUploads => {
                ListMultipartUploadsResult::parse(response).map(Answer::Uploads)
            }
            Operation::ListParts => ListPartsResult::parse(response).map(Answer::Parts),
            Operation::PutObject if !is_stored(response) => Err(Malformed { what: "ETag" }),
            Operation::PutObject => {
                let etag = response.etag().map(str::to_owned);
                without_body(response).map(|()| Answer::Written { etag })
            }
            Operation::GetObject => match GetObjectResult::parse(response)? {
                object if is_intact(&object) => Ok(Answer::Read(object)),
                _ => Err(Malformed { what: "content" }),
            },
            Operation::AbortMultipartUpload => without_body(response).map(|()| Answer::Plain),
        }
    }
}

/// Checks that the body is empty, as it must be in this response. A login page has status 200 as
/// well, and may have an ETag, since web servers add one to any page.
fn without_body(response: &Response) -> Result<(), Malformed> {
    if response.is_blank() { Ok(()) } else { Err(Malformed { what: "empty body" }) }
}

/// Whether the content has the checksums that the store has kept with it. One that ends with a
/// number of parts does not cover the content.
fn is_intact(object: &GetObjectResult) -> bool {
    let body = Body::from(object.content.clone());
    object.checksums.iter().filter(|checksum| !checksum.value.contains('-')).all(|checksum| {
        let is_its = |crc: &Crc| ChecksumAlgorithm::from(*crc) == checksum.algorithm;
        let algorithm = Crc::ALL.into_iter().find(is_its);
        algorithm.is_none_or(|algorithm| Sum::of(algorithm, &body).s3() == *checksum)
    })
}

/// Whether the response is one of a store. Some omit the ETag, but have an `x-amz-` header.
fn is_stored(response: &Response) -> bool {
    let is_of_s3 = |name: &String| name.get(..6).is_some_and(|n| n.eq_ignore_ascii_case("x-amz-"));
    let signs = response.headers.iter().any(|(name, _)| is_of_s3(name));
    signs || response.etag().is_some()
}
