//! Where a flow with checkpoints begins: at its beginning, or where it was left.

use std::path::{Path, PathBuf};

use crate::checkpoint::{
    self, Checkpoint, CheckpointFile, CheckpointSettings, CheckpointSource, Rest, SourceFile,
    Through, Writer,
};
use crate::flow;
use crate::place::{Begun, Place};
use crate::run::{Checkpoints, Kept};
use crate::source::{Input, LastLine, LineSettings, Source, SourceError, SourceSettings};
use spillway::component::Component;
use spillway::contract::Error;
use spillway::engine::Limits;
use spillway::grants::Grants;
use spillway::problem::Problem;
use spillway::sink::SinkError;

use super::error::unusable;
use super::{Destination, Plan, PlanError, Transforms, chain};

/// A checkpoint that this process has, with what it is of.
pub(crate) struct Resume {
    checkpoints: Checkpoints,
}

/// Proves what can be proven of a checkpoint without taking it: that the source can be read again
/// and is the one that was read, and that the sink goes on with what it held.
pub(crate) async fn prove(
    settings: &CheckpointSettings,
    source: &SourceSettings,
    before: &Before<'_>,
    destination: Option<&Destination>,
    problems: &mut Vec<Problem>,
) -> Result<(), PlanError> {
    if source.input == Input::Stdin {
        problems.push(Problem::new("checkpoint", STDIN));
        return Ok(());
    }
    if matches!(source.input, Input::Files(_)) && before.are_read_again {
        problems.push(Problem::new("sink.on_failed", NOT_AGAIN));
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
    let found = match checkpoint::read(&settings.path) {
        Ok(found) => found,
        Err(error) => {
            let message = unusable(Err(error))?;
            problems.extend(message.map(|message| Problem::new("checkpoint.path", message)));
            None
        }
    };
    if let (Some(source), Some(found)) = (source, &found)
        && let Err(moved) = source.find(&found.source)
    {
        problems.push(Problem::new("source.path", chain(&moved)));
    }
    let commit = format!("sink.config.{}", flow::COMMIT);
    let destination =
        destination.filter(|_| problems.iter().all(|problem| problem.field != commit));
    let Some(destination) = destination else { return Ok(()) };
    let Destination { sink, config, grants } = destination;
    let misfit = misfit(sink, config, grants, before, found.as_ref()).await;
    let misfit = misfit?;
    problems.extend(misfit.map(|message| Problem::new("checkpoint.path", message)));
    Ok(())
}

/// Whether a sink of this configuration resumes from the checkpoint that is stored.
pub(crate) async fn fits(settings: &CheckpointSettings, plan: &Plan) -> Result<bool, PlanError> {
    let Some(found) = checkpoint::read(&settings.path)? else { return Ok(false) };
    let Plan { sink, config, grants, transforms, .. } = plan;
    let before = Before { transforms: &transforms.identity(), are_read_again: false };
    let misfit = misfit(sink, config, grants, &before, Some(&found)).await?;
    Ok(misfit.is_none())
}

/// Why a sink of this configuration does not go on from a checkpoint, or takes none, if so. Makes
/// no request: a sink that holds nothing says of itself what its checkpoints depend on.
async fn misfit(
    sink: &Component,
    config: &str,
    grants: &Grants,
    before: &Before<'_>,
    found: Option<&Checkpoint>,
) -> Result<Option<String>, SinkError> {
    let mut open = sink.open(config, None, grants).await?;
    let fresh = match open.checkpoint().await {
        Ok(fresh) => fresh,
        Err(SinkError::Refused(Error::Unsupported(text))) => {
            return Ok(Some(format!("the component does not support checkpoints: {text}")));
        }
        Err(error) => return Err(error),
    };
    let Some(found) = found else { return Ok(None) };
    // The memory that holds what a sink of this configuration held has room to look at it.
    let saved = match open.inspect_state(&found.state).await {
        Ok(saved) => saved,
        Err(SinkError::Refused(error)) => return Ok(Some(spillway::sink::explain(&error))),
        Err(error) => return Err(error),
    };
    let now = open.inspect_state(&fresh).await?.configuration;
    let other = |(name, value): &&(String, String)| !now.contains(&(name.clone(), value.clone()));
    let others: Vec<_> = saved.configuration.iter().filter(other).collect();
    if others.is_empty() {
        let may_fail = before.are_read_again && !saved.objects.is_empty();
        let changed = changed(&found.writer.transforms, before.transforms).filter(|_| may_fail);
        return Ok(changed.map(|changed| {
            let count = saved.objects.len();
            let (objects, their) =
                if count == 1 { ("object", "its") } else { ("objects", "their") };
            format!(
                "{changed} since the checkpoint, which has {count} {objects} that may still fail: \
                 {their} events would become other dead letters. Restore that until the source is \
                 read to its end, or write on_failed = \"stop\" in [sink] for that long"
            )
        }));
    }
    let differences = others.into_iter().map(|(name, value)| {
        let now = now.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        format!("`{name}` was {value:?}, but is now {:?}", now.unwrap_or_default())
    });
    let differences: Vec<_> = differences.collect();
    Ok(Some(format!(
        "the checkpoint has another configuration of the sink: {}. Restore it; or, to start over, \
         remove the checkpoint: then every event is stored again",
        differences.join(", ")
    )))
}

/// What stands before the sink of a flow.
pub(crate) struct Before<'a> {
    pub(super) transforms: &'a [Through],
    /// Whether events are read again that an earlier run gave to the sink, since their objects may
    /// fail: they must come to the sink as they did then.
    pub(super) are_read_again: bool,
}

