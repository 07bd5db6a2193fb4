//! What an earlier run was given and the sink still holds, read once more: set aside it can only be
//! by who has it.

use super::runs::{before, run};
use super::{RunError, Running};
use crate::source::{Source, SourceError, Start};
use spillway::contract::{Phase, Run};

impl Running<'_> {
    /// Keeps the events of objects that may still fail, where those of failed objects are set
    /// aside: from the first of them up to the place from which this run goes on.
    pub(super) async fn keep_again(&mut self) -> Result<(), RunError> {
        let (Some(keeper), Some(_)) = (&self.keeper, &self.set_aside.failed) else { return Ok(()) };
        let Some(state) = keeper.state() else { return Ok(()) };
        let saved = self.sink.inspect_state(state).await?;
        let may_fail = saved.objects.iter().filter(|object| object.phase != Phase::Failed);
        let (to, from) = (keeper.resumed_from(), may_fail.map(|object| object.first).min());
        let Some(from) = from.filter(|from| *from < to) else { return Ok(()) };
        let file = keeper.source();
        let wrong = |source| {
            let path = file.path().to_owned();
            RunError::Source(SourceError::Open { path, source })
        };
        let place = file.line(Start::default(), from).map_err(wrong)?;
        let again = file.reopen().map_err(wrong)?;
        let again = Source::of_file(file.path(), again, self.events.lines(), place)?;
        let onwards = self.events.read(again);
        let kept = self.keep_to(to).await;
        self.events.read(onwards);
        if kept? && let Some(keeper) = &mut self.keeper {
            keeper.kept_from(from);
        }
        Ok(())
    }

    /// Keeps what is read before this position. Returns whether that was all of it: somebody may
    /// have lost patience.
    async fn keep_to(&mut self, position: u64) -> Result<bool, RunError> {
        loop {
            let batch = tokio::select! {
                biased;
                () = self.interrupts.first() => return Ok(false),
                batch = self.events.next() => batch?,
            };
            let Some(batch) = batch else { return Ok(false) };
            let runs = batch.runs.into_iter().map(|of_batch| before(run(of_batch), position));
            let runs: Vec<Run> = runs.filter(|run| !run.ends.is_empty()).collect();
            self.set_aside.keep(&runs, &[])?;
            if batch.next_position >= position {
                return Ok(true);
            }
        }
    }
}
