//! Requests are signed as AWS says: every stage of every published case that applies to S3 comes
//! out as published. A failure names the case and the stage.

use std::borrow::Cow;

use serde_json::Value;
use spillway_core::http::{Body, Method, Request, Scheme};
use spillway_core::sigv4::{
    CanonicalRequest, PayloadHash, Scope, Signer, SigningKey, authorization, canonical_query,
    string_to_sign, uri_encode_path,
};
use spillway_core::{Credentials, Secret, Timestamp};

#[test]
fn the_signing_test_suite_comes_out_as_published() {
    let file = json(SUITE);
    let cases: Vec<Case> = array(&file).iter().map(suite_case).collect();
    assert_eq!(cases.len(), 31, "the cases of the suite that apply to S3");
    let signed_whole = cases.iter().filter(|case| case.signed_whole).count();
    assert_eq!(signed_whole, 2, "the cases that send x-amz-content-sha256, as S3 wants it");
    assert_all_pass(&cases);
}

#[test]
fn the_examples_of_the_s3_reference_come_out_as_published() {
    let file = json(EXAMPLES);
    let vectors = array(&file["vectors"]);
    let signed = vectors.iter().filter(|vector| vector.get("signature").is_some());
    let cases: Vec<Case> = signed.map(|vector| example_case(&file, vector)).collect();
    assert_eq!((vectors.len(), cases.len()), (7, 6), "one of the seven is about checksums");
    let signed_whole = cases.iter().filter(|case| case.signed_whole).count();
    assert_eq!(signed_whole, 4, "the cases that do not send aws-chunked bodies");
    assert_all_pass(&cases);
}

/// What goes in, and what every stage has to make of it.
struct Case {
    name: String,
    /// With all the headers that are signed.
    request: Request,
    credentials: Credentials,
    region: String,
    service: String,
    at: Timestamp,
    payload_hash: String,
    /// Whether the headers are those that [`Signer`] sets.
    signed_whole: bool,
    published: Published,
}

struct Published {
    canonical_request: String,
    string_to_sign: String,
    signature: String,
    authorization: Option<String>,
}

fn assert_all_pass(cases: &[Case]) {
    let failures: Vec<String> = cases.iter().flat_map(Case::failures).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

impl Case {
    /// Each stage is given what was published for the one before, so that only the one that is
    /// wrong fails.
    fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut stage = |stage: &str, got: &str, published: &str| {
            if got != published {
                let name = &self.name;
                failures.push(format!("{name}: {stage}\ngot\n{got}\npublished\n{published}"));
            }
        };
        let published = &self.published;
        let scope = Scope::new(&self.region, &self.service, self.at);
        let canonical = CanonicalRequest::new(&self.request, &self.payload_hash);
        stage("canonical request", &canonical.text, &published.canonical_request);
        let string = string_to_sign(&scope, &published.canonical_request);
        stage("string to sign", &string, &published.string_to_sign);
        let key = SigningKey::derive(&self.credentials.secret_access_key, &scope);
        let signature = key.sign(&published.string_to_sign);
        stage("signature", &signature, &published.signature);
        let id = &self.credentials.access_key_id;
        let header = authorization(id, &scope, &canonical.signed_headers, &published.signature);
        if let Some(published) = &published.authorization {
            stage("authorization", &header, published);
        }
        if self.signed_whole {
            stage("signing as a whole", &self.sign_whole(), &header);
        }
        failures
    }

    fn sign_whole(&self) -> String {
        let mut request = self.request.clone();
        request.headers.retain(|(name, _)| !SET_BY_SIGNING.contains(&name.as_ref()));
        let payload = PayloadHash::of(&request.body);
        let mut signer = Signer::new(self.region.clone(), self.service.clone());
        signer.sign(&mut request, &self.credentials, payload, self.at);
        let header = request.headers.into_iter().find(|(name, _)| name == "authorization");
        header.expect("signing sets the header").1
    }
}

