//! What is said while a run stops, and when it has had the time for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use spillway::egress::Counts;
use tokio::task::JoinHandle;
use tracing::info;

use super::log::SPILLWAY;
use super::view::{is_away, waiting};
use crate::shutdown::Shutdown;
use crate::telemetry::Monitor;

/// Tells how a run ends, and ends one that stalls, until it is dropped.
pub(super) struct Stopping {
    run: Arc<Run>,
    task: JoinHandle<()>,
}

/// The run that is told to stop.
struct Run {
    shutdown: Shutdown,
    monitor: Monitor,
    /// Whether the next run goes on with what is open.
    are_kept: bool,
    /// Whether it was said that it stops, and that it aborts what is open.
    stops: AtomicBool,
    aborts: AtomicBool,
}

impl Stopping {
    /// Begins to tell: see [`tell`]. Must be called within a Tokio runtime.
    pub(super) fn of(
        shutdown: &Shutdown,
        monitor: &Monitor,
        are_kept: bool,
        limit: Option<Duration>,
    ) -> Stopping {
        let (shutdown, monitor) = (shutdown.clone(), monitor.clone());
        let (stops, aborts) = (AtomicBool::new(false), AtomicBool::new(false));
        let run = Arc::new(Run { shutdown, monitor, are_kept, stops, aborts });
        Stopping { task: tokio::spawn(tell(Arc::clone(&run), limit)), run }
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        self.task.abort();
        // A run may be through before its task has begun.
        let requests = self.run.shutdown.count();
        if requests >= 1 {
            self.run.stops();
        }
        if requests >= 2 {
            self.run.aborts();
        }
    }
}

impl Run {
    /// Says that it stops, once.
    fn stops(&self) {
        if self.stops.swap(true, Ordering::Relaxed) {
            return;
        }
        let stopping = match self.are_kept {
            true => {
                "stopping: saving open objects for the next run; interrupt again to stop without \
                 saving"
            }
            false => "stopping: completing open objects; interrupt again to abort them",
        };
        match waiting(self.counts()) {
            Some(waiting) => info!(target: SPILLWAY, event = "stopping", "{stopping} ({waiting})"),
            None => info!(target: SPILLWAY, event = "stopping", "{stopping}"),
        }
    }

    /// Says that it aborts what is open, once.
    fn aborts(&self) {
        if self.aborts.swap(true, Ordering::Relaxed) {
            return;
        }
        let aborting = match self.are_kept {
            true => "aborting objects that are in no checkpoint; interrupt again to exit at once",
            false => "aborting open objects; interrupt again to exit at once",
        };
        info!(target: SPILLWAY, event = "aborting", "{aborting}");
    }

    fn counts(&self) -> Counts {
        self.monitor.traffic().unwrap_or_default()
    }
}

/// Prints what each signal does. Otherwise a run that waits for the store seems to ignore them.
/// Ends a run that is still not through at the `limit` after the first.
async fn tell(run: Arc<Run>, limit: Option<Duration>) {
    let shutdown = &run.shutdown;
    shutdown.reached(1).await;
    run.stops();
    let stalled = || idle(&run.counts());
    let minute = || {
        let counts = run.counts();
        let why = match (is_away(&counts), counts.in_flight) {
            (Some(_), _) => NO_ANSWER,
            (None, 0) => NO_WORK,
            (None, _) => NO_MOVE,
        };
        info!(target: SPILLWAY, event = "notice", "{why}");
    };
    let limited = |limit: Duration| {
        let limit = humantime::format_duration(limit);
        info!(target: SPILLWAY, event = "notice", "{LIMIT} ({limit}), so the run ends now");
    };
    tokio::select! {
        () = shutdown.insist_where_stalled(STOPPING_PATIENCE, stalled, minute) => {}
        () = shutdown.insist_after(limit, limited) => {}
        () = shutdown.reached(2) => {}
    }
    run.aborts();
}

/// How long nothing has come of it: the store is away or busy, or the component waits, and not for
/// the store. A request under way has the store's own time to be answered in, and no more than
/// [`IN_FLIGHT_PATIENCE`]: its component may never send the rest of it.
fn idle(counts: &Counts) -> Duration {
    match (is_away(counts), counts.in_flight) {
        (Some(_), _) => counts.stalled,
        (None, 0) => counts.quiet,
        (None, _) if counts.quiet >= IN_FLIGHT_PATIENCE => counts.quiet,
        (None, _) => Duration::ZERO,
    }
}

const NO_ANSWER: &str = "the store has not answered successfully for a minute, so the run ends \
                         without it";
const LIMIT: &str = "what is open was not completed or saved within shutdown_timeout";
const NO_WORK: &str = "the component has sent nothing for a minute, so the run ends without it";
const NO_MOVE: &str = "no request has moved for a quarter of an hour, so the run ends without it";
/// How long a stopping run waits for a store that does not answer, or for a component that does
/// nothing.
const STOPPING_PATIENCE: Duration = Duration::from_secs(60);
/// How long it waits for requests of which nothing moves. S3 may need minutes to complete an
/// object.
const IN_FLIGHT_PATIENCE: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use spillway::egress::Bad;

    use super::*;

    /// Its task has had no turn on this one thread.
    #[tokio::test]
    async fn a_run_that_ends_at_once_says_what_each_signal_did() {
        for (signals, said) in [(0, [false, false]), (1, [true, false]), (2, [true, true])] {
            let shutdown = Shutdown::never();
            let stopping = Stopping::of(&shutdown, &Monitor::default(), false, None);
            let run = Arc::clone(&stopping.run);
            (0..signals).for_each(|_| shutdown.insist());
            drop(stopping);
            assert_eq!([&run.stops, &run.aborts].map(|is| is.load(Ordering::Relaxed)), said);
        }
    }

    #[test]
    fn who_waits_for_nobody_is_idle() {
        let minute = Duration::from_secs(60);
        let bad = Some(Bad::Answered(StatusCode::SERVICE_UNAVAILABLE));
        let quiet = Counts { quiet: minute, ..Counts::default() };
        assert_eq!(idle(&quiet), minute);
        let waiting = Counts { in_flight: 1, stalled: minute, ..quiet };
        assert_eq!(idle(&waiting), Duration::ZERO, "the store has its own time to answer");
        let away = Counts { bad, bad_in_a_row: 1, stalled: minute, ..Counts::default() };
        assert_eq!(idle(&away), minute);
    }

    /// A component may begin a request and never send the rest of it.
    #[test]
    fn a_request_that_does_not_move_is_not_waited_for_without_end() {
        let waiting = |quiet| Counts { in_flight: 1, stalled: quiet, quiet, ..Counts::default() };
        let just = IN_FLIGHT_PATIENCE - Duration::from_millis(1);
        assert_eq!(idle(&waiting(just)), Duration::ZERO);
        assert_eq!(idle(&waiting(IN_FLIGHT_PATIENCE)), IN_FLIGHT_PATIENCE);
        let moves = Counts { quiet: Duration::ZERO, ..waiting(IN_FLIGHT_PATIENCE) };
        assert_eq!(idle(&moves), Duration::ZERO);
    }
}
