//! Drives any component that exports the sink contract of `wit/`, and nothing it imports beyond
//! that.
//!
//! [`sink::Sink`] loads a component, [`sink::OpenSink`] takes events. The component gets what
//! [`sink::Grants`] says: authorities to talk to, credentials, limits. It has no file system, no
//! environment, no sockets and no standard streams. The `spillway` command is this library with
//! [`flow`] and [`run`] on top.
//!
//! ```
//! use std::sync::Arc;
//!
//! use spillway::contract::{Ending, Framing, Payload, Run};
//! use spillway::credentials::{Credentials, Secret};
//! use spillway::egress::{Client, ClientOptions};
//! use spillway::engine::{Engine, Limits};
//! use spillway::local::{LocalCredentials, LocalOptions, LocalS3};
//! use spillway::sink::{Grants, Sink, Source};
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
//! let sink = Sink::load(&engine, &Source::Embedded)?;
//! let endpoint = server.endpoint();
//! let config = format!(r#"{{"bucket": "events", "endpoint": "{endpoint}"}}"#);
//! let grants = Grants {
//!     // What the component asks for. Of one that you do not trust, read it before you grant it.
//!     egress: sink.egress(&config).await?,
//!     transport: Arc::new(Client::new(&ClientOptions::default())?),
//!     credentials: Arc::new(Credentials {
//!         access_key_id: "id".to_owned(),
//!         secret_access_key: Secret::new("secret"),
//!         session_token: None,
//!         expires_at: None,
//!     }),
//!     limits: Limits::default(),
//! };
//!
//! let mut sink = sink.open(&config, None, &grants).await?;
//! let run = Run {
//!     key: "greetings".to_owned(),
//!     first: 0,
//!     at: None,
//!     payload: Payload::Text("hello\nworld\n".to_owned()),
//!     ends: vec![6, 12],
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

pub mod age;
pub mod batch;
pub mod checkpoint;
pub mod contract;
pub mod credentials;
pub mod dead_letters;
pub mod egress;
pub mod engine;
pub mod events;
pub mod flow;
pub mod interrupts;
mod layout;
pub mod local;
pub mod map;
pub mod place;
pub mod problem;
pub mod run;
pub mod sink;
pub mod source;
mod state;
pub mod telemetry;
#[cfg(test)]
mod testing;
mod time;
