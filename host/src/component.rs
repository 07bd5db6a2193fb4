//! A component that exports the sink contract: read, compiled, and proven to be a sink.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{InstancePre, Linker};
use wasmtime::{Store, UpdateDeadline};

use crate::bounds::{self, Breach, Ledger};
use crate::contract::{Description, S3, S3Pre, SavedState, StoredState};
use crate::egress::{Egress, Traffic};
use crate::engine::{Engine, Limits};
use crate::grants::Grants;
use crate::scan::scan;
use crate::sink::{Call, Sink, SinkError, answered};
use crate::state::{GRANTED, State, link};
use crate::trap::Exceeded;

/// Where a component comes from.
#[derive(Clone, Debug)]
pub enum ComponentSource {
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
    /// It is too large to be compiled in the time that there is for that.
    #[error("{what}, since it is to compile within {compile_max:?}; `compile_max` raises that")]
    TooLarge {
        /// What it has too much of, and how much there may be.
        what: String,
        /// How long it may take to compile.
        compile_max: Duration,
    },
    /// It took longer to compile.
    #[error("the component takes longer than {0:?} to compile; `compile_max` raises that")]
    TooSlow(Duration),
}

/// A component that exports the contract, compiled and linked.
#[derive(Clone)]
pub struct Component {
    engine: Engine,
    pre: S3Pre<State>,
    imports: Vec<String>,
    exports: Vec<String>,
    embedded: bool,
}

impl Component {
    /// Loads a component, and proves that it is a sink. It may take [`COMPILE_MAX`] to compile.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says which of these it is not: a file, a component, a sink, one of this
    /// version, one that asks for no more than a sink needs.
    pub fn load(engine: &Engine, source: &ComponentSource) -> Result<Component, LoadError> {
        Component::load_within(engine, source, COMPILE_MAX)
    }

