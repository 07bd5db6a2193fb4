//! HeadObject: the metadata of an object.

use crate::http::{Body, Method, Request, Response};
use crate::s3::{Address, Checksum, ChecksumType, Header, Malformed};

/// Requests the metadata of an object. An error response has a status only, since responses to
/// `HEAD` have no body.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
#[derive(Clone, Copy)]
pub struct HeadObject<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// The object's key.
    pub key: &'a str,
    /// Whether to request its checksums, which some servers do not support.
    pub checksums: bool,
    /// The customer key that the object was written with, if any, and `x-amz-request-payer`.
    pub headers: &'a [Header],
}

/// The metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadObjectResult {
    /// The length in bytes.
    pub size: u64,
    /// The ETag with its quotes.
    pub etag: Option<String>,
    /// The checksums, if they were requested and are known.
    pub checksums: Vec<Checksum>,
    /// What the checksums cover.
    pub checksum_type: Option<ChecksumType>,
    /// The `x-amz-meta-*` headers. Names are in lower case and without that prefix.
    pub metadata: Vec<(String, String)>,
}

impl HeadObject<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        let target = self.address.object(self.key, &[]);
        let mut request = target.request(Method::Head, self.headers, Body::empty());
        if self.checksums {
            request.headers.push(("x-amz-checksum-mode".into(), "ENABLED".to_owned()));
        }
        request
    }
}

impl HeadObjectResult {
    /// Parses the response.
    pub fn parse(response: &Response) -> Result<HeadObjectResult, Malformed> {
        let size = response.header("content-length").and_then(|text| text.trim().parse().ok());
        let metadata = response.headers.iter().filter_map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let name = name.strip_prefix(METADATA_PREFIX)?;
            Some((name.to_owned(), value.clone()))
        });
        Ok(HeadObjectResult {
            size: size.ok_or(Malformed { what: "Content-Length" })?,
            etag: response.header("etag").map(str::to_owned),
            checksums: Checksum::in_headers(response),
            checksum_type: response.header("x-amz-checksum-type").and_then(ChecksumType::parse),
            metadata: metadata.collect(),
        })
    }

    /// The metadata with this name, given in lower case and without its prefix.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

const METADATA_PREFIX: &str = "x-amz-meta-";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::ChecksumAlgorithm;
    use crate::s3::address::tests::{path_style, text};

    #[test]
    fn asks_for_checksums_where_told() {
        let address = path_style();
        let head = HeadObject { address: &address, key: "k", checksums: true, headers: &[] };
        assert_eq!(text(&head.request()), "HEAD /bucket/k\nx-amz-checksum-mode: ENABLED\n");
        let plain = HeadObject { checksums: false, ..head };
        assert_eq!(text(&plain.request()), "HEAD /bucket/k\n");
    }

    #[test]
    fn reads_the_headers_whatever_their_case() {
        let result = parse(&[
            ("Content-Length", "1048576"),
            ("ETag", "\"3858-2\""),
            ("X-Amz-Meta-Spillway-Upload", "nonce"),
            ("X-Amz-Checksum-Crc64nvme", "rosUhgp5mIg="),
            ("X-Amz-Checksum-Type", "FULL_OBJECT"),
        ]);
        let result = result.expect("an object");
        assert_eq!(result.size, 1_048_576);
        assert_eq!(result.etag.as_deref(), Some("\"3858-2\""));
        assert_eq!(result.metadata("spillway-upload"), Some("nonce"));
        assert_eq!(result.metadata("spillway"), None);
        assert_eq!(result.checksums[0].algorithm, ChecksumAlgorithm::Crc64Nvme);
        assert_eq!(result.checksums.len(), 1);
        assert_eq!(result.checksum_type, Some(ChecksumType::FullObject));
    }

    #[test]
    fn an_object_without_a_length_is_malformed() {
        let malformed = Err(Malformed { what: "Content-Length" });
        assert_eq!(parse(&[("ETag", "\"a\"")]), malformed);
        assert_eq!(parse(&[("Content-Length", "-1")]), malformed);
    }

    fn parse(headers: &[(&str, &str)]) -> Result<HeadObjectResult, Malformed> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers = headers.iter().map(owned).collect();
        HeadObjectResult::parse(&Response { status: 200, headers, ..Response::default() })
    }
}
