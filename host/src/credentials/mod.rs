//! Where credentials come from.

mod cached;
#[cfg(feature = "aws-chain")]
mod chain;
mod environment;
#[cfg(feature = "aws-chain")]
mod profiles;
mod role;
mod settings;

use std::future::Future;
use std::pin::Pin;

use crate::contract::credentials::Failure;

pub use cached::Cached;
#[cfg(feature = "aws-chain")]
pub use chain::AwsChain;
pub use environment::Environment;
#[cfg(feature = "aws-chain")]
pub use profiles::{Broken, Properties};
pub use role::Role;
pub use settings::{Base, Settings};

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
    /// Gets the credentials for `identity`; with `fresh`, not the ones that were handed out before.
    ///
    /// `identity` is what the component says: of `spillway-s3`, the bucket of its configuration. It
    /// tells apart the sinks of a composed component. Where there is one sink, ignore it.
    ///
    /// # Errors
    ///
    /// [`Failure::NotConfigured`] where there is nowhere to get them from, [`Failure::Failed`]
    /// where there is and it did not work out.
    fn get<'a>(&'a self, identity: &'a str, fresh: bool) -> Provided<'a>;
}

/// The same credentials, always.
impl Provider for Credentials {
    fn get<'a>(&'a self, _identity: &'a str, _fresh: bool) -> Provided<'a> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

/// Whether a text can stand in a header: a line end that came along from a file cannot.
fn is_sound(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_graphic())
}
