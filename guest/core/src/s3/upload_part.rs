//! UploadPart: uploads one part of a multipart upload.

use crate::http::{Body, Method, Request, Response};
use crate::s3::{Address, Header, Malformed};

/// Uploads a part. A part with the same number is replaced, so the request can be retried safely.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html>
#[derive(Clone)]
pub struct UploadPart<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// The object's key.
    pub key: &'a str,
    /// The upload's id.
    pub upload_id: &'a str,
    /// The part number, 1 to 10,000.
    pub part_number: u32,
    /// The part's checksum, and the customer key that the upload was created with, if any.
    pub headers: &'a [Header],
    /// The content: 5 MiB to 5 GiB. The last part may be smaller.
    pub body: Body,
}

impl UploadPart<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        let part_number = self.part_number.to_string();
        let query = [("partNumber", part_number.as_str()), ("uploadId", self.upload_id)];
        let target = self.address.object(self.key, &query);
        target.request(Method::Put, self.headers, self.body)
    }
}

/// The ETag of the part with its quotes. CompleteMultipartUpload needs it unchanged.
pub fn part_etag(response: &Response) -> Result<String, Malformed> {
    let etag = response.header("etag").filter(|etag| !etag.is_empty());
    etag.map(str::to_owned).ok_or(Malformed { what: "ETag" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::address::tests::{path_style, text};

    #[test]
    fn names_the_part_and_the_upload() {
        let address = path_style();
        let upload = UploadPart {
            address: &address,
            key: "k",
            upload_id: "a+b/c=",
            part_number: 10,
            headers: &[("x-amz-checksum-crc32".into(), "AAAAAA==".to_owned())],
            body: Body::from(b"part".to_vec()),
        };
        let expected = "PUT /bucket/k?partNumber=10&uploadId=a%2Bb%2Fc%3D\ncontent-length: 4\n\
                        x-amz-checksum-crc32: AAAAAA==\npart";
        assert_eq!(text(&upload.request()), expected);
    }

    #[test]
    fn keeps_the_etag_as_it_came() {
        let answer = |name: &str, value: &str| {
            let headers = vec![(name.to_owned(), value.to_owned())];
            part_etag(&Response { headers, ..Response::default() })
        };
        assert_eq!(answer("ETag", "\"9b2cf535\""), Ok("\"9b2cf535\"".to_owned()));
        assert_eq!(answer("Etag", "unquoted"), Ok("unquoted".to_owned()));
        assert_eq!(answer("etag", ""), Err(Malformed { what: "ETag" }));
        assert_eq!(answer("x-etag", "\"a\""), Err(Malformed { what: "ETag" }));
    }
}
