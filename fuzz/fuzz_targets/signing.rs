//! Requests signed by the core and by AWS's own crate: the same `authorization`, to the letter.

#![no_main]

use std::time::{Duration, SystemTime};

use arbitrary::Arbitrary;
use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use libfuzzer_sys::fuzz_target;
use spillway_core::http::{Body, Method, Request, Scheme};
use spillway_core::s3::{Address, AddressStyle, Header};
use spillway_core::sigv4::{PayloadHash, Signer};
use spillway_core::{Credentials, Secret, Timestamp};

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    method: u8,
    https: bool,
    path_style: bool,
    base_path: bool,
    signed: bool,
    port: Option<u16>,
    at: u64,
    bucket: &'a str,
    region: &'a [u8],
    access_key_id: &'a [u8],
    secret_access_key: &'a str,
    session_token: Option<&'a [u8]>,
    headers: Vec<(&'a [u8], &'a [u8])>,
    query: Vec<(&'a str, &'a str)>,
    key: &'a str,
    payload: &'a [u8],
}

fuzz_target!(|case: Case| {
    let mut request = request(&case);
    let credentials = Credentials {
        access_key_id: visible(case.access_key_id),
        secret_access_key: Secret::new(case.secret_access_key),
        session_token: case.session_token.map(|token| Secret::new(visible(token))),
        expires_at: None,
    };
    let payload = match case.signed {
        true => PayloadHash::of(&request.body),
        false => PayloadHash::Unsigned,
    };
    let region = visible(case.region);
    // What was signed before, for another moment, leaves no trace.
    let expected = theirs(&case, &request, &region, &credentials);
    let mut signer = Signer::new(region.as_str(), "s3");
    for at in [case.at / 2, case.at] {
        signer.sign(&mut request, &credentials, payload, Timestamp(at));
    }
    for (name, value) in expected {
        let found: Vec<_> = request.headers.iter().filter(|(n, _)| *n == name).collect();
        assert_eq!(found, [&(name.into(), value)]);
    }
});

fn request(case: &Case) -> Request {
    let address = Address {
        scheme: if case.https { Scheme::Https } else { Scheme::Http },
        authority: match case.port.filter(|port| ![0, 80, 443].contains(port)) {
            Some(port) => format!("localhost:{port}"),
            None => "localhost".to_owned(),
        },
        base_path: if case.base_path { "/storage/v1/s3".to_owned() } else { String::new() },
        bucket: match case.path_style {
            true => case.bucket.to_owned(),
            false => format!("b{}", name(case.bucket.as_bytes())),
        },
        style: if case.path_style { AddressStyle::Path } else { AddressStyle::VirtualHost },
    };
    let named = |(name, _): &(&str, &str)| !name.is_empty();
    let query: Vec<_> = case.query.iter().copied().filter(named).collect();
    let target = match case.key {
        "" => address.bucket(&query),
        key => {
            let target = address.object(key, &query);
            let path = target.path_and_query.split('?').next().unwrap_or_default();
            let plain = address.object("k", &[]).path_and_query;
            let encoded = path.strip_prefix(plain.trim_end_matches('k')).expect("a key's path");
            assert_eq!(decoded(encoded), key.as_bytes(), "the key can be read from {path}");
            target
        }
    };
    let headers = case.headers.iter().map(|(name_bytes, value)| -> Header {
        (format!("x-{}", name(name_bytes)).into(), printable(value, b' '))
    });
    let headers: Vec<_> = headers.filter(|(name, _)| !SET_BY_SIGNING.contains(&&**name)).collect();
    let body = Body::from(case.payload.to_vec());
    let methods = [Method::Put, Method::Post, Method::Get, Method::Head, Method::Delete];
    target.request(methods[usize::from(case.method) % methods.len()], &headers, body)
}

/// The headers that AWS's crate would set.
fn theirs(
    case: &Case,
    request: &Request,
    region: &str,
    credentials: &Credentials,
) -> Vec<(String, String)> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = AwsCredentials::new(
        &credentials.access_key_id,
        credentials.secret_access_key.expose(),
        credentials.session_token.as_ref().map(|token| token.expose().to_owned()),
        None,
        "fuzz",
    );
    let identity = identity.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("s3")
        .time(SystemTime::UNIX_EPOCH + Duration::from_nanos(case.at))
        .settings(settings)
        .build()
        .expect("all that is needed");
    let Request { method, scheme, authority, path_and_query, headers, .. } = request;
    let body = match case.signed {
        true => SignableBody::Bytes(case.payload),
        false => SignableBody::UnsignedPayload,
    };
    let uri = format!("{}://{authority}{path_and_query}", scheme.as_str());
    let headers = headers.iter().map(|(name, value)| (name.as_ref(), value.as_str()));
    let signable = SignableRequest::new(method.as_str(), uri, headers, body);
    let signable = signable.expect("the core makes good URLs and headers");
    let signed = aws_sigv4::http_request::sign(signable, &params.into()).expect("signed");
    let set = signed.output().headers();
    set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn decoded(path: &str) -> Vec<u8> {
    let mut pieces = path.split('%');
    let mut decoded = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        decoded.push(u8::from_str_radix(digits, 16).expect("two digits"));
        decoded.extend_from_slice(rest.as_bytes());
    }
    decoded
}

/// Letters, digits and hyphens: a name of a header, or of a host.
fn name(bytes: &[u8]) -> String {
    let letters = b"abcdefghijklmnopqrstuvwxyz0123456789-ABCDEFG";
    let letter = |byte: &u8| char::from(letters[usize::from(*byte) % letters.len()]);
    bytes.iter().take(64).map(letter).chain(['0']).collect()
}

fn visible(bytes: &[u8]) -> String {
    printable(bytes, b'!')
}

/// Characters from `least` to the last visible one.
fn printable(bytes: &[u8], least: u8) -> String {
    bytes.iter().map(|byte| char::from(least + byte % (b'~' - least + 1))).collect()
}

const SET_BY_SIGNING: [&str; 3] = ["x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];
