//! Tokens of OAUTHBEARER, read from a file that something else keeps fresh.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;
use serde::Deserialize;

/// What a JSON web token says of itself (RFC 7519, section 4.1).
#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<f64>,
}

/// The token in that file, as of now.
///
/// # Errors
///
/// It cannot be read, or there is none in it.
pub(super) fn read(path: &Path) -> Result<OAuthToken, String> {
    let name = path.display();
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("the token file {name} cannot be read: {error}"))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(format!("the token file {name} is empty"));
    }
    let claims = claims(token);
    let exp = claims.as_ref().and_then(|claims| claims.exp);
    let lifetime_ms = match exp {
        Some(seconds) => (seconds * 1_000.0) as i64,
        None => {
            let until = SystemTime::now() + LIFETIME_DEFAULT;
            let until = until.duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(until.as_millis()).unwrap_or(i64::MAX)
        }
    };
    let principal_name = claims.and_then(|claims| claims.sub).unwrap_or_default();
    Ok(OAuthToken { token: token.to_owned(), principal_name, lifetime_ms })
}

fn claims(token: &str) -> Option<Claims> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

/// After how long a token is read again that does not say when it expires.
const LIFETIME_DEFAULT: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_who_it_is_of_and_how_long_it_is_valid() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"me","exp":1777631400.5}"#);
        std::fs::write(&path, format!("e30.{claims}.c2ln\n")).unwrap();
        let token = read(&path).unwrap();
        assert_eq!((&*token.principal_name, token.lifetime_ms), ("me", 1_777_631_400_500));
        assert!(token.token.ends_with(".c2ln"));
        std::fs::write(&path, "opaque").unwrap();
        assert!(read(&path).unwrap().lifetime_ms > 1_777_631_400_500);
        std::fs::write(&path, " \n").unwrap();
        assert!(read(&path).err().unwrap().ends_with("is empty"));
    }
}
