//! The exports: contract types in, core types on, and the way back.

use std::cell::RefCell;

use bytes::Bytes;
use spillway_core::error::{Error, Problem};
use spillway_core::framing::{Framing, Run};
use spillway_core::histogram::Histogram;
use spillway_core::inquiry::{OpenUpload, Reply};
use spillway_core::report::{self, Report};
use spillway_core::settings::Settings;
use spillway_core::sink::{Input, Sink};
use spillway_core::time::Timestamp;
use spillway_core::{metrics, schema};

use crate::bindings::exports::spillway::sink::sink as wit;
use crate::driver::Driver;

/// What this component exports.
pub(crate) struct Component;

/// An open sink. Calls come one at a time, as the contract says.
pub(crate) struct OpenSink(RefCell<Driver>);

impl wit::Guest for Component {
    type Sink = OpenSink;

    fn describe() -> wit::Description {
        wit::Description {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration_schema: schema::schema(),
        }
    }

    fn egress(config: String) -> Result<Vec<String>, wit::Error> {
        Ok(vec![Settings::parse(&config)?.egress()])
    }

    fn inspect_state(_state: Vec<u8>) -> Result<wit::SavedState, wit::Error> {
        Err(not_yet("checkpoints", "open without a state"))
    }
}

impl wit::GuestSink for OpenSink {
    fn open(config: String, state: Option<Vec<u8>>) -> Result<wit::Sink, wit::Error> {
        let settings = Settings::parse(&config)?;
        if state.is_some() {
            return Err(not_yet("resuming from a checkpoint", "open without a state"));
        }
        let seed = wasip2::random::random::get_random_u64();
        let driver = Driver::new(Sink::new(settings, seed));
        Ok(wit::Sink::new(OpenSink(RefCell::new(driver))))
    }

    fn check(&self) -> Result<(), wit::Error> {
        self.0.borrow_mut().ask(Input::Check)?;
        Ok(())
    }

    fn write(&self, batch: Vec<wit::Run>) -> Result<Vec<wit::Rejection>, wit::Error> {
        let mut driver = self.0.borrow_mut();
        let runs = runs(batch, driver.core().next_position())?;
        runs.into_iter().for_each(|run| driver.give(run));
        driver.turn();
        Ok(driver.take_rejections().map(wit::Rejection::from).collect())
    }

    fn poll(&self) -> Result<wit::Progress, wit::Error> {
        let mut driver = self.0.borrow_mut();
        driver.feed(Input::Tick);
        driver.turn();
        Ok(progress(&mut driver))
    }

    fn flush(&self) -> Result<wit::Progress, wit::Error> {
        let mut driver = self.0.borrow_mut();
        driver.feed(Input::Seal);
        driver.wait_until(Sink::is_settled);
        Ok(progress(&mut driver))
    }

    fn checkpoint(&self) -> Result<Vec<u8>, wit::Error> {
        Err(not_yet("checkpointing", "flush, and go by `durable`"))
    }

    fn commit(&self) -> Result<(), wit::Error> {
        Err(not_yet("checkpointing", "flush, and go by `durable`"))
    }

    fn close(&self, how: wit::Ending) -> Result<wit::Progress, wit::Error> {
        let mut driver = self.0.borrow_mut();
        match how {
            wit::Ending::Complete => driver.feed(Input::Seal),
            wit::Ending::Abort => driver.feed(Input::Abort),
            wit::Ending::Keep => {
                return Err(not_yet("keeping open uploads", "close with `complete` or `abort`"));
            }
        }
        driver.wait_until(Sink::is_settled);
        // What could not be aborted when it failed may be by now.
        driver.feed(Input::CleanUp);
        driver.wait_until(Sink::is_settled);
        Ok(progress(&mut driver))
    }

    fn metrics(&self) -> Vec<wit::Metric> {
        metrics::metrics(self.0.borrow().core()).into_iter().map(wit::Metric::from).collect()
    }

    fn leftovers(&self) -> Result<Vec<wit::Leftover>, wit::Error> {
        match self.0.borrow_mut().ask(Input::Leftovers)? {
            Reply::Leftovers(uploads) => Ok(uploads.into_iter().map(wit::Leftover::from).collect()),
            reply => unreachable!("a list was asked for, and the reply is {reply:?}"),
        }
    }

    fn discard(&self, which: wit::Leftover) -> Result<(), wit::Error> {
        let wit::Leftover { name, id: upload_id, .. } = which;
        self.0.borrow_mut().ask(Input::Discard { name, upload_id })?;
        Ok(())
    }
}

