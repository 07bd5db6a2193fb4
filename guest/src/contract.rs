//! The exports: contract types in, core types on, and the way back.

use std::cell::RefCell;

use bytes::Bytes;
use spillway_core::{
    Error, Failure, Framing, Histogram, Input, Level, Metric, Notice, ObjectSummary, OpenUpload,
    Phase, Problem, Reply, Report, Run, Settings, Sink, Summary, Timestamp, Value, Visible,
    inspect, schema,
};

use crate::bindings::exports::spillway::sink::sink as wit;
use crate::driver::{Busy, Driver};

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
            configuration_schema: schema(),
        }
    }

    fn egress(config: String) -> Result<Vec<String>, wit::Error> {
        Ok(vec![Settings::parse(&config)?.egress()])
    }

    fn inspect_state(state: Vec<u8>) -> Result<wit::SavedState, wit::Error> {
        Ok(inspect(&state)?.into())
    }
}

impl wit::GuestSink for OpenSink {
    fn open(config: String, state: Option<Vec<u8>>) -> Result<wit::Sink, wit::Error> {
        let settings = Settings::parse(&config)?;
        let seed = wasip2::random::random::get_random_u64();
        let driver = match state {
            Some(state) => Driver::resume(settings, seed, &state)?,
            None => Driver::new(Sink::new(settings, seed)),
        };
        Ok(wit::Sink::new(OpenSink(RefCell::new(driver))))
    }

    fn check(&self) -> Result<(), wit::Error> {
        self.0.borrow_mut().ask(Input::Check)?;
        Ok(())
    }

    fn write(&self, batch: Vec<wit::Run>) -> Result<Vec<wit::Rejection>, wit::Error> {
        let mut driver = self.0.borrow_mut();
        let runs = runs(batch, driver.core().next_position())?;
        driver.write(runs).map_err(|Busy| wit::Error::Busy)?;
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
        let wants_checkpoint = driver.core().waits_for_commit();
        Ok(wit::Progress { wants_checkpoint, ..progress(&mut driver) })
    }

    fn checkpoint(&self) -> Result<Vec<u8>, wit::Error> {
        let mut driver = self.0.borrow_mut();
        refuse_without_checkpoints(&driver)?;
        Ok(driver.checkpoint())
    }

    fn commit(&self) -> Result<(), wit::Error> {
        let mut driver = self.0.borrow_mut();
        refuse_without_checkpoints(&driver)?;
        if let Some(error) = driver.core().refuse_commit() {
            return Err(error.into());
        }
        driver.feed(Input::Commit);
        driver.turn();
        Ok(())
    }

    fn close(&self, how: wit::Ending) -> Result<wit::Progress, wit::Error> {
        let mut driver = self.0.borrow_mut();
        match how {
            wit::Ending::Complete => driver.feed(Input::Seal),
            wit::Ending::Abort => driver.feed(Input::Abort),
            wit::Ending::Suspend => {
                refuse_without_checkpoints(&driver)?;
                driver.feed(Input::Suspend);
            }
        }
        driver.wait_until(Sink::is_settled);
        if driver.core().waits_for_commit() {
            return Err(wit::Error::Busy);
        }
        // What could not be aborted when it failed may be by now.
        driver.feed(Input::RetryAborts);
        driver.wait_until(Sink::is_settled);
        Ok(progress(&mut driver))
    }

    fn metrics(&self) -> Vec<wit::Metric> {
        self.0.borrow().core().metrics().into_iter().map(wit::Metric::from).collect()
    }

    fn incomplete_uploads(&self) -> Result<Vec<wit::IncompleteUpload>, wit::Error> {
        match self.0.borrow_mut().ask(Input::IncompleteUploads)? {
            Reply::IncompleteUploads(uploads) => {
                Ok(uploads.into_iter().map(wit::IncompleteUpload::from).collect())
            }
            reply => unreachable!("a list was asked for, and the reply is {reply:?}"),
        }
    }

