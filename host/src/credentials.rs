//! Where credentials come from.

use std::future::Future;
use std::pin::Pin;

use crate::contract::credentials::Failure;

/// A set of credentials, as AWS hands them out.
#[derive(Clone)]
pub struct Credentials {
    /// The id of the access key; no secret.
    pub access_key_id: String,
    /// The secret of the access key.
    pub secret_access_key: Secret,
    /// The token that comes with temporary credentials.
    pub session_token: Option<Secret>,
    /// When they end, in nanoseconds since 1970-01-01T00:00:00Z.
    pub expires_at: Option<u64>,
}

/// A text that is shown nowhere: it has no `Display`, and its `Debug` holds nothing of it.
#[derive(Clone)]
pub struct Secret(pub(crate) String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Secret {
        Secret(secret.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What a [`Provider`] promises.
pub type Provided<'a> = Pin<Box<dyn Future<Output = Result<Credentials, Failure>> + Send + 'a>>;

/// A source of credentials, asked each time that a sink needs some.
pub trait Provider: Send + Sync {
    /// Gets credentials; with `fresh`, not the ones that were handed out before.
    ///
    /// # Errors
    ///
    /// [`Failure::NotConfigured`] where there is nowhere to get them from, [`Failure::Failed`]
    /// where there is and it did not work out.
    fn get(&self, fresh: bool) -> Provided<'_>;
}

/// The same credentials, always.
impl Provider for Credentials {
    fn get(&self, _fresh: bool) -> Provided<'_> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

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
    /// Reads the variables.
    ///
    /// # Errors
    ///
    /// [`Failure::NotConfigured`] with the names of those that are not set, or of one whose value
    /// is none: a line end that came along from a file.
    pub fn read(&self) -> Result<Credentials, Failure> {
        let variable = |name: &String| std::env::var(name).ok().filter(|value| !value.is_empty());
        for name in [&self.access_key_id, &self.secret_access_key, &self.session_token] {
            if variable(name).is_some_and(|value| !value.chars().all(|c| c.is_ascii_graphic())) {
                let name = shown(name, "credentials");
                let text = format!("{name} has a blank, a line end or the like in its value");
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
    fn get(&self, _fresh: bool) -> Provided<'_> {
        Box::pin(std::future::ready(self.read()))
    }
}
