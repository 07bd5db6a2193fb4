//! The credentials that requests are signed with.

use std::fmt;

use crate::hiding::hide;
use crate::time::Timestamp;

/// The credentials of one AWS identity, and when they expire.
///
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html>
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name of the key. It is sent with every request, and is not secret.
    pub access_key_id: String,
    /// The key that signs. It is never sent.
    pub secret_access_key: Secret,
    /// Present in temporary credentials. It is sent with every request that they sign.
    pub session_token: Option<Secret>,
    /// When S3 begins to answer `ExpiredToken`. `None` for long-lived credentials.
    pub expires_at: Option<Timestamp>,
}

/// Shows the first characters of the access key id, and nothing else.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.access_key_id.chars().take(SHOWN_CHARACTERS).collect();
        write!(f, "Credentials({shown}…)")
    }
}

/// A secret text. It has neither `Debug` nor `Display`, so a type that holds one has to write its
/// own.
///
/// Equality serves to detect changed credentials. It does not take constant time, so it must not be
/// used to check what a client sends.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The secret text, for the code that signs or sends it. It must not get into a log, an error
    /// or a stored state.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Replaces the secret with `…` in a text from outside, in whatever encoding it appears.
    pub(crate) fn hide_in(&self, text: &mut String) {
        hide(&self.0, text);
    }
}

/// AWS begins a long-lived access key id with `AKIA` and a temporary one with `ASIA`.
const SHOWN_CHARACTERS: usize = 4;

/// Why the host has no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialsError {
    /// No source of credentials is configured.
    NotConfigured(String),
    /// A source is configured, and it failed.
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