/// How the transforms differ from those that events passed before, if they do.
fn changed(before: &[Through], now: &[Through]) -> Option<String> {
    let count = |through: &[Through]| match through.len() {
        1 => "1 [[transform]]".to_owned(),
        count => format!("{count} [[transform]]"),
    };
    if before.len() != now.len() {
        return Some(format!("the flow had {}, and has {}", count(before), count(now)));
    }
    before.iter().zip(now).enumerate().find_map(|(index, (before, now))| {
        let name = |through: &Through| format!("{} {}", through.name, through.version);
        if before.component != now.component {
            let (before, now) = (name(before), name(now));
            let was = if before == now { format!("another build of {now}") } else { before };
            return Some(format!("transform[{index}].component was {was}"));
        }
        let is_other = before.config != now.config;
        is_other.then(|| format!("transform[{index}].config was changed"))
    })
}

impl Resume {
    /// Takes the checkpoint for this process, and looks where its source is to be read from.
    pub(crate) async fn of(
        settings: &CheckpointSettings,
        source: &SourceSettings,
        transforms: &Transforms,
        sink: &Component,
        limits: &Limits,
    ) -> Result<Resume, PlanError> {
        let file = CheckpointFile::open(&settings.path)?;
        let resumed = file.load()?;
        let source = open(source)?;
        let (mut place, mut files) = (Place::default(), Vec::new());
        if let Some(resumed) = &resumed {
            place = source.find(&resumed.source)?;
            if let CheckpointSource::Files(_) = &source {
                files = checkpoint::files_of(&resumed.source)?;
            }
        }
        let description = sink.describe(limits).await?;
        let (name, version) = (description.name, description.version);
        let writer = Writer { name, version, transforms: transforms.identity() };
        let every = settings.every;
        let checkpoints = Checkpoints { file, every, source, files, writer, place, resumed };
        Ok(Resume { checkpoints })
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
            CheckpointSource::Files(settings) => {
                // Where nothing was read yet, files still begin where the flow says.
                let is_begun = resumed.is_some() && (place.start.line > 0 || !files.is_empty());
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

    /// What the sink is opened with; nothing where it begins anew.
    pub(crate) fn state(&self) -> Option<&[u8]> {
        let state = self.checkpoints.resumed.as_ref().map(|resumed| resumed.state.as_slice());
        state.filter(|state| !state.is_empty())
    }

    /// Goes on in the source, with a sink that begins anew. All that the one before took is visible.
    pub(crate) fn begin_sink_anew(&mut self) {
        self.checkpoints.resumed.iter_mut().for_each(|resumed| resumed.state = Vec::new());
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
    pub(crate) fn found(&self) -> (&Path, Option<&Checkpoint>) {
        (self.checkpoints.file.path(), self.checkpoints.resumed.as_ref())
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

/// What a flow with checkpoints reads.
fn open(source: &SourceSettings) -> Result<CheckpointSource, SourceError> {
    match &source.input {
        Input::File(path) => SourceFile::open(path).map(CheckpointSource::File),
        Input::Files(files) => Ok(CheckpointSource::Files(files.clone())),
        Input::Stdin => SourceFile::open(Path::new("-")).map(CheckpointSource::File),
    }
}

const NOT_AGAIN: &str = "is a file, but events that an earlier run read of several files, or of \
                         followed ones, cannot be read again, and so do not become dead letters; \
                         write on_failed = \"stop\"";
const STDIN: &str = "standard input cannot be read again after a crash; remove [checkpoint], or \
                     read a file";
