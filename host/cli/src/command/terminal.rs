//! What a person or a program sees of a run: lines that move, or lines that come now and then.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::run::{Between, Observer, Spot, failed};
use crate::telemetry::{Monitor, View};
use console::{Term, style};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use spillway::contract::{Failure, Level, Notice, VisibleObject};
use tokio::task::AbortHandle;
use tracing::{debug, error, info, warn};

use super::args::LogFormat;
use super::log::{self, COURSE, SPILLWAY};
use super::minute::{MINUTE, Minutes, Numbers};
use super::repeats::{Repeats, Saying, kind};
use super::view::{Rate, Status, counted};
use super::waits::{Telling, Waits};

/// An event of the course of a run. Of one that goes on for months, it is a detail.
macro_rules! course {
    ($follows:expr, $($event:tt)*) => {
        if $follows {
            debug!(target: COURSE, $($event)*);
        } else {
            info!(target: COURSE, $($event)*);
        }
    };
}

/// Standard error, as the place to show a run.
pub(crate) struct Terminal {
    _progress: Progress,
    warnings: Arc<AtomicU64>,
    /// Whether the run goes on for months, so that little is said of what goes well.
    follows: bool,
    repeats: Arc<Mutex<Repeats>>,
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
    pub(crate) fn new(monitor: Monitor, format: LogFormat, follows: bool) -> Terminal {
        let warnings = Arc::new(AtomicU64::new(0));
        let repeats = if follows { Repeats::one_a_minute() } else { Repeats::first_ones() };
        let repeats = Arc::new(Mutex::new(repeats));
        let progress = if format == LogFormat::Text && moves() {
            Progress::Moving(moving(monitor, warnings.clone()))
        } else {
            let traffic = monitor.clone();
            let telling = if follows { Telling::ONE_A_MINUTE } else { Telling::EACH };
            let waits = Waits::of(telling, move || traffic.traffic());
            let task = match follows {
                true => tokio::spawn(minutes(monitor, repeats.clone())),
                false => tokio::spawn(lines(monitor, warnings.clone())),
            };
            Progress::Lines { task: task.abort_handle(), _waits: waits }
        };
        Terminal { _progress: progress, warnings, follows, repeats, failures: 0 }
    }

    /// What is said of one more problem of that kind.
    fn one_more(&self, kind: &str) -> Saying {
        lock(&self.repeats).one_more(kind, Instant::now())
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
        course!(
            self.follows,
            event = "stored",
            key,
            object_key,
            first,
            last,
            events,
            bytes,
            parts,
            "stored: the object `{object_key}` ({count}, {bytes} bytes)"
        );
    }

    fn failed(&mut self, failure: &Failure, lines: &Between) {
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

    fn set_aside(&mut self, failure: &Failure, lines: &Between) {
        let Failure { key, object_key, first, last, events, .. } = failure;
        let text = failed(failure, lines);
        match self.one_more("set aside") {
            Saying::It { since } => warn!(
                target: SPILLWAY, event = "set_aside", key, object_key, first, last, events,
                "set aside: {text}{}", more(since)
            ),
            Saying::More => warn!(
                target: SPILLWAY, event = "set_aside",
                "set aside: more objects; the summary has their number"
            ),
            Saying::Nothing if self.follows => debug!(
                target: COURSE, event = "set_aside", key, object_key, first, last, events,
                "set aside: {text}"
            ),
            Saying::Nothing => {}
        }
    }

    fn rejected(&mut self, spot: Spot, reason: &str) {
        let line = spot.line;
        match self.one_more("rejected") {
            Saying::It { since } => warn!(
                target: SPILLWAY, event = "rejected", line, reason,
                "rejected: {spot}: {reason}{}", more(since)
            ),
            Saying::More => warn!(
                target: SPILLWAY, event = "rejected",
                "rejected: more lines; the summary has their number"
            ),
            Saying::Nothing if self.follows => debug!(
                target: COURSE, event = "rejected", line, reason, "rejected: {spot}: {reason}"
            ),
            Saying::Nothing => {}
        }
    }

    fn checkpoint(&mut self, line: u64) {
        course!(
            self.follows,
            event = "checkpoint",
            line,
            "checkpoint stored: the next run would start at line {line}"
        );
    }

    fn notice(&mut self, notice: &Notice) {
        if notice.level == Level::Warning {
            self.warned();
        }
        // In a run that ends, each of them is said.
        let saying = match self.follows {
            true => self.one_more(&kind(&notice.message)),
            false => Saying::It { since: 0 },
        };
        match saying {
            Saying::It { since: 0 } => say_notice(notice),
            Saying::It { since } => {
                let message = format!("{}{}", notice.message, more(since));
                say_notice(&Notice { message, ..notice.clone() });
            }
            _ => debug!(target: COURSE, event = "notice", "{}", notice.message),
        }
    }
}

/// How many of the same kind were not named before this one.
fn more(since: u64) -> String {
    match since {
        0 => String::new(),
        count => format!(" ({} more in the minute before)", HumanCount(count)),
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

/// Says once a minute what came about in it, and which problems were not named in it.
async fn minutes(monitor: Monitor, repeats: Arc<Mutex<Repeats>>) {
    let mut ticks = tokio::time::interval(MINUTE);
    // The first comes at once.
    ticks.tick().await;
    let mut minutes = Minutes::begin(&monitor.view(), Instant::now());
    loop {
        ticks.tick().await;
        if let Some(minute) = minutes.next(&monitor.view(), Instant::now()) {
            let Numbers { lines, read_bytes, events, rejected, .. } = minute.numbers;
            let Numbers { objects, object_bytes, objects_failed, .. } = minute.numbers;
            info!(
                target: SPILLWAY,
                event = "minute",
                seconds = minute.seconds,
                lines,
                read_bytes,
                events,
                rejected,
                objects,
                object_bytes,
                objects_failed,
                durable_lag_events = minute.lag_events,
                durable_lag_seconds = minute.lag.as_secs(),
                "{}",
                minute.sentence()
            );
        }
        let untold = lock(&repeats).untold(Instant::now());
        for (kind, count) in untold {
            let times = HumanCount(count);
            info!(target: SPILLWAY, event = "repeated", count, "{kind}: {times} more");
        }
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
    let rate = lock(rate).per_second(view.totals.input_bytes, Instant::now());
    Seen { view, rate, warnings: warnings.load(Ordering::Relaxed) }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

const INDENT: usize = 2;
const MOVES_EVERY: Duration = Duration::from_millis(100);
const LINES_EVERY: Duration = Duration::from_secs(10);
/// How many failed objects are named.
const SHOWN_MAX: u64 = 10;
const SHOWN_ENOUGH: u64 = SHOWN_MAX + 1;
