//! Counts signals: the first asks a run to stop, the second to abort.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The number of requests to stop. Clones share it.
#[derive(Clone)]
pub struct Shutdown(watch::Sender<u32>);

/// Stops waiting for a signal when it is dropped.
pub struct OnSignal(AbortHandle);

impl Shutdown {
    /// Nothing shutdown, but for who [insists](Shutdown::insist).
    pub fn never() -> Shutdown {
        Shutdown(watch::Sender::new(0))
    }

    /// Counts what `sender` sends.
    pub fn of(sender: &watch::Sender<u32>) -> Shutdown {
        Shutdown(sender.clone())
    }

    /// Counts SIGINT, SIGTERM and SIGHUP of this process. A SIGHUP that was ignored when the
    /// process began stays so: `nohup` asks for that. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// Where the system does not let this process handle signals.
    pub fn of_process() -> std::io::Result<Shutdown> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let hang_up = SignalKind::hangup();
        let mut hang_up = match is_ignored(hang_up.as_raw_value()) {
            true => None,
            false => Some(signal(hang_up)?),
        };
        let shutdown = Shutdown::never();
        let counting = shutdown.clone();
        tokio::spawn(async move {
            loop {
                let hung_up = async {
                    match &mut hang_up {
                        Some(hang_up) => hang_up.recv().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hung_up => {}
                }
                counting.insist();
            }
        });
        Ok(shutdown)
    }

    /// How often, so far.
    pub fn count(&self) -> u32 {
        *self.0.borrow()
    }

    /// Asks once more, as a signal does.
    pub fn insist(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Insists once, where nothing has moved for as long as `patience` since it was asked to stop:
    /// `stalled` says for how long nothing has. Calls `f` before that. Whoever is told to stop is
    /// not to wait as long as one that runs.
    pub async fn insist_where_stalled(
        &self,
        patience: Duration,
        stalled: impl Fn() -> Duration,
        f: impl FnOnce(),
    ) {
        self.reached(1).await;
        // What it had waited before it was asked does not count.
        let mut waits = patience;
        while !waits.is_zero() {
            tokio::time::sleep(waits).await;
            waits = patience.saturating_sub(stalled());
        }
        if self.count() == 1 {
            f();
            self.insist();
        }
    }

    /// Returns once it was asked to stop.
    pub async fn first(&self) {
        self.reached(1).await;
    }

    /// Calls `f` when it has been asked `times` times, for as long as what this returns is kept.
    pub fn on(&self, times: u32, f: impl FnOnce() + Send + 'static) -> OnSignal {
        let shutdown = self.clone();
        let task = tokio::spawn(async move {
            shutdown.reached(times).await;
            f();
        });
        OnSignal(task.abort_handle())
    }

    /// Returns once it was asked `times` times.
    pub async fn reached(&self, times: u32) {
        // The sender is here, so it is not gone.
        let _ = self.0.subscribe().wait_for(|count| *count >= times).await;
    }
}

impl Drop for OnSignal {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether this process was started with the signal ignored. Where the system does not say, as
/// systems other than Linux do not, it was not.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored(&status).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// The signals that are ignored, after proc_pid_status(5): the lowest bit is signal 1.
fn ignored(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_asked_is_counted_by_all() {
        let shutdown = Shutdown::never();
        let other = shutdown.clone();
        let (told, mut tells) = tokio::sync::mpsc::unbounded_channel();
        let _second = shutdown.on(2, move || told.send(()).unwrap());
        other.insist();
        shutdown.first().await;
        assert!(tells.try_recv().is_err());
        other.insist();
        tells.recv().await.unwrap();
        assert_eq!((shutdown.count(), other.count()), (2, 2));
    }

    #[tokio::test]
    async fn who_stalls_after_it_was_told_to_stop_is_told_again() {
        let shutdown = Shutdown::never();
        shutdown.insist();
        let stalled = || Duration::from_secs(60);
        shutdown.insist_where_stalled(Duration::from_millis(5), stalled, || {}).await;
        assert_eq!(shutdown.count(), 2);
        // A person was quicker.
        shutdown.insist_where_stalled(Duration::from_millis(5), stalled, || panic!()).await;
        assert_eq!(shutdown.count(), 2);
    }

    #[tokio::test]
    async fn who_moves_is_given_time() {
        let shutdown = Shutdown::never();
        shutdown.insist();
        let looks = std::cell::Cell::new(0);
        // It moves until it is looked at for the third time.
        let stalled = || {
            looks.set(looks.get() + 1);
            if looks.get() < 3 { Duration::ZERO } else { Duration::from_secs(60) }
        };
        shutdown.insist_where_stalled(Duration::from_millis(5), stalled, || {}).await;
        assert_eq!((looks.get(), shutdown.count()), (3, 2));
    }

    #[test]
    fn ignored_signals_are_read_as_the_system_writes_them() {
        let status = "Name:\tspillway\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert_eq!(ignored(status), Some(0x1001));
        assert_eq!(ignored("Name:\tspillway\n"), None);
        assert_eq!(ignored("SigIgn:\tx\n"), None);
    }
}
