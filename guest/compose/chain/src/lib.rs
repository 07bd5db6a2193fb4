//! A transform and a sink as one sink. The sink may be a chain itself, so that any number of
//! transforms stand before a sink.
//!
//! Its configuration is `{"transform": …, "sink": …}`, each as the component there takes it.
//! `commit`, which the contract names, may stand beside them, and is handed on to the sink.
//!
//! Runs, progress and errors pass through as they are, but for three things: a problem names the
//! field in which it stands (`sink.bucket`), what the transform drops at the end of a batch is
//! skipped, and failures name the keys that the caller gave (`fates.rs`).

mod config;
mod fates;
mod outcome;
mod state;

use std::cell::RefCell;

use spillway_fields::bounded;

use crate::bindings::exports::spillway::sink::sink::{Guest, GuestSink, Sink as SinkHandle};
use crate::bindings::spillway::sink::sink::{self as inner, Sink};
use crate::bindings::spillway::sink::transform::{self, Outcome, Transform};
use crate::bindings::spillway::sink::types::{
    Description, Ending, Error, IncompleteUpload, Metric, Progress, Rejection, Run, SavedState,
    StoredState,
};
use config::{Config, both};
use fates::Fates;

struct Component;

struct Chain {
    transform: Transform,
    sink: Sink,
    fates: RefCell<Fates>,
}

impl Guest for Component {
    type Sink = Chain;

    fn describe() -> Description {
        let (transform, sink) = (transform::describe(), inner::describe());
        let configuration_schema = config::schema(&transform, &sink);
        let name = bounded(format!("{} > {}", transform.name, sink.name));
        Description { name, version: sink.version, configuration_schema }
    }

    /// Also opens the transform, so that the problems of both are told at once.
    fn egress(config: String) -> Result<Vec<String>, Error> {
        let config = Config::parse(&config)?;
        let transform = config.in_transform(Transform::open(&config.transform));
        let egress = config.in_sink(inner::egress(&config.sink));
        both(transform, egress).map(|(_, egress)| egress)
    }

    fn inspect_state(state: Vec<u8>) -> Result<SavedState, Error> {
        let (_, state) = state::split(&state)?;
        let mut saved = inner::inspect_state(state)?;
        for (name, _) in &mut saved.configuration {
            *name = format!("sink.{name}");
        }
        Ok(saved)
    }

    fn load_state(config: String, name: String) -> Result<Option<StoredState>, Error> {
        let config = Config::parse(&config)?;
        config.in_sink(inner::load_state(&config.sink, &name))
    }

    fn check_state(config: String, name: String) -> Result<(), Error> {
        let config = Config::parse(&config)?;
        config.in_sink(inner::check_state(&config.sink, &name))
    }
}

impl GuestSink for Chain {
    fn open(config: String, state: Option<Vec<u8>>) -> Result<SinkHandle, Error> {
        let config = Config::parse(&config)?;
        let (fates, state) = match &state {
            Some(state) => state::split(state).map(|(fates, state)| (fates, Some(state)))?,
            None => (Fates::default(), None),
        };
        let transform = config.in_transform(Transform::open(&config.transform));
        let sink = config.in_sink(Sink::open(&config.sink, state));
        let (transform, sink) = both(transform, sink)?;
        Ok(SinkHandle::new(Chain { transform, sink, fates: RefCell::new(fates) }))
    }

    fn check(&self) -> Result<(), Error> {
        self.sink.check()
    }

    fn write(&self, batch: Vec<Run>) -> Result<Vec<Rejection>, Error> {
        let Outcome { runs, mut rejected } = self.transform.apply(&batch)?;
        outcome::check(&batch, &runs, &rejected)?;
        // On an error, `busy` among them, nothing was taken, and the batch comes again.
        rejected.extend(self.sink.write(&runs)?);
        rejected.sort_by_key(|rejection| rejection.position);
        let until = batch.last().map(|last| outcome::positions(last).end);
        self.took(&batch, &runs, &rejected, until)?;
        Ok(rejected)
    }

    fn write_until_rejected(&self, batch: Vec<Run>) -> Result<Option<Rejection>, Error> {
        let Outcome { mut runs, rejected } = self.transform.apply(&batch)?;
        outcome::check(&batch, &runs, &rejected)?;
        let own = rejected.into_iter().next();
        if let Some(own) = &own {
            runs.retain(|run| run.first < own.position);
        }
        let rejected = self.sink.write_until_rejected(&runs)?.or(own);
        let end = batch.last().map(|last| outcome::positions(last).end);
        let until = rejected.as_ref().map(|rejected| rejected.position + 1).or(end);
        self.took(&batch, &runs, rejected.as_slice(), until)?;
        Ok(rejected)
    }

    fn skip(&self, to: u64) -> Result<(), Error> {
        self.sink.skip(to)
    }

    fn poll(&self) -> Result<Progress, Error> {
        self.sink.poll().map(|progress| self.told(progress))
    }

    fn flush(&self) -> Result<Progress, Error> {
        self.sink.flush().map(|progress| self.told(progress))
    }

    fn checkpoint(&self) -> Result<Vec<u8>, Error> {
        let state = self.sink.checkpoint()?;
        Ok(state::join(&self.fates.borrow(), &state))
    }

    fn commit(&self) -> Result<(), Error> {
        self.sink.commit()
    }

    fn store_state(
        &self,
        name: String,
        bytes: Vec<u8>,
        expected: Option<String>,
    ) -> Result<String, Error> {
        self.sink.store_state(&name, &bytes, expected.as_deref())
    }

    fn close(&self, how: Ending) -> Result<Progress, Error> {
        self.sink.close(how).map(|progress| self.told(progress))
    }

    fn metrics(&self) -> Vec<Metric> {
        self.sink.metrics()
    }

    fn incomplete_uploads(&self) -> Result<Vec<IncompleteUpload>, Error> {
        self.sink.incomplete_uploads()
    }

    fn abort_upload(&self, object_key: String, id: String) -> Result<(), Error> {
        self.sink.abort_upload(&object_key, &id)
    }
}

impl Chain {
    /// The sink was given the events of a batch before position `until`.
    fn took(
        &self,
        batch: &[Run],
        runs: &[Run],
        rejected: &[Rejection],
        until: Option<u64>,
    ) -> Result<(), Error> {
        let Some(until) = until else { return Ok(()) };
        self.fates.borrow_mut().add(batch, runs, rejected, until);
        // What the transform dropped at the end is not to come.
        self.sink.skip(until)
    }

    /// Progress in the keys of the caller.
    fn told(&self, mut progress: Progress) -> Progress {
        let mut fates = self.fates.borrow_mut();
        progress.failed = progress.failed.into_iter().flat_map(|f| fates.told(f)).collect();
        fates.forget(progress.durable);
        progress
    }
}

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({ path: "../../../wit/deps/sink", world: "chain", generate_all });

    export!(Component with_types_in self);
}