    /// [`load`](Component::load)s a component that may take so long to compile. Its size is bounded
    /// with that: for each second it may have 1 MiB, 1,000 functions, and a function 4 KiB and 100
    /// locals. What compiles for longer is left to itself: its thread ends when it is through.
    ///
    /// # Errors
    ///
    /// As [`load`](Component::load); [`LoadError::TooLarge`] and [`LoadError::TooSlow`].
    pub fn load_within(
        engine: &Engine,
        source: &ComponentSource,
        compile_max: Duration,
    ) -> Result<Component, LoadError> {
        let bytes = match source {
            ComponentSource::Embedded => Cow::Borrowed(EMBEDDED),
            ComponentSource::Bytes(bytes) => bytes.clone().into(),
            ComponentSource::File(path) => read(path)?.into(),
        };
        let embedded = *bytes == *EMBEDDED;
        check_preamble(&bytes)?;
        if !embedded {
            scan(&bytes, compile_max).map_err(|what| LoadError::TooLarge { what, compile_max })?;
        }
        let component = compile(engine, bytes, compile_max)?;
        let (imports, exports) = names(engine, &component);
        check_names(&imports, &exports)?;
        let mut linker = Linker::new(engine.wasmtime());
        let misfit = |e: wasmtime::Error| LoadError::Misfit(short(&e));
        link(&mut linker).map_err(misfit)?;
        let pre: InstancePre<State> = linker.instantiate_pre(&component).map_err(misfit)?;
        let pre = S3Pre::new(pre).map_err(misfit)?;
        Ok(Component { engine: engine.clone(), pre, imports, exports, embedded })
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
    /// [`SinkError::Trap`], [`SinkError::Breach`].
    pub async fn describe(&self) -> Result<Description, SinkError> {
        let grants = Grants::nothing();
        let (mut store, instance) = self.instantiate("describe", &grants).await?;
        let call = Call::prompt("describe", &mut store, &grants.limits);
        let description =
            call.make(instance.spillway_sink_sink().call_describe(&mut store)).await?;
        bounds::description(&description).map_err(Breach::by("describe"))?;
        Ok(description)
    }

    /// The authorities that it wants to talk to with this configuration. The component is given
    /// nothing for this. A host that does not trust it compares before it grants.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with every problem of the configuration, [`SinkError::Trap`], or
    /// [`SinkError::Breach`].
    pub async fn egress(&self, config: &str) -> Result<Vec<String>, SinkError> {
        let grants = Grants::nothing();
        let (mut store, instance) = self.instantiate("egress", &grants).await?;
        let call = Call::prompt("egress", &mut store, &grants.limits);
        let answer =
            call.make(instance.spillway_sink_sink().call_egress(&mut store, config)).await?;
        answered("egress", answer, |authorities| bounds::authorities(authorities))
    }

    /// What the state of a checkpoint holds. The component is given nothing for this.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with why it cannot be read, [`SinkError::Trap`], or
    /// [`SinkError::Breach`].
    pub async fn inspect_state(&self, state: &[u8]) -> Result<SavedState, SinkError> {
        let mut grants = Grants::nothing();
        // It has to be there, and may be read into as much again.
        let more = state.len().saturating_mul(2);
        let memory = &mut grants.limits.memory_bytes_max;
        *memory = memory.saturating_add(more);
        let (mut store, instance) = self.instantiate("inspect-state", &grants).await?;
        let call = Call::prompt("inspect-state", &mut store, &grants.limits);
        let sink = instance.spillway_sink_sink();
        let answer = call.make(sink.call_inspect_state(&mut store, state)).await?;
        answered("inspect-state", answer, bounds::saved_state)
    }

    /// The state that a host left under `name` with the store of this configuration, if any.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with [`Unsupported`](crate::contract::Error::Unsupported) where the
    /// component keeps none, or with why it cannot be read; [`SinkError::Trap`],
    /// [`SinkError::Breach`].
    pub async fn load_state(
        &self,
        config: &str,
        name: &str,
        grants: &Grants,
    ) -> Result<Option<StoredState>, SinkError> {
        let (mut store, instance) = self.instantiate("load-state", grants).await?;
        let call = Call::of_state("load-state", &mut store, &grants.limits);
        let sink = instance.spillway_sink_sink();
        let answer = call.make(sink.call_load_state(&mut store, config, name)).await?;
        let bytes_max = grants.limits.state_bytes_max;
        answered("load-state", answer, |stored| {
            stored.iter().try_for_each(|stored| bounds::stored_state(stored, bytes_max))
        })
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
    ) -> Result<Sink, SinkError> {
        self.open_watched(config, state, grants, drop).await
    }

    /// [`open`](Component::open)s a sink, and hands out before that what counts its requests: one
    /// that goes on may ask its store for long before it is open.
    ///
    /// # Errors
    ///
    /// As [`open`](Component::open).
    pub async fn open_watched(
        &self,
        config: &str,
        state: Option<&[u8]>,
        grants: &Grants,
        watch: impl FnOnce(Traffic) + Send,
    ) -> Result<Sink, SinkError> {
        let limits = &grants.limits;
        let (mut store, instance) = self.instantiate("open", grants).await?;
        watch(store.data().egress.traffic());
        let call = match state {
            Some(_) => Call::new("open", &mut store, limits),
            None => Call::prompt("open", &mut store, limits),
        };
        let sink = instance.spillway_sink_sink().sink();
        let answer = call.make(sink.call_open(&mut store, config, state)).await?;
        let resource = answered("open", answer, |_| Ok(()))?;
        let ledger = Ledger::new(state.is_some(), limits.state_bytes_max);
        Ok(Sink::new(store, instance, resource, self.engine.clone(), *limits, ledger))
    }

    /// An instance for the call `name`. Its modules may compute when they start.
    async fn instantiate(
        &self,
        name: &'static str,
        grants: &Grants,
    ) -> Result<(Store<State>, S3), SinkError> {
        let Limits { compute_max, resources_max, .. } = grants.limits;
        let egress = Egress::new(grants.egress.iter().cloned(), grants.transport.clone());
        let state = State::new(egress, grants.credentials.clone(), &grants.limits);
        let mut store = Store::new(self.engine.wasmtime(), state);
        store.limiter(|state| &mut state.bounds);
        store.set_max_component_handles(resources_max);
        // Each tick that finds the guest running gives way to other tasks.
        store.epoch_deadline_callback(move |store| {
            if store.data().meter.computed.sum() > compute_max {
                return Err(Exceeded::Compute(compute_max).into());
            }
            Ok(UpdateDeadline::Yield(1))
        });
        store.set_epoch_deadline(1);
        let call = Call::prompt(name, &mut store, &grants.limits);
        let instance = call.make(self.pre.instantiate_async(&mut store)).await?;
        Ok((store, instance))
    }
}

/// Compiles on a thread of its own: nothing ends that before it is through.
fn compile(
    engine: &Engine,
    bytes: Cow<'static, [u8]>,
    compile_max: Duration,
) -> Result<wasmtime::component::Component, LoadError> {
    let (done, ended) = channel();
    let engine = engine.wasmtime().clone();
    let compiling =
        std::thread::Builder::new().name("spillway-compile".to_owned()).spawn(move || {
            let compiled = wasmtime::component::Component::new(&engine, &bytes);
            // Nobody may wait for it any more.
            let _ = done.send(compiled);
        });
    let compiling = compiling.map_err(|error| LoadError::NotAComponent(error.into()))?;
    match ended.recv_timeout(compile_max) {
        Ok(compiled) => {
            // It has nothing left to do.
            let _ = compiling.join();
            compiled.map_err(|error| LoadError::NotAComponent(short(&error)))
        }
        Err(RecvTimeoutError::Timeout) => Err(LoadError::TooSlow(compile_max)),
        Err(RecvTimeoutError::Disconnected) => {
            Err(LoadError::NotAComponent("its compiler panicked".into()))
        }
    }
}

/// An error in one line: it may have names of a component in it, which are as long as it likes.
fn short(error: &wasmtime::Error) -> Box<dyn std::error::Error + Send + Sync> {
    cut(&format!("{error:#}").replace('\n', " "), CHARS_MAX).into()
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
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

fn names(
    engine: &Engine,
    component: &wasmtime::component::Component,
) -> (Vec<String>, Vec<String>) {
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
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let shown = names.iter().take(NAMES_MAX).map(|name| cut(name, NAME_CHARS_MAX));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The contract that this host speaks.
pub const CONTRACT: &str = "spillway:sink/sink@0.2.0";
/// How long a component may take to compile, where nothing else is said.
pub const COMPILE_MAX: Duration = Duration::from_secs(60);
const NAMES_MAX: usize = 20;
const NAME_CHARS_MAX: usize = 200;
const CHARS_MAX: usize = 1_000;
const EMBEDDED: &[u8] = include_bytes!(env!("SPILLWAY_COMPONENT"));
