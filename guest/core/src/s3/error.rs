//! The error responses of S3.

use crate::quote::plain;
use crate::s3::xml::{self, Element};
use crate::time::Timestamp;

/// The body of an error response, as far as it could be parsed. Each text is cut to 1,024 bytes.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// The error code, such as `NoSuchUpload`. Empty if it is absent.
    pub code: String,
    /// The message for people. Often empty.
    pub message: String,
    /// The region to sign for, in `AuthorizationHeaderMalformed` and similar errors. More responses
    /// have it in the header `x-amz-bucket-region`: see [`crate::s3::bucket_region`].
    pub region: Option<String>,
    /// The host to use instead, in `PermanentRedirect` and `TemporaryRedirect`.
    pub endpoint: Option<String>,
    /// The bucket or object of the request.
    pub resource: Option<String>,
    /// The id of the request, for AWS support.
    pub request_id: Option<String>,
    /// The id of the server, for AWS support.
    pub host_id: Option<String>,
    /// The header or parameter that was rejected, if the store names it.
    pub argument: Option<String>,
    /// The time of the server, in `RequestTimeTooSkewed`.
    pub server_time: Option<Timestamp>,
}

impl ErrorBody {
    /// Parses an `<Error>` document, on its own or within an `<ErrorResponse>`. Only the first 64
    /// KiB after leading whitespace are parsed. If the document is cut off, the complete elements
    /// are returned.
    ///
    /// `None` for any other body, such as a web page, a result or nothing. So this also finds the
    /// error that CompleteMultipartUpload may send after status 200.
    pub fn parse(body: &[u8]) -> Option<ErrorBody> {
        // S3 sends any amount of whitespace while it works.
        let body = body.trim_ascii_start();
        let body = &body[..body.len().min(BODY_BYTES_MAX)];
        let document = xml::read(body)?;
        match document.root.name.as_str() {
            "Error" => Some(ErrorBody::from_element(&document.root, None)),
            "ErrorResponse" => {
                let error = document.root.child("Error")?;
                Some(ErrorBody::from_element(error, Some(&document.root)))
            }
            _ => None,
        }
    }

    /// `around` is the parent element, if any. It then contains the id of the request.
    fn from_element(error: &Element, around: Option<&Element>) -> ErrorBody {
        let text = |name| error.text(name).map(cut).filter(|text| !text.is_empty());
        let request_id = || around.and_then(|element| element.text("RequestId")).map(cut);
        ErrorBody {
            code: text("Code").unwrap_or_default(),
            message: text("Message").unwrap_or_default(),
            region: text("Region"),
            endpoint: text("Endpoint"),
            resource: text("Resource"),
            request_id: text("RequestId").or_else(request_id),
            host_id: text("HostId"),
            argument: text("Header").or_else(|| text("ArgumentName")),
            server_time: text("ServerTime").and_then(|time| Timestamp::parse_iso8601(&time)),
        }
    }
}

/// Messages are shown and logged, so a server must not be able to forge lines, or to send pages.
fn cut(text: &str) -> String {
    let mut text = plain(text);
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text
}

const BODY_BYTES_MAX: usize = 64 * 1024;
const TEXT_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_that_errors_say() {
        let body = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>RequestTimeTooSkewed\
            </Code><Message>Too &quot;far&quot;</Message><Region>eu-west-1</Region>\
            <Endpoint>b.s3.amazonaws.com</Endpoint><Resource>/b/k</Resource>\
            <ServerTime>2013-05-24T00:00:00Z</ServerTime><RequestId>R1</RequestId>\
            <HostId>H1</HostId><ArgumentName>a</ArgumentName></Error>";
        let expected = ErrorBody {
            code: "RequestTimeTooSkewed".to_owned(),
            message: "Too \"far\"".to_owned(),
            region: Some("eu-west-1".to_owned()),
            endpoint: Some("b.s3.amazonaws.com".to_owned()),
            resource: Some("/b/k".to_owned()),
            request_id: Some("R1".to_owned()),
            host_id: Some("H1".to_owned()),
            argument: Some("a".to_owned()),
            server_time: Some(Timestamp(1_369_353_600_000_000_000)),
        };
        assert_eq!(ErrorBody::parse(body), Some(expected));
    }

    #[test]
    fn finds_the_error_behind_white_space_namespaces_and_wrapping() {
        for body in [
            "  \n\n <Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Code> SlowDown\n</Code><RequestId>R1</RequestId></Error>",
            "<ErrorResponse><Error><Code>SlowDown</Code></Error><RequestId>R1</RequestId>\
             </ErrorResponse>",
        ] {
            let error = ErrorBody::parse(body.as_bytes()).expect("an error");
            assert_eq!(error.code, "SlowDown");
            assert_eq!(error.request_id.as_deref(), Some("R1"));
            assert_eq!(error.region, None);
        }
    }

    #[test]
    fn keeps_what_arrived() {
        let error = |body: &str| ErrorBody::parse(body.as_bytes());
        let whole = error("<Error><Code>SlowDown</Code><Message>Wait").expect("an error");
        assert_eq!((whole.code.as_str(), whole.message.as_str()), ("SlowDown", ""));
        assert_eq!(error("<Error><Code>Slow"), Some(ErrorBody::default()));
    }

    #[test]
    fn what_is_no_error_is_none() {
        for body in [
            "",
            " \n",
            "<",
            "upstream connect error",
            "<!DOCTYPE html><html><body><h1>503<br></body></html>",
            "<html><Error><Code>SlowDown</Code></Error></html>",
            "{\"Error\":{\"Code\":\"SlowDown\"}}",
            "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>",
            "<ErrorResponse><RequestId>R1</RequestId></ErrorResponse>",
        ] {
            assert_eq!(ErrorBody::parse(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let body = format!("<Error><Message>x{}</Message></Error>", "é".repeat(2000));
        let error = ErrorBody::parse(body.as_bytes()).expect("an error");
        assert_eq!(error.message.len(), TEXT_BYTES_MAX - 1);
    }

    #[test]
    fn no_text_has_more_lines_than_one() {
        let body = "<Error><Message>no&#10;error: all\r\n  is lost&#x202e;</Message></Error>";
        let error = ErrorBody::parse(body.as_bytes()).expect("an error");
        assert_eq!(error.message, "no error: all is lost");
    }

    #[test]
    fn only_white_space_may_be_long() {
        let padding = " ".repeat(BODY_BYTES_MAX);
        let code = |body: String| ErrorBody::parse(body.as_bytes()).map(|error| error.code);
        let before = format!("{padding}<Error><Code>SlowDown</Code></Error>");
        assert_eq!(code(before).as_deref(), Some("SlowDown"));
        let within = format!("<Error>{padding}<Code>SlowDown</Code></Error>");
        assert_eq!(code(within).as_deref(), Some(""));
    }

    #[test]
    fn no_cut_and_no_bad_byte_makes_it_panic() {
        let body = "<Error><Code>Sl&#x6f;w</Code><Message>é</Message></Error>".as_bytes();
        for at in 0..body.len() {
            let _ = ErrorBody::parse(&body[..at]);
            for byte in [0, b'<', b'>', b'&', b'/', 0xff] {
                let mut bad = body.to_vec();
                bad[at] = byte;
                let _ = ErrorBody::parse(&bad);
            }
        }
    }
}
