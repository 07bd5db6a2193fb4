//! Where a flow with checkpoints begins: at its beginning, or where it was left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::checkpoint::bucket::{self, BucketCheckpoint, Found};
use crate::checkpoint::{
    self, BucketSettings, Checkpoint, CheckpointError, CheckpointFile, CheckpointSettings,
    CheckpointSource, CheckpointStore, Keeper, Rest, SourceFile, Writer,
};
use crate::dead_letters::OnFailed;
use crate::flow;
use crate::place::{Begun, Place};
use crate::run::{Checkpoints, Kept};
use crate::source::{Input, LastLine, LineSettings, Source, SourceError, SourceSettings};
use spillway::problem::Problem;

use super::error::unusable;
use super::fit::{Before, Fit, fit, fit_of};
use super::{Destination, Plan, PlanError, chain};

/// A checkpoint that this process has, with what it is of.
pub(crate) struct Resume {
    checkpoints: Checkpoints,
    /// How long the process that held it, and had not let go, may still be at work, and how long
    /// ago that has stored it.
    held: Option<Held>,
    /// How the sink is configured otherwise, where it held nothing and begins anew.
    otherwise: Option<String>,
}

/// A checkpoint that another process held.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    /// How much of its lease is left.
    pub(crate) lease_left: Duration,
    /// How long ago it was stored, where the store tells.
    pub(crate) age: Option<Duration>,
}

/// As whom a process takes a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// As one that begins: it may take over from another.
    Begin,
    /// As the one that has it already.
    GoOn,
}

/// Proves what can be proven of a checkpoint without taking it: that the source can be read again
/// and is the one that was read, and that the sink goes on with what it held.
pub(crate) async fn prove(
    settings: &CheckpointSettings,
    source: &SourceSettings,
    before: &Before<'_>,
    destination: Option<&Destination>,
    is_local: bool,
    problems: &mut Vec<Problem>,
) -> Result<(), PlanError> {
    if source.input == Input::Stdin {
        problems.push(Problem::new("checkpoint", STDIN));
        return Ok(());
    }
    if matches!(source.input, Input::Files(_) | Input::Kafka(_)) && before.are_read_again {
        problems.push(Problem::new("sink.on_failed", NOT_AGAIN));
    }
    if let (Input::Kafka(_), CheckpointStore::File(_)) = (&source.input, &settings.store) {
        problems.push(Problem::new("checkpoint.store", OF_A_GROUP));
        return Ok(());
    }
    let source = match open(source) {
        Ok(source) => Some(source),
        Err(error @ SourceError::NotAgain { .. }) => {
            problems.push(Problem::new("source.path", chain(&error)));
            None
        }
        // The source was looked at before, and what is wrong with it was said.
        Err(_) => None,
    };
    if problems.iter().any(|problem| problem.field == "checkpoint.path") {
        // What is there is something else, and was told.
        return Ok(());
    }
    // One in the bucket is looked at when the flow runs: here no request is made.
    let found = match settings.store.file().map(checkpoint::read).transpose() {
        Ok(found) => found.flatten(),
        Err(error) => {
            let message = unusable(Err(error))?;
            problems.extend(message.map(|message| Problem::new("checkpoint.path", message)));
            None
        }
    };
    if let Some(message) = found.as_ref().and_then(|found| elsewhere(found, is_local)) {
        problems.push(Problem::new("checkpoint.path", message));
        return Ok(());
    }
    if let (Some(source), Some(found)) = (source, &found)
        && let Err(moved) = source.find(&found.source)
    {
        problems.push(Problem::new("source.path", chain(&moved)));
    }
    let commit = format!("sink.config.{}", flow::COMMIT);
    let destination =
        destination.filter(|_| problems.iter().all(|problem| problem.field != commit));
    let Some(destination) = destination else { return Ok(()) };
    let Destination { sink, config, grants, lanes } = destination;
    if let Fit::Not(message) = fit(sink, config, grants, *lanes, before, found.as_ref()).await? {
        problems.push(Problem::new("checkpoint.path", message));
    }
    Ok(())
}

