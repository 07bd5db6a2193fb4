//! What a run stores of itself, and when.
//!
//! The order is what makes it right. First all is dealt with that failed; then the sink says what
//! it holds; then the file is replaced, which has both that and the place in the source; and only
//! then the sink is told, and makes visible what waited. A failure that is reported while the sink
//! is asked is dealt with, too, and the sink is asked again: a checkpoint never hides one.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::MissedTickBehavior;

use super::runs::{end, payload};
use super::{Kept, RunError, Running, TICK};
use crate::checkpoint::{Checkpoint, CheckpointError, CheckpointFile, Mark, SourceFile, Writer};
use crate::layout::Layout;
use crate::place::{Begun, LineStart, Place, Several};
use spillway::contract::{Ending, Error, Phase, Progress, Run};
use spillway::sink::SinkError;

/// What a run needs to store how far it is.
pub struct Checkpoints {
    /// Where.
    pub file: CheckpointFile,
    /// How often, beside what the sink asks for.
    pub every: Duration,
    /// What is read.
    pub source: SourceFile,
    /// Which component it is that takes the states.
    pub writer: Writer,
    /// Where reading begins.
    pub place: Place,
    /// What the sink was opened with, where the run goes on.
    pub resumed: Option<Checkpoint>,
}

impl Checkpoints {
    /// What is there for the next run before anything is done.
    pub fn kept(&self) -> Kept {
        let line = self.place.start.line + 1;
        Kept {
            checkpoints: 0,
            resumed_from_line: self.resumed.is_some().then_some(line),
            next_line: line,
            next_line_taken: self.place.taken,
            unfinished_bytes: 0,
        }
    }
}

/// What a run knows of its checkpoints.
pub(super) struct Checkpointer {
    checkpoints: Checkpoints,
    /// Everything before it was taken or dealt with.
    place: Place,
    /// What was taken of the line in which `taken` lies, if it does, and how many lines are before
    /// that.
    begun: Option<(u64, Begun)>,
    /// Where that was when the last one was stored.
    mark: Option<Mark>,
    /// The position of the first event that this run has, to be set aside.
    has_from: u64,
    /// The position behind the last event that the sink took, which may lie in the midst of a
    /// batch.
    taken: u64,
    /// When the last one was stored, or the run began.
    stored: Instant,
    /// Whether one should be taken without waiting for its time.
    is_due: bool,
    /// The positions of the first events of objects that became visible, or failed, since the sink
    /// was last asked for its state.
    settled: HashSet<u64>,
}

impl Checkpointer {
    pub(super) fn new(checkpoints: Checkpoints) -> Checkpointer {
        let place = checkpoints.place;
        let mark = checkpoints.resumed.as_ref().map(|resumed| resumed.source.clone());
        let begun = mark.as_ref().and_then(|mark| mark.begun.clone());
        Checkpointer {
            place,
            begun: begun.map(|begun| (place.start.line, begun)),
            has_from: place.next_position(),
            taken: place.next_position(),
            stored: Instant::now(),
            mark,
            is_due: checkpoints.resumed.is_none(),
            settled: HashSet::new(),
            checkpoints,
        }
    }

    pub(super) fn kept(&self) -> Kept {
        self.checkpoints.kept()
    }

    /// The position of the first event that this run reads for the sink.
    pub(super) fn resumed_from(&self) -> u64 {
        self.checkpoints.place.next_position()
    }

    /// Where this run reads on.
    pub(super) fn resumed_at(&self) -> Place {
        self.checkpoints.place
    }

    /// The line of the first event that was not durable then, or one before it.
    pub(super) fn oldest(&self) -> LineStart {
        let resumed = self.checkpoints.resumed.as_ref();
        resumed.map_or(LineStart::default(), |resumed| resumed.source.oldest)
    }

    /// What is known of lines before anything is read.
    pub(super) fn layout(&self) -> Layout {
        Layout::resumed(self.oldest(), &self.checkpoints.place)
    }

    /// The position of the first event that this run has, to be set aside.
    pub(super) fn has_from(&self) -> u64 {
        self.has_from
    }

    /// It has those from this position on as well.
    pub(super) fn spooled_from(&mut self, position: u64) {
        self.has_from = position;
    }

    /// What the sink was opened with, where the run goes on.
    pub(super) fn state(&self) -> Option<&[u8]> {
        self.checkpoints.resumed.as_ref().map(|resumed| resumed.state.as_slice())
    }

    /// The sink is at work, and nobody asks for that any more: it may be much.
    pub(super) fn drop_state(&mut self) {
        self.checkpoints.resumed.iter_mut().for_each(|resumed| resumed.state = Vec::new());
    }

