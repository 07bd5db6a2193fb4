//! Credentials in environment variables.

use crate::contract::credentials::Failure;

use super::{Credentials, Provided, Provider, Secret, is_sound};

/// Credentials from environment variables of these names, read at each request for them.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The variable that holds the id of the access key.
    pub access_key_id: String,
    /// The variable that holds its secret.
    pub secret_access_key: String,
    /// The variable that may hold a session token.
    pub session_token: String,
}

impl Default for Environment {
    /// The standard variables of the AWS tools.
    fn default() -> Environment {
        Environment {
            access_key_id: "AWS_ACCESS_KEY_ID".to_owned(),
            secret_access_key: "AWS_SECRET_ACCESS_KEY".to_owned(),
            session_token: "AWS_SESSION_TOKEN".to_owned(),
        }
    }
}

impl Environment {
    /// Whether any of an access key is there. Half a key is a mistake, and no reason to look
    /// elsewhere for another one.
    pub fn is_set(&self) -> bool {
        [&self.access_key_id, &self.secret_access_key].into_iter().any(|n| variable(n).is_some())
    }

    /// Reads the variables.
    ///
    /// # Errors
    ///
    /// [`Failure::NotConfigured`] with the names of those that are not set, or of one whose value
    /// is none: a line end that came along from a file.
    pub fn read(&self) -> Result<Credentials, Failure> {
        for name in [&self.access_key_id, &self.secret_access_key, &self.session_token] {
            if variable(name).is_some_and(|value| !is_sound(&value)) {
                let name = shown(name, "credentials");
                let text = format!(
                    "the value of {name} contains a blank, a line end or a control character"
                );
                return Err(Failure::NotConfigured(text));
            }
        }
        match (variable(&self.access_key_id), variable(&self.secret_access_key)) {
            (Some(access_key_id), Some(secret)) => Ok(Credentials {
                access_key_id,
                secret_access_key: Secret(secret),
                session_token: variable(&self.session_token).map(Secret),
                expires_at: None,
            }),
            (id, secret) => {
                let id = id.is_none().then(|| shown(&self.access_key_id, "access key id"));
                let secret = secret.is_none();
                let secret = secret.then(|| shown(&self.secret_access_key, "secret access key"));
                let missing: Vec<_> = id.into_iter().chain(secret).collect();
                let missing = missing.join(" and ");
                Err(Failure::NotConfigured(format!("the environment has no {missing}")))
            }
        }
    }
}

/// The value of a variable. An empty one counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The name of a variable that is not there. A secret that was written in its place may pass for a
/// name, but seldom for one in capitals.
fn shown(name: &str, what: &str) -> String {
    if name.chars().any(|c| c.is_ascii_lowercase()) {
        format!("variable of the name that is given for the {what}")
    } else {
        name.to_owned()
    }
}

impl Provider for Environment {
    fn get<'a>(&'a self, _identity: &'a str, _fresh: bool) -> Provided<'a> {
        Box::pin(std::future::ready(self.read()))
    }
}
