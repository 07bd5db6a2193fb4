//! What a request is signed with.

use std::fmt;

use crate::hiding::hide;
use crate::time::Timestamp;

/// The credentials of one AWS identity, for as long as they are good.
///
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html>
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Names the key; it is sent with every request, and is no secret.
    pub access_key_id: String,
    /// Signs; it is never sent.
    pub secret_access_key: Secret,
    /// Comes with temporary credentials, and is sent with every request that they sign.
    pub session_token: Option<Secret>,
    /// From then on S3 answers `ExpiredToken`; nothing where the credentials are long-lived.
    pub expires_at: Option<Timestamp>,
}

/// Shows whose credentials these are by the first characters of the key's name, and no more.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.access_key_id.chars().take(SHOWN_CHARACTERS).collect();
        write!(f, "Credentials({shown}…)")
    }
}

/// A text that must not be seen: it has neither `Debug` nor `Display`, so that a type which holds
/// one and is printed has to say how.
///
/// Equality is there to notice that credentials have changed. It takes longer the more is equal,
/// so it is not fit for checking what a stranger sends.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that signs or sends it. Whoever calls this answers for
    /// where the text goes: not into a log, an error, or anything that is kept.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Puts `…` in its place, wherever and however encoded it stands in a text from outside.
    pub(crate) fn hide_in(&self, text: &mut String) {
        hide(&self.0, text);
    }
}

/// AWS begins a long-lived key with `AKIA` and a temporary one with `ASIA`: that much helps.
const SHOWN_CHARACTERS: usize = 4;

/// Why the host has no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialsError {
    /// There is no source of them.
    NotConfigured(String),
    /// There is a source, and it did not deliver.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let credentials = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Secret::new("the-key-itself"),
            session_token: Some(Secret::new("the-token-itself")),
            expires_at: None,
        };
        assert_eq!(format!("{credentials:?}"), "Credentials(AKIA…)");
        assert_eq!(format!("{credentials:#?}"), "Credentials(AKIA…)");
    }

    #[test]
    fn debug_of_a_short_or_foreign_name_does_not_panic() {
        let credentials = |access_key_id: &str| Credentials {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: Secret::new(""),
            session_token: None,
            expires_at: None,
        };
        assert_eq!(format!("{:?}", credentials("")), "Credentials(…)");
        assert_eq!(format!("{:?}", credentials("ключи")), "Credentials(ключ…)");
    }

    #[test]
    fn exposes_what_it_took_in() {
        assert_eq!(Secret::new("x/y+z").expose(), "x/y+z");
    }
}
