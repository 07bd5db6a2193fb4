//! A typed handle on any component that exports the sink contract.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;
use wasmtime::Store;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker, ResourceAny};
use wasmtime_wasi_http::{RequestOptions, WasiBody};

use crate::contract::{
    self, Description, Ending, Leftover, Metric, Progress, Rejection, Run, S3, S3Pre, SavedState,
};
use crate::credentials::Provider;
use crate::egress::{Answer, Egress, Gate, Traffic, Transport};
use crate::engine::{Engine, Limits, on_tick, ticks};
use crate::state::{GRANTED, State, link};

/// Where a component comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The one that this crate was built with: Spillway's own S3 sink.
    Embedded,
    /// A `.wasm` file.
    File(PathBuf),
    /// The bytes of one.
    Bytes(Vec<u8>),
}

/// Why a component is no sink, or one does not open.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("cannot read the component {path}", path = .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// It is no WebAssembly at all.
    #[error("not a WebAssembly component: the file has another format")]
    NotWebAssembly,
    /// It is a core module.
    #[error(
        "a WebAssembly module, not a component; `wasm-tools component new` converts a module that \
         was built for it"
    )]
    CoreModule,
    /// It is no component that the engine takes.
    #[error("not a usable WebAssembly component")]
    NotAComponent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It exports no sink.
    #[error("the component does not export {CONTRACT}; it exports {}", list(.0))]
    NotASink(Vec<String>),
    /// It exports a sink of another version of the contract.
    #[error("the component was built for {0}, but this host speaks {CONTRACT}")]
    OtherVersion(String),
    /// It wants more than a sink is given.
    #[error("the component imports {}, which a sink may not import", list(.0))]
    NotGranted(Vec<String>),
    /// It has the right names, and other types behind them.
    #[error("the component does not match {CONTRACT}")]
    Misfit(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a call on a sink failed.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The component answered with an error.
    #[error("{}", explain(.0))]
    Refused(contract::Error),
    /// It was still at work when it was [given up](Gate::shut_within). Its sink is gone.
    #[error("the component was stopped during a call")]
    GivenUp,
    /// The component trapped, or was ended. Its sink is gone: open another one.
    #[error("the component failed")]
    Trap(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a sink is given when it is opened.
#[derive(Clone)]
pub struct Grants {
    /// The authorities (`host:port`) that it may talk to.
    pub egress: Vec<String>,
    /// How its requests are sent. Sinks that share a client share its connections.
    pub transport: Arc<dyn Transport>,
    /// Where its credentials come from.
    pub credentials: Arc<dyn Provider>,
    /// What it may use up.
    pub limits: Limits,
}

/// A component that exports the contract, compiled and linked.
#[derive(Clone)]
pub struct Sink {
    engine: Engine,
    pre: S3Pre<State>,
    imports: Vec<String>,
    exports: Vec<String>,
    embedded: bool,
}

impl Sink {
    /// Loads a component, and proves that it is a sink.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says which of these it is not: a file, a component, a sink, one of this
    /// version, one that asks for no more than a sink needs.
    pub fn load(engine: &Engine, source: &Source) -> Result<Sink, LoadError> {
        let (bytes, embedded) = match source {
            Source::Embedded => (std::borrow::Cow::Borrowed(EMBEDDED), true),
            Source::Bytes(bytes) => (bytes.into(), bytes == EMBEDDED),
            Source::File(path) => {
                let bytes = read(path)?;
                let embedded = bytes == EMBEDDED;
                (bytes.into(), embedded)
            }
        };
        check_preamble(&bytes)?;
        let component = Component::new(engine.wasmtime(), &bytes);
        let component = component.map_err(|e| LoadError::NotAComponent(e.into()))?;
        let (imports, exports) = names(engine, &component);
        check_names(&imports, &exports)?;
        let mut linker = Linker::new(engine.wasmtime());
        let misfit = |e: wasmtime::Error| LoadError::Misfit(e.into());
        link(&mut linker).map_err(misfit)?;
        let pre: InstancePre<State> = linker.instantiate_pre(&component).map_err(misfit)?;
        let pre = S3Pre::new(pre).map_err(misfit)?;
        Ok(Sink { engine: engine.clone(), pre, imports, exports, embedded })
    }

    /// The bytes of the component that this crate was built with.
    pub fn embedded() -> &'static [u8] {
        EMBEDDED
    }

    /// Whether this is, byte for byte, the component that this crate was built with.
    pub fn is_embedded(&self) -> bool {
        self.embedded
    }

    /// The names of what it imports, in their order.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// The names of what it exports, in their order.
    pub fn exports(&self) -> &[String] {
        &self.exports
    }

    /// What it says it is. The component is given nothing for this.
    ///
    /// # Errors
    ///
    /// [`SinkError::Trap`].
    pub async fn describe(&self) -> Result<Description, SinkError> {
        let (mut store, instance) = self.instantiate(&Grants::nothing()).await?;
        let described = instance.spillway_sink_sink().call_describe(&mut store).await;
        described.map_err(trap)
    }

    /// The authorities that it wants to talk to with this configuration. The component is given
    /// nothing for this. A host that does not trust it compares before it grants.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with every problem of the configuration, or [`SinkError::Trap`].
    pub async fn egress(&self, config: &str) -> Result<Vec<String>, SinkError> {
        let (mut store, instance) = self.instantiate(&Grants::nothing()).await?;
        let egress = instance.spillway_sink_sink().call_egress(&mut store, config).await;
        egress.map_err(trap)?.map_err(SinkError::Refused)
    }

    /// What the state of a checkpoint holds. The component is given nothing for this.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with why it cannot be read, or [`SinkError::Trap`].
    pub async fn inspect_state(&self, state: &[u8]) -> Result<SavedState, SinkError> {
        let mut grants = Grants::nothing();
        // It has to be there, and may be read into as much again.
        let more = state.len().saturating_mul(2);
        let memory = &mut grants.limits.memory_bytes_max;
        *memory = memory.saturating_add(more);
        let (mut store, instance) = self.instantiate(&grants).await?;
        let inspected = instance.spillway_sink_sink().call_inspect_state(&mut store, state).await;
        inspected.map_err(trap)?.map_err(SinkError::Refused)
    }

    /// Opens a sink. `config` is JSON by the component's schema.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with every problem of the configuration, or why the state does not
    /// fit; [`SinkError::Trap`].
    pub async fn open(
        &self,
        config: &str,
        state: Option<&[u8]>,
        grants: &Grants,
    ) -> Result<OpenSink, SinkError> {
        self.open_watched(config, state, grants, drop).await
    }

    /// [`open`](Sink::open)s a sink, and hands out before that what counts its requests: one that
    /// goes on may ask its store for long before it is open.
    ///
    /// # Errors
    ///
    /// As [`open`](Sink::open).
    pub async fn open_watched(
        &self,
        config: &str,
        state: Option<&[u8]>,
        grants: &Grants,
        watch: impl FnOnce(Traffic) + Send,
    ) -> Result<OpenSink, SinkError> {
        let (mut store, instance) = self.instantiate(grants).await?;
        watch(store.data().egress.traffic());
        let opened =
            instance.spillway_sink_sink().sink().call_open(&mut store, config, state).await;
        let resource = opened.map_err(trap)?.map_err(SinkError::Refused)?;
        let compute_ticks = ticks(grants.limits.compute_max);
        Ok(OpenSink { store, instance, resource, compute_ticks })
    }

    async fn instantiate(&self, grants: &Grants) -> Result<(Store<State>, S3), SinkError> {
        let egress = Egress::new(grants.egress.iter().cloned(), grants.transport.clone());
        let state = State::new(egress, grants.credentials.clone(), &grants.limits);
        let mut store = Store::new(self.engine.wasmtime(), state);
        store.limiter(|state| &mut state.limits);
        // What a guest hands over lies in its memory, which has its bound: a checkpoint may be most
        // of it. wasmtime's own bound is 128 MiB.
        store.set_hostcall_fuel(grants.limits.memory_bytes_max);
        store.epoch_deadline_callback(|mut store| on_tick(&mut store.data_mut().ticks_left));
        store.set_epoch_deadline(1);
        let instance = self.pre.instantiate_async(&mut store).await.map_err(trap)?;
        Ok((store, instance))
    }
}

impl Grants {
    /// What a component is given that is only asked about itself.
    fn nothing() -> Grants {
        Grants {
            egress: Vec::new(),
            transport: Arc::new(Nobody),
            credentials: Arc::new(Nobody),
            limits: Limits::default(),
        }
    }
}

struct Nobody;

impl Provider for Nobody {
    fn get(&self, _fresh: bool) -> crate::credentials::Provided<'_> {
        let failure = contract::credentials::Failure::NotConfigured("none are given".to_owned());
        Box::pin(std::future::ready(Err(failure)))
    }
}

