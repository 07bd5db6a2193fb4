//! ListMultipartUploads: the incomplete uploads of a bucket.

use crate::http::{Body, Method, Request, Response};
use crate::s3::xml::{self, Element};
use crate::s3::{Address, Header, Malformed};
use crate::time::Timestamp;

/// Requests a page of up to 1,000 uploads that were neither completed nor aborted.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
#[derive(Clone, Copy)]
pub struct ListMultipartUploads<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// The prefix of the keys. Empty for all keys.
    pub prefix: &'a str,
    /// Where the previous page ended. `None` for the first page.
    pub after: Option<&'a UploadsMarker>,
    /// `x-amz-request-payer` and `x-amz-expected-bucket-owner`.
    pub headers: &'a [Header],
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListMultipartUploadsResult {
    /// The uploads, sorted by key and then by time of initiation.
    pub uploads: Vec<MultipartUpload>,
    /// The marker of the next page. `None` for the last page.
    pub next: Option<UploadsMarker>,
}

/// An incomplete upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipartUpload {
    /// The object's key.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// When it was initiated. `None` if the response has no valid time, so its age is unknown.
    pub initiated: Option<Timestamp>,
}

/// A position in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadsMarker {
    /// `key-marker`
    pub key: String,
    /// `upload-id-marker`, which some servers do not send.
    pub upload_id: Option<String>,
}

impl ListMultipartUploads<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        // Keys may contain characters that XML cannot represent.
        let mut query = vec![("encoding-type", "url"), ("uploads", "")];
        if !self.prefix.is_empty() {
            query.push(("prefix", self.prefix));
        }
        if let Some(UploadsMarker { key, upload_id }) = self.after {
            query.push(("key-marker", key));
            query.extend(upload_id.as_deref().map(|id| ("upload-id-marker", id)));
        }
        self.address.bucket(&query).request(Method::Get, self.headers, Body::empty())
    }
}

impl ListMultipartUploadsResult {
    /// Parses a page.
    pub fn parse(response: &Response) -> Result<ListMultipartUploadsResult, Malformed> {
        let result = xml::read_whole(&response.body, "ListMultipartUploadsResult")?;
        // A server that does not support `encoding-type` does not echo it.
        let encoded = result.text("EncodingType") == Some("url");
        let upload = |element| MultipartUpload::from_element(element, encoded);
        let uploads = result.children("Upload").map(upload).collect::<Result<_, _>>()?;
        let next = if result.flag("IsTruncated") {
            // Without a marker, the first page would be requested again and again.
            let key = key(result.required("NextKeyMarker")?, encoded);
            let key = key.ok_or(Malformed { what: "NextKeyMarker" })?;
            let upload_id = result.text("NextUploadIdMarker").filter(|id| !id.is_empty());
            Some(UploadsMarker { key, upload_id: upload_id.map(str::to_owned) })
        } else {
            None
        };
        Ok(ListMultipartUploadsResult { uploads, next })
    }
}

impl MultipartUpload {
    fn from_element(upload: &Element, encoded: bool) -> Result<MultipartUpload, Malformed> {
        let key = key(upload.required("Key")?, encoded).ok_or(Malformed { what: "Key" })?;
        let upload_id = upload.required("UploadId")?.to_owned();
        let initiated = upload.text("Initiated").and_then(Timestamp::parse_iso8601);
        Ok(MultipartUpload { key, upload_id, initiated })
    }
}

fn key(text: &str, encoded: bool) -> Option<String> {
    if encoded { url_decode(text) } else { Some(text.to_owned()) }
}

/// Decodes `encoding-type=url`, which uses the encoding of forms: a space is `+`.
fn url_decode(text: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::address::tests::{path_style, text};

    #[test]
    fn asks_for_the_first_page_and_for_the_next() {
        let address = path_style();
        let first =
            ListMultipartUploads { address: &address, prefix: "", after: None, headers: &[] };
        assert_eq!(text(&first.request()), "GET /bucket?encoding-type=url&uploads=\n");
        let mut marker = UploadsMarker { key: "a b".to_owned(), upload_id: Some("u+1".to_owned()) };
        let next = ListMultipartUploads { prefix: "a/", after: Some(&marker), ..first };
        let expected = "GET /bucket?encoding-type=url&key-marker=a%20b&prefix=a%2F\
                        &upload-id-marker=u%2B1&uploads=\n";
        assert_eq!(text(&next.request()), expected);
        marker.upload_id = None;
        let next = ListMultipartUploads { after: Some(&marker), ..first };
        let expected = "GET /bucket?encoding-type=url&key-marker=a%20b&uploads=\n";
        assert_eq!(text(&next.request()), expected);
    }

    #[test]
    fn reads_a_page() {
        let page = parse(
            "<EncodingType>url</EncodingType><NextKeyMarker>a%2Bb+c</NextKeyMarker>\
             <NextUploadIdMarker>u+2</NextUploadIdMarker><IsTruncated>true</IsTruncated>\
             <Upload><Key>%C3%A9/1</Key><UploadId>u+1</UploadId><Owner><ID>o</ID></Owner>\
             <Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload>\
             <Upload><Key>a%2Bb+c</Key><UploadId>u+2</UploadId><Initiated>?</Initiated></Upload>",
        )
        .expect("a page");
        let initiated = Some(Timestamp(1_289_422_113_000_000_000));
        assert_eq!(page.uploads, [upload("é/1", "u+1", initiated), upload("a+b c", "u+2", None)]);
        let next = UploadsMarker { key: "a+b c".to_owned(), upload_id: Some("u+2".to_owned()) };
        assert_eq!(page.next, Some(next));
    }

    #[test]
    fn keys_that_were_not_encoded_are_not_decoded() {
        let page = parse(
            "<IsTruncated>false</IsTruncated><NextKeyMarker>z</NextKeyMarker>\
             <Upload><Key>a%2Bb+c</Key><UploadId>u</UploadId></Upload>",
        );
        let uploads = vec![upload("a%2Bb+c", "u", None)];
        assert_eq!(page, Ok(ListMultipartUploadsResult { uploads, next: None }));
    }

    #[test]
    fn a_page_that_cannot_be_followed_is_malformed() {
        for (content, what) in [
            ("<IsTruncated>true</IsTruncated>", "NextKeyMarker"),
            ("<Upload><Key>k</Key></Upload>", "UploadId"),
            ("<Upload><UploadId>u</UploadId></Upload>", "Key"),
            (
                "<EncodingType>url</EncodingType><Upload><Key>%ff</Key><UploadId>u</UploadId>\
                 </Upload>",
                "Key",
            ),
            ("<", "ListMultipartUploadsResult"),
        ] {
            assert_eq!(parse(content), Err(Malformed { what }), "{content}");
        }
        assert_eq!(url_decode("a%2"), None);
        assert_eq!(url_decode("a%+2"), None);
    }

    fn parse(content: &str) -> Result<ListMultipartUploadsResult, Malformed> {
        let name = "ListMultipartUploadsResult";
        let body = format!("<{name}>{content}</{name}>").into();
        ListMultipartUploadsResult::parse(&Response { status: 200, body, ..Response::default() })
    }

    fn upload(key: &str, upload_id: &str, initiated: Option<Timestamp>) -> MultipartUpload {
        MultipartUpload { key: key.to_owned(), upload_id: upload_id.to_owned(), initiated }
    }
}