/// Whether a sink of this configuration resumes from the checkpoint that is stored.
pub(crate) async fn fits(settings: &CheckpointSettings, plan: &Plan) -> Result<bool, PlanError> {
    let Some(found) = settings.store.read(plan.bucket()).await? else { return Ok(false) };
    Ok(fit_of(plan, &found).await? == Fit::Resumes)
}

/// Whether the checkpoint of one plan is that of another, which takes its place.
pub(crate) async fn is_kept(
    settings: &CheckpointSettings,
    plan: &Plan,
    before: &Plan,
) -> Result<bool, PlanError> {
    let Some(bucket) = settings.store.bucket() else { return Ok(true) };
    let now = bucket::load(plan.bucket(), bucket).await?;
    Ok(now.is_same(&bucket::load(before.bucket(), bucket).await?))
}

impl Resume {
    /// Takes the checkpoint for this process, and looks where its source is to be read from.
    pub(crate) async fn of(
        settings: &CheckpointSettings,
        plan: &Plan,
        claim: Claim,
    ) -> Result<Resume, PlanError> {
        Resume::of_source(settings, plan, open(&plan.source)?, claim).await
    }

    /// The same, for a source that is one of many.
    pub(crate) async fn of_source(
        settings: &CheckpointSettings,
        plan: &Plan,
        source: CheckpointSource,
        claim: Claim,
    ) -> Result<Resume, PlanError> {
        let Plan { sink, grants, transforms, is_local, .. } = plan;
        let description = sink.describe(&grants.limits).await?;
        let (name, version) = (description.name, description.version);
        let writer = Writer { name, version, transforms: transforms.identity(), local: *is_local };
        let every = settings.every;
        let (keeper, mut resumed, held, source, otherwise) = match &settings.store {
            CheckpointStore::File(path) => {
                let file = CheckpointFile::open(path)?;
                let resumed = file.load()?;
                if let Some(why) = resumed.as_ref().and_then(|found| elsewhere(found, *is_local)) {
                    let (name, why) = (settings.store.to_string(), format!("it {why}"));
                    return Err(CheckpointError::Misfit { name, why }.into());
                }
                let otherwise = match &resumed {
                    Some(found) => match fit_of(plan, found).await? {
                        Fit::BeginsAnew(differences) => Some(differences),
                        Fit::Resumes | Fit::Not(_) => None,
                    },
                    None => None,
                };
                (Keeper::File(file), resumed, None, source, otherwise)
            }
            CheckpointStore::Bucket(settings) => {
                let source = source.of_any_machine();
                let (taken, found, otherwise) =
                    take(settings, plan, &source, &writer, claim).await?;
                let (lease_left, age) = (found.lease_left(), found.age());
                let held = found.is_held_by_earlier().then_some(Held { lease_left, age });
                // A file begins at its beginning in any case.
                let is_at = |found: &Checkpoint| found.source.place() != Place::default();
                let resumed = found.checkpoint().cloned();
                let resumed = resumed.filter(|found| !found.is_beginning() || is_at(found));
                (Keeper::Bucket(Box::new(taken)), resumed, held, source, otherwise)
            }
        };
        let (mut place, mut files) = (source.beginning()?.place(), Vec::new());
        if let Some(resumed) = &resumed {
            place = source.find(&resumed.source)?;
            if let CheckpointSource::Files(_) = &source {
                files = checkpoint::files_of(&resumed.source)?;
            }
        }
        if otherwise.is_some() {
            resumed.iter_mut().for_each(|resumed| resumed.state = Vec::new());
        }
        let checkpoints = Checkpoints { keeper, every, source, files, writer, place, resumed };
        Ok(Resume { checkpoints, held, otherwise })
    }

    /// How long the process that held the checkpoint before may still be at work, if it may.
    pub(crate) fn held(&self) -> Option<Held> {
        self.held.filter(|held| held.lease_left > Duration::ZERO)
    }

    /// Whether another process held the checkpoint before that had not let go of it.
    #[cfg(feature = "kafka")]
    pub(crate) fn is_taken_over(&self) -> bool {
        self.held.is_some()
    }

