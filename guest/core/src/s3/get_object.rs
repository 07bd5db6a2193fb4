//! GetObject: the content of an object.

use std::time::Duration;

use bytes::Bytes;

use crate::http::{Body, Method, Request, Response};
use crate::s3::{Address, Checksum, Header, Malformed};
use crate::time::Timestamp;

/// Requests an object.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>
#[derive(Clone, Copy)]
pub struct GetObject<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// The object's key.
    pub key: &'a str,
    /// Whether to request its checksums, which some servers do not support.
    pub checksums: bool,
    /// The customer key that the object was written with, if any, and `x-amz-request-payer`.
    pub headers: &'a [Header],
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetObjectResult {
    /// Its content.
    pub content: Bytes,
    /// Its ETag with the quotes.
    pub etag: String,
    /// How long ago it was written, by the store's clock, to the second. `None` if the response
    /// does not tell.
    pub age: Option<Duration>,
    /// The checksums, if they were requested and are known.
    pub checksums: Vec<Checksum>,
}

impl GetObject<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        let target = self.address.object(self.key, &[]);
        let mut request = target.request(Method::Get, self.headers, Body::empty());
        if self.checksums {
            request.headers.push(("x-amz-checksum-mode".into(), "ENABLED".to_owned()));
        }
        request
    }
}

impl GetObjectResult {
    /// Parses the response.
    ///
    /// # Errors
    ///
    /// If there is no ETag: the response is not one of a store.
    pub fn parse(response: &Response) -> Result<GetObjectResult, Malformed> {
        let etag = response.etag().ok_or(Malformed { what: "ETag" })?.to_owned();
        let time = |name| Timestamp::parse_http_date(response.header(name)?.trim());
        let age = time("date").zip(time("last-modified"));
        let age = age.map(|(now, then)| Duration::from_nanos(now.0.saturating_sub(then.0)));
        let (content, checksums) = (response.body.clone(), Checksum::in_headers(response));
        Ok(GetObjectResult { content, etag, age, checksums })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::address::tests::{path_style, text};

    #[test]
    fn asks_for_the_whole_object() {
        let address = path_style();
        let get = GetObject { address: &address, key: "a b", checksums: false, headers: &[] };
        assert_eq!(text(&get.request()), "GET /bucket/a%20b\n");
        let checked = GetObject { checksums: true, ..get };
        assert_eq!(text(&checked.request()), "GET /bucket/a%20b\nx-amz-checksum-mode: ENABLED\n");
    }

    #[test]
    fn the_age_is_by_the_clock_of_the_store() {
        let dates = [
            ("ETag", "\"e\""),
            ("Date", "Mon, 01 Jun 2026 00:01:30 GMT"),
            ("Last-Modified", "Mon, 01 Jun 2026 00:00:00 GMT"),
        ];
        let result = parse(&dates).expect("an object");
        assert_eq!(result.etag, "\"e\"");
        assert_eq!(result.content, "content");
        assert_eq!(result.age, Some(Duration::from_secs(90)));
        assert_eq!(parse(&dates[..2]).expect("an object").age, None);
    }

    #[test]
    fn what_has_no_etag_is_no_object() {
        assert_eq!(parse(&[("ETag", " ")]), Err(Malformed { what: "ETag" }));
    }

    fn parse(headers: &[(&str, &str)]) -> Result<GetObjectResult, Malformed> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers = headers.iter().map(owned).collect();
        GetObjectResult::parse(&Response { status: 200, headers, body: "content".into() })
    }
}
