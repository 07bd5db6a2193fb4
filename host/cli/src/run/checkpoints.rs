//! The checkpoints of a run: when they are due, and how they are stored.
//!
//! The order is what makes it right. First all is dealt with that failed; then the sink says what
//! it holds; then the file is replaced, which has both that and the place in the source; and only
//! then the sink is told, and makes visible what waited. A failure that is reported while the sink
//! is asked is dealt with, too, and the sink is asked again: a checkpoint never hides one.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use tokio::time::MissedTickBehavior;

use super::patience::Patience;
use super::pump::Pump;
use super::rounds::Rounds;
use super::taken::Taken;
use super::transforms::Portion;
use super::{Kept, RunError, TICK, Totals};
use crate::checkpoint::{
    self, Checkpoint, CheckpointError, CheckpointSource, Keeper, Mark, Marked, Untaken, Writer,
};
use crate::layout::Layout;
use crate::place::{LineStart, Place};
use crate::source::{FileMark, Start, StartAt};
use spillway::contract::{Ending, Error, Level, Notice, Phase, VisibleObject};
use spillway::sink::SinkError;

/// What a run needs to store how far it is.
pub struct Checkpoints {
    /// What keeps them.
    pub keeper: Keeper,
    /// How often, beside what the sink asks for.
    pub every: Duration,
    /// What is read.
    pub source: CheckpointSource,
    /// How far each file was read, where the source is many.
    pub files: Vec<FileMark>,
    /// Which component it is that takes the states.
    pub writer: Writer,
    /// Where reading begins.
    pub place: Place,
    /// What the sink was opened with, where the run goes on.
    pub resumed: Option<Checkpoint>,
}

impl Checkpoints {
    /// Where the next run would begin if this one did nothing.
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

    /// The position of the first event that the sink is given.
    pub fn next_position(&self) -> u64 {
        let resumed = self.resumed.as_ref();
        let untaken = resumed.and_then(|resumed| resumed.untaken.as_ref());
        untaken.map_or(self.place.next_position(), Untaken::first)
    }

    /// Takes out what full lanes have left.
    pub(super) fn take_untaken(&mut self) -> Option<Untaken> {
        self.resumed.as_mut().and_then(|resumed| resumed.untaken.take())
    }

    /// The line of the first event that was not durable then, or one before it.
    pub(super) fn oldest(&self) -> LineStart {
        let resumed = self.resumed.as_ref();
        resumed.map_or(LineStart::default(), |resumed| resumed.source.oldest)
    }

    /// How far each file was read, where the source is many.
    pub(super) fn files(&self) -> Vec<FileMark> {
        self.files.clone()
    }

    /// Whether all files were looked at then, where the source is many.
    pub(super) fn has_looked(&self) -> bool {
        self.resumed.as_ref().is_some_and(|resumed| resumed.source.of.has_looked())
    }

    /// Whether the files that are there at first begin at their ends.
    pub(super) fn begin_at_end(&self) -> bool {
        match &self.source {
            CheckpointSource::Files(files) => files.start_at == StartAt::End,
            CheckpointSource::File(_) | CheckpointSource::Partition { .. } => false,
        }
    }

    /// What is known of lines before anything is read.
    pub(super) fn layout(&self) -> Layout {
        Layout::resumed(self.oldest(), &self.place)
    }
}

/// Stores how far a run is.
pub(super) struct Checkpointer {
    pub(super) checkpoints: Checkpoints,
    /// Where that was when the last one was stored.
    mark: Option<Mark>,
    /// When the last one was stored, or the run began.
    stored: Instant,
    /// What had been done when this instance began, and when the last one was stored.
    before: Totals,
    totals: Totals,
    /// What was visible before the sink was asked for its state, and which objects were reported
    /// visible from then until the state was stored.
    stored_before: Stored,
    visible: Vec<VisibleObject>,
}

/// Counts of visible objects.
#[derive(Default)]
struct Stored {
    objects: u64,
    stored_events: u64,
    object_bytes: u64,
}

impl Checkpointer {
    /// `before` is what was done before.
    pub(super) fn new(checkpoints: Checkpoints, before: Totals) -> Checkpointer {
        let mark = checkpoints.resumed.as_ref().map(|resumed| resumed.source.clone());
        let (totals, stored) = (before.clone(), Instant::now());
        let (stored_before, visible) = (Stored::default(), Vec::new());
        Checkpointer { mark, stored, before, totals, stored_before, visible, checkpoints }
    }

    /// What had been done when the last one was stored; and the objects that became visible while
    /// it was, which are not counted: the state may know them, and report them again.
    pub(super) fn into_totals(self) -> (Totals, Vec<VisibleObject>) {
        (self.totals, self.visible)
    }

    /// What the sink was opened with, where the run goes on.
    pub(super) fn state(&self) -> Option<&[u8]> {
        self.checkpoints.resumed.as_ref().map(|resumed| resumed.state.as_slice())
    }

    /// The sink is at work, and nobody asks for that any more: it may be much.
    pub(super) fn drop_state(&mut self) {
        self.checkpoints.resumed.iter_mut().for_each(|resumed| resumed.state = Vec::new());
    }