/// A case of the suite has its path and query as plain text, and the headers before signing.
fn suite_case(case: &Value) -> Case {
    let (given, context) = (&case["request"], &case["context"]);
    let at = Timestamp::parse_iso8601(text(&context["timestamp"])).expect("a timestamp");
    let body = Body::from(text(&given["body"]).as_bytes().to_vec());
    let payload_hash = PayloadHash::of(&body).header_value().into_owned();
    let signed_whole = context["sign_body"] == true;
    let token = context["session_token"].as_str();

    let mut headers = pairs(&given["headers"]);
    let date = at.amz_date();
    headers.push(("x-amz-date", &date));
    headers.extend(signed_whole.then_some(("x-amz-content-sha256", payload_hash.as_str())));
    headers.extend(token.map(|token| ("x-amz-security-token", token)));
    let path = uri_encode_path(text(&given["path"]));
    let query = canonical_query(&pairs(&given["query"]));

    Case {
        name: text(&case["name"]).to_owned(),
        request: request(given, text(&given["host"]), (&path, &query), &headers, body),
        credentials: credentials(&context["access_key_id"], &context["secret_access_key"], token),
        region: text(&context["region"]).to_owned(),
        service: text(&context["service"]).to_owned(),
        at,
        payload_hash,
        signed_whole,
        published: published(case),
    }
}

/// An example of the reference has its path and query encoded, and the headers as they are signed.
fn example_case(file: &Value, case: &Value) -> Case {
    let payload_hash = text(&case["payload_hash"]).to_owned();
    let body = if payload_hash == PUT_HASH { PUT_BODY } else { "" };
    let headers = case["headers"].as_object().expect("headers by name");
    let host = text(&headers["host"]);
    let signed = headers.iter().filter(|(name, _)| *name != "host");
    let signed: Vec<_> = signed.map(|(name, value)| (name.as_str(), text(value))).collect();
    let (path, query) = (text(&case["path"]), text(&case["query"]));

    Case {
        name: text(&case["name"]).to_owned(),
        request: request(case, host, (path, query), &signed, body.as_bytes().to_vec().into()),
        credentials: credentials(&file["access_key"], &file["secret_key"], None),
        region: text(&file["region"]).to_owned(),
        service: "s3".to_owned(),
        at: Timestamp::parse_http_date("Fri, 24 May 2013 00:00:00 GMT").expect("a date"),
        // The signer knows bodies by their hash only, not in chunks with signatures of their own.
        signed_whole: !payload_hash.starts_with("STREAMING-"),
        payload_hash,
        published: published(case),
    }
}

fn request(
    given: &Value,
    host: &str,
    (path, query): (&str, &str),
    headers: &[(&str, &str)],
    body: Body,
) -> Request {
    let owned =
        |(name, value): &(&str, &str)| (Cow::Owned(name.to_ascii_lowercase()), (*value).to_owned());
    Request {
        method: match text(&given["method"]) {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            other => panic!("no case had the method {other}"),
        },
        scheme: Scheme::Https,
        authority: host.to_owned(),
        path_and_query: if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") },
        headers: headers.iter().map(owned).collect(),
        body,
    }
}

fn credentials(id: &Value, secret: &Value, token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: text(id).to_owned(),
        secret_access_key: Secret::new(text(secret)),
        session_token: token.map(Secret::new),
        expires_at: None,
    }
}

fn published(case: &Value) -> Published {
    Published {
        canonical_request: text(&case["canonical_request"]).to_owned(),
        string_to_sign: text(&case["string_to_sign"]).to_owned(),
        signature: text(&case["signature"]).to_owned(),
        authorization: case["authorization"].as_str().map(str::to_owned),
    }
}

fn json(file: &str) -> Value {
    serde_json::from_str(file).expect("the vectors are JSON")
}

fn array(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}

fn pairs(value: &Value) -> Vec<(&str, &str)> {
    array(value).iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text was expected, and there is {value}"))
}

const SUITE: &str = include_str!("../vectors/aws-sigv4/cases.json");
const EXAMPLES: &str = include_str!("../vectors/sigv4-s3.json");

/// The reference gives the body of its PUT example in words; the vectors have its hash only.
const PUT_BODY: &str = "Welcome to Amazon S3.";
const PUT_HASH: &str = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";

const SET_BY_SIGNING: [&str; 2] = ["x-amz-date", "x-amz-content-sha256"];
