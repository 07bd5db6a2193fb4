//! What a person sees of a run: a line that moves, or lines that come now and then.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use spillway::contract::{Failure, Level, Notice, SealedObject};
use spillway::run::{self, Clock, End, Observer, Totals};

use super::say::{report, say};

/// Standard error, as the place to show progress.
pub(crate) struct Terminal {
    bar: Option<ProgressBar>,
    clock: Clock,
    shown: Instant,
    rejections: u64,
    failures: u64,
}

impl Terminal {
    pub(crate) fn new() -> Terminal {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::default_spinner());
            bar.set_message(status(&Totals::default(), 0.0));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Terminal { bar, clock: Clock::start(), shown: Instant::now(), rejections: 0, failures: 0 }
    }

    /// What others say lines with.
    pub(crate) fn voice(&self) -> Voice {
        Voice(self.bar.clone())
    }

    /// Takes the moving line away.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        self.voice().line(text);
    }
}

/// Says lines on standard error, above the one that moves.
#[derive(Clone)]
pub(crate) struct Voice(Option<ProgressBar>);

impl Voice {
    pub(crate) fn line(&self, text: &str) {
        match &self.0 {
            Some(bar) => bar.suspend(|| report!("{text}")),
            None => report!("{text}"),
        }
    }
}

impl Observer for Terminal {
    fn progress(&mut self, totals: &Totals) {
        match &self.bar {
            Some(bar) => bar.set_message(status(totals, self.clock.seconds())),
            None if self.shown.elapsed() >= PLAIN_EVERY => {
                self.shown = Instant::now();
                report!("{}", status(totals, self.clock.seconds()));
            }
            None => {}
        }
    }

    fn sealed(&mut self, _object: &SealedObject) {}

    fn rejected(&mut self, line: u64, reason: &str) {
        self.rejections += 1;
        match self.rejections {
            1..=SHOWN => self.line(&format!("rejected: line {line}: {reason}")),
            ENOUGH => self.line("rejected: more lines, counted in the summary"),
            _ => {}
        }
    }

    fn failed(&mut self, failure: &Failure) {
        self.failures += 1;
        match self.failures {
            1..=SHOWN => self.line(&format!("set aside: {}", run::failed(failure))),
            ENOUGH => self.line("set aside: more objects, counted in the summary"),
            _ => {}
        }
    }

    fn notice(&mut self, notice: &Notice) {
        self.line(&worded(notice));
    }
}

/// A notice on standard error, where no line moves.
pub(crate) fn notice(notice: &Notice) {
    report!("{}", worded(notice));
}

fn worded(notice: &Notice) -> String {
    let level = match notice.level {
        Level::Info => "note",
        Level::Warning => "warning",
    };
    format!("{level}: {}", notice.message)
}

fn status(totals: &Totals, seconds: f64) -> String {
    let rate = totals.input_bytes as f64 / seconds.max(0.001);
    format!(
        "{} events · {} read · {} · {}/s",
        HumanCount(totals.events),
        HumanBytes(totals.input_bytes),
        objects(totals.objects),
        HumanBytes(rate as u64),
    )
}

fn objects(count: u64) -> String {
    format!("{} {}", HumanCount(count), if count == 1 { "object" } else { "objects" })
}

/// Says on standard output what a run has done.
pub(crate) fn summary(totals: &Totals, end: Option<End>, seconds: f64, as_json: bool) {
    if as_json {
        let end = end.map_or_else(|| json!("failed"), |end| json!(end));
        let mut summary = json!(totals);
        summary["end"] = end;
        summary["seconds"] = json!((seconds * 1_000.0).round() / 1_000.0);
        say!("{summary}");
    } else {
        say!("{}", sentence(totals, end, seconds));
    }
}

fn sentence(totals: &Totals, end: Option<End>, seconds: f64) -> String {
    let Totals { events, rejected, filtered, failed_events, failed_objects, .. } = totals;
    let how = match end {
        Some(End::Complete) => "Done",
        Some(End::Stopped) => "Stopped; what was open is complete",
        Some(End::Aborted) => "Interrupted; what was open is aborted",
        None => "Failed",
    };
    let mut text = format!(
        "{how}: {} of {} lines became events, stored in {} ({}), in {seconds:.1} s.",
        HumanCount(*events),
        HumanCount(totals.lines),
        objects(totals.objects),
        HumanBytes(totals.object_bytes),
    );
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            text.push_str(&format!(" {} {what}.", HumanCount(count)));
        }
    };
    add(*rejected, "rejected");
    add(*filtered, "filtered out");
    add(*failed_events, &format!("not stored, of {}", objects(*failed_objects)));
    add(totals.dead_letters, "set aside as dead letters");
    text
}

const PLAIN_EVERY: Duration = Duration::from_secs(10);
const SHOWN: u64 = 10;
const ENOUGH: u64 = SHOWN + 1;
