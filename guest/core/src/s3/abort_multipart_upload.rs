//! AbortMultipartUpload: ends a multipart upload without an object.

use crate::http::{Body, Method, Request};
use crate::s3::{Address, Header};

/// Aborts an upload and frees the storage of its parts. The response is 204, without a body.
///
/// A part that is still in flight may be stored after the abort. The upload must then be aborted
/// again.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
#[derive(Clone, Copy)]
pub struct AbortMultipartUpload<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// The object's key.
    pub key: &'a str,
    /// The upload's id.
    pub upload_id: &'a str,
    /// `x-amz-request-payer` and `x-amz-expected-bucket-owner`.
    pub headers: &'a [Header],
}

impl AbortMultipartUpload<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        let target = self.address.object(self.key, &[("uploadId", self.upload_id)]);
        target.request(Method::Delete, self.headers, Body::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::address::tests::{path_style, text};

    #[test]
    fn names_the_upload() {
        let address = path_style();
        let headers = [("x-amz-request-payer".into(), "requester".to_owned())];
        let abort = AbortMultipartUpload {
            address: &address,
            key: "a/b",
            upload_id: "u+1",
            headers: &headers,
        };
        let expected = "DELETE /bucket/a/b?uploadId=u%2B1\nx-amz-request-payer: requester\n";
        assert_eq!(text(&abort.request()), expected);
    }
}