    /// What is read.
    pub(super) fn source(&self) -> &SourceFile {
        &self.checkpoints.source
    }

    /// The sink took these runs. `several` are those lines that begin in their batch and have
    /// several events.
    pub(super) fn took(&mut self, runs: &[Run], several: &[Several], layout: &Layout) {
        let Some(last) = runs.last() else { return };
        self.taken = end(last);
        let LineStart { line, position } = layout.line_start(self.taken);
        let before = self.begun.take();
        if position == self.taken {
            return;
        }
        let mut begun = match before {
            Some((of, begun)) if of == line => begun,
            _ => {
                let index = several.binary_search_by_key(&line, |several| several.line);
                Begun::at(index.ok().and_then(|index| several[index].now))
            }
        };
        let from = position + begun.events;
        for run in runs {
            let from = usize::try_from(from.saturating_sub(run.first)).unwrap_or(usize::MAX);
            (from..run.ends.len()).for_each(|index| begun.add(&run.key, payload(run, index)));
        }
        debug_assert_eq!(position + begun.events, self.taken);
        self.begun = Some((line, begun));
    }

    /// Everything before this place was taken or dealt with.
    pub(super) fn advance_to(&mut self, place: Place) {
        (self.place, self.taken) = (place, place.next_position());
        if place.taken == 0 {
            self.begun = None;
        }
    }

    pub(super) fn note(&mut self, progress: &Progress) {
        self.settled.extend(progress.sealed.iter().map(|object| object.first));
        self.settled.extend(progress.failed.iter().map(|failure| failure.begun));
        // Set aside, an event is out of the state only once there is another.
        self.is_due |= progress.wants_checkpoint || !progress.failed.is_empty();
    }

    fn is_due(&self, every: Duration) -> bool {
        self.is_due || self.stored.elapsed() >= every
    }

    /// Where the next run has to begin: in the midst of a batch, that is looked up in the file.
    fn place(&mut self, layout: &Layout) -> Result<Place, CheckpointError> {
        if self.taken > self.place.next_position() {
            let source = &self.checkpoints.source;
            let LineStart { line, position } = layout.line_start(self.taken);
            let start = source.line(self.place.start, line);
            let start = start.map_err(|e| CheckpointError::Source(source.path().into(), e))?;
            self.place = Place { start, position, taken: self.taken - position };
        }
        Ok(self.place)
    }
}

