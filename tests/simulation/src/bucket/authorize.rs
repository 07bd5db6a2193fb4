//! Signatures, from a server's side. Nothing of the core's signing is used: this is what checks it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use spillway_core::http::Request;
use spillway_core::{Civil, Timestamp};

use super::answer::S3Error;
use super::asked::{Asked, header};
use super::options::{BucketOptions, KeyPair, WrongRegion};

/// Finds whether the request is signed by a key that is good now, and whether its body is the one
/// that was signed.
pub(super) fn authorize(
    options: &BucketOptions,
    at: Timestamp,
    asked: &Asked<'_>,
    body: &[u8],
) -> Result<(), S3Error> {
    let Some(header) = asked.header("authorization") else { return Err(S3Error::access_denied()) };
    let claim = Claim::parse(header)?;
    check_region(options, &claim)?;
    let signed_at = check_date(options, at, asked, &claim)?;
    let key = options.keys.iter().find(|key| key.access_key_id == claim.access_key_id);
    let Some(key) = key else {
        let text = "The AWS Access Key Id you provided does not exist in our records.";
        let error = S3Error::new(403, "InvalidAccessKeyId", text);
        return Err(error.detail("AWSAccessKeyId", claim.access_key_id));
    };
    check_token(at, asked, key)?;
    check_signature(asked, &claim, key, signed_at)?;
    check_payload(asked, body)
}

/// Whose signature a request says that it has.
pub(super) fn access_key_id(request: &Request) -> Option<String> {
    Some(Claim::parse(header(request, "authorization")?).ok()?.access_key_id.to_owned())
}

/// What the `authorization` header says.
struct Claim<'a> {
    access_key_id: &'a str,
    /// Day, region, service and the constant at the end.
    scope: [&'a str; 4],
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn parse(header: &'a str) -> Result<Claim<'a>, S3Error> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256 ");
        let fields = fields.ok_or_else(|| malformed("it has another algorithm"))?;
        let field = |name: &str| {
            let mut fields = fields.split(',').map(str::trim);
            let found = fields.find_map(|f| f.strip_prefix(name)?.strip_prefix('='));
            found.ok_or_else(|| malformed(&format!("it has no {name}")))
        };
        let mut credential = field("Credential")?.rsplitn(5, '/').collect::<Vec<_>>();
        credential.reverse();
        let [access_key_id, day, region, service, end] = credential[..] else {
            return Err(malformed("its Credential has not five fields"));
        };
        if service != "s3" || end != "aws4_request" {
            return Err(malformed("its scope is not one of S3"));
        }
        Ok(Claim {
            access_key_id,
            scope: [day, region, service, end],
            signed_headers: field("SignedHeaders")?.split(';').collect(),
            signature: field("Signature")?,
        })
    }
}

fn malformed(why: &str) -> S3Error {
    let text = format!("The authorization header is malformed; {why}.");
    S3Error::new(400, "AuthorizationHeaderMalformed", text)
}

fn check_region(options: &BucketOptions, claim: &Claim<'_>) -> Result<(), S3Error> {
    let (region, given) = (&options.region, claim.scope[1]);
    if region.is_empty() || region == given {
        return Ok(());
    }
    let error = match options.wrong_region {
        WrongRegion::AuthorizationHeaderMalformed => {
            malformed(&format!("the region '{given}' is wrong; expecting '{region}'"))
                .detail("Region", region)
        }
        WrongRegion::PermanentRedirect => {
            let text = "The bucket you are attempting to access must be addressed using the \
                        specified endpoint.";
            let endpoint = format!("{}.s3.{region}.amazonaws.com", options.name);
            S3Error::new(301, "PermanentRedirect", text)
                .detail("Endpoint", endpoint)
                .detail("Bucket", &options.name)
        }
    };
    Err(error.header("x-amz-bucket-region", region))
}

fn check_date(
    options: &BucketOptions,
    at: Timestamp,
    asked: &Asked<'_>,
    claim: &Claim<'_>,
) -> Result<Timestamp, S3Error> {
    let text = asked.header("x-amz-date").unwrap_or_default();
    let Some(signed_at) = amz_date(text) else {
        let text = "AWS authentication requires a valid Date or x-amz-date header";
        return Err(S3Error::new(403, "AccessDenied", text));
    };
    if text.get(..8) != Some(claim.scope[0]) {
        return Err(malformed("its date is not that of x-amz-date"));
    }
    let skew = at.0.abs_diff(signed_at.0);
    let allowed = options.skew_max;
    if u128::from(skew) > allowed.as_nanos() {
        let message = "The difference between the request time and the current time is too large.";
        let error = S3Error::new(403, "RequestTimeTooSkewed", message);
        let error = error.detail("RequestTime", text).detail("ServerTime", at.iso8601());
        return Err(error.detail("MaxAllowedSkewMilliseconds", allowed.as_millis()));
    }
    Ok(signed_at)
}

