//! Signs requests.

use std::borrow::Cow;

use super::{ALGORITHM, CanonicalRequest, PayloadHash, Scope, SigningKey, string_to_sign};
use crate::credentials::Credentials;
use crate::http::Request;
use crate::time::Timestamp;

/// Signs requests to one service in one region. The signing key is cached until the day or the
/// credentials change.
#[derive(Clone)]
pub struct Signer {
    region: String,
    service: String,
    key: Option<SigningKey>,
}

impl Signer {
    /// A signer for `service` in `region`, such as `s3` in `eu-central-1`.
    pub fn new(region: impl Into<String>, service: impl Into<String>) -> Signer {
        Signer { region: region.into(), service: service.into(), key: None }
    }

    /// The region of the signatures.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Signs `request` at the time `at`. This sets `x-amz-date`, `x-amz-content-sha256`,
    /// `authorization` and, if the credentials have a session token, `x-amz-security-token`. All
    /// other headers are signed too, and so is the authority, as `host`. The request must not be
    /// changed afterwards.
    ///
    /// Signing again replaces what the previous signing set. S3 refuses a signature that is more
    /// than 15 minutes off its own time (`RequestTimeTooSkewed`), so each attempt is signed just
    /// before it is sent.
    pub fn sign(
        &mut self,
        request: &mut Request,
        credentials: &Credentials,
        payload: PayloadHash,
        at: Timestamp,
    ) {
        let Signer { region, service, key } = self;
        let scope = Scope::new(region, service, at);
        let secret = &credentials.secret_access_key;
        let key = match key.take().filter(|kept| kept.is_for(secret, &scope)) {
            Some(kept) => key.insert(kept),
            None => key.insert(SigningKey::derive(secret, &scope)),
        };

        let payload = payload.header_value();
        set_headers(request, credentials, &payload, &scope);
        let canonical = CanonicalRequest::new(request, &payload);
        let signature = key.sign(&string_to_sign(&scope, &canonical.text));
        let id = &credentials.access_key_id;
        let authorization = authorization(id, &scope, &canonical.signed_headers, &signature);
        request.headers.push((Cow::Borrowed(AUTHORIZATION), authorization));
    }
}

/// The value of the `authorization` header.
pub fn authorization(
    access_key_id: &str,
    scope: &Scope<'_>,
    signed_headers: &str,
    signature: &str,
) -> String {
    let scope = scope.credential_scope();
    format!(
        "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={signed_headers}, \
         Signature={signature}"
    )
}

fn set_headers(request: &mut Request, credentials: &Credentials, payload: &str, scope: &Scope<'_>) {
    // Without this, headers of the previous attempt would be signed too.
    request.headers.retain(|(name, _)| !SET_BY_SIGNING.contains(&name.as_ref()));
    let mut set = |name: &'static str, value: &str| {
        request.headers.push((Cow::Borrowed(name), value.to_owned()));
    };
    set(CONTENT_SHA256, payload);
    set(DATE, scope.amz_date());
    if let Some(token) = &credentials.session_token {
        set(SECURITY_TOKEN, token.expose());
    }
}

const AUTHORIZATION: &str = "authorization";
const CONTENT_SHA256: &str = "x-amz-content-sha256";
const DATE: &str = "x-amz-date";
const SECURITY_TOKEN: &str = "x-amz-security-token";
const SET_BY_SIGNING: [&str; 4] = [AUTHORIZATION, CONTENT_SHA256, DATE, SECURITY_TOKEN];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Secret;
    use crate::http::{Body, Method, Scheme};

    #[test]
    fn signs_the_get_of_the_aws_page() {
        let mut request = get("/test.txt");
        request.headers.push((Cow::Borrowed("range"), "bytes=0-9".to_owned()));
        signer().sign(&mut request, &credentials(None), PayloadHash::EMPTY, MAY_24);
        assert_eq!(
            header(&request, AUTHORIZATION),
            Some(
                "AWS4-HMAC-SHA256 \
                 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                 SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
                 Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
            )
        );
        assert_eq!(header(&request, DATE), Some("20130524T000000Z"));
        assert_eq!(header(&request, "host"), None);
    }

    #[test]
    fn signing_again_is_as_signing_afresh() {
        let (first, second) = (credentials(Some("first")), credentials(None));
        let later = Timestamp(MAY_24.0 + 86_400_000_000_000);

        let mut signer = signer();
        let mut again = get("/test.txt");
        signer.sign(&mut again, &first, PayloadHash::EMPTY, MAY_24);
        assert_eq!(header(&again, SECURITY_TOKEN), Some("first"));
        signer.sign(&mut again, &second, PayloadHash::Unsigned, later);

        let mut fresh = get("/test.txt");
        Signer::new("us-east-1", "s3").sign(&mut fresh, &second, PayloadHash::Unsigned, later);
        assert!(again == fresh);
        assert_eq!(header(&fresh, CONTENT_SHA256), Some("UNSIGNED-PAYLOAD"));
    }

    #[test]
    fn a_kept_key_signs_as_a_new_one_until_the_secret_changes() {
        let mut kept = signer();
        let other = Credentials { secret_access_key: Secret::new("other"), ..credentials(None) };
        let mut signatures = Vec::new();
        for credentials in [credentials(None), credentials(None), other] {
            let (mut by_kept, mut by_new) = (get("/a"), get("/a"));
            kept.sign(&mut by_kept, &credentials, PayloadHash::EMPTY, MAY_24);
            signer().sign(&mut by_new, &credentials, PayloadHash::EMPTY, MAY_24);
            assert!(by_kept == by_new);
            signatures.push(header(&by_kept, AUTHORIZATION).map(str::to_owned));
        }
        assert_eq!(signatures[0], signatures[1]);
        assert_ne!(signatures[1], signatures[2]);
    }

    const MAY_24: Timestamp = Timestamp(1_369_353_600_000_000_000);

    fn signer() -> Signer {
        Signer::new("us-east-1", "s3")
    }

    fn credentials(token: Option<&str>) -> Credentials {
        Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: token.map(Secret::new),
            expires_at: None,
        }
    }

    fn get(path: &str) -> Request {
        Request {
            method: Method::Get,
            scheme: Scheme::Https,
            authority: "examplebucket.s3.amazonaws.com".to_owned(),
            path_and_query: path.to_owned(),
            headers: Vec::new(),
            body: Body::empty(),
        }
    }

    fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        let mut found = request.headers.iter().filter(|(n, _)| n == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is there twice");
        value
    }
}
