//! HeadBucket: whether a bucket exists, and its region.

use crate::http::{Body, Method, Request, Response};
use crate::s3::{Address, Header};

/// Requests the existence of the bucket. It needs the permission `s3:ListBucket`, which a writer
/// may lack. So 403 does not mean that the credentials are invalid.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
#[derive(Clone, Copy)]
pub struct HeadBucket<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// `x-amz-expected-bucket-owner`.
    pub headers: &'a [Header],
}

impl HeadBucket<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        self.address.bucket(&[]).request(Method::Head, self.headers, Body::empty())
    }
}

/// The region of the bucket. Responses to any verb may have it, also error responses.
pub fn bucket_region(response: &Response) -> Option<&str> {
    response.header("x-amz-bucket-region").filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::address::tests::{path_style, text};

    #[test]
    fn asks_for_the_bucket() {
        let head = HeadBucket { address: &path_style(), headers: &[] }.request();
        assert_eq!(text(&head), "HEAD /bucket\n");
    }

    #[test]
    fn finds_the_region() {
        let answer = |name: &str, value: &str| Response {
            status: 301,
            headers: vec![(name.to_owned(), value.to_owned())],
            ..Response::default()
        };
        let elsewhere = answer("X-Amz-Bucket-Region", "eu-west-1");
        assert_eq!(bucket_region(&elsewhere), Some("eu-west-1"));
        assert_eq!(bucket_region(&answer("x-amz-bucket-region", "")), None);
        assert_eq!(bucket_region(&answer("server", "AmazonS3")), None);
    }
}
