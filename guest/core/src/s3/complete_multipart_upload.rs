//! CompleteMultipartUpload: makes an object of the parts.

use std::fmt::Write;

use crate::http::{Body, Method, Request, Response};
use crate::s3::{Address, Checksum, ChecksumType, ErrorBody, Header, Malformed, xml};

/// Completes an upload. The object becomes visible as a whole.
///
/// S3 accepts gaps in the part numbers, and makes an object without the missing parts. It rejects
/// an empty list. The response may take minutes, and S3 may send status 200 before it knows the
/// outcome.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
#[derive(Clone)]
pub struct CompleteMultipartUpload<'a> {
    /// The bucket.
    pub address: &'a Address,
    /// The object's key.
    pub key: &'a str,
    /// The upload's id.
    pub upload_id: &'a str,
    /// The parts, in ascending order of their numbers.
    pub parts: &'a [CompletedPart],
    /// The checksum of the whole object, which S3 verifies.
    pub checksum: Option<&'a Checksum>,
    /// The type of checksum that the upload was created with.
    pub checksum_type: Option<ChecksumType>,
    /// The size of the object (`x-amz-mp-object-size`), which S3 verifies.
    pub object_size: Option<u64>,
    /// Whether to fail if the object exists. S3 answers 412 if it exists, and 409 if another
    /// request is writing it. After 409 all parts must be uploaded again.
    pub if_none_match: bool,
    /// The customer key that the upload was created with, if any, and `x-amz-request-payer`.
    pub headers: &'a [Header],
}

/// A part that S3 acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedPart {
    /// The part's number.
    pub number: u32,
    /// The ETag from UploadPart, with its quotes.
    pub etag: String,
    /// The part's checksum. It is required if the upload's checksum is composite.
    pub checksum: Option<Checksum>,
}

/// The outcome of a response with status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The object was made.
    Completed(CompleteMultipartUploadResult),
    /// The object was not made: S3 found an error after it had sent the status.
    Failed(ErrorBody),
}

/// The object that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompleteMultipartUploadResult {
    /// The object's ETag with its quotes. Some servers omit it.
    pub etag: Option<String>,
    /// The object's URL. Some servers omit it.
    pub location: Option<String>,
    /// The object's checksums, if S3 stores them.
    pub checksums: Vec<Checksum>,
    /// What the checksums cover.
    pub checksum_type: Option<ChecksumType>,
}

impl CompleteMultipartUpload<'_> {
    /// The unsigned request.
    pub fn request(self) -> Request {
        let target = self.address.object(self.key, &[("uploadId", self.upload_id)]);
        let body = Body::from(document(self.parts).into_bytes());
        let mut request = target.request(Method::Post, self.headers, body);
        let mut add = |name: &'static str, value| request.headers.push((name.into(), value));
        add("content-type", "application/xml".to_owned());
        if let Some(Checksum { algorithm, value }) = self.checksum {
            add(algorithm.header_name(), value.clone());
        }
        if let Some(kind) = self.checksum_type {
            add("x-amz-checksum-type", kind.as_str().to_owned());
        }
        if let Some(size) = self.object_size {
            add("x-amz-mp-object-size", size.to_string());
        }
        if self.if_none_match {
            add("if-none-match", "*".to_owned());
        }
        request
    }
}

impl Completion {
    /// Parses a response with status 200. If it is malformed, it is unknown whether the object was
    /// made.
    pub fn parse(response: &Response) -> Result<Completion, Malformed> {
        if let Some(error) = ErrorBody::parse(&response.body) {
            return Ok(Completion::Failed(error));
        }
        let result = xml::read_whole(&response.body, "CompleteMultipartUploadResult")?;
        let text = |name| result.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Completion::Completed(CompleteMultipartUploadResult {
            etag: text("ETag"),
            location: text("Location"),
            checksums: Checksum::in_element(&result),
            checksum_type: result.text("ChecksumType").and_then(ChecksumType::parse),
        }))
    }
}

