//! A sink that takes events: every call of the contract, and what comes back proven against its
//! bounds.

mod call;
mod error;
mod lifetime;

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::bounds::{self, Ledger, Seen, Told};
use crate::contract::{
    self, Ending, IncompleteUpload, Metric, Progress, Rejection, Run, S3, SavedState,
};
use crate::egress::{Gate, Traffic};
use crate::engine::Limits;
use crate::state::State;

pub(crate) use call::{Call, answered};
pub use error::{SinkError, explain};
pub(crate) use lifetime::Lifetime;

/// A sink that takes events.
pub struct Sink {
    store: Store<State>,
    instance: S3,
    resource: ResourceAny,
    limits: Limits,
    ledger: Ledger,
    opened: Instant,
    lifetime: Lifetime,
}

/// Makes one call of the contract, unless the sink is gone.
macro_rules! call {
    ($self:ident, $kind:ident $name:literal, $method:ident $(, $argument:expr)*) => {{
        $self.lifetime.begin()?;
        let Sink { store, instance, resource, limits, .. } = $self;
        let call = Call::$kind($name, store, limits);
        let sink = instance.spillway_sink_sink().sink();
        let answer = call.make(sink.$method(store, *resource $(, $argument)*)).await;
        $self.end(answer)
    }};
}

impl Sink {
    pub(crate) fn new(
        store: Store<State>,
        instance: S3,
        resource: ResourceAny,
        limits: Limits,
        ledger: Ledger,
    ) -> Sink {
        let (opened, lifetime) = (Instant::now(), Lifetime::default());
        Sink { store, instance, resource, limits, ledger, opened, lifetime }
    }

    /// Takes events, and returns those that will never be stored. Waits while the sink is full.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; then none was taken.
    pub async fn write(&mut self, batch: &[Run]) -> Result<Vec<Rejection>, SinkError> {
        let answer = call!(self, new "write", call_write, batch)?;
        self.prove("write", answer, |ledger, rejected| ledger.write(batch, rejected))
    }

    /// The same up to the first event that is rejected, which it returns. Nothing behind that was
    /// taken.
    ///
    /// # Errors
    ///
    /// As [`Sink::write`].
    pub async fn write_until_rejected(
        &mut self,
        batch: &[Run],
    ) -> Result<Option<Rejection>, SinkError> {
        let answer = call!(self, new "write-until-rejected", call_write_until_rejected, batch)?;
        self.prove("write-until-rejected", answer, |ledger, rejected| {
            ledger.write_until(batch, rejected.as_ref())
        })
    }

    /// Says that no event before `to` is still to come, so that [`Progress::durable`] can reach it.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; a position before the next one is refused as invalid.
    pub async fn skip(&mut self, to: u64) -> Result<(), SinkError> {
        let answer = call!(self, prompt "skip", call_skip, to)?;
        self.prove("skip", answer, |ledger, ()| {
            ledger.skip(to);
            Ok(())
        })
    }

    /// Moves on what is in flight or due, and reports, without waiting for the network.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; [`SinkError::Breach`] also where it takes longer than
    /// [`Limits::prompt_call_max`].
    pub async fn poll(&mut self) -> Result<Progress, SinkError> {
        let answer = call!(self, prompt "poll", call_poll)?;
        self.progress("poll", Told::Poll, answer)
    }

    /// Seals every open object and waits until each is visible, or failed.
    ///
    /// # Errors
    ///
    /// [`SinkError`]. That objects failed is no error: see [`Progress::failed`].
    pub async fn flush(&mut self) -> Result<Progress, SinkError> {
        let answer = call!(self, new "flush", call_flush)?;
        self.progress("flush", Told::Flush, answer)
    }

    /// Looks whether the bucket can be written, without leaving anything behind.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with why it cannot.
    pub async fn check(&mut self) -> Result<(), SinkError> {
        let answer = call!(self, new "check", call_check)?;
        self.prove("check", answer, |_, ()| Ok(()))
    }

    /// What to store together with the source's position, to go on from there after a crash.
    ///
    /// # Errors
    ///
    /// [`SinkError`].
    pub async fn checkpoint(&mut self) -> Result<Vec<u8>, SinkError> {
        let answer = call!(self, of_state "checkpoint", call_checkpoint)?;
        self.prove("checkpoint", answer, |ledger, state| ledger.state(state))
    }

    /// What the state of a checkpoint holds.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with why it cannot be read.
    pub async fn inspect_state(&mut self, state: &[u8]) -> Result<SavedState, SinkError> {
        self.lifetime.begin()?;
        let Sink { store, instance, limits, .. } = self;
        let call = Call::prompt("inspect-state", store, limits);
        let answer =
            call.make(instance.spillway_sink_sink().call_inspect_state(store, state)).await;
        let answer = self.end(answer)?;
        self.prove("inspect-state", answer, |_, saved| bounds::saved_state(saved, state.len()))
    }

