//! AbortMultipartUpload: gives up an object that came in parts.

use crate::http::{Body, Method, Request};
use crate::s3::{Address, Header};

/// Ends an upload and frees what its parts take. The answer is 204, without a body.
///
/// A part that is still on its way may be kept all the same, and has to be aborted again.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
#[derive(Clone, Copy)]
pub struct AbortMultipartUpload<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// The key of the object that was to be.
    pub key: &'a str,
    /// The upload.
    pub upload_id: &'a str,
    /// Who pays, and whose bucket it has to be.
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
