//! Where a run writes down how far it is, and others read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::source::{FileStats, GroupStats, SharedStats};
use crate::totals::Totals;
use spillway::contract::Metric;
use spillway::egress::{Counts, Traffic};

use super::exposition::page;
use super::families::Families;
use super::lag::Lag;
use super::movement::{Movement, Steps};
use super::own;
use super::parts::either_or_both;

/// What is known of one run. Clones are of the same run.
#[derive(Clone, Debug)]
pub struct Monitor(Arc<Mutex<Known>>);

#[derive(Debug)]
struct Known {
    begun: (Instant, SystemTime),
    totals: Totals,
    input_bytes: Option<u64>,
    traffic: Option<Traffic>,
    lag: Lag,
    closing: bool,
    checkpointed: Option<SystemTime>,
    steps: Steps,
    sink: Arc<Families>,
    /// The numbers of the files that are followed.
    files: SharedStats,
    /// The numbers of the consumer group that it is a member of.
    group: Option<Arc<Mutex<GroupStats>>>,
    /// When the sink was last asked for its metrics.
    asked: Option<(Instant, SystemTime)>,
    /// The runs that it consists of, where they are several, and what those did that have ended.
    parts: Vec<Monitor>,
    ended: Option<View>,
}

/// What is known of a run at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// When the run began.
    pub begun: SystemTime,
    /// How long ago that was.
    pub elapsed: Duration,
    /// What it has done so far.
    pub totals: Totals,
    /// How long the input is, in bytes, if that is known.
    pub input_bytes: Option<u64>,
    /// What passes the sink's way out, as of this moment.
    pub traffic: Option<Counts>,
    /// How many positions lie between the first event that is not durable and the last that the
    /// sink was given. A line without events has one.
    pub lag_events: u64,
    /// How long ago the oldest event was handed to the sink that is not durable; zero where all
    /// are.
    pub lag: Duration,
    /// Whether all is read that will be, and the sink completes or aborts what is open.
    pub closing: bool,
    /// When the last checkpoint was stored.
    pub checkpointed: Option<SystemTime>,
    /// Whether it moves.
    pub movement: Movement,
    /// The files that are read, by family.
    pub files: Arc<[FileStats]>,
    /// The partitions that are read, where it is a member of a consumer group.
    pub group: Option<GroupStats>,
    /// The component's own metrics, as of [`sink_at`](View::sink_at).
    pub sink: Arc<Families>,
    /// When the component was last asked for its metrics.
    pub sink_at: Option<SystemTime>,
}

impl Monitor {
    /// Of a run that is about to begin.
    pub fn new() -> Monitor {
        Monitor(Arc::new(Mutex::new(Known {
            begun: (Instant::now(), SystemTime::now()),
            totals: Totals::default(),
            input_bytes: None,
            traffic: None,
            lag: Lag::default(),
            closing: false,
            checkpointed: None,
            steps: Steps::begin(Instant::now()),
            sink: Arc::default(),
            files: Arc::default(),
            group: None,
            asked: None,
            parts: Vec::new(),
            ended: None,
        })))
    }

    /// Of a run that this one consists of, among others.
    pub fn part(&self) -> Monitor {
        let part = Monitor::new();
        self.lock().parts.push(part.clone());
        part
    }

    /// A part has ended: what it did stays.
    pub fn part_ended(&self, part: &Monitor) {
        let ended = part.own_view();
        let mut known = self.lock();
        known.parts.retain(|other| !Arc::ptr_eq(&other.0, &part.0));
        let before = known.ended.take();
        known.ended = Some(ended.ended().after(before));
    }

    /// It is a member of a consumer group with these numbers, which change. It may have no part
    /// yet.
    pub fn join(&self, group: Arc<Mutex<GroupStats>>) {
        let mut known = self.lock();
        known.steps.opened(None, Instant::now());
        known.group = Some(group);
    }

    /// What is known now, of all its parts.
    pub fn view(&self) -> View {
        let (parts, ended) = {
            let known = self.lock();
            (known.parts.clone(), known.ended.clone())
        };
        let own = self.own_view();
        match own.group {
            None => own,
            Some(_) => own.with(parts.iter().map(Monitor::own_view).chain(ended)),
        }
    }

