//! Reads again the events of an earlier run that the sink still holds. Only events that this run
//! has can become dead letters.

use super::RunError;
use super::checkpoints::Checkpointer;
use super::pump::Pump;
use super::runs::{before, run};
use super::transforms::Portion;
use crate::batch::ends;
use crate::checkpoint::CheckpointSource;
use crate::layout::Layout;
use crate::place::{Place, Several};
use crate::source::{Source, SourceError, Start};
use spillway::contract::{Phase, Run};

impl Checkpointer {
    /// Keeps the events of objects that may still fail, where those of failed objects are set
    /// aside: from the first of them up to the place from which this run goes on.
    pub(super) async fn replay(&self, pump: &mut Pump<'_>) -> Result<(), RunError> {
        let (Some(state), Some(_)) = (self.state(), &pump.dead_letters.failed) else {
            return Ok(());
        };
        let saved = pump.sink.inspect_state(state).await?;
        let may_fail = saved.objects.iter().filter(|object| object.phase != Phase::Failed);
        let place = self.checkpoints.place;
        let (to, from) = (place.next_position(), may_fail.map(|object| object.first).min());
        let Some(from) = from.filter(|from| *from < to) else { return Ok(()) };
        // Followed files may be gone, and flows that would have to read them again are refused.
        let CheckpointSource::File(file) = &self.checkpoints.source else { return Ok(()) };
        let wrong = |source| {
            let path = file.path().to_owned();
            RunError::Source(SourceError::Open { path, source })
        };
        let oldest = self.checkpoints.oldest();
        let start = file.line(Start::default(), oldest.line).map_err(wrong)?;
        let again = file.reopen().map_err(wrong)?;
        let again = Source::of_file(file.path(), again, pump.events.lines(), start)?;
        let oldest = Place { start, position: oldest.position, taken: 0 };
        let onwards = pump.events.read(again, oldest);
        pump.layout = Layout::new(oldest.line_start(), oldest.line_start());
        let kept = keep_to(pump, place).await;
        pump.events.go_back(onwards);
        if kept? {
            pump.spooled_from = from;
        }
        Ok(())
    }
}

/// Keeps what is read before this place. Returns whether that was all of it: somebody may have
/// lost patience.
async fn keep_to(pump: &mut Pump<'_>, place: Place) -> Result<bool, RunError> {
    loop {
        let batch = tokio::select! {
            biased;
            () = pump.shutdown.first() => return Ok(false),
            batch = pump.events.next() => batch?,
        };
        let Some(batch) = batch else { return Ok(false) };
        let is_through = batch.next.start.line >= place.start.line;
        let is_before = |several: &Several| several.line < place.start.line;
        let several: Vec<_> = batch.several.into_iter().filter(is_before).collect();
        pump.layout.add(&several, if is_through { &place } else { &batch.next });
        let position = place.next_position();
        let runs = batch.runs.into_iter().map(|of_batch| before(run(of_batch), position));
        let runs: Vec<Run> = runs.filter(|run| !ends(run).is_empty()).collect();
        let outcome = pump.transforms.apply(&runs, false).await?;
        for Portion { read, sunk, rejected } in outcome {
            pump.dead_letters.keep(&read, &sunk, &rejected)?;
        }
        if !is_through {
            continue;
        }
        // Its own line is looked at when the run goes on.
        let end = pump.layout.line_start(u64::MAX);
        if end != place.line_start() {
            let (events, before) = (end.position, place.position);
            return Err(SourceError::OtherCount { line: end.line, events, before }.into());
        }
        pump.layout.begin(place.taken);
        if batch.next.next_position() >= position {
            return Ok(true);
        }
    }
}
