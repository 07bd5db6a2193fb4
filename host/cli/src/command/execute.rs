//! Runs a plan to its end, also where the component traps on the way.
//!
//! A component that traps is gone, with all that it held. With checkpoints nothing is lost: a fresh
//! instance resumes from the last one, as a new process would. That is tried a few times as long as
//! no new checkpoint moves the run on, so that a component that cannot get past an event ends with
//! its cause.

use std::collections::HashSet;
use std::pin::pin;

use anyhow::anyhow;
use spillway::Trap;
use spillway::contract::{Error, VisibleObject};
use spillway::egress::Passage;
use spillway::sink::SinkError;
use tokio::sync::watch;
use tracing::warn;

use crate::checkpoint::{CheckpointSettings, CheckpointStore};
use crate::lanes;
use crate::place::Place;
use crate::plan::{Claim, LaneShares, Plan, PlanError, Resume};
use crate::run::{End, Handover, Kept, Ran, RunError, Runner, Totals};
use crate::shutdown::Shutdown;
use crate::telemetry::Monitor;

use super::args::LogFormat;
use super::exit::CliError;
#[cfg(feature = "kafka")]
use super::group;
use super::holding;
use super::log::SPILLWAY;
use super::patience::Patience;
use super::position;
use super::reload::Reloader;
use super::stopping::Stopping;
use super::terminal::{Terminal, say_notice};

/// What a run did, and how it ended.
pub(crate) type Executed = (Totals, Result<End, CliError>);

/// Runs a plan, and after it those that `reloader` reads in its place.
pub(crate) async fn execute(
    plan: Plan,
    surroundings: Surroundings<'_>,
    reloader: Option<Reloader>,
) -> Result<Executed, CliError> {
    #[cfg(feature = "kafka")]
    if let Some(settings) = plan.source.kafka().cloned() {
        return group::execute(plan, settings, surroundings).await;
    }
    let Some(checkpoint) = &plan.checkpoint else {
        let mut instance = Instance::new(&plan, surroundings, never());
        let ran = instance.run(None, Totals::default()).await?;
        return Ok((ran.totals, ran.result.map_err(CliError::from)));
    };
    let resumed = tokio::select! {
        resumed = Resume::of(checkpoint, &plan, Claim::Begin) => resumed,
        // The component may wait for its store, and not come back.
        () = surroundings.shutdown.first() => {
            return Ok((Totals::default(), Ok(End::NotBegun)));
        }
    };
    let resume = resumed?;
    let nothing_to_do = resume.nothing_to_do()?;
    if let (Some(held), None) = (resume.held(), nothing_to_do) {
        position::announce_wait(&checkpoint.store, &held);
        tokio::select! {
            () = tokio::time::sleep(held.lease_left) => {}
            () = surroundings.shutdown.first() => {
                let totals = Totals { kept: Some(resume.kept()), ..Totals::default() };
                return Ok((totals, Ok(End::Stopped)));
            }
        }
    }
    position::announce(&resume, nothing_to_do.is_some());
    if let Some(unfinished_bytes) = nothing_to_do {
        let kept = Kept { unfinished_bytes, ..resume.kept() };
        let totals = Totals { kept: Some(kept), ..Totals::default() };
        return Ok((totals, Ok(End::NothingToDo)));
    }
    let Some(mut reloader) = reloader else {
        return run(&plan, surroundings, never(), resume, Totals::default()).await;
    };
    let (mut plan, mut resume, mut totals) = (plan, resume, Totals::default());
    loop {
        let (reload, asked) = watch::channel(None);
        let (executed, next) = {
            let mut run = pin!(run(&plan, surroundings, asked, resume, totals));
            let mut next = None;
            loop {
                tokio::select! {
                    biased;
                    executed = &mut run => break (executed?, next),
                    (flow, handover) = reloader.next(&plan), if next.is_none() => {
                        next = Some((flow, handover));
                        reload.send_replace(Some(handover));
                    }
                }
            }
        };
        let (Ok(End::Reloading), Some((flow, handover))) = (&executed.1, next) else {
            return Ok(executed);
        };
        let done = executed.0;
        plan = flow;
        resume = match begin_again(&plan, handover, surroundings.shutdown).await {
            Ok(Some(resume)) => resume,
            Ok(None) => return Ok((done, Ok(End::Stopped))),
            Err(error) => return Ok((done, Err(error))),
        };
        reloader.is_done(handover);
        totals = done;
    }
}

/// Where a flow that was read again goes on; nothing once it is to stop.
async fn begin_again(
    plan: &Plan,
    handover: Handover,
    shutdown: &Shutdown,
) -> Result<Option<Resume>, CliError> {
    let checkpoint = plan.checkpoint.as_ref();
    let checkpoint = checkpoint.expect("a flow without checkpoints is not read again");
    let mut resume = go_on(plan, checkpoint, shutdown).await?;
    if handover == Handover::Completed {
        resume.iter_mut().for_each(Resume::begin_sink_anew);
    }
    Ok(resume)
}