    fn abort_upload(&self, object_key: String, id: String) -> Result<(), wit::Error> {
        let abort = Input::AbortUpload { name: object_key, upload_id: id };
        self.0.borrow_mut().ask(abort)?;
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

/// Where objects become visible as soon as they are sealed, a checkpoint would be no promise.
fn refuse_without_checkpoints(driver: &Driver) -> Result<(), wit::Error> {
    let text = "checkpoints need `commit` = `checkpointed` in the configuration; without it, \
                flush, and go by `durable`";
    match driver.core().takes_checkpoints() {
        true => Ok(()),
        false => Err(wit::Error::Unsupported(text.to_owned())),
    }
}

fn progress(driver: &mut Driver) -> wit::Progress {
    let Report { visible, failed, notices, notices_dropped } = driver.take_report();
    wit::Progress {
        durable: driver.core().durable(),
        visible: visible.into_iter().map(wit::VisibleObject::from).collect(),
        failed: failed.into_iter().map(wit::Failure::from).collect(),
        wants_checkpoint: driver.core().wants_checkpoint(),
        notices: notices.into_iter().map(wit::Notice::from).collect(),
        notices_dropped,
    }
}

impl From<Visible> for wit::VisibleObject {
    fn from(visible: Visible) -> Self {
        let Visible { span, bytes, parts } = visible;
        wit::VisibleObject {
            key: span.key,
            object_key: span.object_key,
            first: span.first,
            last: span.last,
            events: span.events,
            bytes,
            parts,
        }
    }
}

impl From<Failure> for wit::Failure {
    fn from(failure: Failure) -> Self {
        let Failure { span, begun, cause } = failure;
        wit::Failure {
            key: span.key,
            object_key: span.object_key,
            begun,
            first: span.first,
            last: span.last,
            events: span.events,
            cause: cause.into(),
        }
    }
}

impl From<Notice> for wit::Notice {
    fn from(notice: Notice) -> Self {
        let level = match notice.level {
            Level::Info => wit::Level::Info,
            Level::Warning => wit::Level::Warning,
        };
        wit::Notice { level, message: notice.message }
    }
}

impl From<OpenUpload> for wit::IncompleteUpload {
    fn from(upload: OpenUpload) -> Self {
        let OpenUpload { name: object_key, upload_id: id, begun, parts } = upload;
        wit::IncompleteUpload { object_key, id, begun: begun.map(|at| at.0), parts }
    }
}

impl From<Summary> for wit::SavedState {
    fn from(summary: Summary) -> Self {
        let Summary { next_position, configuration, objects, to_abort, .. } = summary;
        let upload =
            |(object_key, id)| wit::IncompleteUpload { object_key, id, begun: None, parts: None };
        wit::SavedState {
            next_position,
            configuration,
            objects: objects.into_iter().map(wit::SavedObject::from).collect(),
            to_abort: to_abort.into_iter().map(upload).collect(),
        }
    }
}

impl From<ObjectSummary> for wit::SavedObject {
    fn from(saved: ObjectSummary) -> Self {
        let ObjectSummary { span, upload_id, bytes, held_bytes, phase } = saved;
        wit::SavedObject {
            key: span.key,
            object_key: span.object_key,
            id: upload_id,
            first: span.first,
            last: span.last,
            events: span.events,
            bytes,
            held_bytes,
            phase: match phase {
                Phase::Open => wit::Phase::Open,
                Phase::Sealed => wit::Phase::Sealed,
                Phase::Committed => wit::Phase::Committed,
                Phase::Failed => wit::Phase::Failed,
            },
        }
    }
}

impl From<Metric> for wit::Metric {
    fn from(metric: Metric) -> Self {
        let Metric { name, help, label, value } = metric;
        let label = label.map(|(name, value)| (name.to_owned(), value.to_owned()));
        wit::Metric {
            name: name.to_owned(),
            help: help.to_owned(),
            labels: label.into_iter().collect(),
            value: match value {
                Value::Counter(number) => wit::MetricValue::Counter(number as f64),
                Value::Gauge(number) => wit::MetricValue::Gauge(number as f64),
                Value::Histogram(histogram) => {
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
            Error::UnknownState(text) => wit::Error::UnknownState(text),
        }
    }
}
