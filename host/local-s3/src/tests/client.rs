//! A client for the tests: it signs what it is given and sends it as it is.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use s3s::crypto::{Checksum as _, Sha256};
use s3s::dto::{Timestamp, TimestampFormat};

use crate::{LocalCredentials, LocalS3};

/// Sends requests to one server.
pub(super) struct TestClient {
    pub(super) credentials: LocalCredentials,
    endpoint: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

/// An answer, with its body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The text of the first XML element of that name; empty without one.
    pub(super) fn element(&self, name: &str) -> &str {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let rest = self.text().split_once(&open).map_or("", |(_, rest)| rest);
        rest.split_once(&close).map_or("", |(inside, _)| inside)
    }

    pub(super) fn e_tag(&self) -> &str {
        self.headers["etag"].to_str().unwrap()
    }
}

impl TestClient {
    pub(super) fn new(server: &LocalS3) -> Self {
        Self::at(server.endpoint())
    }

    pub(super) fn at(endpoint: String) -> Self {
        Self {
            credentials: credentials(),
            endpoint,
            http: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Sends a signed request for a key, or for the bucket where the key is empty. The parameters
    /// of the query are in order and need no escapes.
    pub(super) async fn send(
        &self,
        method: &str,
        (bucket, key): (&str, &str),
        query: &str,
        body: impl Into<Bytes>,
    ) -> Answer {
        self.send_with(method, (bucket, key), query, &[], body.into()).await
    }

    /// The same with further headers, which are not signed.
    pub(super) async fn send_with(
        &self,
        method: &str,
        place: (&str, &str),
        query: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Answer {
        self.try_send_with(method, place, query, headers, body).await.unwrap()
    }

    /// The same, where there may be no answer.
    pub(super) async fn try_send_with(
        &self,
        method: &str,
        (bucket, key): (&str, &str),
        query: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Option<Answer> {
        let path = format!("/{bucket}/{}", escaped(key));
        let host = self.endpoint.strip_prefix("http://").unwrap();
        let time = basic_time();
        let authorization = self.authorization(method, &path, query, host, &time);
        let uri = format!("{}{path}?{query}", self.endpoint);
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("x-amz-date", &time)
            .header("x-amz-content-sha256", PAYLOAD)
            .header("authorization", authorization);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).unwrap();
        let (parts, body) = self.http.request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
    fn authorization(
        &self,
        method: &str,
        path: &str,
        query: &str,
        host: &str,
        time: &str,
    ) -> String {
        let canonical_query: Vec<_> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| match pair.contains('=') {
                true => pair.to_owned(),
                false => format!("{pair}="),
            })
            .collect();
        let canonical = format!(
            "{method}\n{path}\n{}\nhost:{host}\nx-amz-content-sha256:{PAYLOAD}\n\
             x-amz-date:{time}\n\n{SIGNED}\n{PAYLOAD}",
            canonical_query.join("&")
        );
        let day = &time[..8];
        let scope = format!("{day}/us-east-1/s3/aws4_request");
        let hash = hex(&Sha256::checksum(canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let secret = format!("AWS4{}", self.credentials.secret_access_key).into_bytes();
        let key = [day, "us-east-1", "s3", "aws4_request"]
            .iter()
            .fold(secret, |key, text| hmac(&key, text.as_bytes()));
        let signature = hex(&hmac(&key, to_sign.as_bytes()));
        let access_key_id = &self.credentials.access_key_id;
        format!(
            "AWS4-HMAC-SHA256 Credential={access_key_id}/{scope}, SignedHeaders={SIGNED}, \
             Signature={signature}"
        )
    }
}

/// The keys that the tests start their servers with.
pub(super) fn credentials() -> LocalCredentials {
    LocalCredentials { access_key_id: "local".to_owned(), secret_access_key: "secret".to_owned() }
}

fn escaped(key: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    key.bytes().map(escape).collect()
}

fn basic_time() -> String {
    let mut text = Vec::new();
    Timestamp::from(std::time::SystemTime::now())
        .format(TimestampFormat::DateTime, &mut text)
        .unwrap();
    let text = String::from_utf8(text).unwrap();
    format!("{}Z", text[..19].replace(['-', ':'], ""))
}

/// RFC 2104, for keys of up to 64 bytes.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut padded = [0; 64];
    padded[..key.len()].copy_from_slice(key);
    let hash = |pad: u8, message: &[u8]| {
        let key = padded.map(|byte| byte ^ pad);
        Sha256::checksum(&[&key, message].concat()).to_vec()
    };
    hash(0x5c, &hash(0x36, message))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const PAYLOAD: &str = "UNSIGNED-PAYLOAD";
const SIGNED: &str = "host;x-amz-content-sha256;x-amz-date";
