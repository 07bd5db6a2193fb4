//! What a person or a program sees of a run: lines that move, or lines that come now and then.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::run::{Lines, Observer, Spot, failed};
use crate::telemetry::{Monitor, View};
use console::{Term, style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use spillway::contract::{Failure, Level, Notice, VisibleObject};
use tokio::task::AbortHandle;
use tracing::{error, info, warn};

use super::args::LogFormat;
use super::log::{self, COURSE, SPILLWAY};
use super::view::{Rate, Status, counted};
use super::waits::Waits;

/// Standard error, as the place to show a run.
pub(crate) struct Terminal {
    _progress: Progress,
    warnings: Arc<AtomicU64>,
    rejections: u64,
    failures: u64,
}

/// How progress is shown. It is taken away when this is dropped.
enum Progress {
    /// By lines that move.
    Moving(ProgressBar),
    /// By a line now and then, and one when the store is waited for.
    Lines { task: AbortHandle, _waits: Waits },
}

impl Terminal {
    /// Shows what `monitor` knows. Must be called within a Tokio runtime.
    pub(crate) fn new(monitor: Monitor, format: LogFormat) -> Terminal {
        let warnings = Arc::new(AtomicU64::new(0));
        let progress = if format == LogFormat::Text && moves() {
            Progress::Moving(moving(monitor, warnings.clone()))
        } else {
            let traffic = monitor.clone();
            let waits = Waits::of(move || traffic.view().traffic);
            let lines = tokio::spawn(lines(monitor, warnings.clone()));
            Progress::Lines { task: lines.abort_handle(), _waits: waits }
        };
        Terminal { _progress: progress, warnings, rejections: 0, failures: 0 }
    }

    fn warned(&self) {
        self.warnings.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        match self {
            Progress::Moving(bar) => {
                log::above(None);
                // However short the run was, its last numbers were shown.
                bar.disable_steady_tick();
                bar.tick();
                bar.finish_and_clear();
            }
            Progress::Lines { task, .. } => task.abort(),
        }
    }
}

impl Observer for Terminal {
    fn visible(&mut self, object: &VisibleObject) {
        let VisibleObject { key, object_key, first, last, events, bytes, parts } = object;
        let count = counted(*events, "event");
        info!(
            target: COURSE, event = "stored", key, object_key, first, last, events, bytes, parts,
            "stored: the object `{object_key}` ({count}, {bytes} bytes)"
        );
    }

    fn failed(&mut self, failure: &Failure, lines: Lines) {
        let Failure { key, object_key, first, last, events, .. } = failure;
        self.failures += 1;
        let text = failed(failure, lines);
        match self.failures {
            // People are told of the first one at the end: it is why the run failed.
            1 => {
                error!(
                    target: COURSE, event = "failed", key, object_key, first, last, events,
                    "{text}"
                );
            }
            2..=SHOWN_MAX => error!(
                target: SPILLWAY, event = "failed", key, object_key, first, last, events,
                "failed: {text}"
            ),
            SHOWN_ENOUGH => error!(
                target: SPILLWAY, event = "failed",
                "failed: more objects; the summary has their number"
            ),
            _ => {}
        }
    }

    fn set_aside(&mut self, failure: &Failure, lines: Lines) {
        let Failure { key, object_key, first, last, events, .. } = failure;
        self.failures += 1;
        let text = failed(failure, lines);
        match self.failures {
            1..=SHOWN_MAX => warn!(
                target: SPILLWAY, event = "set_aside", key, object_key, first, last, events,
                "set aside: {text}"
            ),
            SHOWN_ENOUGH => warn!(
                target: SPILLWAY, event = "set_aside",
                "set aside: more objects; the summary has their number"
            ),
            _ => {}
        }
    }

    fn rejected(&mut self, spot: Spot, reason: &str) {
        let line = spot.line;
        self.rejections += 1;
        match self.rejections {
            1..=SHOWN_MAX => warn!(
                target: SPILLWAY, event = "rejected", line, reason, "rejected: {spot}: {reason}"
            ),
            SHOWN_ENOUGH => warn!(
                target: SPILLWAY, event = "rejected",
                "rejected: more lines; the summary has their number"
            ),
            _ => {}
        }
    }

    fn checkpoint(&mut self, line: u64) {
        info!(
            target: COURSE, event = "checkpoint", line,
            "checkpoint stored: the next run would start at line {line}"
        );
    }

    fn notice(&mut self, notice: &Notice) {
        if notice.level == Level::Warning {
            self.warned();
        }
        say_notice(notice);
    }
}

/// Says what a component has to say.
pub(crate) fn say_notice(notice: &Notice) {
    let message = &notice.message;
    match notice.level {
        Level::Info => info!(target: SPILLWAY, event = "notice", "{message}"),
        Level::Warning => warn!(target: SPILLWAY, event = "notice", "{message}"),
    }
}

/// Whether lines can move on standard error.
fn moves() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Two lines that are drawn anew ten times a second, by a thread of their own: they move, too,
/// while a sink waits for its store.
fn moving(monitor: Monitor, warnings: Arc<AtomicU64>) -> ProgressBar {
    let rate = Arc::new(Mutex::new(Rate::default()));
    let look = move || look(&monitor, &rate, &warnings);
    let look_again = look.clone();
    let style = ProgressStyle::with_template("{spinner} {reading}\n  {storing}");
    let style = style.expect("a template of this program");
    let style = style.with_key("reading", move |_: &_, line: &mut dyn std::fmt::Write| {
        let _ = line.write_str(&look().status().reading(columns()));
    });
    let style = style.with_key("storing", move |_: &_, line: &mut dyn std::fmt::Write| {
        let _ = line.write_str(&storing(&look_again().status(), columns()));
    });
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar.enable_steady_tick(MOVES_EVERY);
    log::above(Some(bar.clone()));
    bar
}

/// The line, with its reason to wait in another colour where there are colours.
fn storing(status: &Status, columns: usize) -> String {
    let line = status.storing(columns);
    match status.waiting().and_then(|waiting| Some((line.strip_prefix(&waiting)?, waiting))) {
        Some((rest, waiting)) => format!("{}{rest}", style(waiting).for_stderr().yellow()),
        None => line,
    }
}

/// The columns behind what each line begins with. The last one stays free: some terminals go to the
/// next line once it is written.
fn columns() -> usize {
    let (_, columns) = Term::stderr().size();
    usize::from(columns).saturating_sub(INDENT + 1)
}

/// Says now and then how far it is.
async fn lines(monitor: Monitor, warnings: Arc<AtomicU64>) {
    let rate = Mutex::new(Rate::default());
    let mut ticks = tokio::time::interval(LINES_EVERY);
    // The first comes at once.
    ticks.tick().await;
    look(&monitor, &rate, &warnings);
    loop {
        ticks.tick().await;
        let seen = look(&monitor, &rate, &warnings);
        let View { totals, traffic, lag, lag_events, .. } = &seen.view;
        info!(
            target: SPILLWAY,
            event = "progress",
            lines = totals.lines,
            read_bytes = totals.input_bytes,
            read_bytes_per_second = seen.rate as u64,
            events = totals.events,
            rejected = totals.rejected,
            objects = totals.objects,
            objects_failed = totals.failed_objects,
            requests_in_flight = traffic.map_or(0, |counts| counts.in_flight),
            durable_lag_events = lag_events,
            durable_lag_seconds = lag.as_secs(),
            "{}",
            seen.status().line()
        );
    }
}

struct Seen {
    view: View,
    rate: f64,
    warnings: u64,
}

impl Seen {
    fn status(&self) -> Status<'_> {
        Status { view: &self.view, rate: self.rate, warnings: self.warnings }
    }
}

fn look(monitor: &Monitor, rate: &Mutex<Rate>, warnings: &AtomicU64) -> Seen {
    let view = monitor.view();
    let mut rate = rate.lock().unwrap_or_else(PoisonError::into_inner);
    let rate = rate.per_second(view.totals.input_bytes, Instant::now());
    Seen { view, rate, warnings: warnings.load(Ordering::Relaxed) }
}

const INDENT: usize = 2;
const MOVES_EVERY: Duration = Duration::from_millis(100);
const LINES_EVERY: Duration = Duration::from_secs(10);
/// How many rejected lines and failed objects are named.
const SHOWN_MAX: u64 = 10;
const SHOWN_ENOUGH: u64 = SHOWN_MAX + 1;
