//! Components that mean harm: one that lies, one that takes what it can get. Each is ended, its
//! host is told why in one line, and goes on.

mod bounds;
mod compiling;
mod leaks;
mod limits;
mod reach;
mod standard;
mod traps;

use std::path::PathBuf;
use std::sync::OnceLock;

use spillway::Breach;
use spillway::component::{Component, ComponentSource};
use spillway::contract::{Ending, Progress};
use spillway::engine::{Engine, Limits};
use spillway::grants::Grants;
use spillway::sink::{Sink, SinkError};

use crate::component::setup::event;

/// The sink that breaks the bound of the contract that its configuration names.
fn breaker() -> &'static Component {
    static BREAKER: OnceLock<Component> = OnceLock::new();
    BREAKER.get_or_init(|| load("examples/breaker.wasm"))
}

/// The sink that takes what it can get, as its configuration says.
fn hostile() -> &'static Component {
    static HOSTILE: OnceLock<Component> = OnceLock::new();
    HOSTILE.get_or_init(|| load("examples/hostile.wasm"))
}

fn load(file: &str) -> Component {
    let file = spillway_tests::components::built(env!("CARGO_TARGET_TMPDIR"), file);
    load_file(&engine(), file)
}

/// The sink `breaker` or `hostile`, which does so where it describes itself.
fn misdescribed(component: &str, how: &str) -> Component {
    let tmp = env!("CARGO_TARGET_TMPDIR");
    let bytes = spillway_tests::components::misdescribed(tmp, component, how);
    Component::load(&engine(), &ComponentSource::Bytes(bytes)).unwrap()
}

fn load_file(engine: &Engine, file: PathBuf) -> Component {
    Component::load(engine, &ComponentSource::File(file)).unwrap()
}

fn engine() -> Engine {
    Engine::new(Some(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled"))).unwrap()
}

async fn open(breaks: &str) -> Sink {
    breaker().open(breaks, None, &Grants::nothing()).await.unwrap()
}

fn within(limits: Limits) -> Grants {
    Grants { limits, ..Grants::nothing() }
}

/// The calls of a sink that is open.
const CALLS: [&str; 13] = [
    "write",
    "write-until-rejected",
    "skip",
    "poll",
    "flush",
    "check",
    "checkpoint",
    "commit",
    "store-state",
    "metrics",
    "incomplete-uploads",
    "abort-upload",
    "close",
];

/// The calls that are made of a component, without a sink.
const CALLS_BEFORE: [&str; 6] =
    ["describe", "egress", "open", "inspect-state", "load-state", "check-state"];

/// Makes each of [`CALLS`] once, in their order, until one fails.
async fn call_each(sink: &mut Sink) -> Result<Progress, SinkError> {
    sink.write(&[event("k", 0, vec![1])]).await?;
    sink.write_until_rejected(&[event("k", 1, vec![1])]).await?;
    sink.skip(5).await?;
    sink.poll().await?;
    sink.flush().await?;
    sink.check().await?;
    sink.checkpoint().await?;
    sink.commit().await?;
    sink.store_state("s", b"", None).await?;
    sink.metrics().await?;
    sink.incomplete_uploads().await?;
    sink.abort_upload("k", "1").await?;
    sink.close(Ending::Abort).await
}

#[track_caller]
fn breach<T>(answer: Result<T, SinkError>) -> Breach {
    match answer {
        Err(SinkError::Breach(breach)) => breach,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("no error"),
    }
}

/// What a component came to its end by.
#[track_caller]
fn trapped<T>(answer: Result<T, SinkError>) -> String {
    match answer {
        Err(SinkError::Trap(trap)) => trap.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("no error"),
    }
}
