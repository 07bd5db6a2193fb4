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
    /// What must be true of the object that has the key now. Otherwise S3 answers 412.
    pub condition: Condition<'a>,
    /// Further properties of the object: content type, metadata, checksum, encryption.
    pub headers: &'a [Header],
    /// The content of the object.
    pub body: Body,
}

/// What must be true of the object that has a key, so that it is written.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Nothing.
    None,
    /// There is no such object.
    Absent,
    /// It has this ETag, with its quotes. If there is none, S3 answers 404.
    Etag(&'a str),
}

impl PutObject<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        let target = self.address.object(self.key, &[]);
        let mut request = target.request(Method::Put, self.headers, self.body);
        let (name, value) = match self.condition {
            Condition::None => return request,
            Condition::Absent => ("if-none-match", "*"),
            Condition::Etag(etag) => ("if-match", etag),
        };
        request.headers.push((name.into(), value.to_owned()));
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
            condition: Condition::None,
            headers: &headers,
            body,
        };
        let expected = "PUT /bucket/k\ncontent-length: 5\ncontent-type: text/plain\nhello";
        assert_eq!(text(&put.clone().request()), expected);
        let expected = "PUT /bucket/k\ncontent-length: 0\nif-none-match: *\n";
        let empty = PutObject { headers: &[], body: Body::empty(), ..put };
        let absent = PutObject { condition: Condition::Absent, ..empty.clone() };
        assert_eq!(text(&absent.request()), expected);
        let expected = "PUT /bucket/k\ncontent-length: 0\nif-match: \"e\"\n";
        let same = PutObject { condition: Condition::Etag("\"e\""), ..empty };
        assert_eq!(text(&same.request()), expected);
    }
}
