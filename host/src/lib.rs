//! Loads any component that exports the sink contract of `wit/`, and gives it nothing beyond what
//! the contract imports.
//!
//! A [`component::Component`] is loaded and proven to be a sink, a [`sink::Sink`] takes events. It
//! gets what [`grants::Grants`] says: authorities to talk to, credentials, limits. It has no file
//! system, no environment, no sockets and no standard streams. A [`transform::Transform`] changes
//! events before a sink takes them, and gets nothing.
//!
//! ```
//! use std::sync::Arc;
//!
//! use spillway::component::{Component, ComponentSource};
//! use spillway::contract::{Boundaries, Ending, Framing, Payload, Run};
//! use spillway::credentials::{Credentials, Secret};
//! use spillway::egress::{Client, ClientOptions};
//! use spillway::engine::{Engine, Limits};
//! use spillway::grants::Grants;
//! use spillway_local_s3::{LocalCredentials, LocalOptions, LocalS3};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A bucket to write to. With one of your own, leave this out.
//! let folder = tempfile::tempdir()?;
//! let server = LocalS3::start(LocalOptions {
//!     root: folder.path().to_owned(),
//!     buckets: vec!["events".to_owned()],
//!     credentials: LocalCredentials {
//!         access_key_id: "id".to_owned(),
//!         secret_access_key: "secret".to_owned(),
//!     },
//!     address: LocalOptions::LOOPBACK,
//! })
//! .await?;
//!
//! let engine = Engine::new(Engine::default_cache())?;
//! let component = Component::load(&engine, &ComponentSource::Embedded)?;
//! let endpoint = server.endpoint();
//! let config = format!(r#"{{"bucket": "events", "endpoint": "{endpoint}"}}"#);
//! let limits = Limits::default();
//! let grants = Grants {
//!     // What the component asks for. Of one that you do not trust, read it before you grant it.
//!     egress: component.egress(&config, &limits).await?,
//!     transport: Arc::new(Client::new(&ClientOptions::default())?),
//!     credentials: Arc::new(Credentials {
//!         access_key_id: "id".to_owned(),
//!         secret_access_key: Secret::new("secret"),
//!         session_token: None,
//!         expires_at: None,
//!     }),
//!     limits,
//! };
//!
//! let mut sink = component.open(&config, None, &grants).await?;
//! let run = Run {
//!     key: "greetings".to_owned(),
//!     first: 0,
//!     at: None,
//!     payload: Payload::Text("hello\nworld\n".to_owned()),
//!     boundaries: Boundaries::Lines(2),
//!     framing: Framing::Newline,
//! };
//! let rejected = sink.write(&[run]).await?;
//! assert!(rejected.is_empty());
//!
//! let progress = sink.close(Ending::Complete).await?;
//! assert!(progress.failed.is_empty());
//! assert_eq!(progress.durable, 2);
//! assert_eq!(server.objects("events")?[0].size, 12);
//! # Ok(())
//! # }
//! ```

mod bounds;
pub mod component;
pub mod contract;
pub mod credentials;
pub mod egress;
pub mod engine;
pub mod grants;
mod load;
pub mod metadata;
mod meter;
#[cfg(feature = "parts")]
pub mod parts;
pub mod problem;
mod scan;
pub mod sink;
mod state;
mod ticker;
pub mod transform;
mod trap;

pub use bounds::Breach;
pub use trap::Trap;
