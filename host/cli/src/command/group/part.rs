//! The run of one partition.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{oneshot, watch};

use crate::checkpoint::{CheckpointError, CheckpointSource, bucket};
use crate::command::exit::CliError;
use crate::command::holding;
use crate::command::patience::Patience;
use crate::command::position;
use crate::command::terminal::Terminal;
use crate::lanes;
use crate::place::{Begun, Place};
use crate::plan::{Claim, Plan, PlanError, Resume, Share};
use crate::run::{Between, End, Observer, Ran, RunError, Runner, Spot, Totals};
use crate::shutdown::Shutdown;
use crate::source::{Assigned, Assignment, Hand, SourceError, Start, TopicWriter};
use crate::telemetry::Monitor;
use spillway::contract::{Failure, Level, Notice, VisibleObject};
use spillway::egress::Passage;

/// What the run of a partition needs.
pub(super) struct Part {
    pub(super) plan: Arc<Plan>,
    pub(super) share: Share,
    /// What writes dead letters to their topic, where they go to one.
    pub(super) letters: Option<TopicWriter>,
    pub(super) around: Surrounding,
}

/// What the run of a partition has around it.
pub(super) struct Surrounding {
    pub(super) hand: Hand,
    pub(super) shutdown: Shutdown,
    pub(super) monitor: Monitor,
    pub(super) seen: Seen,
}

/// Shows the run on a terminal that others use, too.
pub(super) struct Seen(Arc<Mutex<Terminal>>);

impl Part {
    /// Has the partition read, waits for its first record, and runs until it is told to stop.
    /// Nothing where there is none.
    pub(super) async fn run(self, assigned: Assigned) -> Result<Option<Ran>, CliError> {
        let Part { plan, share, letters, around } = self;
        let Surrounding { hand, shutdown, monitor, mut seen } = around;
        let Assigned { of, source, first } = assigned;
        let begins = tokio::select! {
            biased;
            () = shutdown.first() => return Ok(None),
            begins = begin(&plan, &hand, &of, first, &mut seen) => begins?,
        };
        // It is gone before it had a record.
        let Some(Beginning { place, begun, mut resume, is_started }) = begins else {
            return Ok(None);
        };
        if let Some(resume) = &mut resume
            && !hold(resume, &plan, &shutdown, &mut seen).await?
        {
            return Ok(None);
        }
        if !is_started {
            let line = place.start.line;
            // The group is told also where no record comes any more.
            hand.durable(&of, line);
            hand.start(&of, Some(line));
        }
        let events = plan.events_of(source, place, begun)?;
        let transforms = plan.transforms.open().await?;
        let state = resume.as_ref().and_then(Resume::state);
        let passage = Passage::new();
        monitor.watch(passage.traffic());
        let configs = [share.config];
        let opened = tokio::select! {
            opened = lanes::open(&plan.sink, &configs, state, &share.grants, passage) => {
                Some(opened)
            }
            () = shutdown.first() => None,
        };
        let Some(opened) = opened else {
            let is_new = state.is_none();
            if let Some(resume) = resume.as_mut().filter(|_| is_new) {
                let say = |notice: &_| seen.notice(notice);
                holding::let_go(resume, &plan, &shutdown, say).await;
            }
            return Ok(Some(Ran::without_a_sink(Totals::default(), Ok(End::Stopped))));
        };
        let mut sink = opened.map_err(|error| CliError::from(RunError::from(error)))?;
        sink.begin_at(place.next_position());
        let of_partition = of.clone();
        let runner = Runner {
            events,
            place,
            partition: Some(Arc::clone(&of.partition)),
            transforms,
            sink,
            on_rejected: plan.on_rejected.clone(),
            on_failed: plan.on_failed.clone(),
            letters,
            checkpoint_first: false,
            checkpoints: resume.map(Resume::checkpoints),
            shutdown,
            observer: &mut seen,
            monitor,
            before: Totals::default(),
            reload: watch::channel(None).1,
            durable: Some(Box::new(move |offset| hand.durable(&of_partition, offset))),
        };
        Ok(Some(runner.run().await))
    }
}

/// Where the run of a partition begins.
struct Beginning {
    place: Place,
    /// What an earlier run has taken of the record there.
    begun: Option<Begun>,
    /// The checkpoint, where the flow has them.
    resume: Option<Resume>,
    /// Whether the partition is read already: what it begins with told where.
    is_started: bool,
}

