//! What failed since another process has taken over the checkpoint.

use super::RunError;
use super::checkpoints::Checkpointer;
use super::pump::Pump;
use crate::checkpoint::{CheckpointError, StoreError};

impl Checkpointer {
    /// Why the work ended. Where an object failed in a process that stood still for so long that
    /// another one may have completed it, it is asked once which of the two has the checkpoint.
    pub(super) async fn explain<T>(
        &mut self,
        pump: &mut Pump<'_>,
        worked: Result<T, RunError>,
    ) -> Result<T, RunError> {
        let Err(RunError::Failed(..)) = &worked else { return worked };
        match self.checkpoints.keeper.renew(&mut pump.sink).await {
            Err(StoreError::Checkpoint(error @ CheckpointError::TakenOver { .. })) => {
                Err(error.into())
            }
            _ => worked,
        }
    }
}