/// What a run has around it.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) shutdown: &'a Shutdown,
    pub(crate) monitor: &'a Monitor,
    pub(crate) log: LogFormat,
    /// Whether somebody waits to hear that checkpoints can be stored.
    pub(crate) checkpoint_first: bool,
}

/// Nobody asks for a reload.
fn never() -> watch::Receiver<Option<Handover>> {
    watch::channel(None).1
}

/// Runs a plan with checkpoints to its end. `totals` is what was done before.
async fn run(
    plan: &Plan,
    surroundings: Surroundings<'_>,
    reload: watch::Receiver<Option<Handover>>,
    resume: Resume,
    totals: Totals,
) -> Result<Executed, CliError> {
    let shutdown = surroundings.shutdown;
    let checkpoint = plan.checkpoint.as_ref().expect("it resumes from one");
    let mut instance = Instance::new(plan, surroundings, reload);
    let mut ran = instance.run(Some(resume), totals).await?;
    let mut restarts = Restarts::new();
    while let Some(cause) = trapped(&ran.result)
        && shutdown.count() == 0
        && restarts.take(&ran.checkpointed)
    {
        let kept = ran.checkpointed.kept.clone().unwrap_or_default();
        restarts.announce(cause, &kept, &checkpoint.store);
        let done = ran.totals.clone();
        ran = match restart(&mut instance, checkpoint, ran).await {
            Ok(ran) => ran,
            // The flow was right when it began.
            Err(CliError::Usage(error)) => return Ok((done, Err(CliError::Failed(error)))),
            Err(error) => return Ok((done, Err(error))),
        };
    }
    Ok((ran.totals, ran.result.map_err(CliError::from)))
}

/// Resumes a run that a trap ended, from its last checkpoint.
async fn restart(
    instance: &mut Instance<'_>,
    checkpoint: &CheckpointSettings,
    ran: Ran,
) -> Result<Ran, CliError> {
    let plan = instance.plan;
    let Some(resume) = go_on(plan, checkpoint, instance.shutdown).await? else {
        return Ok(ran);
    };
    let restarts = ran.checkpointed.restarts + 1;
    // All letters are in their file, and some may be written again.
    let dead_letters = ran.totals.dead_letters;
    let mut totals = Totals { restarts, dead_letters, ..ran.checkpointed };
    count_visible(&mut totals, ran.visible, plan, resume.state()).await?;
    if resume.nothing_to_do()?.is_some() {
        // The last checkpoint was stored, and only what follows it had no effect.
        return Ok(Ran::without_a_sink(totals, Ok(End::Complete)));
    }
    instance.run(Some(resume), totals).await
}

/// Goes on with the checkpoint of this process; nothing once it is to stop. A store that is away
/// for a while ends no run that has begun.
async fn go_on(
    plan: &Plan,
    checkpoint: &CheckpointSettings,
    shutdown: &Shutdown,
) -> Result<Option<Resume>, CliError> {
    let resumed = async {
        let mut patience = Patience::default();
        loop {
            match Resume::of(checkpoint, plan, Claim::GoOn).await {
                Ok(resume) => return Ok::<_, PlanError>(resume),
                Err(error) => patience.wait(error, say_notice).await?,
            }
        }
    };
    tokio::select! {
        resumed = resumed => Ok(Some(resumed?)),
        () = shutdown.first() => Ok(None),
    }
}

/// Counts the objects that the sink does not report again when it resumes from `state`.
async fn count_visible(
    totals: &mut Totals,
    visible: Vec<VisibleObject>,
    plan: &Plan,
    state: Option<&[u8]>,
) -> Result<(), CliError> {
    let (false, Some(state)) = (visible.is_empty(), state) else { return Ok(()) };
    let saved = lanes::inspect(&plan.sink, state, &plan.grants.limits).await;
    let saved = saved.map_err(PlanError::Sink)?.objects;
    let saved: HashSet<u64> = saved.iter().map(|object| object.first).collect();
    for object in visible.iter().filter(|object| !saved.contains(&object.first)) {
        totals.objects += 1;
        totals.stored_events += object.events;
        totals.object_bytes += object.bytes;
    }
    Ok(())
}

/// Runs one instance of the plan's component after the other.
struct Instance<'a> {
    plan: &'a Plan,
    /// Whether the first checkpoint is stored before anything is read.
    checkpoint_first: bool,
    shutdown: &'a Shutdown,
    monitor: &'a Monitor,
    terminal: Terminal,
    /// Whether it is to end so that another flow goes on.
    reload: watch::Receiver<Option<Handover>>,
}

