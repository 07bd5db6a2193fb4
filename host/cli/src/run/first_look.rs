//! The first checkpoint of a run, which is stored before it is said to be ready.

use super::{RunError, Running, TICK, requested};
use tokio::time::MissedTickBehavior;

impl Running<'_> {
    /// Stores a checkpoint before anything is read. Where files begin at their ends, it has to say
    /// where those are: what is written from then on is read by the next run, whenever this one
    /// ends.
    pub(super) async fn look_first(&mut self) -> Result<(), RunError> {
        let mut reload = self.reload.clone();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.awaits_ends() {
            tokio::select! {
                biased;
                () = self.pump.shutdown.first() => break,
                () = requested(&mut reload) => break,
                batch = self.pump.events.next() => match batch? {
                    Some(batch) => {
                        if self.take(batch).await?.is_break() {
                            break;
                        }
                    }
                    None => break,
                },
                _ = tick.tick() => {
                    self.renew().await?;
                    self.pump.poll().await?;
                }
            }
        }
        match &mut self.checkpointer {
            Some(checkpointer) => checkpointer.checkpoint(&mut self.pump, false).await,
            None => Ok(()),
        }
    }

    /// Whether it is not known yet where the files end that are there at first.
    fn awaits_ends(&self) -> bool {
        let checkpointer = self.checkpointer.as_ref();
        let taken = self.pump.taken.as_ref();
        checkpointer.is_some_and(|it| it.checkpoints.begin_at_end())
            && taken.is_some_and(|taken| !taken.has_looked())
    }
}