    /// Proves that the checkpoint is still this process's, before a sink is opened with it: others
    /// may have taken it over while this one waited.
    pub(crate) async fn hold(&mut self, plan: &Plan) -> Result<(), PlanError> {
        Ok(self.checkpoints.keeper.hold(plan.bucket()).await?)
    }

    /// Lets others take over at once, where this process has opened no sink with the checkpoint.
    /// Returns whether they may.
    pub(crate) async fn let_go(&mut self, plan: &Plan) -> Result<bool, PlanError> {
        Ok(self.checkpoints.keeper.let_go(plan.bucket()).await?)
    }

    /// Starts to read the source where it was left.
    pub(crate) fn open(&self, settings: &SourceSettings) -> Result<Source, SourceError> {
        let Checkpoints { source, files, place, resumed, .. } = &self.checkpoints;
        // The next run has what comes of it, so half a line is none.
        let lines = LineSettings { last_line: LastLine::Leave, ..settings.lines.clone() };
        match source {
            CheckpointSource::File(source) => {
                let path = source.path();
                let wrong = |error| SourceError::Open { path: path.to_owned(), source: error };
                Source::of_file(path, source.again().map_err(wrong)?, lines, place.start)
            }
            CheckpointSource::Partition { .. } => Err(SourceError::Partitions),
            CheckpointSource::Files(settings) => {
                // Where no file was looked at yet, they still begin where the flow says.
                let has_looked = |resumed: &Checkpoint| {
                    resumed.source.of.has_looked() || place.start.line > 0 || !files.is_empty()
                };
                let is_begun = resumed.as_ref().is_some_and(has_looked);
                let files = is_begun.then(|| files.clone());
                Source::of_files(settings, lines, place.start, files)
            }
        }
    }

    /// Where that is, and what was taken of the line there.
    pub(crate) fn place(&self) -> (Place, Option<Begun>) {
        let Checkpoints { place, resumed, .. } = &self.checkpoints;
        (*place, resumed.as_ref().and_then(|resumed| resumed.source.begun.clone()))
    }

    /// The position of the first event that the sink is given.
    pub(crate) fn next_position(&self) -> u64 {
        self.checkpoints.next_position()
    }

    /// What the sink is opened with; nothing where it begins anew.
    pub(crate) fn state(&self) -> Option<&[u8]> {
        let state = self.checkpoints.resumed.as_ref().map(|resumed| resumed.state.as_slice());
        state.filter(|state| !state.is_empty())
    }

    /// Goes on in the source, with a sink that begins anew. All that the one before took is
    /// visible.
    pub(crate) fn begin_sink_anew(&mut self) {
        self.checkpoints.resumed.iter_mut().for_each(|resumed| resumed.state = Vec::new());
    }

    /// How the sink is configured otherwise than the one of the checkpoint, where that held nothing
    /// and another begins.
    pub(crate) fn sink_otherwise(&self) -> Option<&str> {
        self.otherwise.as_deref()
    }

    /// Whether the flow was through, and its source has no more lines since; then, how much there
    /// is of one that has no line feed yet.
    pub(crate) fn nothing_to_do(&self) -> Result<Option<u64>, PlanError> {
        let Checkpoints { source, place, resumed, .. } = &self.checkpoints;
        // Of many files each is looked at, as new ones may be there.
        let CheckpointSource::File(source) = source else { return Ok(None) };
        if !resumed.as_ref().is_some_and(|resumed| resumed.finished) {
            return Ok(None);
        }
        match source.rest(place.start) {
            Ok(Rest::Nothing) => Ok(Some(0)),
            Ok(Rest::Unfinished(bytes)) => Ok(Some(bytes)),
            Ok(Rest::Lines) => Ok(None),
            Err(error) => Err(PlanError::Machine(error.into())),
        }
    }

    /// What is there for the next run, before anything is done.
    pub(crate) fn kept(&self) -> Kept {
        self.checkpoints.kept()
    }

    /// Where the checkpoint is, and what it was when this process took it.
    pub(crate) fn found(&self) -> (CheckpointStore, Option<&Checkpoint>) {
        (self.checkpoints.keeper.store_name(), self.checkpoints.resumed.as_ref())
    }

