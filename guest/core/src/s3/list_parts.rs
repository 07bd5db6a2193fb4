//! ListParts: the uploaded parts of a multipart upload.

use crate::http::{Body, Method, Request, Response};
use crate::s3::xml::{self, Element};
use crate::s3::{Address, Checksum, Header, Malformed};

/// Requests a page of up to 1,000 parts of an upload.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html>
#[derive(Clone, Copy)]
pub struct ListParts<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// The object's key.
    pub key: &'a str,
    /// The upload's id.
    pub upload_id: &'a str,
    /// The number of the last part of the previous page (`part-number-marker`). `None` for the
    /// first page.
    pub after: Option<u32>,
    /// The customer key that the upload was created with, if any, and `x-amz-request-payer`.
    pub headers: &'a [Header],
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPartsResult {
    /// The parts, in ascending order of their numbers.
    pub parts: Vec<ListedPart>,
    /// The marker of the next page. `None` for the last page.
    pub next: Option<u32>,
}

/// A part that S3 stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPart {
    /// The part's number.
    pub number: u32,
    /// The part's ETag with its quotes.
    pub etag: String,
    /// The part's length in bytes.
    pub size: u64,
    /// The part's checksums, if S3 stores them.
    pub checksums: Vec<Checksum>,
}

impl ListParts<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        let after = self.after.map(|number| number.to_string());
        let mut query = vec![("uploadId", self.upload_id)];
        query.extend(after.as_deref().map(|number| ("part-number-marker", number)));
        let target = self.address.object(self.key, &query);
        target.request(Method::Get, self.headers, Body::empty())
    }
}

impl ListPartsResult {
    /// Parses a page.
    pub fn parse(response: &Response) -> Result<ListPartsResult, Malformed> {
        let result = xml::read_whole(&response.body, "ListPartsResult")?;
        let parts = result.children("Part").map(ListedPart::from_element);
        let parts = parts.collect::<Result<_, _>>()?;
        let truncated = result.flag("IsTruncated");
        let next = truncated.then(|| result.number("NextPartNumberMarker")).transpose()?;
        Ok(ListPartsResult { parts, next })
    }
}

impl ListedPart {
    fn from_element(part: &Element) -> Result<ListedPart, Malformed> {
        Ok(ListedPart {
            number: part.number("PartNumber")?,
            etag: part.required("ETag")?.to_owned(),
            size: part.number("Size")?,
            checksums: Checksum::in_element(part),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::ChecksumAlgorithm;
    use crate::s3::address::tests::{path_style, text};

    #[test]
    fn asks_for_the_first_page_and_for_the_next() {
        let address = path_style();
        let first =
            ListParts { address: &address, key: "k", upload_id: "u=", after: None, headers: &[] };
        assert_eq!(text(&first.request()), "GET /bucket/k?uploadId=u%3D\n");
        let next = ListParts { after: Some(1000), ..first };
        let expected = "GET /bucket/k?part-number-marker=1000&uploadId=u%3D\n";
        assert_eq!(text(&next.request()), expected);
    }

    #[test]
    fn reads_a_page() {
        let page = parse(
            "<NextPartNumberMarker>3</NextPartNumberMarker><IsTruncated>true</IsTruncated>\
             <Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag><Size>5242880</Size>\
             <ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>\
             <Part><PartNumber>3</PartNumber><ETag>b</ETag><Size>0</Size></Part>",
        );
        let value = "AAAAAA==".to_owned();
        let checksum = Checksum { algorithm: ChecksumAlgorithm::Crc32, value };
        let part = |number, etag: &str, size, checksums| ListedPart {
            number,
            etag: etag.to_owned(),
            size,
            checksums,
        };
        let parts = vec![part(1, "\"a\"", 5_242_880, vec![checksum]), part(3, "b", 0, vec![])];
        assert_eq!(page, Ok(ListPartsResult { parts, next: Some(3) }));
    }

    #[test]
    fn the_last_page_has_no_next() {
        let page = parse("<NextPartNumberMarker>3</NextPartNumberMarker>");
        assert_eq!(page, Ok(ListPartsResult { parts: vec![], next: None }));
    }

    #[test]
    fn a_page_that_cannot_be_trusted_is_malformed() {
        for (content, what) in [
            ("<IsTruncated>true</IsTruncated>", "NextPartNumberMarker"),
            ("<Part><ETag>a</ETag><Size>1</Size></Part>", "PartNumber"),
            ("<Part><PartNumber>1</PartNumber><Size>1</Size></Part>", "ETag"),
            ("<Part><PartNumber>1</PartNumber><ETag>a</ETag><Size>-1</Size></Part>", "Size"),
            ("</Part>", "ListPartsResult"),
        ] {
            assert_eq!(parse(content), Err(Malformed { what }), "{content}");
        }
    }

    fn parse(content: &str) -> Result<ListPartsResult, Malformed> {
        let body = format!("<ListPartsResult>{content}</ListPartsResult>").into();
        ListPartsResult::parse(&Response { status: 200, body, ..Response::default() })
    }
}