    /// Stores how far the run came once nothing is read any more. Returns how the sink is to be
    /// closed.
    pub(super) async fn finish(&mut self, pump: &mut Pump<'_>) -> Result<Ending, RunError> {
        if pump.shutdown.count() > 0 {
            return self.pause(pump).await.map(|()| Ending::Suspend);
        }
        if let Some(kept) = &mut pump.totals.kept {
            kept.unfinished_bytes = pump.events.left();
        }
        // Lines at the end that became no events have positions, of which a sink that resumed does
        // not know where nothing was written to it.
        if let Some(taken) = &pump.taken {
            pump.sink.skip(taken.place().next_position()).await?;
        }
        loop {
            let progress = pump.sink.flush().await?;
            let waits_for_commit = progress.wants_checkpoint;
            pump.note(progress).await?;
            if !waits_for_commit {
                break;
            }
            self.checkpoint(pump, false).await?;
        }
        // A checkpoint that says that the source is through must be true.
        pump.is_all_durable(Ending::Complete)?;
        self.checkpoint(pump, true).await?;
        self.release(pump).await;
        Ok(Ending::Complete)
    }

    /// Stores how far the run came, for a sink that resumes from there at once.
    pub(super) async fn suspend(&mut self, pump: &mut Pump<'_>) -> Result<Ending, RunError> {
        self.checkpoint(pump, false).await?;
        Ok(Ending::Suspend)
    }

    /// Takes a checkpoint where it is due, but none within `least` of the last, unless the sink
    /// asks for it.
    pub(super) async fn checkpoint_if_due(
        &mut self,
        pump: &mut Pump<'_>,
        least: Duration,
    ) -> Result<(), RunError> {
        let is_asked_for = pump.taken.as_ref().is_some_and(|taken| taken.is_due);
        if is_asked_for || self.stored.elapsed() >= self.checkpoints.every.max(least) {
            self.checkpoint(pump, false).await?;
        }
        Ok(())
    }

    /// Makes room in a sink that takes nothing before a commit. Where the commits before this one
    /// made none, it waits for what the store says.
    pub(super) async fn make_room(
        &mut self,
        pump: &mut Pump<'_>,
        rounds: &mut Rounds,
    ) -> Result<(), RunError> {
        if !rounds.is_first() {
            let moved = pump.sink.moved();
            let _ = tokio::time::timeout(TICK, moved.notified()).await;
        }
        self.checkpoint(pump, false).await?;
        pump.has_come_on(rounds)
    }

    /// Stores where the run is, and has what waited for it become visible. Returns the state.
    async fn checkpoint_state(
        &mut self,
        pump: &mut Pump<'_>,
        finished: bool,
    ) -> Result<Vec<u8>, RunError> {
        pump.poll().await?;
        let state = loop {
            pump.taken.iter_mut().for_each(|taken| taken.ended.clear());
            pump.visible.clear();
            let Totals { objects, stored_events, object_bytes, .. } = pump.totals;
            self.stored_before = Stored { objects, stored_events, object_bytes };
            let failed = pump.totals.failed_events;
            let state = pump.sink.checkpoint().await?;
            pump.poll().await?;
            if pump.totals.failed_events == failed {
                break state;
            }
        };
        pump.dead_letters.flush_and_sync(&pump.layout).await?;
        if pump.is_told_to_abort() {
            // What fails from here on does so because of that, and is not reported.
            return Err(SinkError::Refused(Error::Aborted).into());
        }
        let state = self.store(pump, finished, state).await?;
        // A process that stood still since then may not hold the checkpoint any more.
        self.renew(pump).await?;
        pump.sink.commit().await?;
        Ok(state)
    }

    /// Proves that the checkpoint is still this process's, where that is not certain: others may
    /// take it over from one that has done nothing for long.
    pub(super) async fn renew(&mut self, pump: &mut Pump<'_>) -> Result<(), RunError> {
        let mut patience = Patience::default();
        while let Err(error) = self.checkpoints.keeper.renew(&mut pump.sink).await {
            patience.wait(pump, error, false).await?;
        }
        Ok(())
    }

    /// Stores where the run is.
    pub(super) async fn checkpoint(
        &mut self,
        pump: &mut Pump<'_>,
        finished: bool,
    ) -> Result<(), RunError> {
        self.checkpoint_state(pump, finished).await.map(drop)
    }

