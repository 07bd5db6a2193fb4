//! The clock that interrupts guests: it moves on the epoch of their engine.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Moves on the epoch of an engine every [`TICK`] while one of its guests computes. Otherwise its
/// thread waits, so that a sink without work wakes no processor. It ends with the last handle.
#[derive(Default)]
pub(crate) struct Ticker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// How many guests compute.
    computing: usize,
    /// Whether the thread waits for one.
    is_waiting: bool,
    is_ended: bool,
}

/// A guest computes for as long as this is held.
pub(crate) struct Computing<'a>(&'a Shared);

impl Ticker {
    /// Starts the thread, which calls `tick`.
    pub(crate) fn start(mut tick: impl FnMut() + Send + 'static) -> std::io::Result<Ticker> {
        let ticker = Ticker::default();
        let shared = ticker.0.clone();
        thread::Builder::new()
            .name("spillway-epoch".to_owned())
            .spawn(move || shared.run(&mut tick))?;
        Ok(ticker)
    }

    /// A guest begins to compute, or goes on.
    pub(crate) fn computing(&self) -> Computing<'_> {
        let mut state = self.0.lock();
        state.computing += 1;
        if mem::take(&mut state.is_waiting) {
            self.0.changed.notify_one();
        }
        Computing(&self.0)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.lock().is_ended = true;
        self.0.changed.notify_one();
    }
}

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.0.lock().computing -= 1;
    }
}

impl Shared {
    fn run(&self, tick: &mut dyn FnMut()) {
        let mut state = self.lock();
        while !state.is_ended {
            if state.computing == 0 {
                state.is_waiting = true;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                let waited = self.changed.wait_timeout(state, TICK);
                (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
                tick();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a guest runs before it gives way to other tasks.
const TICK: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, channel};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn it_ticks_while_a_guest_computes_and_not_else() {
        let (sender, ticks) = channel();
        let ticker = Ticker::start(move || sender.send(()).unwrap_or_default()).unwrap();
        for _ in 0..3 {
            assert_eq!(ticks.recv_timeout(3 * TICK), Err(RecvTimeoutError::Timeout));
            let (first, second) = (ticker.computing(), ticker.computing());
            drop(first);
            ticks.recv_timeout(PATIENCE).expect("one computes");
            ticks.recv_timeout(PATIENCE).expect("and goes on");
            drop(second);
            while !ticker.0.lock().is_waiting {
                thread::yield_now();
            }
            while ticks.try_recv().is_ok() {}
        }
        drop(ticker);
        assert_eq!(ticks.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected), "it ends");
    }
}
