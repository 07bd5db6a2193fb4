//! Tells others that a run goes on: the service manager of this process, and its monitor.
//!
//! All of it is told by the task that the run itself is in. Where something blocks that, nobody is
//! told any more: a health check fails, and a watchdog ends the process.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use indicatif::HumanCount;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use crate::age;
use crate::notify::ServiceManager;
use crate::shutdown::Shutdown;
use crate::telemetry::{Monitor, View};

use super::execute::Executed;
use super::exit::CliError;
use super::log::SPILLWAY;
use super::view::{counted, waiting};

/// Who attends a run.
pub(crate) struct Attendant {
    manager: ServiceManager,
    monitor: Monitor,
    shutdown: Shutdown,
    is_ready: bool,
    is_stopping: bool,
    told_alive: Option<Instant>,
    told_status: Option<Instant>,
    is_unheard: bool,
}

impl Attendant {
    pub(crate) fn new(manager: ServiceManager, monitor: Monitor, shutdown: Shutdown) -> Attendant {
        Attendant {
            manager,
            monitor,
            shutdown,
            is_ready: false,
            is_stopping: false,
            told_alive: None,
            told_status: None,
            is_unheard: false,
        }
    }

    /// Runs to the end, and tells of it meanwhile.
    pub(crate) async fn attend(
        mut self,
        run: impl Future<Output = Result<Executed, CliError>>,
    ) -> Result<Executed, CliError> {
        let mut run = pin!(run);
        let half = self.manager.alive_every().map_or(LOOKS_EVERY, |every| every / 2);
        let mut looks = tokio::time::interval(half.clamp(LOOKS_EVERY_MIN, LOOKS_EVERY));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut run => break ended,
                () = self.shutdown.first(), if !self.is_stopping => self.stops(),
                _ = looks.tick() => self.look(),
            }
        };
        if matches!(ended, Ok((_, Ok(_)))) {
            // One with nothing to do was ready for it.
            self.ready();
        }
        self.stops();
        ended
    }

    fn look(&mut self) {
        self.monitor.polled();
        if !self.manager.is_there() {
            return;
        }
        let view = self.monitor.view();
        let is_kept = match view.movement.checkpoints_every {
            Some(_) => view.movement.checkpoint_age.is_some(),
            None => true,
        };
        if view.movement.opened.is_some() && is_kept {
            self.ready();
        }
        if self.is_ready
            && let Some(every) = self.manager.alive_every()
            && self.told_alive.is_none_or(|at| at.elapsed() >= every.mul_f64(EARLY))
            && view.health().live.is_empty()
        {
            self.told_alive = Some(Instant::now());
            self.heard(self.manager.alive());
        }
        if self.is_ready && self.told_status.is_none_or(|at| at.elapsed() >= STATUS_EVERY) {
            self.told_status = Some(Instant::now());
            self.heard(self.manager.status(&status(&view, self.is_stopping)));
        }
    }

    fn ready(&mut self) {
        if !self.is_ready {
            self.is_ready = true;
            self.heard(self.manager.ready());
        }
    }

    fn stops(&mut self) {
        if !self.is_stopping {
            (self.is_stopping, self.told_status) = (true, None);
            self.heard(self.manager.stopping());
        }
    }

    /// Says once that the manager cannot be told. The run goes on: it knows no better.
    fn heard(&mut self, told: io::Result<()>) {
        if let Err(error) = told
            && !std::mem::replace(&mut self.is_unheard, true)
        {
            warn!(
                target: SPILLWAY, event = "notice",
                "the service manager cannot be told how this run is, at the socket that \
                 NOTIFY_SOCKET names: {error}"
            );
        }
    }
}

/// How a run is, in one short line.
fn status(view: &View, is_stopping: bool) -> String {
    let mut texts = Vec::new();
    if is_stopping {
        texts.push("stopping".to_owned());
    }
    texts.extend(view.traffic.and_then(waiting));
    let totals = &view.totals;
    texts.push(format!("{} read", counted(totals.lines, "line")));
    texts.push(format!("{} stored", counted(totals.objects, "object")));
    if view.lag_events > 0 {
        let age = age::show(view.lag);
        texts.push(format!("{} not stored, the oldest for {age}", HumanCount(view.lag_events)));
    }
    texts.join(", ")
}

const LOOKS_EVERY: Duration = Duration::from_millis(500);
const LOOKS_EVERY_MIN: Duration = Duration::from_millis(10);
const STATUS_EVERY: Duration = Duration::from_secs(10);
/// A look may come a little late, so the manager is told a little early.
const EARLY: f64 = 0.9;
