//! The exports. Converts contract types to core types, and back.

use std::cell::{Cell, RefCell, RefMut};

use bytes::Bytes;
use spillway_core::{
    Error, Failure, Framing, Histogram, IncompleteUpload, Input, Level, Metric, Notice,
    ObjectSummary, Phase, Problem, Reply, Report, Run, Settings, Sink, StoredState, Summary,
    Timestamp, Value, Visible, bounds, inspect, schema,
};

use crate::bindings::exports::spillway::sink::sink::{Guest, GuestSink, Sink as SinkHandle};
use crate::bindings::spillway::sink::types as wit;
use crate::driver::{Busy, Driver};

/// The exports of this component.
pub(crate) struct Component;

/// An open sink. The contract guarantees that calls do not overlap.
pub(crate) struct OpenSink {
    driver: RefCell<Driver>,
    is_closed: Cell<bool>,
}

impl OpenSink {
    /// The driver.
    ///
    /// # Errors
    ///
    /// If the sink is closed.
    fn driver(&self) -> Result<RefMut<'_, Driver>, wit::Error> {
        if self.is_closed.get() { Err(wit::Error::Closed) } else { Ok(self.driver.borrow_mut()) }
    }
}

impl Guest for Component {
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

    fn load_state(config: String, name: String) -> Result<Option<wit::StoredState>, wit::Error> {
        match ask(&config, Input::LoadState { name })? {
            Reply::Loaded(found) => Ok(found.map(wit::StoredState::from)),
            reply => unreachable!("the reply to a read is {reply:?}"),
        }
    }

    fn check_state(config: String, name: String) -> Result<(), wit::Error> {
        ask(&config, Input::CheckState { name })?;
        Ok(())
    }
}

impl GuestSink for OpenSink {
    fn open(config: String, state: Option<Vec<u8>>) -> Result<SinkHandle, wit::Error> {
        let settings = Settings::parse(&config)?;
        let driver = match state {
            Some(state) => Driver::resume(settings, seed(), &state)?,
            None => Driver::new(Sink::new(settings, seed())),
        };
        let driver = RefCell::new(driver);
        Ok(SinkHandle::new(OpenSink { driver, is_closed: Cell::new(false) }))
    }

    fn check(&self) -> Result<(), wit::Error> {
        self.driver()?.ask(Input::Check)?;
        Ok(())
    }

    fn write(&self, batch: Vec<wit::Run>) -> Result<Vec<wit::Rejection>, wit::Error> {
        let mut driver = self.driver()?;
        let runs = runs(batch, driver.core().next_position())?;
        driver.write(runs).map_err(|Busy| wit::Error::Busy)?;
        driver.turn();
        Ok(driver.take_rejections().map(wit::Rejection::from).collect())
    }

    fn write_until_rejected(
        &self,
        batch: Vec<wit::Run>,
    ) -> Result<Option<wit::Rejection>, wit::Error> {
        let mut driver = self.driver()?;
        let runs = runs(batch, driver.core().next_position())?;
        driver.write_until_rejected(runs).map_err(|Busy| wit::Error::Busy)?;
        driver.turn();
        Ok(driver.take_rejections().next().map(wit::Rejection::from))
    }

    fn skip(&self, to: u64) -> Result<(), wit::Error> {
        let mut driver = self.driver()?;
        let next = driver.core().next_position();
        if to < next {
            let message =
                format!("position {to}, but the events before {next} were written or skipped");
            return Err(wit::Error::Invalid(vec![Problem::new("to", message).into()]));
        }
        driver.feed(Input::Skip(to));
        Ok(())
    }

    fn poll(&self) -> Result<wit::Progress, wit::Error> {
        let mut driver = self.driver()?;
        driver.feed(Input::Tick);
        driver.turn();
        Ok(progress(&mut driver))
    }

    fn flush(&self) -> Result<wit::Progress, wit::Error> {
        let mut driver = self.driver()?;
        driver.feed(Input::Seal);
        driver.wait_until(Sink::is_settled);
        let wants_checkpoint = driver.core().waits_for_commit();
        Ok(wit::Progress { wants_checkpoint, ..progress(&mut driver) })
    }

    fn checkpoint(&self) -> Result<Vec<u8>, wit::Error> {
        let mut driver = self.driver()?;
        refuse_without_checkpoints(&driver)?;
        Ok(driver.checkpoint())
    }

    fn commit(&self) -> Result<(), wit::Error> {
        let mut driver = self.driver()?;
        refuse_without_checkpoints(&driver)?;
        if let Some(error) = driver.core().refuse_commit() {
            return Err(error.into());
        }
        driver.feed(Input::Commit);
        driver.turn();
        Ok(())
    }

    fn store_state(
        &self,
        name: String,
        bytes: Vec<u8>,
        expected: Option<String>,
    ) -> Result<String, wit::Error> {
        let store = Input::StoreState { name, bytes: bytes.into(), expected };
        match self.driver()?.ask(store)? {
            Reply::Stored { version } => Ok(version),
            reply => unreachable!("the reply to a write is {reply:?}"),
        }
    }