    /// The file that is read.
    pub(crate) fn source(&self) -> PathBuf {
        self.checkpoints.source.name()
    }

    /// What the run needs of it.
    pub(crate) fn checkpoints(self) -> Checkpoints {
        self.checkpoints
    }
}

/// Takes the checkpoint in the bucket for this process, once it is known that it goes on with it:
/// whoever held it must end then. Also how the sink is configured otherwise, where it begins anew.
async fn take(
    settings: &BucketSettings,
    plan: &Plan,
    source: &CheckpointSource,
    writer: &Writer,
    claim: Claim,
) -> Result<(BucketCheckpoint, Found, Option<String>), PlanError> {
    let Plan { sink, config, grants, lanes, transforms, on_failed, .. } = plan;
    let bucket = plan.bucket();
    let name = || CheckpointStore::Bucket(settings.clone()).to_string();
    for _ in 0..TAKES_MAX {
        let found = bucket::load(bucket, settings).await?;
        if claim == Claim::GoOn && found.checkpoint().is_none() {
            let why = "it is not there any more".to_owned();
            return Err(CheckpointError::TakenOver { name: name(), why }.into());
        }
        let mut otherwise = None;
        if let Some(checkpoint) = found.checkpoint() {
            if claim == Claim::GoOn && found.is_of_another() {
                let why = "it was stored by that process since".to_owned();
                return Err(CheckpointError::TakenOver { name: name(), why }.into());
            }
            source.find(&checkpoint.source)?;
            let before = Before {
                transforms: &transforms.identity(),
                are_read_again: *on_failed != OnFailed::Stop,
            };
            match fit(sink, config, grants, *lanes, &before, Some(checkpoint)).await? {
                Fit::Resumes => {}
                Fit::BeginsAnew(differences) => otherwise = Some(differences),
                Fit::Not(why) => {
                    return Err(CheckpointError::Misfit { name: name(), why }.into());
                }
            }
        }
        let beginning = Checkpoint::at_the_beginning(source.beginning()?, writer.clone());
        if let Some(taken) =
            BucketCheckpoint::take(bucket, settings.clone(), &found, beginning).await?
        {
            return Ok((taken, found, otherwise));
        }
    }
    let why = format!("it was replaced {TAKES_MAX} times while this one tried to take it");
    Err(CheckpointError::TakenOver { name: name(), why }.into())
}

/// Why a checkpoint cannot be gone on with, if its events are not where this run stores.
fn elsewhere(found: &Checkpoint, is_local: bool) -> Option<&'static str> {
    let why = if is_local { OF_THE_BUCKET } else { OF_A_TRIAL };
    (found.writer.local != is_local).then_some(why)
}

/// What a flow with checkpoints reads.
fn open(source: &SourceSettings) -> Result<CheckpointSource, SourceError> {
    match &source.input {
        Input::File(path) => SourceFile::open(path).map(CheckpointSource::File),
        Input::Files(files) => Ok(CheckpointSource::Files(files.clone())),
        Input::Stdin => SourceFile::open(Path::new("-")).map(CheckpointSource::File),
        Input::Kafka(_) => Err(SourceError::Partitions),
    }
}

/// How often another process may be faster. A run stores a checkpoint every few seconds.
const TAKES_MAX: u32 = 10;
const NOT_AGAIN: &str = "is a file, but events that an earlier run read of several files, of \
                         followed ones, or of a partition cannot be read again, and so do not \
                         become dead letters; write on_failed = \"stop\"";
const OF_A_TRIAL: &str = "was stored by a run with --local: its events are in that folder, and not \
                          in the bucket. Remove it, or name another file";
const OF_THE_BUCKET: &str = "was stored by a run without --local: with it, the next of those would \
                             pass over what this one stores in the folder. Name another file for \
                             the trial";
const OF_A_GROUP: &str = "is \"file\", but a partition is read by one member of its group after \
                          the other; expected \"bucket\", which all of them reach";
const STDIN: &str = "standard input cannot be read again after a crash; remove [checkpoint], or \
                     read a file";