fn check_token(at: Timestamp, asked: &Asked<'_>, key: &KeyPair) -> Result<(), S3Error> {
    if asked.header("x-amz-security-token") != key.session_token.as_deref() {
        let text = "The provided token is malformed or otherwise invalid.";
        return Err(S3Error::new(400, "InvalidToken", text));
    }
    if key.expires_at.is_some_and(|expires_at| expires_at <= at) {
        return Err(S3Error::new(400, "ExpiredToken", "The provided token has expired."));
    }
    Ok(())
}

fn check_signature(
    asked: &Asked<'_>,
    claim: &Claim<'_>,
    key: &KeyPair,
    signed_at: Timestamp,
) -> Result<(), S3Error> {
    let is_signed = |name: &str| claim.signed_headers.contains(&name);
    let names = asked.request.headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    let mut unsigned = names.filter(|name| name.starts_with("x-amz-") && !is_signed(name));
    if let Some(name) = unsigned.next() {
        let text = "There were headers present in the request which were not signed";
        return Err(S3Error::new(403, "AccessDenied", text).detail("HeadersNotSigned", name));
    }
    if !is_signed("host") {
        return Err(malformed("it does not sign the host"));
    }
    let canonical = canonical(asked, claim)?;
    let scope = claim.scope.join("/");
    let hash = hex(&Sha256::digest(canonical.as_bytes()));
    let string = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", signed_at.amz_date());
    let secret = format!("AWS4{}", key.secret_access_key).into_bytes();
    let signing_key = claim.scope.iter().fold(secret, |key, text| hmac(&key, text));
    if hex(&hmac(&signing_key, &string)) == claim.signature {
        return Ok(());
    }
    let text = "The request signature we calculated does not match the signature you provided. \
                Check your key and signing method.";
    let error = S3Error::new(403, "SignatureDoesNotMatch", text);
    Err(error.detail("StringToSign", string).detail("CanonicalRequest", canonical))
}

/// The request as it should have been signed: decoded, and encoded once.
fn canonical(asked: &Asked<'_>, claim: &Claim<'_>) -> Result<String, S3Error> {
    let path = encode(&asked.path, true);
    let query = asked
        .query
        .iter()
        .map(|(name, value)| (encode(name.as_bytes(), false), encode(value.as_bytes(), false)));
    let mut query: Vec<_> = query.collect();
    query.sort();
    let query: Vec<_> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();

    let mut headers = String::new();
    for name in &claim.signed_headers {
        let given = asked.request.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut values: Vec<_> = given.map(|(_, value)| value.as_str()).collect();
        if *name == "host" {
            values = vec![&asked.request.authority];
        }
        if values.is_empty() {
            return Err(malformed(&format!("it signs the header {name}, which is not there")));
        }
        let folded = |value: &&str| value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let values: Vec<_> = values.iter().map(folded).collect();
        headers += &format!("{name}:{}\n", values.join(","));
    }
    let (method, names) = (asked.request.method.as_str(), claim.signed_headers.join(";"));
    let payload = asked.header("x-amz-content-sha256").unwrap_or_default();
    Ok(format!("{method}\n{path}\n{}\n{headers}\n{names}\n{payload}", query.join("&")))
}

fn check_payload(asked: &Asked<'_>, body: &[u8]) -> Result<(), S3Error> {
    match asked.header("x-amz-content-sha256") {
        None => {
            let text = "Missing required header for this request: x-amz-content-sha256";
            Err(S3Error::invalid_request(text))
        }
        Some("UNSIGNED-PAYLOAD") => Ok(()),
        Some(streaming) if streaming.starts_with("STREAMING-") => {
            Err(S3Error::not_implemented("x-amz-content-sha256"))
        }
        Some(claimed) => {
            let computed = hex(&Sha256::digest(body));
            if claimed == computed {
                return Ok(());
            }
            let text = "The provided 'x-amz-content-sha256' header does not match what was \
                        computed.";
            let error = S3Error::new(400, "XAmzContentSHA256Mismatch", text);
            let error = error.detail("ClientComputedContentSHA256", claimed);
            Err(error.detail("S3ComputedContentSHA256", computed))
        }
    }
}

/// Reads `20130524T000000Z`.
fn amz_date(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    if date.len() != 8 || time.len() != 6 {
        return None;
    }
    let byte = |text: &str, from: usize| text.get(from..from + 2)?.parse::<u8>().ok();
    Civil {
        year: date.get(..4)?.parse().ok()?,
        month: byte(date, 4)?,
        day: byte(date, 6)?,
        hour: byte(time, 0)?,
        minute: byte(time, 2)?,
        second: byte(time, 4)?,
    }
    .timestamp()
}

fn encode(bytes: &[u8], keep_slash: bool) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(*byte));
            }
            b'/' if keep_slash => encoded.push('/'),
            byte => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key);
    let mut mac = mac.expect("RFC 2104, section 2: a key may have any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
