//! What is said on standard error, for people or for programs.
//!
//! Events of the target [`COURSE`] are the course of a run: programs want all of it, people see the
//! moving lines and the summary instead.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::escape;
use indicatif::ProgressBar;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, layer};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::args::{LogFormat, LogLevel};

/// Of what is said to people as well.
pub(crate) const SPILLWAY: &str = "spillway";
/// Of the course of a run.
pub(crate) const COURSE: &str = "spillway::course";

/// Begins to say what is logged from here on, once in the life of the process.
pub(crate) fn init(format: LogFormat, level: LogLevel) {
    let targets = Targets::new().with_target(SPILLWAY, filter(level));
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Text => {
            let course = if level == LogLevel::Debug { filter(level) } else { LevelFilter::OFF };
            let text = layer().event_format(Text).with_writer(|| Stderr { escape: escape::text });
            registry.with(text.with_filter(targets.with_target(COURSE, course))).init();
        }
        LogFormat::Json => {
            let json = layer().json().flatten_event(true).with_current_span(false);
            let json = json.with_span_list(false).with_writer(|| Stderr { escape: escape::json });
            registry.with(json.with_filter(targets)).init();
        }
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    }
}

/// Lets lines appear above a bar that moves on standard error; nothing takes it away again.
pub(crate) fn above(bar: Option<ProgressBar>) {
    *lock() = bar;
}

/// What moves on standard error. There is one standard error, so there is one of it.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<ProgressBar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard error, whether somebody listens or not.
struct Stderr {
    escape: fn(&str) -> std::borrow::Cow<'_, str>,
}

impl Write for Stderr {
    /// Takes one event.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let text = (self.escape)(&text);
        let write = || {
            let _ = std::io::stderr().write_all(text.as_bytes());
        };
        match &*lock() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lines for people: the message, and the level before what comes from the component.
struct Text;

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let label = match (said.event.as_str(), *event.metadata().level()) {
            ("error", _) => "error: ",
            ("notice", Level::INFO) => "note: ",
            ("notice", _) => "warning: ",
            _ => "",
        };
        writeln!(writer, "{label}{}", escape::line(&said.message))?;
        said.problems.lines().try_for_each(|problem| writeln!(writer, "  {problem}"))?;
        said.causes.lines().try_for_each(|cause| writeln!(writer, "  because: {cause}"))
    }
}

/// The fields of an event that people are shown.
#[derive(Default)]
struct Said {
    event: String,
    message: String,
    problems: String,
    causes: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => self.event = value.to_owned(),
            "problems" => self.problems = value.to_owned(),
            "causes" => self.causes = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}