    /// Says that the last checkpoint is stored safely.
    ///
    /// # Errors
    ///
    /// [`SinkError`].
    pub async fn commit(&mut self) -> Result<(), SinkError> {
        let answer = call!(self, prompt "commit", call_commit)?;
        self.prove("commit", answer, |ledger, ()| {
            ledger.commit();
            Ok(())
        })
    }

    /// Leaves state of the host with the store under `name`, where that still has the version
    /// `expected`, or is not there yet. Returns the new version.
    ///
    /// # Errors
    ///
    /// [`SinkError::Refused`] with [`Conflict`](contract::Error::Conflict) where another writer was
    /// faster, with [`Unsupported`](contract::Error::Unsupported) where the component keeps none;
    /// other [`SinkError`]s.
    pub async fn store_state(
        &mut self,
        name: &str,
        bytes: &[u8],
        expected: Option<&str>,
    ) -> Result<String, SinkError> {
        let answer = call!(self, new "store-state", call_store_state, name, bytes, expected)?;
        self.prove("store-state", answer, |_, version| bounds::text("the version", version))
    }

    /// Ends the sink. After it, ask for its [`metrics`](Sink::metrics) or drop it: other calls are
    /// refused as [`Closed`](contract::Error::Closed).
    ///
    /// # Errors
    ///
    /// [`SinkError`].
    pub async fn close(&mut self, how: Ending) -> Result<Progress, SinkError> {
        let answer = call!(self, new "close", call_close, how)?;
        self.progress("close", Told::Close(how), answer)
    }

    /// The sink's numbers.
    ///
    /// # Errors
    ///
    /// [`SinkError::Trap`], [`SinkError::Breach`], [`SinkError::GivenUp`].
    pub async fn metrics(&mut self) -> Result<Vec<Metric>, SinkError> {
        let metrics = call!(self, prompt "metrics", call_metrics)?;
        self.prove("metrics", Ok(metrics), |_, metrics| bounds::metrics(metrics))
    }

    /// The incomplete uploads in the store, the oldest first. Another writer may be at work on one.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with why they cannot be listed.
    pub async fn incomplete_uploads(&mut self) -> Result<Vec<IncompleteUpload>, SinkError> {
        let answer = call!(self, new "incomplete-uploads", call_incomplete_uploads)?;
        self.prove("incomplete-uploads", answer, |_, uploads| bounds::uploads(uploads))
    }

    /// Aborts an incomplete upload. It is gone afterwards.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; one that this sink is using is refused as invalid.
    pub async fn abort_upload(&mut self, object_key: &str, id: &str) -> Result<(), SinkError> {
        let answer = call!(self, new "abort-upload", call_abort_upload, object_key, id)?;
        self.prove("abort-upload", answer, |_, ()| Ok(()))
    }

    /// Says with which position the next write begins, of a sink that resumes from a state: its
    /// host stored the position with that. What the sink reports is held against it from now on;
    /// without it, only from the first write on.
    pub fn begin_at(&mut self, position: u64) {
        self.ledger.begin_at(position);
    }

    /// Shuts and opens this sink's way out, also while a call is being made.
    pub fn gate(&self) -> Gate {
        self.store.data().egress.passage().gate()
    }

    /// What counts the requests of this sink, also while a call is being made.
    pub fn traffic(&self) -> Traffic {
        self.store.data().egress.passage().traffic()
    }

    /// Told each time that [`poll`](Sink::poll) has something to do: an answer has come or more of
    /// it, or a piece of a request has gone or is wanted.
    pub fn moved(&self) -> Arc<Notify> {
        self.store.data().egress.passage().moved()
    }

    /// After a call that was made to its end. A sink that this was the last call of sends no more.
    fn end<T>(&mut self, answer: Result<T, SinkError>) -> Result<T, SinkError> {
        let answer = self.lifetime.end(answer);
        if self.lifetime.is_over() {
            self.gate().shut();
        }
        answer
    }

    /// What came back keeps the bounds, or the sink is ended.
    fn prove<T>(
        &mut self,
        call: &'static str,
        answer: Result<T, contract::Error>,
        check: impl FnOnce(&mut Ledger, &T) -> bounds::Kept,
    ) -> Result<T, SinkError> {
        let ledger = &mut self.ledger;
        let proven = answered(call, answer, |value| check(ledger, value));
        self.end(proven)
    }

    fn progress(
        &mut self,
        call: &'static str,
        told: Told,
        answer: Result<Progress, contract::Error>,
    ) -> Result<Progress, SinkError> {
        let counts = self.traffic().counts();
        let requests = counts.unanswered + counts.answers.iter().sum::<u64>();
        let seen = Seen { open: self.opened.elapsed(), requests };
        self.prove(call, answer, |ledger, progress| ledger.progress(progress, told, seen))
    }
}
