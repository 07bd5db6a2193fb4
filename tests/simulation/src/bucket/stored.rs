//! What the bucket holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use spillway_core::Timestamp;
use spillway_core::s3::{ChecksumAlgorithm, ChecksumType};

use super::answer::Answer;
use super::asked::{Asked, Operation};
use super::encryption::KeyMark;

/// An object that is visible, or was.
#[derive(Clone, Debug)]
pub struct Object {
    /// What is in it.
    pub bytes: Bytes,
    /// The sizes of its parts by number; empty where it came at once.
    pub parts: Vec<(u32, u64)>,
    /// The upload that it came of, where it came in parts.
    pub upload_id: Option<String>,
    /// With its quotes.
    pub etag: String,
    /// The checksum that is kept with it, and what it is taken over.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType, String)>,
    /// What was said about it: content type, metadata, tags, storage class. Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The customer's key that it is encrypted with.
    pub customer_key: Option<KeyMark>,
    /// When it became visible.
    pub at: Timestamp,
    /// How many objects of this key were visible before it.
    pub overwritten: u64,
}

/// An upload that is open.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The key of the object to be.
    pub key: String,
    /// When it was begun.
    pub initiated: Timestamp,
    /// What was said about the object to be.
    pub headers: Vec<(String, String)>,
    /// The customer's key that it is encrypted with.
    pub customer_key: Option<KeyMark>,
    /// Whether the ETags of its parts are no MD5s.
    pub hides_md5: bool,
    /// What the parts have to be checked by.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumType)>,
    /// The parts by number.
    pub parts: BTreeMap<u32, Part>,
}

/// A part of an upload.
#[derive(Clone, Debug)]
pub struct Part {
    /// What is in it.
    pub bytes: Bytes,
    /// With its quotes.
    pub etag: String,
    /// The checksum that it was sent with.
    pub checksum: Option<(ChecksumAlgorithm, String)>,
    /// When it came.
    pub at: Timestamp,
}

/// An upload that became an object.
#[derive(Clone, Debug)]
pub(super) struct Completed {
    pub(super) key: String,
    pub(super) at: Timestamp,
    pub(super) answer: Answer,
}

/// The moment at which an object became visible.
#[derive(Clone, Debug)]
pub struct Visible {
    /// The key.
    pub key: String,
    /// The object, with the time.
    pub object: Arc<Object>,
}

/// One request, and what was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// When it came.
    pub at: Timestamp,
    /// The access key that signed it, or nothing.
    pub access_key_id: String,
    /// What it asked for, where that could be told.
    pub operation: Option<Operation>,
    /// The key, or nothing.
    pub key: String,
    /// The upload, or nothing.
    pub upload_id: String,
    /// The part.
    pub part_number: Option<u32>,
    /// The length of its body.
    pub bytes: u64,
    /// What was answered.
    pub status: u16,
    /// The code of the refusal, or nothing.
    pub code: String,
}

impl Object {
    /// The object of a writer that knows nothing of ours.
    pub(super) fn by_another(at: Timestamp, key: &str) -> Object {
        let bytes = Bytes::from(format!("of another writer: {key}"));
        Object {
            etag: super::integrity::etag(&bytes, false),
            bytes,
            parts: Vec::new(),
            upload_id: None,
            checksum: None,
            headers: Vec::new(),
            at,
            overwritten: 0,
            customer_key: None,
        }
    }

    /// A header that is kept with it, such as `x-amz-meta-nonce`; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The headers that describe it, in the answers to HEAD and GET.
    pub(super) fn describe(&self, mut answer: Answer, checksums: bool) -> Answer {
        answer = answer.with("ETag", self.etag.clone()).with("Last-Modified", self.last_modified());
        for (name, value) in &self.headers {
            match name.as_str() {
                "x-amz-tagging" => {
                    let count = value.split('&').filter(|tag| !tag.is_empty()).count();
                    answer = answer.with("x-amz-tagging-count", count.to_string());
                }
                "x-amz-acl" => {}
                name => answer = answer.with(name, value),
            }
        }
        if self.header("content-type").is_none() {
            answer = answer.with("content-type", "binary/octet-stream");
        }
        match &self.checksum {
            Some((algorithm, kind, value)) if checksums => {
                let answer = answer.with(algorithm.header_name(), value);
                answer.with("x-amz-checksum-type", kind.as_str())
            }
            _ => answer,
        }
    }

    fn last_modified(&self) -> String {
        super::answer::http_date(self.at)
    }
}

impl Upload {
    /// A header that its object will have; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The bytes of all its parts: what it costs.
    pub fn bytes(&self) -> u64 {
        self.parts.values().map(|part| part.bytes.len() as u64).sum()
    }
}

/// The headers of a request that are about the object, and are kept; a customer's key is not.
pub(super) fn kept(asked: &Asked<'_>) -> Vec<(String, String)> {
    let about_object = |name: &str| {
        let passing = ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];
        let passing = passing.contains(&name)
            || PASSING_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        KEPT.contains(&name) || (name.starts_with("x-amz-") && !passing)
    };
    let headers = asked.request.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    headers.filter(|(name, _)| about_object(name)).collect()
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

const PASSING_PREFIXES: [&str; 5] = [
    "x-amz-checksum-",
    "x-amz-expected-bucket-",
    "x-amz-request-payer",
    "x-amz-sdk-",
    "x-amz-server-side-encryption-customer-key",
];
const KEPT: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];