impl<'a> Instance<'a> {
    fn new(
        plan: &'a Plan,
        surroundings: Surroundings<'a>,
        reload: watch::Receiver<Option<Handover>>,
    ) -> Instance<'a> {
        let Surroundings { shutdown, monitor, log, checkpoint_first } = surroundings;
        let terminal = Terminal::new(monitor.clone(), log, plan.source.follows());
        let checkpoint_first = checkpoint_first || plan.source.follows();
        Instance { plan, checkpoint_first, shutdown, monitor, terminal, reload }
    }

    /// Opens the source and the sink, from the checkpoint where there is one, and runs to the end.
    /// `totals` is what earlier instances have done.
    async fn run(&mut self, mut resume: Option<Resume>, totals: Totals) -> Result<Ran, CliError> {
        let Instance { plan, checkpoint_first, shutdown, monitor, terminal, reload } = self;
        let is_first = totals.restarts == 0;
        let kept = resume.as_ref().map(Resume::kept);
        let before = Totals { kept: totals.kept.clone().or(kept), ..totals };
        let limit = plan.run.shutdown_timeout;
        let _stopping = Stopping::of(shutdown, monitor, resume.is_some(), limit);
        if let Some(resume) = &mut resume
            && !holding::hold(resume, plan, shutdown, say_notice).await?
        {
            return Ok(Ran::without_a_sink(before, Ok(End::Stopped)));
        }
        let events = Plan::events(&plan.source, &plan.map, &plan.config, resume.as_ref())?;
        let transforms = plan.transforms.open().await?;
        let state = resume.as_ref().and_then(Resume::state);
        let passage = Passage::new();
        monitor.watch(passage.traffic());
        let LaneShares { configs, grants } = plan.lane_shares(state).await?;
        let opened = tokio::select! {
            opened = lanes::open(&plan.sink, &configs, state, &grants, passage) => Some(opened),
            // One that goes on asks its store first, which may take long. What it was begins again
            // with the checkpoint that is there, as after a crash.
            () = shutdown.first() => None,
        };
        let Some(opened) = opened else {
            let is_new = state.is_none();
            if let Some(resume) = resume.as_mut().filter(|_| is_new) {
                holding::let_go(resume, plan, shutdown, say_notice).await;
            }
            return Ok(Ran::without_a_sink(before, Ok(End::Stopped)));
        };
        let sink = match opened {
            Ok(mut sink) => {
                if let Some(resume) = &resume {
                    sink.begin_at(resume.next_position());
                }
                sink
            }
            Err(SinkError::Refused(Error::UnknownState(text))) => {
                return Err(CliError::Usage(anyhow!("the checkpoint cannot be resumed: {text}")));
            }
            Err(error) if is_first => return Err(CliError::Failed(error.into())),
            Err(error) => return Ok(Ran::without_a_sink(before, Err(error.into()))),
        };
        let runner = Runner {
            events,
            place: Place::default(),
            partition: None,
            transforms,
            sink,
            on_rejected: plan.on_rejected.clone(),
            on_failed: plan.on_failed.clone(),
            letters: None,
            checkpoints: resume.map(Resume::checkpoints),
            checkpoint_first: *checkpoint_first,
            shutdown: shutdown.clone(),
            observer: terminal,
            monitor: monitor.clone(),
            before,
            reload: reload.clone(),
            durable: None,
        };
        Ok(runner.run().await)
    }
}

/// How often a component may still be opened again.
struct Restarts {
    left: u32,
    /// The line, and the events of it, up to which the last checkpoint had come.
    place: Option<(u64, u64)>,
}

impl Restarts {
    fn new() -> Restarts {
        Restarts { left: RESTARTS_MAX, place: None }
    }

    /// Takes one off, unless there is none left. A run that has come further since has them all.
    fn take(&mut self, checkpointed: &Totals) -> bool {
        let place = checkpointed.kept.as_ref().map(|kept| (kept.next_line, kept.next_line_taken));
        if place != self.place {
            *self = Restarts { left: RESTARTS_MAX, place };
        }
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }

    /// Says that a component is opened again.
    fn announce(&self, trap: &Trap, kept: &Kept, store: &CheckpointStore) {
        let line = kept.next_line;
        let restart = RESTARTS_MAX - self.left;
        let from = match kept.checkpoints == 0 && kept.resumed_from_line.is_none() {
            true => format!("starts at line {line}: no checkpoint was stored"),
            false => format!("resumes from line {line}, from the checkpoint {store}"),
        };
        warn!(
            target: SPILLWAY, event = "restarted", line, restart,
            "{trap}; a new instance {from} (restart {restart} of at most \
             {RESTARTS_MAX} from there)"
        );
    }
}

/// Why a component trapped, the sink or a transform, where that is how a run ended.
fn trapped(result: &Result<End, RunError>) -> Option<&Trap> {
    let (RunError::Sink(error) | RunError::Transform { source: error, .. }) =
        result.as_ref().err()?
    else {
        return None;
    };
    match error {
        SinkError::Trap(trap) => Some(trap),
        _ => None,
    }
}

/// How many instances may trap one after the other without a checkpoint that moves the run on.
const RESTARTS_MAX: u32 = 3;