/// Has a partition read from where it was left: where its checkpoint says, or else the group.
/// Nothing if it is gone before that is known.
async fn begin(
    plan: &Plan,
    hand: &Hand,
    of: &Assignment,
    first: oneshot::Receiver<u64>,
    seen: &mut Seen,
) -> Result<Option<Beginning>, CliError> {
    let Some(settings) = plan.checkpoint.as_ref().map(|c| c.of_partition(&of.partition)) else {
        hand.start(of, None);
        let Ok(offset) = first.await else { return Ok(None) };
        // The lines before a record are those that its offset counts, and so are the positions, as
        // long as each record is one event.
        let start = Start { line: offset, offset: 0 };
        let place = Place { start, position: offset, taken: 0 };
        return Ok(Some(Beginning { place, begun: None, resume: None, is_started: true }));
    };
    // The checkpoint says how far the partition is stored. What the group has committed follows it.
    let Some(bucket) = settings.store.bucket() else {
        return Err(PlanError::Source(SourceError::Partitions).into());
    };
    // A run that failed for that would only move its partition to another member, which finds the
    // same.
    let mut patience = Patience::default();
    let known = loop {
        match bucket::load(plan.bucket(), bucket).await {
            Ok(found) => break found.offset(),
            Err(error) => patience.wait(error.into(), |notice| seen.notice(notice)).await?,
        }
    };
    let offset = match known {
        Some(offset) => offset,
        None => {
            hand.start(of, None);
            let Ok(offset) = first.await else { return Ok(None) };
            offset
        }
    };
    let partition = Arc::clone(&of.partition);
    let resume = loop {
        let partition = Arc::clone(&partition);
        let source = CheckpointSource::Partition { partition, first: offset };
        match Resume::of_source(&settings, plan, source, Claim::Begin).await {
            Ok(resume) => break resume,
            Err(error) => patience.wait(error, |notice| seen.notice(notice)).await?,
        }
    };
    if resume.is_taken_over() {
        hand.taken_over();
        let message =
            format!("{}: taken over from a process that held its checkpoint", of.partition);
        seen.notice(&Notice { level: Level::Info, message });
    }
    if let Some(held) = resume.held() {
        position::announce_wait(&settings.store, &held);
        tokio::time::sleep(held.lease_left).await;
    }
    let (place, begun) = resume.place();
    let is_started = known.is_none();
    if is_started && place.start.line != offset {
        let (name, why) = (settings.store.to_string(), "it was stored meanwhile".to_owned());
        return Err(PlanError::from(CheckpointError::TakenOver { name, why }).into());
    }
    Ok(Some(Beginning { place, begun, resume: Some(resume), is_started }))
}

/// Holds the checkpoint, however long the store is away. Returns whether the run may begin.
async fn hold(
    resume: &mut Resume,
    plan: &Plan,
    shutdown: &Shutdown,
    seen: &mut Seen,
) -> Result<bool, CliError> {
    let mut patience = Patience::default();
    loop {
        match holding::hold(resume, plan, shutdown, |notice| seen.notice(notice)).await {
            Ok(may_begin) => return Ok(may_begin),
            Err(error) => tokio::select! {
                biased;
                () = shutdown.first() => return Ok(false),
                waited = patience.wait(error, |notice| seen.notice(notice)) => waited?,
            },
        }
    }
}

impl Seen {
    pub(super) fn new(terminal: &Arc<Mutex<Terminal>>) -> Seen {
        Seen(Arc::clone(terminal))
    }
}

impl Observer for Seen {
    fn visible(&mut self, object: &VisibleObject) {
        lock(&self.0).visible(object);
    }

    fn failed(&mut self, failure: &Failure, lines: &Between) {
        lock(&self.0).failed(failure, lines);
    }

    fn rejected(&mut self, spot: Spot, reason: &str) {
        lock(&self.0).rejected(spot, reason);
    }

    fn set_aside(&mut self, failure: &Failure, lines: &Between) {
        lock(&self.0).set_aside(failure, lines);
    }

    fn notice(&mut self, notice: &Notice) {
        lock(&self.0).notice(notice);
    }

    fn checkpoint(&mut self, line: u64) {
        lock(&self.0).checkpoint(line);
    }
}

pub(super) fn lock(terminal: &Mutex<Terminal>) -> MutexGuard<'_, Terminal> {
    terminal.lock().unwrap_or_else(PoisonError::into_inner)
}
