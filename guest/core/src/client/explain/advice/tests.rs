//! The advice for each kind of outcome.

use super::*;
use crate::client::classify::classify;
use crate::client::clock::Flight;
use crate::http::Response;

type Outcome = Result<Response, TransportError>;

fn advice(config: &str, outcome: &Outcome) -> String {
    let settings = Settings::parse(&format!(r#"{{"bucket": "bbb"{config}}}"#));
    let subject = Subject { name: "a", operation: Operation::PutObject };
    let verdict = classify(subject.operation, outcome, &Flight::default());
    of(&settings.expect("a configuration"), &subject, &verdict).unwrap_or_default()
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Outcome {
    let headers = headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    Ok(Response { status, headers, body: body.to_owned().into() })
}

fn error(status: u16, code: &str, rest: &str) -> Outcome {
    answer(status, &[], &format!("<Error><Code>{code}</Code>{rest}</Error>"))
}

const PLAIN: &str = r#", "endpoint": "http://s3.test:9000""#;
const TLS: &str = r#", "endpoint": "https://s3.test""#;
const HOSTED: &str = r#", "endpoint": "https://s3.test", "addressing": "virtual-host""#;
const NO_CHECKSUM: &str = r#", "endpoint": "https://s3.test", "checksum": "none""#;

#[test]
fn a_store_that_speaks_otherwise_is_followed() {
    let message = |text| format!("<Message>{text}</Message>");
    let none = "`checksum = \"none\"`";
    for (code, rest) in [
        ("NotImplemented", "<Header>x-amz-sdk-checksum-algorithm</Header>".to_owned()),
        ("InvalidArgument", message("Unsupported header 'x-amz-checksum-crc32' received")),
        ("InvalidRequest", message("The algorithm CRC64NVME is not known")),
        ("NotImplemented", message("A header you provided is not implemented")),
    ] {
        let refused = error(400, code, &rest);
        let said = advice(TLS, &refused);
        assert!(said.contains(none), "{refused:?}: {said}");
        assert!(!advice(NO_CHECKSUM, &refused).contains(none), "it is none already");
    }
    let md5 = error(400, "InvalidRequest", &message("Missing required header: Content-MD5"));
    assert!(advice(TLS, &md5).contains("`content_md5 = true`"));
    for code in ["SecondLevelDomainForbidden", "PathStyleNotAllowed", "InvalidPathAccess"] {
        let refused = error(403, code, "");
        let said = advice(TLS, &refused);
        assert!(said.contains("`addressing = \"virtual-host\"`"), "{code}: {said}");
    }
    let words = error(400, "InvalidRequest", &message("Please use virtual hosted style access"));
    assert!(advice(TLS, &words).contains("`addressing = \"virtual-host\"`"));
    let words = error(400, "InvalidRequest", &message("Only path-style requests are served"));
    assert!(advice(HOSTED, &words).contains("`addressing = \"path\"`"));
}

#[test]
fn who_is_spoken_to_in_the_wrong_scheme_leads_to_the_right_one() {
    for words in [
        "Client sent an HTTP request to an HTTPS server.\n",
        "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>",
        "Reason: You're speaking plain HTTP to an SSL-enabled server port.",
        "Bad Request\u{a0}This combination of host and port requires TLS.",
    ] {
        let said = advice(PLAIN, &answer(400, &[], words));
        assert_eq!(said, WANTS_TLS, "{words}");
    }
    let said = advice(PLAIN, &Err(TransportError::NotHttp));
    assert!(said.ends_with("`endpoint` begins with https://"), "{said}");
    for text in [NO_TLS, "the server does not use TLS on this port: corrupt"] {
        let said = advice(TLS, &Err(TransportError::Tls(text.to_owned())));
        assert!(said.ends_with("`endpoint` begins with http://"), "{said}");
    }
    let text = "the server requires TLS on this port; begin its URL with https";
    let said = advice(PLAIN, &Err(TransportError::Tls(text.to_owned())));
    assert!(said.ends_with("`endpoint` begins with https://"), "{said}");
}

#[test]
fn a_redirect_leads_to_the_place_that_it_names() {
    let to = |config, location| advice(config, &answer(302, &[("Location", location)], ""));
    assert!(to(TLS, "https://sso.test/login?x=1").ends_with("set `endpoint` to https://sso.test"));
    assert_eq!(to(PLAIN, "https://s3.test/bbb/a"), WANTS_TLS);
    assert!(to(TLS, "//sso.test/login").ends_with("set `endpoint` to sso.test"));
    assert_eq!(to(TLS, "/ui/"), NO_STORE, "a page of its own");
    let elsewhere = error(307, "TemporaryRedirect", "<Endpoint>bbb.s3-b.test</Endpoint>");
    assert!(advice(TLS, &elsewhere).ends_with("set `endpoint` to s3-b.test"));
    let region = error(301, "PermanentRedirect", "<Region>eu-north-1</Region>");
    assert_eq!(advice(TLS, &region), "set `region` to `eu-north-1`; it is `us-east-1` now");
    assert_eq!(advice(TLS, &error(301, "PermanentRedirect", "")), "check `endpoint` and `region`");
}

#[test]
fn what_stands_before_a_store_is_told_from_it() {
    let page = "<html><title>No</title></html>";
    assert!(advice(TLS, &answer(403, &[], page)).contains("a proxy or a firewall"));
    assert!(advice(TLS, &answer(403, &[], "")).starts_with("check the credentials"));
    assert_eq!(advice(TLS, &answer(413, &[], page)), TOO_LARGE);
    assert_eq!(advice(TLS, &answer(413, &[], "")), TOO_LARGE);
    assert!(advice(TLS, &answer(407, &[], page)).contains("a proxy"));
    assert_eq!(advice(TLS, &answer(404, &[], "404 page not found")), NO_STORE);
    assert_eq!(advice(TLS, &answer(200, &[], page)), NO_STORE);
    assert_eq!(advice(TLS, &answer(502, &[], page)), "", "it may pass");
    assert_eq!(advice(TLS, &answer(511, &[], page)), "this network wants a login first");
}

#[test]
fn each_refusal_has_advice_of_its_own() {
    let said = advice(TLS, &error(403, "QuotaExceeded", ""));
    assert!(said.contains("raise its quota"), "{said}");
    let numbered = r#", "endpoint": "https://s3.test", "key_template": "{key}-{sequence}""#;
    let refused = error(501, "NotImplemented", "<Header>If-None-Match</Header>");
    assert_eq!(advice(numbered, &refused), NO_CONDITION);
    assert_ne!(advice(TLS, &refused), NO_CONDITION, "there is none");
    // S3 explains why it refuses, except in responses to HEAD.
    for status in [400, 401, 404, 405, 411, 426] {
        assert_eq!(advice(TLS, &answer(status, &[], "")), NO_STORE, "{status}");
    }
    let wrong = "the certificate is not for `bbb.s3.test`: it is for `s3.test`".to_owned();
    let wrong = Err(TransportError::Tls(wrong));
    assert!(advice(HOSTED, &wrong).contains("`addressing = \"path\"`"));
    assert!(!advice(TLS, &wrong).contains("addressing"));
}

#[test]
fn each_way_of_not_reaching_the_store_has_a_remedy() {
    let text = String::new;
    for error in [
        TransportError::Denied,
        TransportError::Dns(text()),
        TransportError::Connect(text()),
        TransportError::Tls(text()),
        TransportError::Timeout(text()),
    ] {
        assert!(advice(PLAIN, &Err(error.clone())).starts_with("check "), "{error}");
    }
}
