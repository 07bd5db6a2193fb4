//! Which S3 operation a request asks for, read from the request alone.

use std::fmt;

use http::{Method, request::Parts};
use percent_encoding::percent_decode_str;

/// An operation of the S3 API, as far as the request log tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named as in the S3 API reference")]
pub enum Operation {
    PutObject,
    CreateMultipartUpload,
    UploadPart,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
    ListMultipartUploads,
    HeadObject,
    GetObject,
    HeadBucket,
    ListObjectsV2,
    /// Anything else: mostly what this server answers with `NotImplemented`.
    Other,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What a request is about.
pub(super) struct Target {
    pub(super) operation: Operation,
    pub(super) bucket: Option<String>,
    pub(super) key: Option<String>,
    pub(super) part_number: Option<u32>,
}

impl Target {
    /// Reads the target of a path-style request.
    pub(super) fn of(request: &Parts) -> Self {
        let path = request.uri.path();
        let path = percent_decode_str(path).decode_utf8_lossy();
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = Query(request.uri.query().unwrap_or_default());
        let copies = request.headers.contains_key("x-amz-copy-source");
        let operation = match (bucket.is_empty(), key.is_empty()) {
            (false, false) if !copies => of_object(&request.method, query),
            (false, true) => of_bucket(&request.method, query),
            _ => Operation::Other,
        };
        Self {
            operation,
            bucket: (!bucket.is_empty()).then(|| bucket.to_owned()),
            key: (!key.is_empty()).then(|| key.to_owned()),
            part_number: query.value("partNumber").and_then(|value| value.parse().ok()),
        }
    }
}

fn of_object(method: &Method, query: Query<'_>) -> Operation {
    let upload = query.value("uploadId").is_some();
    match method.as_str() {
        _ if query.has_any(&SUB_RESOURCES) => Operation::Other,
        "PUT" if upload => Operation::UploadPart,
        "PUT" => Operation::PutObject,
        "POST" if upload => Operation::CompleteMultipartUpload,
        "POST" if query.value("uploads").is_some() => Operation::CreateMultipartUpload,
        "DELETE" if upload => Operation::AbortMultipartUpload,
        "GET" if upload => Operation::ListParts,
        "GET" => Operation::GetObject,
        "HEAD" => Operation::HeadObject,
        _ => Operation::Other,
    }
}

fn of_bucket(method: &Method, query: Query<'_>) -> Operation {
    match method.as_str() {
        "HEAD" => Operation::HeadBucket,
        "GET" if query.value("uploads").is_some() => Operation::ListMultipartUploads,
        "GET" if query.value("list-type") == Some("2") => Operation::ListObjectsV2,
        _ => Operation::Other,
    }
}

#[derive(Clone, Copy)]
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    fn value(self, name: &str) -> Option<&'a str> {
        let mut pairs = self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find_map(|(found, value)| (found == name).then_some(value))
    }

    fn has_any(self, names: &[&str]) -> bool {
        names.iter().any(|name| self.value(name).is_some())
    }
}

/// Query parameters that turn a request for an object into one about something of its.
const SUB_RESOURCES: [&str; 8] =
    ["acl", "attributes", "legal-hold", "restore", "retention", "select", "tagging", "torrent"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_told_by_method_path_and_query() {
        let cases = [
            ("PUT", "/b/k", Operation::PutObject),
            ("PUT", "/b/k?tagging", Operation::Other),
            ("PUT", "/b/k?partNumber=7&uploadId=u", Operation::UploadPart),
            ("POST", "/b/k?uploads", Operation::CreateMultipartUpload),
            ("POST", "/b/k?uploads=&X-Amz-Date=d", Operation::CreateMultipartUpload),
            ("POST", "/b/k?uploadId=u", Operation::CompleteMultipartUpload),
            ("DELETE", "/b/k?uploadId=u", Operation::AbortMultipartUpload),
            ("GET", "/b/k?uploadId=u", Operation::ListParts),
            ("GET", "/b?uploads", Operation::ListMultipartUploads),
            ("GET", "/b/?list-type=2&prefix=k", Operation::ListObjectsV2),
            ("GET", "/b/k", Operation::GetObject),
            ("HEAD", "/b/k", Operation::HeadObject),
            ("HEAD", "/b", Operation::HeadBucket),
            ("GET", "/", Operation::Other),
            ("DELETE", "/b/k", Operation::Other),
        ];
        for (method, uri, operation) in cases {
            assert_eq!(target(method, uri).operation, operation, "{method} {uri}");
        }
    }

    #[test]
    fn keys_are_decoded_once() {
        let target = target("PUT", "/b//a%20%2B+%2541/..%2F?partNumber=12&uploadId=u");
        assert_eq!(target.key.as_deref(), Some("/a ++%41/../"));
        assert_eq!(target.bucket.as_deref(), Some("b"));
        assert_eq!(target.part_number, Some(12));
    }

    fn target(method: &str, uri: &str) -> Target {
        let request = http::Request::builder().method(method).uri(uri).body(()).unwrap();
        Target::of(&request.into_parts().0)
    }
}
