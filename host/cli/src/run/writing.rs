//! Writes events to a sink that may be full until a checkpoint.

use std::ops::ControlFlow;
use std::time::Instant;

use super::rounds::Rounds;
use super::transforms::Portion;
use super::{RunError, Running};
use crate::events::Batch;
use spillway::contract::Error;
use spillway::sink::SinkError;

impl Running<'_> {
    /// Writes events of a batch to the sink.
    pub(super) async fn write(
        &mut self,
        portion: Portion<'_>,
        batch: &Batch,
    ) -> Result<ControlFlow<()>, RunError> {
        let mut rounds = Rounds::new(Instant::now());
        let written = loop {
            match (self.pump.give(&portion.sunk).await, &mut self.checkpointer) {
                (Err(SinkError::Refused(Error::Busy)), Some(checkpointer)) => {
                    if self.pump.shutdown.count() > 0 {
                        return Ok(ControlFlow::Break(()));
                    }
                    checkpointer.make_room(&mut self.pump, &mut rounds).await?;
                }
                (written, _) => break written?,
            }
        };
        self.pump.wrote(portion, written, batch).await?;
        Ok(ControlFlow::Continue(()))
    }

    /// Writes what full lanes have left, and takes a checkpoint before that if one `is_full` now.
    /// Breaks off where there is a signal: the next run has it from the checkpoint.
    pub(super) async fn write_untaken(
        &mut self,
        mut is_full: bool,
    ) -> Result<ControlFlow<()>, RunError> {
        let mut rounds = Rounds::new(Instant::now());
        while self.pump.untaken.is_some() {
            if self.pump.shutdown.count() > 0 {
                return Ok(ControlFlow::Break(()));
            }
            if is_full {
                let Some(checkpointer) = &mut self.checkpointer else {
                    return Err(SinkError::Refused(Error::Busy).into());
                };
                checkpointer.make_room(&mut self.pump, &mut rounds).await?;
            }
            // There is one, or it is over.
            let Some(untaken) = &self.pump.untaken else { break };
            match self.pump.sink.write(&untaken.sunk).await {
                Ok(written) => {
                    self.pump.wrote_untaken(written).await?;
                    rounds = Rounds::new(Instant::now());
                }
                Err(SinkError::Refused(Error::Busy)) => {}
                Err(error) => return Err(error.into()),
            }
            is_full = true;
        }
        Ok(ControlFlow::Continue(()))
    }
}
