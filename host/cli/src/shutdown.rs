//! Requests to stop a run. Signals are counted: after the first a run stops gracefully, after the
//! second it aborts, and after the third the process exits.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The number of requests to stop. Clones share it.
#[derive(Clone)]
pub struct Shutdown {
    requests: watch::Sender<u32>,
    /// How often SIGHUP asked for a reload; nothing where it is a request to stop.
    reloads: watch::Sender<Option<u32>>,
}

/// The guard of [`Shutdown::on`]. Dropping it cancels the call.
pub struct OnSignal(AbortHandle);

impl Shutdown {
    /// Without signals: only [`insist`](Shutdown::insist) requests a stop.
    pub fn never() -> Shutdown {
        Shutdown::of(&watch::Sender::new(0))
    }

    /// Shares the number in `sender`.
    pub fn of(sender: &watch::Sender<u32>) -> Shutdown {
        Shutdown { requests: sender.clone(), reloads: watch::Sender::new(None) }
    }

    /// Counts SIGINT, SIGTERM and SIGHUP of this process. If SIGHUP was ignored when the process
    /// started, as `nohup` does, it stays ignored. Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// If the system does not let this process handle signals.
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
                let is_hung_up = tokio::select! {
                    _ = interrupt.recv() => false,
                    _ = terminate.recv() => false,
                    _ = hung_up => true,
                };
                let is_reload = is_hung_up
                    && counting.reloads.send_if_modified(|reloads| {
                        reloads.as_mut().map(|count| *count += 1).is_some()
                    });
                if !is_reload {
                    counting.insist();
                }
            }
        });
        Ok(shutdown)
    }

    /// The number of requests so far.
    pub fn count(&self) -> u32 {
        *self.requests.borrow()
    }

    /// Requests a stop, as a signal does.
    pub fn insist(&self) {
        self.requests.send_modify(|count| *count += 1);
    }

    /// From now on SIGHUP asks for a reload rather than a stop.
    pub fn reload_on_hang_up(&self) {
        self.reloads.send_modify(|reloads| *reloads = Some(0));
    }

    /// Waits until more reloads were asked for than `seen`, and returns how many.
    pub async fn reload(&self, seen: u32) -> u32 {
        let mut reloads = self.reloads.subscribe();
        let more = reloads.wait_for(|count| count.is_some_and(|count| count > seen)).await;
        more.ok().and_then(|count| *count).unwrap_or(seen)
    }

    /// Requests a stop once more if the run makes no progress for `patience` after the first
    /// request. `stalled` returns how long there has been none. Calls `f` before.
    pub async fn insist_where_stalled(
        &self,
        patience: Duration,
        stalled: impl Fn() -> Duration,
        f: impl FnOnce(),
    ) {
        self.reached(1).await;
        // Time without progress before the request does not count.
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

    /// Requests a stop once more at the `limit` after the first request; never where there is none.
    /// Calls `f` before.
    pub async fn insist_after(&self, limit: Option<Duration>, f: impl FnOnce(Duration)) {
        self.reached(1).await;
        match limit {
            Some(limit) => {
                tokio::time::sleep(limit).await;
                if self.count() == 1 {
                    f(limit);
                    self.insist();
                }
            }
            None => std::future::pending().await,
        }
    }

    /// Waits for the first request.
    pub async fn first(&self) {
        self.reached(1).await;
    }

    /// Calls `f` at the request number `times`, unless the returned guard is dropped before.
    pub fn on(&self, times: u32, f: impl FnOnce() + Send + 'static) -> OnSignal {
        let shutdown = self.clone();
        let task = tokio::spawn(async move {
            shutdown.reached(times).await;
            f();
        });
        OnSignal(task.abort_handle())
    }

    /// Waits for the request number `times`.
    pub async fn reached(&self, times: u32) {
        // `self` holds the sender, so the channel stays open.
        let _ = self.requests.subscribe().wait_for(|count| *count >= times).await;
    }
}

impl Drop for OnSignal {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether the process was started with the signal ignored. Systems other than Linux do not tell,
/// and are taken not to ignore it.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored(&status).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// The mask of ignored signals from proc_pid_status(5). The lowest bit is signal 1.
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

    #[tokio::test]
    async fn a_limit_counts_from_the_first_request() {
        let shutdown = Shutdown::never();
        let limit = Duration::from_millis(5);
        let insisting = shutdown.insist_after(Some(limit), |told| assert_eq!(told, limit));
        let early = tokio::time::timeout(10 * limit, insisting).await;
        assert!(early.is_err() && shutdown.count() == 0, "nobody asked yet");
        shutdown.insist();
        shutdown.insist_after(Some(limit), |told| assert_eq!(told, limit)).await;
        assert_eq!(shutdown.count(), 2);
        // A person was quicker.
        shutdown.insist_after(Some(limit), |_| panic!()).await;
        assert_eq!(shutdown.count(), 2);
        let never = shutdown.insist_after(None, |_| panic!());
        assert!(tokio::time::timeout(10 * limit, never).await.is_err());
    }

    #[test]
    fn ignored_signals_are_read_as_the_system_writes_them() {
        let status = "Name:\tspillway\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
        assert_eq!(ignored(status), Some(0x1001));
        assert_eq!(ignored("Name:\tspillway\n"), None);
        assert_eq!(ignored("SigIgn:\tx\n"), None);
    }
}
