//! What the bucket answers, before it has a date and a number.

use std::fmt::Write as _;

use bytes::Bytes;
use spillway_core::Timestamp;
use spillway_core::http::Response;

/// A success: status, headers, body.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

/// A refusal, in S3's words.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Error {
    /// The status.
    pub status: u16,
    /// What programs go by.
    pub code: &'static str,
    /// What people read.
    pub message: String,
    /// Further elements of the body.
    pub details: Vec<(&'static str, String)>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// 200, and nothing else.
    pub(super) fn ok() -> Answer {
        Answer { status: 200, ..Answer::default() }
    }

    /// 204, and nothing else.
    pub(super) fn no_content() -> Answer {
        Answer { status: 204, ..Answer::default() }
    }

    /// 200 with a document: the outermost element, and what is in it.
    pub(super) fn xml(root: &str, inside: &str) -> Answer {
        let body = format!("{PROLOG}<{root} xmlns=\"{NAMESPACE}\">{inside}</{root}>");
        Answer::ok().with("content-type", "application/xml").body(body)
    }

    pub(super) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Answer {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Answer {
        self.body = body.into();
        self
    }

    /// The answer as it is sent. `HEAD` has no body, but may have the length of one.
    pub(super) fn into_response(self, at: Timestamp, number: u64, head: bool) -> Response {
        let Answer { status, mut headers, body } = self;
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        add("x-amz-request-id", request_id(number));
        add("Date", http_date(at));
        add("Server", "AmazonS3".to_owned());
        if !head && status != 204 {
            add("Content-Length", body.len().to_string());
        }
        Response { status, headers, body: if head { Bytes::new() } else { body } }
    }
}

impl S3Error {
    /// A refusal.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> S3Error {
        let message = message.into();
        S3Error { status, code, message, details: Vec::new(), headers: Vec::new() }
    }

    /// With an element more in its body.
    pub fn detail(mut self, name: &'static str, text: impl ToString) -> S3Error {
        self.details.push((name, text.to_string()));
        self
    }

    /// With a header more.
    pub fn header(mut self, name: &'static str, value: impl ToString) -> S3Error {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Whatever is wrong, in S3's vaguest words.
    pub fn invalid_request(message: impl Into<String>) -> S3Error {
        S3Error::new(400, "InvalidRequest", message)
    }

    /// 403
    pub fn access_denied() -> S3Error {
        S3Error::new(403, "AccessDenied", "Access Denied")
    }

    /// 501
    pub fn not_implemented(what: &str) -> S3Error {
        let message = "A header you provided implies functionality that is not implemented";
        S3Error::new(501, "NotImplemented", message).detail("Header", what)
    }

    /// The answer as it is sent.
    pub fn into_response(self, at: Timestamp, number: u64, head: bool) -> Response {
        let S3Error { status, code, message, details, headers } = self;
        let mut inside = element("Code", code) + &element("Message", &message);
        for (name, text) in &details {
            inside += &element(name, text);
        }
        inside += &element("RequestId", &request_id(number));
        let body = format!("{PROLOG}<Error>{inside}</Error>");
        let answer = Answer { status, ..Answer::default() }.body(body);
        let answer = answer.with("content-type", "application/xml");
        let answer = headers.into_iter().fold(answer, |answer, (n, v)| answer.with(n, v));
        answer.into_response(at, number, head)
    }
}

/// An element with text in it.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", quick_xml::escape::escape(text))
}

/// The names of requests are numbers, so that one run is like the other.
fn request_id(number: u64) -> String {
    format!("{number:016X}")
}

/// An IMF-fixdate: <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>
pub(super) fn http_date(at: Timestamp) -> String {
    let civil = at.civil();
    // 1970-01-01 was a Thursday.
    let day_name = DAYS[usize::try_from(at.0 / NANOSECONDS_PER_DAY % 7).unwrap_or_default()];
    let month_name = MONTHS[usize::from(civil.month) - 1];
    let mut text = format!("{day_name}, {:02} {month_name} {:04} ", civil.day, civil.year);
    let _infallible = write!(text, "{:02}:{:02}:{:02} GMT", civil.hour, civil.minute, civil.second);
    text
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const NANOSECONDS_PER_DAY: u64 = 86_400_000_000_000;
const PROLOG: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
