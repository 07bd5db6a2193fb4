//! Reads again the events of an earlier run that the sink still holds. Only events that this run
//! has can become dead letters.

use std::borrow::Cow;

use super::RunError;
use super::checkpoints::Checkpointer;
use super::pump::Pump;
use super::runs::{before, between, run, within};
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
        let may_fail = may_fail.map(|object| object.first).min();
        let place = self.checkpoints.place;
        // What is given first may fail as well.
        let next = pump.untaken.iter().flat_map(Portion::positions).map(|range| range.start).next();
        let from = may_fail.into_iter().chain(next).min();
        let Some(from) = from.filter(|from| *from < place.next_position()) else { return Ok(()) };
        if let (None, Some(untaken)) = (may_fail, &pump.untaken) {
            // The checkpoint has it, so nothing is read for it.
            pump.dead_letters.keep(&untaken.read, &untaken.sunk, &[])?;
            pump.spooled_from = from;
            return Ok(());
        }
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
/// lost patience. What full lanes have left is kept as the checkpoint has it, in its order.
async fn keep_to(pump: &mut Pump<'_>, place: Place) -> Result<bool, RunError> {
    let taken = between(&pump.untaken.iter().flat_map(Portion::positions).collect::<Vec<_>>());
    let mut untaken = pump.untaken.clone();
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
        let (runs, left) = match &mut untaken {
            Some(untaken) => {
                let left = untaken.take_before(batch.next.next_position());
                (within(&runs, &taken), Some(left))
            }
            None => (runs, None),
        };
        for Portion { read, sunk, rejected } in pump.transforms.apply(&runs, false).await? {
            let [read, sunk] = match &left {
                Some(left) => [merged(&read, &left.read), merged(&sunk, &left.sunk)],
                None => [read, sunk],
            };
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

/// The runs of both, which have none in common, by rising positions.
fn merged(one: &[Run], other: &[Run]) -> Cow<'static, [Run]> {
    let mut both = [one, other].concat();
    both.sort_by_key(|run| run.first);
    both.into()
}