/// Every run of a batch, proven before any of them is taken.
fn runs(batch: Vec<wit::Run>, mut next: u64) -> Result<Vec<Run>, wit::Error> {
    let mut runs = Vec::with_capacity(batch.len());
    for (index, run) in batch.into_iter().enumerate() {
        if run.first < next {
            let message = format!("position {} after {next}, but positions rise", run.first);
            return Err(invalid(index, Problem::new("first", message)));
        }
        let payload = Bytes::from(match run.payload {
            wit::Payload::Bytes(bytes) => bytes,
            wit::Payload::Text(text) => text.into_bytes(),
        });
        let at = run.at.map(Timestamp);
        let framing = match run.framing {
            wit::Framing::Bare => Framing::Bare,
            wit::Framing::Newline => Framing::Newline,
        };
        let run = Run::new(run.key, run.first, payload, run.ends, framing);
        let run = run.map_err(|problem| invalid(index, problem))?.happened(at);
        next = run.next();
        runs.push(run);
    }
    Ok(runs)
}

fn invalid(index: usize, problem: Problem) -> wit::Error {
    let field = format!("batch[{index}].{}", problem.field);
    wit::Error::Invalid(vec![wit::Problem { field, message: problem.message }])
}

fn not_yet(what: &str, instead: &str) -> wit::Error {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    wit::Error::Unsupported(format!("{name} {version} does not know {what}; {instead}"))
}

fn progress(driver: &mut Driver) -> wit::Progress {
    let Report { sealed, failed, notices, notices_dropped } = driver.take_report();
    wit::Progress {
        durable: driver.core().durable(),
        sealed: sealed.into_iter().map(wit::SealedObject::from).collect(),
        failed: failed.into_iter().map(wit::Failure::from).collect(),
        wants_checkpoint: false,
        notices: notices.into_iter().map(wit::Notice::from).collect(),
        notices_dropped,
    }
}

impl From<report::Sealed> for wit::SealedObject {
    fn from(sealed: report::Sealed) -> Self {
        let report::Sealed { span, bytes, parts } = sealed;
        wit::SealedObject {
            key: span.key,
            name: span.name,
            first: span.first,
            last: span.last,
            events: span.events,
            bytes,
            parts,
        }
    }
}

impl From<report::Failure> for wit::Failure {
    fn from(failure: report::Failure) -> Self {
        let report::Failure { span, begun, cause } = failure;
        wit::Failure {
            key: span.key,
            name: span.name,
            begun,
            first: span.first,
            last: span.last,
            events: span.events,
            cause: cause.into(),
        }
    }
}

impl From<report::Notice> for wit::Notice {
    fn from(notice: report::Notice) -> Self {
        let level = match notice.level {
            report::Level::Info => wit::Level::Info,
            report::Level::Warning => wit::Level::Warning,
        };
        wit::Notice { level, message: notice.message }
    }
}

impl From<OpenUpload> for wit::Leftover {
    fn from(upload: OpenUpload) -> Self {
        let OpenUpload { name, upload_id: id, begun, parts } = upload;
        wit::Leftover { name, id, begun: begun.map(|at| at.0), parts }
    }
}

impl From<metrics::Metric> for wit::Metric {
    fn from(metric: metrics::Metric) -> Self {
        let metrics::Metric { name, help, label, value } = metric;
        let label = label.map(|(name, value)| (name.to_owned(), value.to_owned()));
        wit::Metric {
            name: name.to_owned(),
            help: help.to_owned(),
            labels: label.into_iter().collect(),
            value: match value {
                metrics::Value::Counter(number) => wit::MetricValue::Counter(number as f64),
                metrics::Value::Gauge(number) => wit::MetricValue::Gauge(number as f64),
                metrics::Value::Histogram(histogram) => {
                    wit::MetricValue::Histogram(wit::Histogram::from(histogram))
                }
            },
        }
    }
}

impl From<Histogram> for wit::Histogram {
    fn from(histogram: Histogram) -> Self {
        let bucket = |(bound, count)| wit::Bucket { bound, count };
        wit::Histogram {
            buckets: histogram.buckets().map(bucket).collect(),
            beyond: histogram.beyond(),
            sum: histogram.sum().as_secs_f64(),
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(problems) => {
                let problem = |p: Problem| wit::Problem { field: p.field, message: p.message };
                wit::Error::Invalid(problems.into_iter().map(problem).collect())
            }
            Error::Denied(text) => wit::Error::Denied(text),
            Error::Unavailable(text) => wit::Error::Unavailable(text),
            Error::Aborted => wit::Error::Aborted,
        }
    }
}
