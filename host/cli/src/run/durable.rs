//! What is dealt with for good: how many lines, for whoever keeps that, and whether all of it.

use super::pump::Pump;
use super::{RunError, Totals};
use spillway::contract::Ending;

/// Is told how many lines are dealt with for good.
pub type Durable = Box<dyn FnMut(u64) + Send>;

impl Pump<'_> {
    /// Tells how many lines are dealt with for good. Not once something failed, or was
    /// aborted: the sink then says of events that they are settled that nobody has.
    pub(super) async fn tell_durable(&mut self) -> Result<(), RunError> {
        let Some(tell) = &mut self.tell else { return Ok(()) };
        let has_failed = self.dead_letters.failed.is_none() && self.totals.failed_events > 0;
        if has_failed || self.shutdown.count() > 1 {
            return Ok(());
        }
        let lines = match self.durable < self.given {
            true => self.layout.line_start(self.durable).line.min(self.finished),
            false => self.finished,
        };
        if lines > self.told {
            // Whoever hears it may never read them again.
            self.dead_letters.sync().await?;
            if self.shutdown.count() > 1 {
                return Ok(());
            }
            self.told = lines;
            tell(lines);
        }
        Ok(())
    }

    /// What a sink that completed everything has to say: that it did, and in which objects.
    pub(super) fn is_all_durable(&mut self, ending: Ending) -> Result<(), RunError> {
        if ending != Ending::Complete || self.is_told_to_abort() {
            return Ok(());
        }
        if self.durable < self.given {
            let lines = self.between(self.durable, self.given - 1);
            return Err(RunError::NotDurable { lines });
        }
        let Totals { events, stored_events, failed_events, .. } = self.totals;
        match events > 0 && stored_events == 0 && failed_events == 0 {
            true => {
                self.stored_nothing = true;
                Err(RunError::NothingStored { events })
            }
            false => Ok(()),
        }
    }
}