impl Transport for Nobody {
    fn send(&self, _: http::Request<WasiBody>, _: RequestOptions) -> Answer {
        Box::pin(std::future::ready(Err(wasmtime_wasi_http::Error::HttpRequestDenied)))
    }
}

/// A sink that takes events.
pub struct OpenSink {
    store: Store<State>,
    instance: S3,
    resource: ResourceAny,
    compute_ticks: u64,
}

/// Makes one call of the contract that answers with a result.
macro_rules! call {
    ($self:ident, $method:ident $(, $argument:expr)*) => {{
        let OpenSink { store, instance, resource, .. } = $self;
        store.data_mut().ticks_left = $self.compute_ticks;
        let gate = store.data().egress.gate();
        let sink = instance.spillway_sink_sink().sink();
        let called = until_given_up(&gate, sink.$method(store, *resource $(, $argument)*)).await;
        called?.map_err(SinkError::Refused)
    }};
}

impl OpenSink {
    /// Takes events, and returns those that will never be stored. Waits while the sink is full.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; then none was taken.
    pub async fn write(&mut self, batch: &[Run]) -> Result<Vec<Rejection>, SinkError> {
        call!(self, call_write, batch)
    }

    /// Moves on what is in flight or due, and reports, without waiting for the network.
    ///
    /// # Errors
    ///
    /// [`SinkError`].
    pub async fn poll(&mut self) -> Result<Progress, SinkError> {
        call!(self, call_poll)
    }

