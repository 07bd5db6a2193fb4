//! What a request asks for, read from its line and headers as a server does.

use std::collections::BTreeMap;
use std::fmt;

use spillway_core::http::{Method, Request};

use super::answer::S3Error;
use super::options::Action;

/// The operations that the bucket knows, named as in the S3 API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operation {
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    DeleteObject,
    GetObject,
    HeadBucket,
    HeadObject,
    ListMultipartUploads,
    ListParts,
    PutObject,
    UploadPart,
}

impl Operation {
    /// What a policy calls it.
    pub fn action(self) -> Action {
        match self {
            Operation::AbortMultipartUpload => Action::AbortMultipartUpload,
            Operation::CompleteMultipartUpload
            | Operation::CreateMultipartUpload
            | Operation::PutObject
            | Operation::UploadPart => Action::PutObject,
            Operation::DeleteObject => Action::DeleteObject,
            Operation::GetObject | Operation::HeadObject => Action::GetObject,
            Operation::HeadBucket => Action::ListBucket,
            Operation::ListMultipartUploads => Action::ListBucketMultipartUploads,
            Operation::ListParts => Action::ListMultipartUploadParts,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A request with its line taken apart.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The request.
    pub request: &'a Request,
    /// The bucket that it names.
    pub bucket: String,
    /// The key; empty where it is about the bucket.
    pub key: String,
    /// The path as it was sent, decoded.
    pub path: Vec<u8>,
    /// The query, decoded.
    pub query: BTreeMap<String, String>,
}

impl<'a> Asked<'a> {
    /// Takes a request apart. The bucket named `name` is recognised in the host as well; every
    /// other has to be in the path.
    ///
    /// # Errors
    ///
    /// `InvalidURI` where the encoding is broken, or does not hold UTF-8.
    pub fn read(name: &str, request: &'a Request) -> Result<Asked<'a>, S3Error> {
        let invalid = || S3Error::new(400, "InvalidURI", "Couldn't parse the specified URI.");
        let target = request.path_and_query.as_str();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = decode(path, false).ok_or_else(invalid)?;
        let text = str::from_utf8(&path).map_err(|_| invalid())?;
        let text = text.strip_prefix('/').ok_or_else(invalid)?;
        let virtual_host = request.authority.starts_with(&format!("{name}."));
        let (bucket, key) = match virtual_host {
            true => (name, text),
            false => text.split_once('/').unwrap_or((text, "")),
        };
        let (bucket, key) = (bucket.to_owned(), key.to_owned());

        let mut pairs = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = |encoded| {
                let decoded = decode(encoded, true).ok_or_else(invalid)?;
                String::from_utf8(decoded).map_err(|_| invalid())
            };
            pairs.insert(text(name)?, text(value)?);
        }
        Ok(Asked { request, bucket, key, path, query: pairs })
    }

    /// The operation.
    ///
    /// # Errors
    ///
    /// `NotImplemented` where the bucket knows of none such.
    pub fn operation(&self) -> Result<Operation, S3Error> {
        let has = |name| self.query.contains_key(name);
        let operation = match (self.request.method, self.key.is_empty()) {
            (Method::Head, true) => Operation::HeadBucket,
            (Method::Get, true) if has("uploads") => Operation::ListMultipartUploads,
            (Method::Put, false) if has("uploadId") && has("partNumber") => Operation::UploadPart,
            (Method::Put, false) if !has("uploadId") && !has("partNumber") => Operation::PutObject,
            (Method::Post, false) if has("uploads") => Operation::CreateMultipartUpload,
            (Method::Post, false) if has("uploadId") => Operation::CompleteMultipartUpload,
            (Method::Delete, false) if has("uploadId") => Operation::AbortMultipartUpload,
            (Method::Delete, false) => Operation::DeleteObject,
            (Method::Get, false) if has("uploadId") => Operation::ListParts,
            (Method::Get, false) => Operation::GetObject,
            (Method::Head, false) => Operation::HeadObject,
            _ => {
                let text = "A header or query you provided requests behaviour that is not there.";
                return Err(S3Error::new(501, "NotImplemented", text));
            }
        };
        Ok(operation)
    }

    /// A header of the request, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        header(self.request, name)
    }

    /// A parameter of the query; empty where it is not there.
    pub fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The number of the part that is asked about, if it is legible.
    pub fn part_number(&self) -> Option<u32> {
        self.parameter("partNumber").parse().ok()
    }
}

/// A header of a request, whatever the case of its name.
pub fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// Undoes URI encoding; in a query a `+` is a space.
fn decode(text: &str, plus_is_space: bool) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            b'+' if plus_is_space => b' ',
            byte => byte,
        });
    }
    Some(decoded)
}