    /// What passes its ways out, as of this moment.
    pub(crate) fn traffic(&self) -> Option<Counts> {
        let known = self.lock();
        let own = known.traffic.as_ref().map(Traffic::counts);
        let parts = known.parts.iter().map(Monitor::traffic);
        let ended = known.ended.as_ref().and_then(|ended| ended.traffic);
        parts.chain([ended]).fold(own, either_or_both)
    }

    fn own_view(&self) -> View {
        let known = self.lock();
        let traffic = known.traffic.as_ref().map(Traffic::counts);
        View {
            begun: known.begun.1,
            elapsed: known.begun.0.elapsed(),
            totals: known.totals.clone(),
            input_bytes: known.input_bytes,
            traffic,
            lag_events: known.lag.events(),
            lag: known.lag.age(Instant::now()),
            closing: known.closing,
            checkpointed: known.checkpointed,
            movement: known.steps.at(Instant::now()),
            files: lock(&known.files).clone(),
            group: known.group.as_ref().map(|group| lock(group).clone()),
            sink: known.sink.clone(),
            sink_at: known.asked.map(|(_, at)| at),
        }
    }

    /// A sink is being opened, with this way out.
    pub fn watch(&self, traffic: Traffic) {
        self.lock().traffic = Some(traffic);
    }

    /// The task of the run is not blocked.
    pub(crate) fn polled(&self) {
        self.lock().steps.polled(Instant::now());
    }

    /// The run begins: with an input of this length, this way out, and checkpoints so often.
    pub(crate) fn begin(
        &self,
        input_bytes: Option<u64>,
        traffic: Traffic,
        checkpoints_every: Option<Duration>,
    ) {
        let mut known = self.lock();
        known.steps.opened(checkpoints_every, Instant::now());
        (known.input_bytes, known.traffic) = (input_bytes, Some(traffic));
        known.lag = Lag::default();
    }

    /// These are the numbers of the files that it follows, which change.
    pub fn follow(&self, files: SharedStats) {
        self.lock().files = files;
    }

    /// The run has done so much. Counters never fall: what a new instance of the component reads
    /// again counts from where the one before it was.
    pub(crate) fn count(&self, totals: &Totals) {
        let mut known = self.lock();
        known.totals = totals.at_least(&known.totals);
        known.steps.moved(Instant::now());
    }

    /// The sink is about to be given the events before this position.
    pub(crate) fn give(&self, end: u64) {
        self.lock().lag.give(end, Instant::now());
    }

    /// Every event before this position is durable.
    pub(crate) fn settle(&self, durable: u64) {
        self.lock().lag.settle(durable);
    }

    /// The sink is about to be closed.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
    }

    /// A checkpoint was stored.
    pub(crate) fn checkpointed(&self, at: SystemTime) {
        let mut known = self.lock();
        known.checkpointed = Some(at);
        known.steps.checkpointed(Instant::now());
    }

    /// Whether the sink should be asked for its metrics again.
    pub(crate) fn wants_metrics(&self) -> bool {
        self.lock().asked.is_none_or(|(at, _)| at.elapsed() >= METRICS_EVERY)
    }

    /// The sink was asked, and said this.
    pub(crate) fn metrics(&self, metrics: Vec<Metric>) {
        let families = Arc::new(Families::of(metrics));
        let mut known = self.lock();
        (known.sink, known.asked) = (families, Some((Instant::now(), SystemTime::now())));
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        lock(&self.0)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Monitor {
    fn default() -> Monitor {
        Monitor::new()
    }
}

impl View {
    /// All of it as a text of the type [`CONTENT_TYPE`](super::CONTENT_TYPE).
    pub fn exposition(&self) -> String {
        page(vec![Families::of_host(own::metrics(self)), Families::clone(&self.sink)])
    }
}

/// How often the sink is asked: no collector looks more often.
const METRICS_EVERY: Duration = Duration::from_secs(1);