    /// Seals every open object and waits until each is visible, or failed.
    ///
    /// # Errors
    ///
    /// [`SinkError`]. That objects failed is no error: see [`Progress::failed`].
    pub async fn flush(&mut self) -> Result<Progress, SinkError> {
        call!(self, call_flush)
    }

    /// Looks whether the bucket can be written, without leaving anything behind.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with why it cannot.
    pub async fn check(&mut self) -> Result<(), SinkError> {
        call!(self, call_check)
    }

    /// What to store together with the source's position, to go on from there after a crash.
    ///
    /// # Errors
    ///
    /// [`SinkError`].
    pub async fn checkpoint(&mut self) -> Result<Vec<u8>, SinkError> {
        call!(self, call_checkpoint)
    }

    /// What the state of a checkpoint holds.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with why it cannot be read.
    pub async fn inspect_state(&mut self, state: &[u8]) -> Result<SavedState, SinkError> {
        let OpenSink { store, instance, compute_ticks, .. } = self;
        store.data_mut().ticks_left = *compute_ticks;
        let gate = store.data().egress.gate();
        let sink = instance.spillway_sink_sink();
        let inspected = until_given_up(&gate, sink.call_inspect_state(store, state)).await;
        inspected?.map_err(SinkError::Refused)
    }

    /// Says that the last checkpoint is stored safely.
    ///
    /// # Errors
    ///
    /// [`SinkError`].
    pub async fn commit(&mut self) -> Result<(), SinkError> {
        call!(self, call_commit)
    }

    /// Ends the sink. After it, ask for its [`metrics`](OpenSink::metrics) or drop it.
    ///
    /// # Errors
    ///
    /// [`SinkError`].
    pub async fn close(&mut self, how: Ending) -> Result<Progress, SinkError> {
        call!(self, call_close, how)
    }

    /// The sink's numbers.
    ///
    /// # Errors
    ///
    /// [`SinkError::Trap`], [`SinkError::GivenUp`].
    pub async fn metrics(&mut self) -> Result<Vec<Metric>, SinkError> {
        let OpenSink { store, instance, resource, compute_ticks } = self;
        store.data_mut().ticks_left = *compute_ticks;
        let gate = store.data().egress.gate();
        let sink = instance.spillway_sink_sink().sink();
        until_given_up(&gate, sink.call_metrics(store, *resource)).await
    }

