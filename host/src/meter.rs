//! What a component uses up while it is called.

use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use crate::ticker::Ticker;
use crate::trap::Refused;

/// What one component has used up.
#[derive(Default)]
pub(crate) struct Meter {
    /// What interrupts it. Held, so that its thread lives as long as this guest.
    ticker: Arc<Ticker>,
    pub(crate) waited: Waited,
    pub(crate) computed: Computed,
    memory_refused: AtomicBool,
    elements_refused: AtomicBool,
}

impl Meter {
    /// That of a guest that has used up nothing yet.
    pub(crate) fn new(ticker: Arc<Ticker>) -> Meter {
        Meter { ticker, ..Meter::default() }
    }

    /// Measures a call, which is interrupted as long as it computes.
    pub(crate) async fn compute<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        let call = std::future::poll_fn(|cx| {
            let _computing = self.ticker.computing();
            call.as_mut().poll(cx)
        });
        self.computed.of(call).await
    }

    /// It asked for more memory than it may have.
    pub(crate) fn refuse_memory(&self) {
        self.memory_refused.store(true, Relaxed);
    }

    /// It asked for more elements of tables than it may have.
    pub(crate) fn refuse_elements(&self) {
        self.elements_refused.store(true, Relaxed);
    }

    /// Whether it did either.
    pub(crate) fn refused(&self) -> Refused {
        let memory = self.memory_refused.load(Relaxed);
        Refused { memory, elements: self.elements_refused.load(Relaxed) }
    }
}

/// How long a guest waited for what its host was to give it: that is no time of its own.
#[derive(Default)]
pub(crate) struct Waited(Mutex<(Duration, Option<Instant>)>);

impl Waited {
    pub(crate) fn begin(&self) {
        self.lock().1 = Some(Instant::now());
    }

    pub(crate) fn end(&self) {
        let (sum, since) = &mut *self.lock();
        *sum += since.take().map_or(Duration::ZERO, |since| since.elapsed());
    }

    /// So long until now.
    pub(crate) fn sum(&self) -> Duration {
        let (sum, since) = &*self.lock();
        *sum + since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, (Duration, Option<Instant>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a call has computed, by the clock of the thread that it runs on: what other threads
/// take of a busy machine is no time of the guest. A call may be moved to another thread whenever
/// it waits.
#[derive(Default)]
pub(crate) struct Computed(Mutex<(Duration, Option<Duration>)>);

impl Computed {
    /// Measures a call.
    async fn of<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        *self.lock() = (Duration::ZERO, None);
        std::future::poll_fn(|cx| {
            self.lock().1 = Some(thread_clock());
            let polled = call.as_mut().poll(cx);
            let (sum, since) = &mut *self.lock();
            *sum += since.take().map_or(Duration::ZERO, |since| thread_clock() - since);
            polled
        })
        .await
    }

    /// So long until now. To be asked on the thread of the call.
    pub(crate) fn sum(&self) -> Duration {
        let (sum, since) = &*self.lock();
        *sum + since.map_or(Duration::ZERO, |since| thread_clock() - since)
    }

    fn lock(&self) -> MutexGuard<'_, (Duration, Option<Duration>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long this thread has run.
fn thread_clock() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (time.tv_sec.try_into(), time.tv_nsec.try_into());
    Duration::new(seconds.unwrap_or_default(), nanoseconds.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds the thread until it has run for so long.
    fn compute(duration: Duration) {
        let begun = thread_clock();
        while thread_clock() - begun < duration {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn only_what_is_computed_counts() {
        let computed = Computed::default();
        let (work, sleep) = (Duration::from_millis(5), Duration::from_millis(200));
        let seen = computed.of(async {
            compute(work);
            // Whether its thread is kept from running, or it waits: that is no work.
            std::thread::sleep(sleep);
            tokio::time::sleep(sleep).await;
            tokio::task::yield_now().await;
            compute(work);
            computed.sum()
        });
        let seen = seen.await;
        assert!((2 * work..sleep).contains(&seen), "{seen:?}");
        assert!((seen..sleep).contains(&computed.sum()));
        computed.of(async {}).await;
        assert!(computed.sum() < work, "each call is measured alone");
    }
}