fn document(parts: &[CompletedPart]) -> String {
    let mut xml = format!("<CompleteMultipartUpload xmlns=\"{NAMESPACE}\">");
    for CompletedPart { number, etag, checksum } in parts {
        let etag = xml::escape(etag);
        let _infallible = write!(xml, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>");
        if let Some(Checksum { algorithm, value }) = checksum {
            let (name, value) = (algorithm.element_name(), xml::escape(value));
            let _infallible = write!(xml, "<{name}>{value}</{name}>");
        }
        xml.push_str("</Part>");
    }
    xml.push_str("</CompleteMultipartUpload>");
    xml
}

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::ChecksumAlgorithm;
    use crate::s3::address::tests::{path_style, text};

    #[test]
    fn lists_the_parts() {
        let address = path_style();
        let parts = [part(1, "\"a<b>&\"", Some("AAAAAA==")), part(2, "c", None)];
        let request = complete(&address, &parts).request();
        let body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Part><PartNumber>1</PartNumber><ETag>&quot;a&lt;b&gt;&amp;&quot;</ETag>\
            <ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>\
            <Part><PartNumber>2</PartNumber><ETag>c</ETag></Part></CompleteMultipartUpload>";
        let length = body.len();
        let head = "POST /bucket/k?uploadId=u%2F1";
        let headers = format!("content-length: {length}\ncontent-type: application/xml");
        assert_eq!(text(&request), format!("{head}\n{headers}\n{body}"));
    }

    #[test]
    fn says_what_s3_is_to_compare() {
        let address = path_style();
        let value = "rosUhgp5mIg=".to_owned();
        let checksum = Checksum { algorithm: ChecksumAlgorithm::Crc64Nvme, value };
        let request = CompleteMultipartUpload {
            checksum: Some(&checksum),
            checksum_type: Some(ChecksumType::FullObject),
            object_size: Some(9),
            if_none_match: true,
            headers: &[("x-amz-request-payer".into(), "requester".to_owned())],
            ..complete(&address, &[])
        }
        .request();
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let expected = [
            "content-length: 99",
            "x-amz-request-payer: requester",
            "content-type: application/xml",
            "x-amz-checksum-crc64nvme: rosUhgp5mIg=",
            "x-amz-checksum-type: FULL_OBJECT",
            "x-amz-mp-object-size: 9",
            "if-none-match: *",
        ];
        assert_eq!(headers, expected);
    }

    #[test]
    fn reads_the_object() {
        let answer = "<?xml version=\"1.0\"?>\n\n \n<CompleteMultipartUploadResult xmlns=\"x\">\
            <Location>http://b/k</Location><Bucket>b</Bucket><Key>k</Key>\
            <ETag>&quot;3858-2&quot;</ETag><ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME>\
            <ChecksumType>FULL_OBJECT</ChecksumType></CompleteMultipartUploadResult>";
        let expected = CompleteMultipartUploadResult {
            etag: Some("\"3858-2\"".to_owned()),
            location: Some("http://b/k".to_owned()),
            checksums: vec![Checksum {
                algorithm: ChecksumAlgorithm::Crc64Nvme,
                value: "rosUhgp5mIg=".to_owned(),
            }],
            checksum_type: Some(ChecksumType::FullObject),
        };
        assert_eq!(parse(answer), Ok(Completion::Completed(expected)));
        let bare = parse(" <CompleteMultipartUploadResult/>");
        let Ok(Completion::Completed(bare)) = bare else { panic!("{bare:?}") };
        assert_eq!((bare.etag, bare.location, bare.checksum_type), (None, None, None));
    }

    #[test]
    fn finds_the_error_behind_the_status() {
        let answer = "<?xml version=\"1.0\"?>\n   \n<Error><Code>InternalError</Code></Error>";
        let Ok(Completion::Failed(error)) = parse(answer) else { panic!("no error found") };
        assert_eq!(error.code, "InternalError");
        assert_eq!(parse("<Error><Co"), Ok(Completion::Failed(ErrorBody::default())));
    }

    #[test]
    fn half_an_answer_is_no_answer() {
        let unknown = Err(Malformed { what: "CompleteMultipartUploadResult" });
        for answer in
            ["", "  \n ", "<html></html>", "<CompleteMultipartUploadResult><ETag>e</ETag>"]
        {
            assert_eq!(parse(answer), unknown, "{answer}");
        }
    }

    fn complete<'a>(
        address: &'a Address,
        parts: &'a [CompletedPart],
    ) -> CompleteMultipartUpload<'a> {
        CompleteMultipartUpload {
            address,
            key: "k",
            upload_id: "u/1",
            parts,
            checksum: None,
            checksum_type: None,
            object_size: None,
            if_none_match: false,
            headers: &[],
        }
    }

    fn part(number: u32, etag: &str, crc32: Option<&str>) -> CompletedPart {
        let algorithm = ChecksumAlgorithm::Crc32;
        let checksum = crc32.map(|value| Checksum { algorithm, value: value.to_owned() });
        CompletedPart { number, etag: etag.to_owned(), checksum }
    }

    fn parse(body: &'static str) -> Result<Completion, Malformed> {
        Completion::parse(&Response { status: 200, body: body.into(), ..Response::default() })
    }
}