    /// Stores the state with the place that it belongs to, and returns it.
    async fn store(
        &mut self,
        pump: &mut Pump<'_>,
        finished: bool,
        state: Vec<u8>,
    ) -> Result<Vec<u8>, RunError> {
        let Some(taken) = &pump.taken else { return Ok(state) };
        let Checkpoints { keeper, source, writer, resumed, .. } = &mut self.checkpoints;
        let (place, begun) = (taken.place(), taken.begun());
        let oldest = pump.layout.line_start(pump.settled.min(place.position));
        let Start { line: lines, offset } = place.start;
        let mark = match source {
            CheckpointSource::File(file) => {
                // A log that is truncated while it is read goes on where it was read to, with other
                // lines.
                if let Some(before) = &self.mark {
                    file.recognise(before).map_err(CheckpointError::Moved)?;
                }
                let mark = file.mark(place, begun, oldest);
                mark.map_err(|error| CheckpointError::Source(file.path().into(), error))?
            }
            CheckpointSource::Partition { partition, .. } => {
                let of = checkpoint::marked(partition);
                Mark { of, lines, offset, position: place.position, begun, oldest }
            }
            CheckpointSource::Files(_) => {
                let of = Marked::of_files(taken.files(), taken.has_looked());
                Mark { of, lines, offset, position: place.position, begun, oldest }
            }
        };
        let resumed = |count: fn(&Checkpoint) -> u64| resumed.as_ref().map_or(0, count);
        let (now, before) = (&pump.totals, &self.before);
        let stored = SystemTime::now();
        let checkpoint = Checkpoint {
            taken: checkpoint::now(),
            finished,
            source: mark.clone(),
            events: resumed(|c| c.events) + now.events - before.events,
            objects: resumed(|c| c.objects) + now.objects - before.objects,
            object_bytes: resumed(|c| c.object_bytes) + now.object_bytes - before.object_bytes,
            writer: writer.clone(),
            holder: None,
            state,
            untaken: pump.untaken.as_ref().map(Portion::stored),
        };
        let mut patience = Patience::default();
        while let Err(error) = keeper.store(&mut pump.sink, &checkpoint).await {
            patience.wait(pump, error, source.is_followed()).await?;
        }
        pump.taken.iter_mut().for_each(|taken| taken.is_due = false);
        (self.stored, self.mark) = (Instant::now(), Some(mark));
        let line = place.start.line + 1;
        if let Some(kept) = &mut pump.totals.kept {
            kept.checkpoints += 1;
            (kept.next_line, kept.next_line_taken) = (line, place.taken);
        }
        pump.monitor.checkpointed(stored);
        pump.count();
        // The rest of a batch that a checkpoint divides is read again.
        let begin = self.checkpoints.place.start;
        let Stored { objects, stored_events, object_bytes } = self.stored_before;
        self.visible = pump.visible.clone();
        self.totals = Totals {
            objects,
            stored_events,
            object_bytes,
            lines: self.before.lines + place.start.line.saturating_sub(begin.line),
            input_bytes: self.before.input_bytes + place.start.offset.saturating_sub(begin.offset),
            ..pump.totals.clone()
        };
        pump.observer.checkpoint(line);
        Ok(checkpoint.state)
    }

    /// Lets others go on at once: nothing is sent any more that the checkpoint knows of.
    async fn release(&mut self, pump: &mut Pump<'_>) {
        // Otherwise they wait for the end of the lease.
        if let Err(error) = self.checkpoints.keeper.release(&mut pump.sink).await {
            let message = format!("{error}; who goes on waits for the end of the lease");
            pump.observer.notice(&Notice { level: Level::Warning, message });
        }
    }

    /// Stores where the run is until nothing is left that a commit or an answer makes visible: the
    /// next run has nothing to ask then.
    async fn pause(&mut self, pump: &mut Pump<'_>) -> Result<(), RunError> {
        loop {
            let begun = Instant::now();
            let state = self.checkpoint_state(pump, false).await?;
            let patience = begun.elapsed().max(PAUSE_CHECKPOINTS_EVERY);
            let saved = pump.sink.inspect_state(&state).await?.objects;
            let of_phase = |phase| saved.iter().filter(move |object| object.phase == phase);
            let committed: HashSet<u64> =
                of_phase(Phase::Committed).map(|object| object.first).collect();
            // Objects of one name become visible one after the other.
            if committed.is_empty() && of_phase(Phase::Sealed).next().is_none() {
                self.release(pump).await;
                return Ok(());
            }
            wait_for(pump, committed, patience).await?;
        }
    }
}

/// Waits until the objects that begin with these events are visible, or failed, but no longer
/// than it makes sense: one that lost its name to another writer waits for the next commit. So
/// once nothing has moved for as long as `patience`, which is as long as a checkpoint takes,
/// there is another.
async fn wait_for(
    pump: &mut Pump<'_>,
    objects: HashSet<u64>,
    patience: Duration,
) -> Result<(), RunError> {
    let moved = pump.sink.moved();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    let have_ended = |taken: &Taken| objects.is_subset(&taken.ended);
    while !pump.taken.as_ref().is_none_or(have_ended) && last.elapsed() < patience {
        tokio::select! {
            () = pump.shutdown.reached(2) => {
                return Err(SinkError::Refused(Error::Aborted).into());
            }
            () = moved.notified() => last = Instant::now(),
            _ = tick.tick() => {}
        }
        pump.poll().await?;
    }
    Ok(())
}

/// How much time lies between two checkpoints, at least, while a run that was told to stop waits.
const PAUSE_CHECKPOINTS_EVERY: Duration = Duration::from_secs(1);
