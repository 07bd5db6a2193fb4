//! PutObject: writes an object in one request.

use crate::http::{Body, Method, Request};
use crate::s3::{Address, Header};

/// Writes an object of up to 5 GiB.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
#[derive(Clone)]
pub struct PutObject<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// The object's key. Not empty.
    pub key: &'a str,
    /// Whether to fail if the object exists. S3 then answers 412.
    pub if_none_match: bool,
    /// Further properties of the object: content type, metadata, checksum, encryption.
    pub headers: &'a [Header],
    /// The content of the object.
    pub body: Body,
}

impl PutObject<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        let target = self.address.object(self.key, &[]);
        let mut request = target.request(Method::Put, self.headers, self.body);
        if self.if_none_match {
            request.headers.push(("if-none-match".into(), "*".to_owned()));
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::address::tests::{path_style, text};

    #[test]
    fn sends_the_body_with_what_is_said_about_it() {
        let address = path_style();
        let headers = [("content-type".into(), "text/plain".to_owned())];
        let body = Body::from(b"hello".to_vec());
        let put = PutObject {
            address: &address,
            key: "k",
            if_none_match: false,
            headers: &headers,
            body,
        };
        let expected = "PUT /bucket/k\ncontent-length: 5\ncontent-type: text/plain\nhello";
        assert_eq!(text(&put.clone().request()), expected);
        let expected = "PUT /bucket/k\ncontent-length: 0\nif-none-match: *\n";
        let empty = PutObject { if_none_match: true, headers: &[], body: Body::empty(), ..put };
        assert_eq!(text(&empty.request()), expected);
    }
}
