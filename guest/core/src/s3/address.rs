//! The address of a bucket, and of the objects in it.

use crate::http::{Body, Method, Request, Scheme};
use crate::s3::{AccessPoint, Header};
use crate::sigv4::{canonical_query, uri_encode, uri_encode_path};

/// Where a URL contains the bucket.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressStyle {
    /// In the path: `https://endpoint/bucket/key`.
    Path,
    /// In the host: `https://bucket.endpoint/key`.
    VirtualHost,
}

/// A bucket at an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The scheme of the endpoint.
    pub scheme: Scheme,
    /// The endpoint's host, and its port if it is not the default of the scheme.
    pub authority: String,
    /// The path of the endpoint, percent-encoded, usually empty. A trailing slash makes no
    /// difference.
    pub base_path: String,
    /// The bucket's name, or the ARN of an access point.
    pub bucket: String,
    /// Where the URL contains the bucket. An access point is always in the host.
    pub style: AddressStyle,
}

/// The URL of a request, percent-encoded as it is signed and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The scheme.
    pub scheme: Scheme,
    /// The host, and the port if it is not the default of the scheme.
    pub authority: String,
    /// Path and query.
    pub path_and_query: String,
}

impl Address {
    /// The target of an object. `query` is not encoded yet.
    ///
    /// A key may be any text, and its slashes and dots are kept as they are. It must not be empty:
    /// the target would be the bucket itself, and a `PUT` would create one.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
    pub fn object(&self, key: &str, query: &[(&str, &str)]) -> Target {
        debug_assert!(!key.is_empty(), "an empty key would address the bucket");
        self.target(&format!("{}/{}", self.bucket_path(), uri_encode_path(key)), query)
    }

    /// The target of the bucket. `query` is not encoded yet.
    pub fn bucket(&self, query: &[(&str, &str)]) -> Target {
        let path = self.bucket_path();
        // The path of a request is never empty, even if the host contains the bucket.
        self.target(if path.is_empty() { "/" } else { &path }, query)
    }

    /// The ARN of an object, as used in policies.
    pub fn arn(&self, key: &str) -> String {
        match AccessPoint::parse(&self.bucket) {
            Some(_) => format!("{}/object/{key}", self.bucket),
            None => format!("arn:aws:s3:::{}/{key}", self.bucket),
        }
    }

    /// The ARN of the bucket, as used in policies.
    pub fn bucket_arn(&self) -> String {
        match AccessPoint::parse(&self.bucket) {
            Some(_) => self.bucket.clone(),
            None => format!("arn:aws:s3:::{}", self.bucket),
        }
    }

    /// The first label of a virtual host.
    fn label(&self) -> String {
        match AccessPoint::parse(&self.bucket) {
            Some(Ok(access_point)) => access_point.label(),
            _ => self.bucket.clone(),
        }
    }

    fn bucket_path(&self) -> String {
        let base = self.base_path.trim_end_matches('/');
        match self.style {
            AddressStyle::Path => format!("{base}/{}", uri_encode(&self.bucket)),
            AddressStyle::VirtualHost => base.to_owned(),
        }
    }

    fn target(&self, path: &str, query: &[(&str, &str)]) -> Target {
        let authority = match self.style {
            AddressStyle::Path => self.authority.clone(),
            AddressStyle::VirtualHost => format!("{}.{}", self.label(), self.authority),
        };
        let path_and_query = match query {
            [] => path.to_owned(),
            query => format!("{path}?{}", canonical_query(query)),
        };
        Target { scheme: self.scheme, authority, path_and_query }
    }
}

