//! A transform: changes, drops and rejects events before a sink takes them.
//!
//! It is given nothing: no authority, no credentials, no clock. What it returns is proven to be of
//! the batch that it was given.

use std::ops::Range;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{Linker, ResourceAny};

use crate::bounds::{self, Breach, Kept};
use crate::component::{COMPILE_MAX, ComponentSource, LoadError as ReadError, new_store};
use crate::contract::{Boundaries, Description, Filter, FilterPre, Framing, Outcome, Payload, Run};
use crate::egress::{Gate, Passage};
use crate::engine::{Engine, Limits};
use crate::grants::Grants;
use crate::load::{Loaded, list, short};
use crate::metadata::Metadata;
use crate::sink::{Call, Lifetime, SinkError, answered};
use crate::state::State;

/// Why a component is no transform.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read, or is no component.
    #[error(transparent)]
    Unusable(#[from] ReadError),
    /// It exports no transform.
    #[error("the component does not export {TRANSFORM}; it exports {}", list(.0))]
    NotATransform(Vec<String>),
    /// It exports a transform of another version of the contract.
    #[error("the component was built for {0}, but this host speaks {TRANSFORM}")]
    OtherVersion(String),
    /// It wants more than a transform is given.
    #[error(
        "the component imports {}, and a transform may import types only; built for \
         wasm32-unknown-unknown, it imports what its code names and nothing else",
        list(.0)
    )]
    NotGranted(Vec<String>),
    /// It has the right names, and other types behind them.
    #[error("the component does not match {TRANSFORM}")]
    Misfit(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl LoadError {
    /// Whether the component is more than may be compiled, as
    /// [`is_limit`](crate::component::LoadError::is_limit) says.
    pub fn is_limit(&self) -> bool {
        matches!(self, LoadError::Unusable(error) if error.is_limit())
    }
}

/// A component that exports a transform, compiled and linked to nothing.
#[derive(Clone)]
pub struct TransformComponent {
    engine: Engine,
    pre: FilterPre<State>,
    imports: Vec<String>,
    exports: Vec<String>,
    metadata: Metadata,
}

/// A transform with its configuration.
pub struct Transform {
    store: Store<State>,
    instance: Filter,
    resource: ResourceAny,
    limits: Limits,
    /// What says that it is given up during a call.
    gate: Gate,
    lifetime: Lifetime,
}

impl TransformComponent {
    /// Loads a component, and proves that it is a transform. It may take [`COMPILE_MAX`] to
    /// compile.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what it is not.
    pub fn load(
        engine: &Engine,
        source: &ComponentSource,
    ) -> Result<TransformComponent, LoadError> {
        TransformComponent::load_within(engine, source, COMPILE_MAX)
    }

    /// [`load`](TransformComponent::load)s a component that may take so long to compile, and whose
    /// size is bounded with that, as [`load_within`](crate::component::Component::load_within)
    /// says.
    ///
    /// # Errors
    ///
    /// As [`load`](TransformComponent::load).
    pub fn load_within(
        engine: &Engine,
        source: &ComponentSource,
        compile_max: Duration,
    ) -> Result<TransformComponent, LoadError> {
        // The built-in component is a sink, and is refused as such.
        let Loaded { component, imports, exports, metadata, .. } =
            Loaded::new(engine, source, compile_max)?;
        check_names(&imports, &exports)?;
        let misfit = |e: wasmtime::Error| LoadError::Misfit(short(&e));
        let pre = Linker::new(engine.wasmtime()).instantiate_pre(&component).map_err(misfit)?;
        let pre = FilterPre::new(pre).map_err(misfit)?;
        let engine = engine.clone();
        Ok(TransformComponent { engine, pre, imports, exports, metadata })
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

    /// What it says it is.
    ///
    /// # Errors
    ///
    /// [`SinkError::Trap`], [`SinkError::Breach`].
    pub async fn describe(&self, limits: &Limits) -> Result<Description, SinkError> {
        let (mut store, instance) = self.instantiate("describe", limits).await?;
        let call = Call::prompt("describe", &mut store, limits);
        let described = instance.spillway_sink_transform().call_describe(&mut store);
        let description = call.make(described).await?;
        bounds::description(&description).map_err(Breach::by("describe"))?;
        Ok(description)
    }

    /// Opens a transform. `config` is JSON by the component's schema.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with every problem of the configuration; [`SinkError::Trap`],
    /// [`SinkError::Breach`].
    pub async fn open(&self, config: &str, limits: &Limits) -> Result<Transform, SinkError> {
        let (mut store, instance) = self.instantiate("open", limits).await?;
        let call = Call::prompt("open", &mut store, limits);
        let transform = instance.spillway_sink_transform().transform();
        let opened = call.make(transform.call_open(&mut store, config)).await?;
        let resource = answered("open", opened, |_| Ok(()))?;
        let gate = store.data().egress.passage().gate();
        let (limits, lifetime) = (*limits, Lifetime::default());
        Ok(Transform { store, instance, resource, limits, gate, lifetime })
    }

    async fn instantiate(
        &self,
        name: &'static str,
        limits: &Limits,
    ) -> Result<(Store<State>, Filter), SinkError> {
        let grants = Grants::nothing_within(*limits);
        let mut store = new_store(&self.engine, &grants, Passage::new());
        let call = Call::prompt(name, &mut store, limits);
        let instance = call.make(self.pre.instantiate_async(&mut store)).await?;
        Ok((store, instance))
    }
}

impl Transform {
    /// Transforms a batch. It may be called with the same batch again.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`]; then nothing came of the batch. [`SinkError::Trap`];
    /// [`SinkError::Breach`], also where what comes back is not of the batch. After these two, drop
    /// the transform.
    pub async fn apply(&mut self, batch: &[Run]) -> Result<Outcome, SinkError> {
        self.lifetime.begin()?;
        let Transform { store, instance, resource, gate, limits, .. } = self;
        let transform = instance.spillway_sink_transform().transform();
        let call = Call::of_batch("apply", store, limits).under(gate);
        let answer = call.make(transform.call_apply(store, *resource, batch)).await;
        let outcome = answer.and_then(|answer| answered("apply", answer, |o| check(batch, o)));
        self.lifetime.end(outcome)
    }

    /// A call ends with [`SinkError::GivenUp`] where the sink behind this gate is given up.
    pub fn end_with(&mut self, gate: Gate) {
        self.gate = gate;
    }
}

fn check_names(imports: &[String], exports: &[String]) -> Result<(), LoadError> {
    if !exports.iter().any(|name| name == TRANSFORM) {
        let (interface, _) = TRANSFORM.split_once('@').unwrap_or((TRANSFORM, ""));
        let other = exports.iter().find(|name| name.split('@').next() == Some(interface));
        return Err(match other {
            Some(other) => LoadError::OtherVersion(other.clone()),
            None => LoadError::NotATransform(exports.to_vec()),
        });
    }
    let is_types = |name: &&String| name.split('@').next() == Some("spillway:sink/types");
    let more: Vec<_> = imports.iter().filter(|name| !is_types(name)).cloned().collect();
    if more.is_empty() { Ok(()) } else { Err(LoadError::NotGranted(more)) }
}

/// The positions of a run.
pub fn positions(run: &Run) -> Range<u64> {
    let events = match &run.boundaries {
        Boundaries::At(ends) => ends.len() as u64,
        Boundaries::Lines(lines) => u64::from(*lines),
    };
    run.first..run.first.saturating_add(events)
}

/// Whether what came back is of this batch: positions of it that rise, each of which is passed on
/// or rejected or neither.
fn check(batch: &[Run], outcome: &Outcome) -> Kept {
    let Outcome { runs, rejected } = outcome;
    runs.iter().try_for_each(is_whole)?;
    within(batch, runs.iter().map(positions), "passed on")?;
    rejected.iter().try_for_each(|r| bounds::text("the reason of a rejection", &r.reason))?;
    if rejected.iter().any(|rejection| rejection.position == u64::MAX) {
        return Err(format!(
            "position {} is rejected, and the batch has no such position",
            u64::MAX
        ));
    }
    let rejected = || rejected.iter().map(|r| r.position..r.position + 1);
    within(batch, rejected(), "rejected")?;
    let mut runs = runs.iter().map(positions).peekable();
    for Range { start, .. } in rejected() {
        while runs.next_if(|run| run.end <= start).is_some() {}
        if runs.peek().is_some_and(|run| run.contains(&start)) {
            return Err(format!("position {start} is passed on and rejected"));
        }
    }
    Ok(())
}

/// Whether each of these ranges lies in the batch without a gap, and they rise.
fn within(batch: &[Run], ranges: impl Iterator<Item = Range<u64>>, what: &str) -> Kept {
    let mut batch = batch.iter().map(positions).peekable();
    let mut least = 0;
    for Range { mut start, end } in ranges {
        if start < least {
            return Err(format!("position {start} is {what} after {}", least - 1));
        }
        least = end;
        while start < end {
            while batch.next_if(|run| run.end <= start).is_some() {}
            match batch.peek() {
                Some(run) if run.contains(&start) => start = run.end,
                _ => {
                    return Err(format!(
                        "position {start} is {what}, and the batch has no such position"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Whether a run has a key, events, and boundaries that are those of its payload and framing.
fn is_whole(run: &Run) -> Kept {
    let bytes = match &run.payload {
        Payload::Bytes(bytes) => bytes.as_slice(),
        Payload::Text(text) => text.as_bytes(),
    };
    let fits = match &run.boundaries {
        Boundaries::At(ends) => {
            ends.is_sorted()
                && ends.last().is_some_and(|end| *end as usize == bytes.len())
                && (run.framing == Framing::Bare || are_lines(bytes, ends))
        }
        Boundaries::Lines(lines) => {
            let found = bytes.iter().filter(|byte| **byte == b'\n').count();
            run.framing == Framing::Newline
                && *lines > 0
                && found == *lines as usize
                && bytes.last() == Some(&b'\n')
        }
    };
    match (fits, run.key.is_empty()) {
        (true, false) => Ok(()),
        (true, true) => Err(format!("the run at position {} has no key", run.first)),
        (false, _) => {
            Err(format!("the boundaries of the run at position {} do not fit it", run.first))
        }
    }
}

/// Whether each event has a line feed of its own at its end. The ends rise, and lie in the bytes.
fn are_lines(bytes: &[u8], ends: &[u32]) -> bool {
    let ends_in_one = |end: &u32| end.checked_sub(1).map(|at| bytes[at as usize]) == Some(b'\n');
    ends.is_sorted_by(|one, next| one < next) && ends.iter().all(ends_in_one)
}

/// What a transform exports.
pub const TRANSFORM: &str = "spillway:sink/transform@0.2.0";

#[cfg(test)]
mod tests;