impl Running<'_> {
    /// Reads to the end, or up to a signal, and stores how far it came. Returns how the sink is to
    /// be closed.
    pub(super) async fn work(&mut self) -> Result<Ending, RunError> {
        self.replay().await?;
        self.checkpointer.iter_mut().for_each(Checkpointer::drop_state);
        self.look().await?;
        self.pump().await?;
        if self.shutdown.count() > 0 {
            return self.pause().await.map(|()| Ending::Keep);
        }
        if let Some(kept) = &mut self.totals.kept {
            kept.unfinished_bytes = self.events.left();
        }
        loop {
            let progress = self.sink.flush().await?;
            let waits_for_commit = progress.wants_checkpoint;
            self.note(progress)?;
            if !waits_for_commit {
                break;
            }
            self.checkpoint(false).await?;
        }
        self.checkpoint(true).await?;
        Ok(Ending::Complete)
    }

    /// Polls, and takes a checkpoint where it is time for one.
    pub(super) async fn look(&mut self) -> Result<(), RunError> {
        self.look_at_most_every(TICK).await
    }

    /// The same once something was read.
    pub(super) async fn look_behind_a_batch(&mut self) -> Result<(), RunError> {
        self.look_at_most_every(Duration::ZERO).await
    }

    async fn look_at_most_every(&mut self, least: Duration) -> Result<(), RunError> {
        self.poll().await?;
        let is_due = |checkpointer: &Checkpointer| {
            checkpointer.is_due(checkpointer.checkpoints.every.max(least))
        };
        if self.checkpointer.as_ref().is_some_and(is_due) {
            self.checkpoint(false).await?;
        }
        Ok(())
    }

    /// Makes room in a sink that takes nothing before a commit. Where so many commits made none
    /// yet, it waits for what the store says.
    pub(super) async fn make_room(&mut self, commits: u32) -> Result<(), RunError> {
        if commits > 0 {
            let moved = self.sink.moved();
            let _ = tokio::time::timeout(TICK, moved.notified()).await;
        }
        self.checkpoint(false).await
    }

    /// Stores where the run is, and has what waited for it become visible. Returns the state.
    async fn checkpoint_state(&mut self, finished: bool) -> Result<Vec<u8>, RunError> {
        self.poll().await?;
        let state = loop {
            if let Some(checkpointer) = &mut self.checkpointer {
                checkpointer.settled.clear();
            }
            let failed = self.totals.failed_events;
            let state = self.sink.checkpoint().await?;
            self.poll().await?;
            if self.totals.failed_events == failed {
                break state;
            }
        };
        self.dead_letters.flush_and_sync(&self.layout)?;
        if self.is_told_to_abort() {
            // What fails from here on does so because of that, and is not reported.
            return Err(SinkError::Refused(Error::Aborted).into());
        }
        let state = self.store(finished, state)?;
        self.sink.commit().await?;
        Ok(state)
    }

    async fn checkpoint(&mut self, finished: bool) -> Result<(), RunError> {
        self.checkpoint_state(finished).await.map(drop)
    }

    /// Stores the state with the place that it belongs to, and returns it.
    fn store(&mut self, finished: bool, state: Vec<u8>) -> Result<Vec<u8>, RunError> {
        let Some(checkpointer) = &mut self.checkpointer else { return Ok(state) };
        // A log that is truncated while it is read goes on where it was read to, with other lines.
        if let Some(before) = &checkpointer.mark {
            checkpointer.checkpoints.source.recognise(before).map_err(CheckpointError::Moved)?;
        }
        let place = checkpointer.place(&self.layout)?;
        let Checkpoints { file, source, writer, resumed, .. } = &checkpointer.checkpoints;
        let begun = checkpointer.begun.as_ref().map(|(_, begun)| begun.clone());
        let oldest = self.layout.line_start(self.settled.min(place.position));
        let mark = source.mark(place, begun, oldest);
        let mark = mark.map_err(|error| CheckpointError::Source(source.path().into(), error))?;
        let before = |count: fn(&Checkpoint) -> u64| resumed.as_ref().map_or(0, count);
        let now = SystemTime::now();
        let taken = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let checkpoint = Checkpoint {
            taken: u64::try_from(taken).unwrap_or(u64::MAX),
            finished,
            source: mark.clone(),
            events: before(|c| c.events) + self.totals.events,
            objects: before(|c| c.objects) + self.totals.objects,
            object_bytes: before(|c| c.object_bytes) + self.totals.object_bytes,
            writer: writer.clone(),
            state,
        };
        file.store(&checkpoint)?;
        (checkpointer.stored, checkpointer.is_due, checkpointer.mark) =
            (Instant::now(), false, Some(mark));
        let line = place.start.line + 1;
        if let Some(kept) = &mut self.totals.kept {
            kept.checkpoints += 1;
            (kept.next_line, kept.next_line_taken) = (line, place.taken);
        }
        self.monitor.checkpointed(now);
        self.count();
        self.observer.checkpoint(line);
        Ok(checkpoint.state)
    }

    /// Stores where the run is until nothing is left that a commit or an answer makes visible: the
    /// next run has nothing to ask then.
    async fn pause(&mut self) -> Result<(), RunError> {
        loop {
            let begun = Instant::now();
            let state = self.checkpoint_state(false).await?;
            let patience = begun.elapsed().max(PAUSE_CHECKPOINTS_EVERY);
            let saved = self.sink.inspect_state(&state).await?.objects;
            let of_phase = |phase| saved.iter().filter(move |object| object.phase == phase);
            let committed: HashSet<u64> =
                of_phase(Phase::Committed).map(|object| object.first).collect();
            // Objects of one name become visible one after the other.
            if committed.is_empty() && of_phase(Phase::Sealed).next().is_none() {
                return Ok(());
            }
            self.wait_for(committed, patience).await?;
        }
    }

    /// Waits until the objects that begin with these events are visible, or failed, but no longer
    /// than it makes sense: one that lost its name to another writer waits for the next commit. So
    /// once nothing has moved for as long as `patience`, which is as long as a checkpoint takes,
    /// there is another.
    async fn wait_for(
        &mut self,
        objects: HashSet<u64>,
        patience: Duration,
    ) -> Result<(), RunError> {
        let moved = self.sink.moved();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = Instant::now();
        let is_settled = |checkpointer: &Checkpointer| objects.is_subset(&checkpointer.settled);
        while !self.checkpointer.as_ref().is_none_or(is_settled) && last.elapsed() < patience {
            tokio::select! {
                () = self.shutdown.reached(2) => {
                    return Err(SinkError::Refused(Error::Aborted).into());
                }
                () = moved.notified() => last = Instant::now(),
                _ = tick.tick() => {}
            }
            self.poll().await?;
        }
        Ok(())
    }
}

/// How much time lies between two checkpoints, at least, while a run that was told to stop waits.
const PAUSE_CHECKPOINTS_EVERY: Duration = Duration::from_secs(1);
