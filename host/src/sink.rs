//! A sink that takes events: every call of the contract, and what comes back proven against its
//! bounds.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::bounds::{self, Breach, Ledger};
use crate::contract::{
    self, Ending, IncompleteUpload, Metric, Progress, Rejection, Run, S3, SavedState,
};
use crate::egress::{Gate, Traffic};
use crate::engine::{Engine, Limits, ticks};
use crate::state::{State, Waited};

/// Why a call on a sink failed.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The component answered with an error.
    #[error("{}", explain(.0))]
    Refused(contract::Error),
    /// The component broke a bound of the contract, and was ended. Its sink is gone.
    #[error("the component broke the contract: {0}")]
    Breach(#[from] Breach),
    /// It was still at work when it was [given up](Gate::shut_within). Its sink is gone.
    #[error("the component was stopped during a call")]
    GivenUp,
    /// The component trapped, or was ended. Its sink is gone: open another one.
    #[error("the component failed")]
    Trap(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A sink that takes events.
pub struct Sink {
    store: Store<State>,
    instance: S3,
    resource: ResourceAny,
    /// Its clock is what ends a call that computes for too long, so it lives as long as the sink.
    _engine: Engine,
    limits: Limits,
    ledger: Ledger,
    /// The bound that it broke, if it did: then it is called no more.
    breach: Option<Breach>,
}

/// Makes one call of the contract, unless the sink is gone.
macro_rules! call {
    ($self:ident, $method:ident $(, $argument:expr)*) => {{
        $self.begin()?;
        let Sink { store, instance, resource, .. } = $self;
        let gate = store.data().egress.gate();
        let sink = instance.spillway_sink_sink().sink();
        until_given_up(&gate, sink.$method(store, *resource $(, $argument)*)).await?
    }};
}

impl Sink {
    pub(crate) fn new(
        store: Store<State>,
        instance: S3,
        resource: ResourceAny,
        engine: Engine,
        limits: Limits,
        ledger: Ledger,
    ) -> Sink {
        Sink { store, instance, resource, _engine: engine, limits, ledger, breach: None }
    }

    /// Takes events, and returns those that will never be stored. Waits while the sink is full.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; then none was taken.
    pub async fn write(&mut self, batch: &[Run]) -> Result<Vec<Rejection>, SinkError> {
        let answer = call!(self, call_write, batch);
        self.prove("write", answer, |ledger, rejected| ledger.write(batch, rejected))
    }

    /// Says that no event before `to` is still to come, so that [`Progress::durable`] can reach it.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; a position before the next one is refused as invalid.
    pub async fn skip(&mut self, to: u64) -> Result<(), SinkError> {
        let answer = call!(self, call_skip, to);
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
        let (limits, waited) = (self.limits, Arc::clone(&self.store.data().waited));
        let call = async { Ok(call!(self, call_poll)) };
        let answer = promptly("poll", &limits, &waited, call).await;
        let answer = answer.and_then(|answered| answered).inspect_err(|error| self.end(error))?;
        self.prove("poll", answer, Ledger::progress)
    }

    /// Seals every open object and waits until each is visible, or failed.
    ///
    /// # Errors
    ///
    /// [`SinkError`]. That objects failed is no error: see [`Progress::failed`].
    pub async fn flush(&mut self) -> Result<Progress, SinkError> {
        let answer = call!(self, call_flush);
        self.prove("flush", answer, Ledger::progress)
    }

    /// Looks whether the bucket can be written, without leaving anything behind.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with why it cannot.
    pub async fn check(&mut self) -> Result<(), SinkError> {
        let answer = call!(self, call_check);
        self.prove("check", answer, |_, ()| Ok(()))
    }

    /// What to store together with the source's position, to go on from there after a crash.
    ///
    /// # Errors
    ///
    /// [`SinkError`].
    pub async fn checkpoint(&mut self) -> Result<Vec<u8>, SinkError> {
        let answer = call!(self, call_checkpoint);
        self.prove("checkpoint", answer, |ledger, state| ledger.state(state))
    }

    /// What the state of a checkpoint holds.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with why it cannot be read.
    pub async fn inspect_state(&mut self, state: &[u8]) -> Result<SavedState, SinkError> {
        self.begin()?;
        let Sink { store, instance, limits, .. } = self;
        let gate = store.data().egress.gate();
        let waited = Arc::clone(&store.data().waited);
        let call = instance.spillway_sink_sink().call_inspect_state(store, state);
        let call = until_given_up(&gate, call);
        let answer = promptly("inspect-state", limits, &waited, call).await;
        let answer = answer.and_then(|answered| answered).inspect_err(|error| self.end(error))?;
        self.prove("inspect-state", answer, |_, saved| bounds::saved_state(saved))
    }

    /// Says that the last checkpoint is stored safely.
    ///
    /// # Errors
    ///
    /// [`SinkError`].
    pub async fn commit(&mut self) -> Result<(), SinkError> {
        let answer = call!(self, call_commit);
        self.prove("commit", answer, |_, ()| Ok(()))
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
        let answer = call!(self, call_store_state, name, bytes, expected);
        self.prove("store-state", answer, |_, version| bounds::text("the version", version))
    }

    /// Ends the sink. After it, ask for its [`metrics`](Sink::metrics) or drop it: other calls are
    /// refused as [`Closed`](contract::Error::Closed).
    ///
    /// # Errors
    ///
    /// [`SinkError`].
    pub async fn close(&mut self, how: Ending) -> Result<Progress, SinkError> {
        let answer = call!(self, call_close, how);
        self.prove("close", answer, Ledger::progress)
    }

    /// The sink's numbers.
    ///
    /// # Errors
    ///
    /// [`SinkError::Trap`], [`SinkError::Breach`], [`SinkError::GivenUp`].
    pub async fn metrics(&mut self) -> Result<Vec<Metric>, SinkError> {
        let metrics = call!(self, call_metrics);
        self.prove("metrics", Ok(metrics), |_, metrics| bounds::metrics(metrics))
    }

    /// The incomplete uploads in the store, the oldest first. Another writer may be at work on one.
    ///
    /// # Errors
    ///
    /// [`SinkError`] with why they cannot be listed.
    pub async fn incomplete_uploads(&mut self) -> Result<Vec<IncompleteUpload>, SinkError> {
        let answer = call!(self, call_incomplete_uploads);
        self.prove("incomplete-uploads", answer, |_, uploads| bounds::uploads(uploads))
    }

    /// Aborts an incomplete upload. It is gone afterwards.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; one that this sink is using is refused as invalid.
    pub async fn abort_upload(&mut self, object_key: &str, id: &str) -> Result<(), SinkError> {
        let answer = call!(self, call_abort_upload, object_key, id);
        self.prove("abort-upload", answer, |_, ()| Ok(()))
    }

    /// Shuts and opens this sink's way out, also while a call is being made.
    pub fn gate(&self) -> Gate {
        self.store.data().egress.gate()
    }

    /// What counts the requests of this sink, also while a call is being made.
    pub fn traffic(&self) -> Traffic {
        self.store.data().egress.traffic()
    }

    /// Told each time that [`poll`](Sink::poll) has something to do: an answer has come or more of
    /// it, or a piece of a request has gone or is wanted.
    pub fn moved(&self) -> Arc<Notify> {
        self.store.data().egress.moved()
    }

    /// Before a call: the sink is still there, and may compute for so long.
    fn begin(&mut self) -> Result<(), SinkError> {
        if let Some(breach) = &self.breach {
            return Err(breach.clone().into());
        }
        self.store.data_mut().ticks_left = ticks(self.limits.compute_max);
        Ok(())
    }

    /// After a call: what came back keeps the bounds, or the sink is ended.
    fn prove<T>(
        &mut self,
        call: &'static str,
        answer: Result<T, contract::Error>,
        check: impl FnOnce(&mut Ledger, &T) -> bounds::Kept,
    ) -> Result<T, SinkError> {
        let ledger = &mut self.ledger;
        answered(call, answer, |value| check(ledger, value)).inspect_err(|error| self.end(error))
    }

    /// Ends a sink that broke a bound: it is called no more, and sends no more.
    fn end(&mut self, error: &SinkError) {
        if let SinkError::Breach(breach) = error {
            self.gate().shut();
            self.breach = Some(breach.clone());
        }
    }
}

/// What a call answered, proven to keep the bounds.
pub(crate) fn answered<T>(
    call: &'static str,
    answer: Result<T, contract::Error>,
    check: impl FnOnce(&T) -> bounds::Kept,
) -> Result<T, SinkError> {
    match answer {
        Ok(value) => {
            check(&value).map_err(Breach::by(call))?;
            Ok(value)
        }
        Err(error) => {
            bounds::error(&error).map_err(Breach::by(call))?;
            Err(SinkError::Refused(error))
        }
    }
}

/// Makes a call that may not wait. The time in which its host keeps the component waiting does not
/// count. What was cut short cannot be called again.
pub(crate) async fn promptly<T>(
    name: &'static str,
    limits: &Limits,
    waited: &Waited,
    call: impl Future<Output = T>,
) -> Result<T, SinkError> {
    let (begun, before) = (Instant::now(), waited.sum());
    let mut call = pin!(call);
    loop {
        let own = begun.elapsed().saturating_sub(waited.sum() - before);
        let left = limits.prompt_call_max.saturating_sub(own);
        if left.is_zero() {
            return Err(Breach::waited(name, limits.prompt_call_max).into());
        }
        // While the host keeps it waiting, what is left does not change.
        if let Ok(answer) = timeout(left.max(CHECK_INTERVAL), &mut call).await {
            return Ok(answer);
        }
    }
}

/// Makes a call, for as long as its sink is not given up. What was cut short cannot be called
/// again.
pub(crate) async fn until_given_up<T>(
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

pub(crate) fn trap(error: wasmtime::Error) -> SinkError {
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
        | contract::Error::Conflict(text)
        | contract::Error::Unsupported(text) => text.clone(),
        contract::Error::Busy => "the sink is full until a checkpoint is committed".to_owned(),
        contract::Error::Closed => "the sink is closed".to_owned(),
        contract::Error::Aborted => "the sink was closed before the events were stored".to_owned(),
    }
}

/// How often it is looked how long a call has taken, while its host keeps it waiting.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(40);

    #[tokio::test]
    async fn what_its_host_takes_is_no_time_of_the_component() {
        let limits = Limits { prompt_call_max: LIMIT, ..Limits::default() };
        let waited = Waited::default();
        let host_is_slow = async {
            waited.begin();
            sleep(3 * LIMIT).await;
            waited.end();
        };
        promptly("poll", &limits, &waited, host_is_slow).await.expect("only its host was slow");
        let is_slow = sleep(3 * LIMIT);
        let error = promptly("poll", &limits, &waited, is_slow).await;
        assert!(matches!(error, Err(SinkError::Breach(_))), "what was waited before is no credit");
    }
}
