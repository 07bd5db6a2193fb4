//! A sink that is open, at the end of a way out that leads to the reference bucket.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use spillway::component::{Component, ComponentSource};
use spillway::contract::{Boundaries, Framing, Payload, Run};
use spillway::credentials::{Credentials, Secret};
use spillway::egress::Transport;
use spillway::engine::{Engine, Limits};
use spillway::grants::Grants;
use spillway::sink::Sink;
use spillway_simulation::bucket::{BucketOptions, KeyPair};

/// The authority that [`config`] leads to.
pub const AUTHORITY: &str = "s3.test:9000";
/// The least part that S3 takes.
pub const PART_BYTES: usize = 5 << 20;

/// The component, compiled once for all tests, and kept for the next run.
pub fn sink() -> &'static Component {
    static SINK: OnceLock<Component> = OnceLock::new();
    SINK.get_or_init(|| {
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        Component::load(&Engine::new(Some(cache)).unwrap(), &ComponentSource::Embedded).unwrap()
    })
}

/// A configuration with `more` fields, each with a comma before it.
pub fn config(endpoint: &str, more: &str) -> String {
    format!(r#"{{"bucket": "bucket", "endpoint": "{endpoint}", "part_bytes": {PART_BYTES}{more}}}"#)
}

/// What a sink is given: this way out, and the key of the bucket.
pub fn grants(transport: impl Transport + 'static, egress: &str) -> Grants {
    Grants {
        egress: vec![egress.to_owned()],
        transport: Arc::new(transport),
        credentials: Arc::new(credentials()),
        limits: Limits::default(),
    }
}

/// A sink on a bucket in memory.
pub async fn open(transport: impl Transport + 'static) -> Sink {
    open_with(transport, "").await
}

/// The same with `more` fields, each with a comma before it.
pub async fn open_with(transport: impl Transport + 'static, more: &str) -> Sink {
    let config = config(&format!("http://{AUTHORITY}"), more);
    sink().open(&config, None, &grants(transport, AUTHORITY)).await.unwrap()
}

/// One event.
pub fn event(key: &str, first: u64, payload: Vec<u8>) -> Run {
    Run {
        key: key.to_owned(),
        first,
        at: None,
        boundaries: Boundaries::At(vec![payload.len().try_into().unwrap()]),
        payload: Payload::Bytes(payload),
        framing: Framing::Bare,
    }
}

/// The key of the bucket.
pub fn credentials() -> Credentials {
    let KeyPair { access_key_id, secret_access_key, .. } = BucketOptions::default().keys.remove(0);
    let secret_access_key = Secret::new(secret_access_key);
    Credentials { access_key_id, secret_access_key, session_token: None, expires_at: None }
}