    fn close(&self, how: wit::Ending) -> Result<wit::Progress, wit::Error> {
        let mut driver = self.driver()?;
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
        // An abort that failed before may succeed now.
        driver.feed(Input::RetryAborts);
        driver.wait_until(Sink::is_settled);
        self.is_closed.set(true);
        Ok(progress(&mut driver))
    }

    fn metrics(&self) -> Vec<wit::Metric> {
        self.driver.borrow().core().metrics().into_iter().map(wit::Metric::from).collect()
    }

    fn incomplete_uploads(&self) -> Result<Vec<wit::IncompleteUpload>, wit::Error> {
        match self.driver()?.ask(Input::IncompleteUploads)? {
            Reply::IncompleteUploads(uploads) => Ok(incomplete(uploads)),
            reply => unreachable!("the reply to a list is {reply:?}"),
        }
    }

    fn abort_upload(&self, object_key: String, id: String) -> Result<(), wit::Error> {
        let abort = Input::AbortUpload { object_key, upload_id: id };
        self.driver()?.ask(abort)?;
        Ok(())
    }
}

/// The runs of a batch. All are validated before one is written.
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
        let run = match run.boundaries {
            wit::Boundaries::At(ends) => Run::new(run.key, run.first, payload, ends, framing),
            wit::Boundaries::Lines(lines) => {
                Run::lines(run.key, run.first, payload, lines, framing)
            }
        };
        let run = run.map_err(|problem| invalid(index, problem))?.happened(at);
        next = run.next();
        runs.push(run);
    }
    Ok(runs)
}

fn invalid(index: usize, problem: Problem) -> wit::Error {
    let field = format!("batch[{index}].{}", problem.field);
    wit::Error::Invalid(vec![Problem { field, ..problem }.into()])
}

/// Without `commit` = `checkpointed`, objects become visible before a commit, so a checkpoint would
/// guarantee nothing.
fn refuse_without_checkpoints(driver: &Driver) -> Result<(), wit::Error> {
    let text = "checkpoints need `commit` = `checkpointed` in the configuration; without it, \
                flush, and go by `durable`";
    match driver.core().takes_checkpoints() {
        true => Ok(()),
        false => Err(wit::Error::Unsupported(text.to_owned())),
    }
}

/// Makes an administrative call of a configuration, without a sink that stays open.
fn ask(config: &str, call: Input) -> Result<Reply, wit::Error> {
    let settings = Settings::parse(config)?;
    Ok(Driver::new(Sink::new(settings, seed())).ask(call)?)
}

fn seed() -> u64 {
    wasip2::random::random::get_random_u64()
}

impl From<StoredState> for wit::StoredState {
    fn from(StoredState { bytes, version, age }: StoredState) -> Self {
        let age = age.map(|age| u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
        wit::StoredState { bytes: bytes.into(), version, age }
    }
}

/// Omits uploads whose key is too long for this sink to have written it.
fn incomplete(uploads: Vec<IncompleteUpload>) -> Vec<wit::IncompleteUpload> {
    let own = uploads.into_iter().filter(|upload| bounds::fits(&upload.object_key));
    own.map(wit::IncompleteUpload::from).collect()
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
        wit::Notice { level, message: bounds::text(notice.message) }
    }
}

impl From<IncompleteUpload> for wit::IncompleteUpload {
    fn from(upload: IncompleteUpload) -> Self {
        let IncompleteUpload { object_key, upload_id: id, begun, parts } = upload;
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

impl From<Problem> for wit::Problem {
    fn from(Problem { field, message }: Problem) -> Self {
        wit::Problem { field: bounds::text(field), message: bounds::text(message) }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(problems) => {
                let mut problems: Vec<_> = problems.into_iter().map(wit::Problem::from).collect();
                let bytes = problems.iter().map(|p| p.field.len() + p.message.len());
                let all = problems.len();
                let kept = bounds::problems(bytes);
                if kept < all {
                    // The last one that would pass says how many more there are.
                    problems.truncate(kept.saturating_sub(1).max(1));
                    let message = format!("{} more problems are not listed", all - problems.len());
                    problems.push(wit::Problem { field: String::new(), message });
                }
                wit::Error::Invalid(problems)
            }
            Error::Denied(text) => wit::Error::Denied(bounds::text(text)),
            Error::Unavailable(text) => wit::Error::Unavailable(bounds::text(text)),
            Error::Aborted => wit::Error::Aborted,
            Error::UnknownState(text) => wit::Error::UnknownState(bounds::text(text)),
            Error::Conflict(text) => wit::Error::Conflict(bounds::text(text)),
            Error::Unsupported(text) => wit::Error::Unsupported(bounds::text(text)),
        }
    }
}
