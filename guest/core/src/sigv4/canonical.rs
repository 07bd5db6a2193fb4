//! Stage 1: the canonical request, which client and server compute alike.

use std::borrow::Cow;

use crate::http::Request;

/// A request in canonical form.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
#[derive(Clone, PartialEq, Eq)]
pub struct CanonicalRequest {
    /// The text that is hashed into the string to sign. It contains all headers, so also a session
    /// token and a customer key: never log it.
    pub text: String,
    /// The names of the signed headers, sorted and joined by `;`.
    pub signed_headers: String,
}

impl CanonicalRequest {
    /// The canonical form of `request` with all its headers, and its authority as `host`.
    ///
    /// `payload_hash` is the value of `x-amz-content-sha256`. The path is used as it is, since S3
    /// requires it encoded once. The query is used as encoded, and sorted.
    pub fn new(request: &Request, payload_hash: &str) -> CanonicalRequest {
        let (path, query) = match request.path_and_query.split_once('?') {
            Some((path, query)) => (path, sorted(query)),
            None => (request.path_and_query.as_str(), String::new()),
        };
        let mut text = String::with_capacity(TEXT_BYTES);
        for line in [request.method.as_str(), path, &query] {
            text.push_str(line);
            text.push('\n');
        }
        let signed_headers = append_headers(request, &mut text);
        // An empty line ends the headers.
        for piece in ["\n\n", &signed_headers, "\n", payload_hash] {
            text.push_str(piece);
        }
        CanonicalRequest { text, signed_headers }
    }
}

/// The query sorted by encoded name, then value. Every name has its `=`.
fn sorted(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    pairs.sort();
    let texts: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    texts.join("&")
}

/// Appends the headers, a line each, sorted by name. Values of one name are joined by `,` in the
/// order they are sent. Returns the names.
fn append_headers(request: &Request, text: &mut String) -> String {
    let given = request.headers.iter().map(|(name, value)| (name.as_ref(), value.as_str()));
    let host = ("host", request.authority.as_str());
    let mut all: Vec<_> = given.chain([host]).map(|(n, v)| (lower_case(n), v)).collect();
    // The sort is stable, so values of one name keep their order.
    all.sort_by(|a, b| a.0.cmp(&b.0));

    let mut names = String::with_capacity(NAMES_BYTES);
    let mut last = None;
    for (name, value) in &all {
        if last == Some(name) {
            text.push(',');
        } else {
            if last.is_some() {
                text.push('\n');
                names.push(';');
            }
            names.push_str(name);
            text.push_str(name);
            text.push(':');
            last = Some(name);
        }
        append_folded(value, text);
    }
    names
}

fn lower_case(name: &str) -> Cow<'_, str> {
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

/// Appends the value without whitespace at its ends, and with each run of spaces as one space. Tabs
/// within are kept, since the page mentions spaces only.
fn append_folded(value: &str, text: &mut String) {
    let value = value.trim_matches([' ', '\t']);
    let words = value.split(' ').filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(word);
    }
}

/// The text of most requests is shorter, in bytes.
const TEXT_BYTES: usize = 1 << 10;
/// The names of most requests are shorter, in bytes.
const NAMES_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Method, Scheme};

    #[test]
    fn the_path_stays_and_the_query_is_sorted() {
        let request = request("/a//../b%20c?b=2&uploads&a-c=&a=2&a=1&", &[]);
        let canonical = CanonicalRequest::new(&request, "HASH");
        let expected = "PUT\n/a//../b%20c\na=1&a=2&a-c=&b=2&uploads=\n\
                        host:localhost:9000\n\nhost\nHASH";
        assert_eq!(canonical.text, expected);
    }

    #[test]
    fn headers_are_sorted_folded_and_joined() {
        let given = [("x-b", "  two   words\t"), ("X-A", "2"), ("x-a", "1"), ("x-a-b", "a\t b")];
        let canonical = CanonicalRequest::new(&request("/", &given), "HASH");
        let expected = "PUT\n/\n\nhost:localhost:9000\nx-a:2,1\nx-a-b:a\t b\nx-b:two words\n\n\
                        host;x-a;x-a-b;x-b\nHASH";
        assert_eq!(canonical.text, expected);
        assert_eq!(canonical.signed_headers, "host;x-a;x-a-b;x-b");
    }

    fn request(path_and_query: &str, headers: &[(&'static str, &str)]) -> Request {
        let headers = headers.iter().map(|(n, v)| (Cow::Borrowed(*n), (*v).to_owned())).collect();
        Request {
            method: Method::Put,
            scheme: Scheme::Http,
            authority: "localhost:9000".to_owned(),
            path_and_query: path_and_query.to_owned(),
            headers,
            body: Body::empty(),
        }
    }
}
