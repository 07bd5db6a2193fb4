//! One call on a component: how long it may take, how much it may hand over, and how it ends.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use wasmtime::Store;

use super::SinkError;
use crate::bounds::{self, ANSWER_BYTES_MAX, Breach};
use crate::contract;
use crate::egress::Gate;
use crate::engine::Limits;
use crate::meter::{Meter, Waited};
use crate::state::State;
use crate::trap::{Trap, is_too_much};

/// A call that is about to be made.
pub(crate) struct Call {
    name: &'static str,
    limits: Limits,
    meter: Arc<Meter>,
    gate: Gate,
    answer_bytes_max: usize,
    /// What raises that, if anything does.
    raised_by: Option<&'static str>,
    may_wait: bool,
}

impl Call {
    /// One that may wait for the store.
    pub(crate) fn new(name: &'static str, store: &mut Store<State>, limits: &Limits) -> Call {
        let (meter, gate) = (store.data().meter.clone(), store.data().egress.passage().gate());
        store.set_hostcall_fuel(ANSWER_BYTES_MAX);
        let answer_bytes_max = ANSWER_BYTES_MAX;
        let (limits, raised_by, may_wait) = (*limits, None, true);
        Call { name, limits, meter, gate, answer_bytes_max, raised_by, may_wait }
    }

    /// One that may not wait.
    pub(crate) fn prompt(name: &'static str, store: &mut Store<State>, limits: &Limits) -> Call {
        Call { may_wait: false, ..Call::new(name, store, limits) }
    }

    /// One whose answer has a state in it.
    pub(crate) fn of_state(name: &'static str, store: &mut Store<State>, limits: &Limits) -> Call {
        let call = Call::new(name, store, limits);
        // One more byte is seen, and told as what it is: a state that is too large.
        let answer_bytes_max = limits.state_bytes_max.saturating_add(STATE_FRAME_BYTES_MAX);
        store.set_hostcall_fuel(answer_bytes_max);
        Call { answer_bytes_max, raised_by: Some("state_bytes_max"), ..call }
    }

    /// One whose answer has events in it.
    pub(crate) fn of_batch(name: &'static str, store: &mut Store<State>, limits: &Limits) -> Call {
        let call = Call::new(name, store, limits);
        store.set_hostcall_fuel(limits.memory_bytes_max);
        let raised_by = Some("memory_bytes_max");
        Call { answer_bytes_max: limits.memory_bytes_max, raised_by, ..call }
    }

    /// It ends with the sink behind this gate.
    pub(crate) fn under(self, gate: &Gate) -> Call {
        Call { gate: gate.clone(), ..self }
    }

    /// Makes it. What was cut short cannot be called again.
    pub(crate) async fn make<T>(
        self,
        call: impl Future<Output = wasmtime::Result<T>>,
    ) -> Result<T, SinkError> {
        let Call { name, ref limits, ref meter, ref gate, may_wait, .. } = self;
        if gate.has_given_up() {
            return Err(SinkError::GivenUp);
        }
        let call = async {
            tokio::select! {
                biased;
                called = meter.compute(call) => called.map_err(|error| self.ended(&error)),
                () = gate.given_up() => Err(SinkError::GivenUp),
            }
        };
        match may_wait {
            true => call.await,
            false => promptly(name, limits, &meter.waited, call).await?,
        }
    }

    fn ended(&self, error: &wasmtime::Error) -> SinkError {
        if is_too_much(error) {
            let raise = self.raised_by.map(|limit| format!("; {}", self.limits.raised_by(limit)));
            let what = format!(
                "it hands over more than {} bytes{}",
                self.answer_bytes_max,
                raise.unwrap_or_default()
            );
            return Breach::by(self.name)(what).into();
        }
        let trap = Trap::of(error, &self.limits, self.meter.refused());
        for frame in trap.frames() {
            tracing::debug!(target: "spillway", event = "frame", call = self.name, "{frame}");
        }
        SinkError::Trap(trap)
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

/// Makes a call that may not wait. Two things are no time of the component: that in which its host
/// keeps it waiting, and that in which the machine is so busy that this process does not run.
async fn promptly<T>(
    name: &'static str,
    limits: &Limits,
    waited: &Waited,
    call: impl Future<Output = T>,
) -> Result<T, SinkError> {
    let mut call = pin!(call);
    let (max, mut own) = (limits.prompt_call_max, Duration::ZERO);
    while own < max {
        let (begun, before) = (Instant::now(), waited.sum());
        let step = CHECK_INTERVAL.min(max - own);
        if let Ok(answer) = timeout(step, &mut call).await {
            return Ok(answer);
        }
        let kept_waiting = waited.sum() - before;
        own += begun.elapsed().min(2 * step).saturating_sub(kept_waiting);
    }
    Err(Breach::waited(name, limits).into())
}

/// How often it is looked how long a call has taken.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// What comes with a state in one answer.
const STATE_FRAME_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(40);

    #[tokio::test]
    async fn what_its_host_takes_is_no_time_of_the_component() {
        let waited = Waited::default();
        let host_is_slow = async {
            waited.begin();
            sleep(3 * LIMIT).await;
            waited.end();
        };
        promptly("poll", &limits(), &waited, host_is_slow).await.expect("only its host was slow");
        let is_slow = sleep(3 * LIMIT);
        let error = promptly("poll", &limits(), &waited, is_slow).await;
        assert!(matches!(error, Err(SinkError::Breach(_))), "what was waited before is no credit");
    }

    #[tokio::test]
    async fn what_a_busy_machine_takes_is_no_time_of_the_component() {
        let is_kept_from_running = async {
            std::thread::sleep(3 * LIMIT);
            tokio::task::yield_now().await;
        };
        let waited = Waited::default();
        let limits = limits();
        promptly("poll", &limits, &waited, is_kept_from_running).await.expect("it took one step");
    }

    fn limits() -> Limits {
        Limits { prompt_call_max: LIMIT, ..Limits::default() }
    }
}
