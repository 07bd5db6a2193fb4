//! The engine that runs components, and the limits it sets them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use wasmtime::Config;

use crate::ticker::Ticker;

/// What a component may use up. A message about one of these names it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The linear memories of one sink, all in all, in bytes.
    pub memory_bytes_max: usize,
    /// The bytes of the state of a checkpoint, and of a state that is loaded.
    pub state_bytes_max: usize,
    /// How long one call may compute: CPU time, waiting not counted.
    pub compute_max: Duration,
    /// How long a call may take that does not wait for the store, waiting counted: `describe`,
    /// `egress`, `inspect-state`, `open` without state, `skip`, `poll`, `commit` and `metrics`.
    pub prompt_call_max: Duration,
    /// How many requests may be in flight: sent, and their answers not read to the end.
    pub requests_in_flight_max: usize,
    /// How many handles to resources one sink may hold.
    pub resources_max: usize,
    /// What stands before these names in messages: the section of the host's configuration that
    /// they are set in, such as `[sink]`. Empty where a user does not set them.
    pub section: &'static str,
}

impl Limits {
    /// What a message says of the limit with this name.
    pub fn raised_by(&self, name: &str) -> String {
        match self.section {
            "" => format!("`{name}` raises that"),
            section => format!("`{section} {name}` raises that"),
        }
    }
}

impl Default for Limits {
    /// Memory and state of 1 GiB, a minute, half a minute, 1,000 requests, 10,000 handles.
    fn default() -> Limits {
        Limits {
            memory_bytes_max: 1 << 30,
            state_bytes_max: 1 << 30,
            compute_max: Duration::from_secs(60),
            prompt_call_max: Duration::from_secs(30),
            requests_in_flight_max: 1_000,
            resources_max: 10_000,
            section: "",
        }
    }
}

/// Compiles and runs components. Cheap to share: clone it.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
    ticker: Arc<Ticker>,
}

impl Engine {
    /// An engine. With `cache`, what was compiled is kept in that folder, so that a second start is
    /// fast.
    ///
    /// # Errors
    ///
    /// Where the machine is none that wasmtime runs on, the folder cannot be made, or there is one
    /// and the cargo feature `cache` is off.
    pub fn new(cache: Option<PathBuf>) -> anyhow::Result<Engine> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        config.max_wasm_stack(STACK_BYTES_MAX);
        // One call at a time, made and answered on one stack: what WASI 0.2 is, and the cheapest.
        config.concurrency_support(false);
        if let Some(folder) = cache {
            keep_compiled(&mut config, &folder)
                .with_context(|| format!("the cache folder {} cannot be used", folder.display()))?;
        }
        let inner = wasmtime::Engine::new(&config).map_err(anyhow::Error::from)?;
        let engine = inner.weak();
        let tick = move || engine.upgrade().iter().for_each(wasmtime::Engine::increment_epoch);
        let ticker = Ticker::start(tick).context("the thread for time limits cannot be started")?;
        Ok(Engine { inner, ticker: Arc::new(ticker) })
    }

    /// The folder that a command keeps compiled components in: `spillway` under the user's cache
    /// folder (`XDG_CACHE_HOME`, or `.cache` in `HOME`), if there is one. `None` if the cargo
    /// feature `cache` is off.
    pub fn default_cache() -> Option<PathBuf> {
        if !cfg!(feature = "cache") {
            return None;
        }
        let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home = || variable("HOME").map(|home| home.join(".cache"));
        variable("XDG_CACHE_HOME")
            .filter(|p| p.is_absolute())
            .or_else(home)
            .map(|p| p.join("spillway"))
    }

    /// What interrupts the guests.
    pub(crate) fn ticker(&self) -> Arc<Ticker> {
        Arc::clone(&self.ticker)
    }

    /// The wasmtime engine, for what this crate does not do. Its epoch moves on only while a sink
    /// or a transform of this crate computes.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }
}

#[cfg(feature = "cache")]
fn keep_compiled(config: &mut Config, folder: &Path) -> anyhow::Result<()> {
    let mut cache = wasmtime::CacheConfig::new();
    cache.with_directory(folder);
    config.cache(Some(wasmtime::Cache::new(cache).map_err(anyhow::Error::from)?));
    Ok(())
}

#[cfg(not(feature = "cache"))]
fn keep_compiled(_: &mut Config, _: &Path) -> anyhow::Result<()> {
    anyhow::bail!("this build keeps none; build it with the cargo feature `cache`")
}

/// The instances of modules in one component, which may be composed of several; the memories of all
/// of them; and their tables.
pub(crate) const INSTANCES_MAX: usize = 100;
/// The elements of all tables of one component.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 100_000;
/// The stack of one component.
pub(crate) const STACK_BYTES_MAX: usize = 512 << 10;
/// What a message says of a limit that is none of [`Limits`].
pub(crate) const NOTHING_RAISES: &str = "no setting raises that";
