//! The class of each kind of outcome.

use super::super::clock::Offset;
use super::*;

const PART: Operation = Operation::UploadPart(1);
const PUT: Operation = Operation::PutObject;

fn answer(status: u16, code: &str) -> Result<Response, TransportError> {
    let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
    let body = if code.is_empty() { String::new() } else { body };
    Ok(Response { status, headers: vec![], body: body.into() })
}

fn stored() -> Result<Response, TransportError> {
    let headers = vec![("ETag".to_owned(), "\"e\"".to_owned())];
    Ok(Response { status: 200, headers, body: Default::default() })
}

fn from(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Response, TransportError> {
    let headers = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    Ok(Response { status, headers, body: body.to_owned().into() })
}

fn class_of(operation: Operation, outcome: &Result<Response, TransportError>) -> Class {
    classify(operation, outcome, &Flight::default()).class
}

#[test]
fn answers_are_sorted_by_what_can_be_done() {
    let cases = [
        (stored(), Class::Done),
        (answer(200, ""), Class::Garbled),
        (answer(400, "InvalidToken"), Class::Expired),
        (answer(200, "InternalError"), Class::Transient),
        (answer(200, "SlowDown"), Class::Throttled),
        (answer(200, "Whatever"), Class::Transient),
        (answer(301, "PermanentRedirect"), Class::WrongRegion),
        (answer(307, ""), Class::WrongRegion),
        (answer(400, "AuthorizationHeaderMalformed"), Class::WrongRegion),
        (answer(400, "RequestTimeout"), Class::Transient),
        (answer(400, "BadDigest"), Class::Transient),
        (answer(400, "ExpiredToken"), Class::Expired),
        (answer(400, "InvalidPart"), Class::InvalidPart),
        (answer(403, "AccessDenied"), Class::Refused),
        (answer(403, "RequestTimeTooSkewed"), Class::Refused),
        (answer(404, "NoSuchUpload"), Class::NoSuchUpload),
        (answer(404, "NoSuchBucket"), Class::Refused),
        (answer(409, "OperationAborted"), Class::Transient),
        (answer(409, "ConditionalRequestConflict"), Class::Conflict),
        (answer(412, "PreconditionFailed"), Class::Exists),
        (answer(501, "NotImplemented"), Class::Refused),
        (answer(501, ""), Class::Refused),
        (answer(511, ""), Class::Refused),
        (answer(504, ""), Class::Transient),
        (answer(429, ""), Class::Throttled),
        (answer(503, "SlowDown"), Class::Throttled),
        (answer(502, ""), Class::Transient),
        (Err(TransportError::Denied), Class::Unreachable),
        (Err(TransportError::Tls(String::new())), Class::Unreachable),
        (Err(TransportError::Timeout(String::new())), Class::Transient),
        (Err(TransportError::Stale), Class::Stale),
        (Err(TransportError::NotHttp), Class::Garbled),
    ];
    for (outcome, class) in cases {
        assert_eq!(class_of(PUT, &outcome), class, "{outcome:?}");
    }
}

#[test]
fn the_same_answer_means_other_things_to_other_operations() {
    assert_eq!(class_of(Operation::HeadObject, &answer(404, "")), Class::NotFound);
    assert_eq!(class_of(PART, &answer(404, "")), Class::Refused);
    for operation in [Operation::AbortMultipartUpload, Operation::ListParts] {
        assert_eq!(class_of(operation, &answer(404, "")), Class::NoSuchUpload);
        assert_eq!(class_of(operation, &answer(404, "NoSuchBucket")), Class::Refused);
        assert_eq!(class_of(operation, &from(404, &[], "no route")), Class::Refused);
    }
}

#[test]
fn an_object_is_stored_where_a_store_says_so() {
    let class = |headers: &[(&str, &str)], body| class_of(PUT, &from(200, headers, body));
    let id = ("X-Amz-Request-Id", "R1");
    assert_eq!(class(&[("ETag", "\"e\"")], ""), Class::Done);
    assert_eq!(class(&[id], ""), Class::Done, "some stores have no ETag to give");
    assert_eq!(class(&[("ETag", "\"e\"")], "\r\n"), Class::Done);
    assert_eq!(class(&[("Server", "s3")], ""), Class::Garbled);
    assert_eq!(class(&[("ETag", " ")], ""), Class::Garbled);
    // Web servers add an ETag to any page, and proxies keep headers of the store.
    for page in ["<html><title>Log in</title>", "{\"ok\": true}"] {
        assert_eq!(class(&[id], page), Class::Garbled);
        assert_eq!(class(&[id, ("ETag", "W/\"e\"")], page), Class::Garbled);
        let part = from(200, &[id, ("ETag", "\"e\"")], page);
        let verdict = classify(PART, &part, &Flight::default());
        assert_eq!((verdict.class, verdict.said.missing), (Class::Garbled, Some("empty body")));
    }
    assert_eq!(class_of(PART, &from(200, &[id], "")), Class::Garbled, "it has to be repeated");
    let lacks = |operation| {
        let outcome = from(200, &[], "");
        classify(operation, &outcome, &Flight::default()).said.missing
    };
    assert_eq!(lacks(PUT), Some("ETag"));
    assert_eq!(lacks(PART), Some("ETag"));
    let result = Some("CompleteMultipartUploadResult");
    assert_eq!(lacks(Operation::CompleteMultipartUpload), result);
}

#[test]
fn who_answered_is_kept_with_what_they_said() {
    let said = |outcome| classify(PUT, &outcome, &Flight::default()).said;
    let page = "<html><title>Blocked: rule 9</title>";
    let blocked = said(from(403, &[("Server", "gate\t7")], page));
    assert_eq!(blocked.quote.expect("a quote").text, "Blocked: rule 9");
    assert_eq!((blocked.server.as_deref(), blocked.location), (Some("gate 7"), None));
    let moved = said(from(302, &[("Location", "https://login.test/?x")], ""));
    assert_eq!(moved.location.as_deref(), Some("https://login.test/?x"));
    let endpoint = "<Error><Code>PermanentRedirect</Code><Endpoint>b.s3.test</Endpoint></Error>";
    let moved = said(from(301, &[], endpoint));
    assert_eq!((moved.location.as_deref(), moved.quote), (Some("b.s3.test"), None));
    assert_eq!(said(stored()).quote, None);
}

#[test]
fn a_success_that_does_not_say_what_it_must_is_none() {
    let empty = answer(200, "");
    let operations = [
        Operation::CreateMultipartUpload,
        PART,
        Operation::HeadObject,
        Operation::ListMultipartUploads,
        Operation::ListParts,
    ];
    for operation in operations {
        assert_eq!(class_of(operation, &empty), Class::Garbled, "{operation:?}");
    }
    assert_eq!(class_of(Operation::AbortMultipartUpload, &answer(204, "")), Class::Done);
}

#[test]
fn a_complete_that_says_neither_yes_nor_no_is_no_yes() {
    for (body, class) in [
        ("", Class::Garbled),
        ("<html>", Class::Garbled),
        ("<CompleteMultipartUploadResult><ETag>", Class::Garbled),
        ("  <Error>", Class::Transient),
    ] {
        let response = Response { status: 200, headers: vec![], body: body.into() };
        let outcome = Ok(response);
        let verdict = classify(Operation::CompleteMultipartUpload, &outcome, &Flight::default());
        assert_eq!((verdict.class, verdict.maybe_done), (class, true), "{body}");
    }
}

#[test]
fn only_what_can_be_signed_is_a_region() {
    let named = |header: &str, body: &str| {
        let body = format!("<Error><Code>PermanentRedirect</Code><Region>{body}</Region></Error>");
        let headers = vec![("x-amz-bucket-region".to_owned(), header.to_owned())];
        let response = Response { status: 301, headers, body: body.into() };
        classify(PART, &Ok(response), &Flight::default()).region
    };
    assert_eq!(named("eu-west-1", "eu-west-2").as_deref(), Some("eu-west-1"));
    assert_eq!(named("", "eu-west-2").as_deref(), Some("eu-west-2"));
    assert_eq!(named("eu\r\nx-evil: 1", "a/b, c"), None);
}

#[test]
fn whether_the_store_may_have_acted() {
    let maybe = |outcome| classify(PART, &outcome, &Flight::default()).maybe_done;
    assert!(maybe(Err(TransportError::Broken(String::new()))));
    assert!(maybe(answer(500, "InternalError")));
    assert!(!maybe(Err(TransportError::Connect(String::new()))));
    assert!(!maybe(answer(403, "AccessDenied")));
    assert!(!maybe(answer(501, "NotImplemented")));
    assert!(maybe(answer(502, "")));
    assert!(maybe(answer(200, "")), "a part's ETag is missing");
}

#[test]
fn a_wrong_clock_is_told_from_a_wrong_secret() {
    let mut refused = answer(403, "SignatureDoesNotMatch").expect("an answer");
    assert_eq!(class_of(PART, &Ok(refused.clone())), Class::Refused);
    refused.headers.push(("date".to_owned(), "Fri, 24 May 2013 00:00:00 GMT".to_owned()));
    let now = |seconds: u64| Timestamp(seconds * 1_000_000_000);
    let flight = |seconds| Flight { sent: now(seconds), received: now(seconds), offset: Offset(0) };
    let right = classify(PART, &Ok(refused.clone()), &flight(1_369_353_600));
    assert_eq!(right.class, Class::Refused);
    let wrong = classify(PART, &Ok(refused), &flight(1_369_350_000));
    assert_eq!(wrong.class, Class::Skewed(Offset(3_600_000_000_000)));
}
