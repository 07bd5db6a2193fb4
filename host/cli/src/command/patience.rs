//! Waits for a store that does not answer now, where no run is there yet that could.

use std::mem;
use std::time::Duration;

use crate::checkpoint::CheckpointError;
use crate::plan::PlanError;
use spillway::contract::{Level, Notice};

/// Waits for a store that does not answer now, and says so once.
#[derive(Default)]
pub(crate) struct Patience {
    is_told: bool,
}

impl Patience {
    /// Waits a while.
    ///
    /// # Errors
    ///
    /// `error` itself, if it will not pass.
    pub(crate) async fn wait(
        &mut self,
        error: PlanError,
        say: impl FnOnce(&Notice),
    ) -> Result<(), PlanError> {
        let PlanError::Checkpoint(error @ CheckpointError::Unavailable { .. }) = error else {
            return Err(error);
        };
        if !mem::replace(&mut self.is_told, true) {
            let message = format!("{error}; this is tried again");
            say(&Notice { level: Level::Warning, message });
        }
        tokio::time::sleep(AGAIN_AFTER).await;
        Ok(())
    }
}

/// After how long it is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