impl Target {
    /// The unsigned request to this target. `PUT` and `POST` have a `content-length` even without a
    /// body, since S3 answers `MissingContentLength` otherwise.
    pub fn request(self, method: Method, headers: &[Header], body: Body) -> Request {
        let Target { scheme, authority, path_and_query } = self;
        let length = match method {
            Method::Put | Method::Post => Some(("content-length".into(), body.len().to_string())),
            Method::Delete | Method::Get | Method::Head => None,
        };
        let headers = length.into_iter().chain(headers.iter().cloned()).collect();
        Request { method, scheme, authority, path_and_query, headers, body }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_in_the_path() {
        let address = path_style();
        let object = address.object("logs/1.json", &[]);
        assert_eq!(object.authority, "localhost:9000");
        assert_eq!(object.path_and_query, "/bucket/logs/1.json");
        assert_eq!(address.bucket(&[]).path_and_query, "/bucket");
    }

    #[test]
    fn the_bucket_is_in_the_host() {
        let address = Address {
            authority: "s3.eu-west-1.amazonaws.com".to_owned(),
            style: AddressStyle::VirtualHost,
            ..path_style()
        };
        let object = address.object("logs/1.json", &[]);
        assert_eq!(object.authority, "bucket.s3.eu-west-1.amazonaws.com");
        assert_eq!(object.path_and_query, "/logs/1.json");
        let bucket = address.bucket(&[("uploads", "")]);
        assert_eq!(bucket.path_and_query, "/?uploads=");
    }

    #[test]
    fn an_access_point_has_a_host_and_arns_of_its_own() {
        let arn = "arn:aws:s3:eu-west-1:210987654321:accesspoint/writer";
        let address = Address {
            authority: "s3-accesspoint.eu-west-1.amazonaws.com".to_owned(),
            bucket: arn.to_owned(),
            style: AddressStyle::VirtualHost,
            ..path_style()
        };
        let object = address.object("logs/1", &[]);
        assert_eq!(object.authority, "writer-210987654321.s3-accesspoint.eu-west-1.amazonaws.com");
        assert_eq!(object.path_and_query, "/logs/1");
        assert_eq!(address.arn("logs/1"), format!("{arn}/object/logs/1"));
        assert_eq!(address.bucket_arn(), arn);
        assert_eq!(path_style().arn("logs/1"), "arn:aws:s3:::bucket/logs/1");
        assert_eq!(path_style().bucket_arn(), "arn:aws:s3:::bucket");
    }

    #[test]
    fn the_endpoint_has_a_path() {
        let below = |base_path: &str| Address { base_path: base_path.to_owned(), ..path_style() };
        for base_path in ["/storage/v1/s3", "/storage/v1/s3/"] {
            let address = below(base_path);
            assert_eq!(address.object("k", &[]).path_and_query, "/storage/v1/s3/bucket/k");
            let host_style = Address { style: AddressStyle::VirtualHost, ..address };
            assert_eq!(host_style.object("k", &[]).path_and_query, "/storage/v1/s3/k");
            assert_eq!(host_style.bucket(&[]).path_and_query, "/storage/v1/s3");
        }
        assert_eq!(below("/").object("k", &[]).path_and_query, "/bucket/k");
    }

    #[test]
    fn keys_are_encoded_once_and_never_normalised() {
        for (key, path) in [
            ("/a", "/bucket//a"),
            ("a//b/", "/bucket/a//b/"),
            ("a/../b/.", "/bucket/a/../b/."),
            ("a+b c%20d", "/bucket/a%2Bb%20c%2520d"),
            ("a?b=c&d#e", "/bucket/a%3Fb%3Dc%26d%23e"),
            ("é\u{1f600}\n", "/bucket/%C3%A9%F0%9F%98%80%0A"),
            ("test$file.text", "/bucket/test%24file.text"),
        ] {
            assert_eq!(path_style().object(key, &[]).path_and_query, path);
        }
    }

    #[test]
    fn queries_are_encoded_and_sorted() {
        let target = path_style().object("k", &[("uploadId", "a+/="), ("partNumber", "7")]);
        assert_eq!(target.path_and_query, "/bucket/k?partNumber=7&uploadId=a%2B%2F%3D");
    }

    #[test]
    fn only_what_may_have_a_body_has_a_length() {
        let extra: [Header; 1] = [("x-amz-meta-é".into(), "v".to_owned())];
        let length: Header = ("content-length".into(), "3".to_owned());
        let request = |method| {
            path_style().object("k", &[]).request(method, &extra, Body::from(b"abc".to_vec()))
        };
        assert_eq!(request(Method::Put).headers, [length.clone(), extra[0].clone()]);
        assert_eq!(request(Method::Post).headers, [length, extra[0].clone()]);
        for method in [Method::Get, Method::Head, Method::Delete] {
            assert_eq!(request(method).headers, extra);
        }
        let empty = path_style().bucket(&[]).request(Method::Post, &[], Body::empty());
        assert_eq!(empty.headers, [("content-length".into(), "0".to_owned())]);
    }

    /// The bucket that all tests of verbs use.
    pub(in crate::s3) fn path_style() -> Address {
        Address {
            scheme: Scheme::Http,
            authority: "localhost:9000".to_owned(),
            base_path: String::new(),
            bucket: "bucket".to_owned(),
            style: AddressStyle::Path,
        }
    }

    /// A request as text, for tests of verbs: request line, headers, body.
    pub(in crate::s3) fn text(request: &Request) -> String {
        let Request { method, path_and_query, headers, body, .. } = request;
        let mut text = format!("{} {path_and_query}\n", method.as_str());
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text.push_str(&String::from_utf8_lossy(&body.to_vec()));
        text
    }
}