    /// Unfinished business in the store, the oldest first. It may be another writer's, at work.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with why it cannot be told.
    pub async fn leftovers(&mut self) -> Result<Vec<Leftover>, SinkError> {
        call!(self, call_leftovers)
    }

    /// Ends one of the leftovers. It is gone afterwards.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; one that this sink is using is refused as invalid.
    pub async fn discard(&mut self, which: &Leftover) -> Result<(), SinkError> {
        call!(self, call_discard, which)
    }

    /// Shuts and opens this sink's way out, also while a call is being made.
    pub fn gate(&self) -> Gate {
        self.store.data().egress.gate()
    }

    /// What counts the requests of this sink, also while a call is being made.
    pub fn traffic(&self) -> Traffic {
        self.store.data().egress.traffic()
    }

    /// Told each time that [`poll`](OpenSink::poll) has something to do: an answer has come or more
    /// of it, or a piece of a request has gone or is wanted.
    pub fn moved(&self) -> Arc<Notify> {
        self.store.data().egress.moved()
    }
}

/// Makes a call, for as long as its sink is not given up. What was cut short cannot be called
/// again.
async fn until_given_up<T>(
    gate: &Gate,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> Result<T, SinkError> {
    if gate.has_given_up() {
        return Err(SinkError::GivenUp);
    }
    tokio::select! {
        biased;
        called = call => called.map_err(trap),
        () = gate.given_up() => Err(SinkError::GivenUp),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(|error| LoadError::Read(path.to_owned(), error))
}

/// What the first eight bytes say. The engine says it, too, in words for those who build engines.
fn check_preamble(bytes: &[u8]) -> Result<(), LoadError> {
    match bytes {
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(LoadError::CoreModule),
        [b'\0', b'a', b's', b'm', ..] => Ok(()),
        _ => Err(LoadError::NotWebAssembly),
    }
}

fn names(engine: &Engine, component: &Component) -> (Vec<String>, Vec<String>) {
    let ty = component.component_type();
    let engine = engine.wasmtime();
    let names = |(name, _): (&str, ComponentItem)| name.to_owned();
    (
        ty.imports(engine).map(|(n, e)| names((n, e.ty))).collect(),
        ty.exports(engine).map(|(n, e)| names((n, e.ty))).collect(),
    )
}

fn check_names(imports: &[String], exports: &[String]) -> Result<(), LoadError> {
    if !exports.iter().any(|name| name == CONTRACT) {
        let (interface, _) = CONTRACT.split_once('@').unwrap_or((CONTRACT, ""));
        let other = exports.iter().find(|n| n.split('@').next() == Some(interface));
        return Err(match other {
            Some(other) => LoadError::OtherVersion(other.clone()),
            None => LoadError::NotASink(exports.to_vec()),
        });
    }
    let granted = |name: &&String| !GRANTED.contains(&name.split('@').next().unwrap_or_default());
    let not_granted: Vec<_> = imports.iter().filter(granted).cloned().collect();
    if not_granted.is_empty() { Ok(()) } else { Err(LoadError::NotGranted(not_granted)) }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn trap(error: wasmtime::Error) -> SinkError {
    SinkError::Trap(error.into())
}

/// The error as a sentence.
pub fn explain(error: &contract::Error) -> String {
    match error {
        contract::Error::Invalid(problems) => {
            let lines = problems.iter().map(|p| format!("{}: {}", p.field, p.message));
            lines.collect::<Vec<_>>().join("; ")
        }
        contract::Error::Denied(text)
        | contract::Error::Unavailable(text)
        | contract::Error::UnknownState(text)
        | contract::Error::Unsupported(text) => text.clone(),
        contract::Error::Busy => "the sink is full until a checkpoint is committed".to_owned(),
        contract::Error::Aborted => "the sink was closed before the events were stored".to_owned(),
    }
}

/// The contract that this host speaks.
pub const CONTRACT: &str = "spillway:sink/sink@0.1.0";
const EMBEDDED: &[u8] = include_bytes!(env!("SPILLWAY_COMPONENT"));
