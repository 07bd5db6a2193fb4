//! CreateMultipartUpload: starts a multipart upload.

use crate::http::{Body, Method, Request, Response};
use crate::s3::{Address, Header, Malformed, xml};

/// Starts a multipart upload. Its parts cost storage until it is completed or aborted.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html>
#[derive(Clone)]
pub struct CreateMultipartUpload<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// The object's key. Not empty.
    pub key: &'a str,
    /// Properties of the object that only this request can set: content type, metadata, encryption,
    /// `x-amz-checksum-algorithm`.
    pub headers: &'a [Header],
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateMultipartUploadResult {
    /// The id of the upload, which all later requests for it contain.
    pub upload_id: String,
}

impl CreateMultipartUpload<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        let target = self.address.object(self.key, &[("uploads", "")]);
        target.request(Method::Post, self.headers, Body::empty())
    }
}

impl CreateMultipartUploadResult {
    /// Parses the response. If it is malformed, there may be an upload whose id is unknown.
    pub fn parse(response: &Response) -> Result<CreateMultipartUploadResult, Malformed> {
        let result = xml::read_whole(&response.body, "InitiateMultipartUploadResult")?;
        let upload_id = result.required("UploadId")?.to_owned();
        Ok(CreateMultipartUploadResult { upload_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::address::tests::{path_style, text};

    #[test]
    fn asks_for_an_upload_without_a_body() {
        let address = path_style();
        let headers = [("x-amz-meta-a".into(), "b".to_owned())];
        let create = CreateMultipartUpload { address: &address, key: "a b", headers: &headers };
        let expected = "POST /bucket/a%20b?uploads=\ncontent-length: 0\nx-amz-meta-a: b\n";
        assert_eq!(text(&create.request()), expected);
    }

    #[test]
    fn reads_the_upload_id() {
        let parse = |body: &'static str| {
            let response = Response { body: body.into(), ..Response::default() };
            CreateMultipartUploadResult::parse(&response)
        };
        let good = "<?xml version=\"1.0\"?>\n<InitiateMultipartUploadResult xmlns=\"x\"><Bucket>b\
            </Bucket><Key>k</Key><UploadId>V&amp;1.~+/=</UploadId></InitiateMultipartUploadResult>";
        assert_eq!(parse(good).map(|result| result.upload_id), Ok("V&1.~+/=".to_owned()));
        let empty = "<InitiateMultipartUploadResult><UploadId/></InitiateMultipartUploadResult>";
        assert_eq!(parse(empty), Err(Malformed { what: "UploadId" }));
        let other = Err(Malformed { what: "InitiateMultipartUploadResult" });
        assert_eq!(parse("<Other><UploadId>a</UploadId></Other>"), other);
        assert_eq!(parse("<InitiateMultipartUploadResult><UploadId>a</UploadId>"), other);
    }
}
