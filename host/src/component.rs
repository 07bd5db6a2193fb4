//! A component that exports the sink contract: read, compiled, and proven to be a sink.

use std::time::Duration;

use wasmtime::component::{InstancePre, Linker};
use wasmtime::{Store, UpdateDeadline};

use crate::bounds::{self, Breach, Ledger};
use crate::contract::{Description, S3, S3Pre, SavedState, StoredState};
use crate::egress::{Egress, Passage, Traffic};
use crate::engine::{Engine, Limits};
use crate::grants::Grants;
use crate::load::{EMBEDDED, Loaded, short};
use crate::metadata::Metadata;
use crate::sink::{Call, Sink, SinkError, answered};
use crate::state::{GRANTED, State, link};
use crate::trap::Exceeded;

pub use crate::load::{COMPILE_MAX, CONTRACT, ComponentSource, LoadError, Outline};

/// A component that exports the contract, compiled and linked.
#[derive(Clone)]
pub struct Component {
    engine: Engine,
    pre: S3Pre<State>,
    imports: Vec<String>,
    exports: Vec<String>,
    metadata: Metadata,
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
    /// As [`load`](Component::load); [`LoadError::TooLarge`] and [`LoadError::TooSlow`]; and
    /// [`LoadError::TooIntricate`], however long it may take.
    pub fn load_within(
        engine: &Engine,
        source: &ComponentSource,
        compile_max: Duration,
    ) -> Result<Component, LoadError> {
        let Loaded { component, imports, exports, metadata, embedded } =
            Loaded::new(engine, source, compile_max)?;
        check_names(&imports, &exports)?;
        let mut linker = Linker::new(engine.wasmtime());
        let misfit = |e: wasmtime::Error| LoadError::Misfit(short(&e));
        link(&mut linker).map_err(misfit)?;
        let pre: InstancePre<State> = linker.instantiate_pre(&component).map_err(misfit)?;
        let pre = S3Pre::new(pre).map_err(misfit)?;
        let engine = engine.clone();
        Ok(Component { engine, pre, imports, exports, metadata, embedded })
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

    /// What its file says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What it says it is. The component is given nothing for this but the limits.
    ///
    /// # Errors
    ///
    /// [`SinkError::Trap`], [`SinkError::Breach`].
    pub async fn describe(&self, limits: &Limits) -> Result<Description, SinkError> {
        let grants = Grants::nothing_within(*limits);
        let (mut store, instance) = self.instantiate("describe", &grants).await?;
        let call = Call::prompt("describe", &mut store, limits);
        let description =
            call.make(instance.spillway_sink_sink().call_describe(&mut store)).await?;
        bounds::description(&description).map_err(Breach::by("describe"))?;
        Ok(description)
    }

    /// The authorities that it wants to talk to with this configuration. The component is given
    /// nothing for this but the limits. A host that does not trust it compares before it grants.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with every problem of the configuration, [`SinkError::Trap`], or
    /// [`SinkError::Breach`].
    pub async fn egress(&self, config: &str, limits: &Limits) -> Result<Vec<String>, SinkError> {
        let grants = Grants::nothing_within(*limits);
        let (mut store, instance) = self.instantiate("egress", &grants).await?;
        let call = Call::prompt("egress", &mut store, limits);
        let answer =
            call.make(instance.spillway_sink_sink().call_egress(&mut store, config)).await?;
        answered("egress", answer, |authorities| bounds::authorities(authorities))
    }

    /// What the state of a checkpoint holds. The component is given nothing for this but the
    /// limits, and the memory that the state needs on top.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with why it cannot be read, [`SinkError::Trap`], or
    /// [`SinkError::Breach`].
    pub async fn inspect_state(
        &self,
        state: &[u8],
        limits: &Limits,
    ) -> Result<SavedState, SinkError> {
        let mut grants = Grants::nothing_within(*limits);
        // It has to be there, and may be read into as much again.
        let more = state.len().saturating_mul(2);
        let memory = &mut grants.limits.memory_bytes_max;
        *memory = memory.saturating_add(more);
        let (mut store, instance) = self.instantiate("inspect-state", &grants).await?;
        let call = Call::prompt("inspect-state", &mut store, &grants.limits);
        let sink = instance.spillway_sink_sink();
        let answer = call.make(sink.call_inspect_state(&mut store, state)).await?;
        answered("inspect-state", answer, |saved| bounds::saved_state(saved, state.len()))
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
        let limits = &grants.limits;
        answered("load-state", answer, |stored| {
            stored.iter().try_for_each(|stored| bounds::stored_state(stored, limits))
        })
    }

    /// Proves that the store of this configuration keeps state under `name`, and compares its
    /// versions. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with [`Unsupported`](crate::contract::Error::Unsupported) where the
    /// component or the store cannot, or with why that cannot be told; [`SinkError::Trap`],
    /// [`SinkError::Breach`].
    pub async fn check_state(
        &self,
        config: &str,
        name: &str,
        grants: &Grants,
    ) -> Result<(), SinkError> {
        let (mut store, instance) = self.instantiate("check-state", grants).await?;
        let call = Call::of_state("check-state", &mut store, &grants.limits);
        let sink = instance.spillway_sink_sink();
        let answer = call.make(sink.call_check_state(&mut store, config, name)).await?;
        answered("check-state", answer, |()| Ok(()))
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
        let passage = Passage::new();
        watch(passage.traffic());
        self.open_through(config, state, grants, passage).await
    }

    /// [`open`](Component::open)s a sink that others share a passage with.
    ///
    /// # Errors
    ///
    /// As [`open`](Component::open).
    pub async fn open_through(
        &self,
        config: &str,
        state: Option<&[u8]>,
        grants: &Grants,
        passage: Passage,
    ) -> Result<Sink, SinkError> {
        let limits = &grants.limits;
        let (mut store, instance) = self.instantiate_with("open", grants, passage).await?;
        let call = match state {
            Some(_) => Call::new("open", &mut store, limits),
            None => Call::prompt("open", &mut store, limits),
        };
        let sink = instance.spillway_sink_sink().sink();
        let answer = call.make(sink.call_open(&mut store, config, state)).await?;
        let resource = answered("open", answer, |_| Ok(()))?;
        let ledger = Ledger::new(state.is_some(), *limits);
        Ok(Sink::new(store, instance, resource, *limits, ledger))
    }

    /// An instance for the call `name`. Its modules may compute when they start.
    async fn instantiate(
        &self,
        name: &'static str,
        grants: &Grants,
    ) -> Result<(Store<State>, S3), SinkError> {
        self.instantiate_with(name, grants, Passage::new()).await
    }

    async fn instantiate_with(
        &self,
        name: &'static str,
        grants: &Grants,
        passage: Passage,
    ) -> Result<(Store<State>, S3), SinkError> {
        let mut store = new_store(&self.engine, grants, passage);
        let call = Call::prompt(name, &mut store, &grants.limits);
        let instance = call.make(self.pre.instantiate_async(&mut store)).await?;
        Ok((store, instance))
    }
}

/// What an instance runs in: bounded by its limits, and given what is granted.
pub(crate) fn new_store(engine: &Engine, grants: &Grants, passage: Passage) -> Store<State> {
    let Limits { compute_max, resources_max, .. } = grants.limits;
    let egress = Egress::new(grants.egress.iter().cloned(), grants.transport.clone(), passage);
    let state = State::new(egress, grants.credentials.clone(), &grants.limits, engine.ticker());
    let mut store = Store::new(engine.wasmtime(), state);
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
    store
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What an instance of this component comes to its end by.
    async fn ended(text: &str) -> String {
        let engine = Engine::new(None).unwrap();
        let bytes = wat::parse_str(format!("(component {text})")).unwrap();
        let component = wasmtime::component::Component::new(engine.wasmtime(), bytes).unwrap();
        let mut store = new_store(&engine, &Grants::nothing(), Passage::new());
        let call = Call::new("open", &mut store, &Limits::default());
        let linker = Linker::new(engine.wasmtime());
        let made = call.make(linker.instantiate_async(&mut store, &component)).await;
        made.map(drop).unwrap_err().to_string()
    }

    /// Those that no setting raises are named as that.
    #[tokio::test]
    async fn a_limit_that_is_fixed_is_named() {
        let module = |text: &str| format!("(core module $m {text})");
        let instance = "(core instance (instantiate $m))";
        let of = |text: &str| module(text) + instance;
        // A module may have 100 of each.
        let twice = |text: &str| module(&text.repeat(51)) + &instance.repeat(2);
        let grows = "(table 1 funcref) (start $f)
            (func $f (drop (table.grow (ref.null func) (i32.const 100000))) unreachable)";
        let recurses = "(start $f) (func $f (call $f))";
        for (text, said) in [
            (
                module("") + &instance.repeat(101),
                "was ended: it has more than 100 instances of modules",
            ),
            (twice("(memory 0)"), "was ended: it has more than 100 memories"),
            (twice("(table 0 funcref)"), "was ended: it has more than 100 tables"),
            (
                of("(table 100001 funcref)"),
                "was ended: it begins with more than 100000 elements of tables",
            ),
            (
                of(grows),
                "trapped: unreachable, after it was refused more than 100000 elements of tables",
            ),
            (of(recurses), "trapped: call stack exhausted, which has 524288 bytes"),
        ] {
            let said = format!("the component {said}; no setting raises that");
            assert_eq!(ended(&text).await, said);
        }
    }
}
