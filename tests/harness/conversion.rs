//! Between HTTP as the host's crates have it and HTTP as the core has it.

use bytes::Bytes;
use http::header::HOST;
use spillway_core::Timestamp;
use spillway_core::http::{Body, Method, Request, Response, Scheme};

/// A request as the core would have made it; nothing where its method is none of S3's.
pub(crate) fn request(parts: &http::request::Parts, body: Bytes) -> Option<Request> {
    let method = match parts.method {
        http::Method::DELETE => Method::Delete,
        http::Method::GET => Method::Get,
        http::Method::HEAD => Method::Head,
        http::Method::POST => Method::Post,
        http::Method::PUT => Method::Put,
        _ => return None,
    };
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let host = || parts.headers.get(HOST).map(text);
    let authority = parts.uri.authority().map(ToString::to_string).or_else(host);
    let headers = parts.headers.iter().filter(|(name, _)| *name != HOST);
    let headers = headers.map(|(name, value)| (name.as_str().to_owned().into(), text(value)));
    let mut rope = Body::empty();
    rope.push(body);
    Some(Request {
        method,
        scheme: match parts.uri.scheme_str() {
            Some("https") => Scheme::Https,
            _ => Scheme::Http,
        },
        authority: authority.unwrap_or_default(),
        path_and_query: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: headers.collect(),
        body: rope,
    })
}

/// The head of an answer, and its body. Headers that HTTP has no way to write are left out.
pub(crate) fn response(response: Response) -> http::Response<Bytes> {
    let mut converted = http::Response::new(response.body);
    *converted.status_mut() =
        http::StatusCode::from_u16(response.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    for (name, value) in response.headers {
        let name = http::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value.as_bytes())) {
            converted.headers_mut().append(name, value);
        }
    }
    converted
}

/// The time of the day.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanoseconds = since.map(|since| since.as_nanos()).unwrap_or_default();
    Timestamp(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}
