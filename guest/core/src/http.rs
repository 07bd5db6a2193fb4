//! HTTP requests and responses as values.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// The request methods that S3 uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `DELETE`
    Delete,
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

impl Method {
    /// The method as it appears in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Delete => "DELETE",
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
        }
    }
}

/// The schemes that an endpoint may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP. The hash of the payload is signed, since nothing else protects it.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The scheme as it appears in a URL, without the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The default port of the scheme.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// A body made of shared pieces, which are sent in order. Cloning a body copies no data.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Body {
    pieces: Vec<Bytes>,
    len: u64,
}

impl Body {
    /// An empty body.
    pub fn empty() -> Body {
        Body::default()
    }

    /// Appends a piece. Empty pieces are dropped.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len() as u64;
            self.pieces.push(piece);
        }
    }

    /// The length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the body is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces, none of them empty.
    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    /// The body as one vector. For tests and small bodies: this copies the data.
    pub fn to_vec(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        let mut body = Body::empty();
        body.push(bytes);
        body
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Body::from(Bytes::from(bytes))
    }
}

/// Shows the length only, since a body is the user's data.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.len)
    }
}

/// A signed request, ready to be sent. It is complete except for `Host`, which an HTTP client sets
/// from the authority.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The scheme.
    pub scheme: Scheme,
    /// The host, and the port if it is not the default of the scheme.
    pub authority: String,
    /// Path and query, percent-encoded as they were signed.
    pub path_and_query: String,
    /// Header names in lower case. `host` is not among them. `content-length` is, where the method
    /// may have a body.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: Body,
}

/// Omits the headers: they contain a signature, and may contain a session token or a customer key.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { method, scheme, authority, path_and_query, body, .. } = self;
        let (method, scheme) = (method.as_str(), scheme.as_str());
        write!(f, "{method} {scheme}://{authority}{path_and_query} {body:?}")
    }
}

/// A response, read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names as the server wrote them. Look one up with [`Response::header`].
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// The first header with that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The ETag with its quotes, if there is one.
    pub fn etag(&self) -> Option<&str> {
        self.header("etag").map(str::trim).filter(|etag| !etag.is_empty())
    }

    /// Whether the body contains nothing but whitespace.
    pub fn is_blank(&self) -> bool {
        self.body.trim_ascii().is_empty()
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
