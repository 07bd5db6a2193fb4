//! Waits where a checkpoint cannot be stored now.

use std::mem;
use std::time::Duration;

use super::RunError;
use super::pump::Pump;
use crate::checkpoint::StoreError;
use spillway::contract::{Level, Notice};

/// Waits for a place that takes no checkpoint now. A disk that is full has room again some day, a
/// store that is away comes back, and nothing is lost until then.
#[derive(Default)]
pub(super) struct Patience {
    is_told: bool,
}

impl Patience {
    /// Waits a while, or up to a signal.
    ///
    /// # Errors
    ///
    /// `error` itself, where it will not pass, or the run is told to end.
    pub(super) async fn wait(
        &mut self,
        pump: &mut Pump<'_>,
        error: StoreError,
        follows: bool,
    ) -> Result<(), RunError> {
        let error = match error {
            StoreError::Checkpoint(error)
                if error.may_pass(follows) && pump.shutdown.count() == 0 =>
            {
                error
            }
            error => return Err(error.into()),
        };
        if !mem::replace(&mut self.is_told, true) {
            let error = anyhow::Error::new(error);
            let message = format!("{error:#}; nothing is read until it can, which is tried again");
            pump.observer.notice(&Notice { level: Level::Warning, message });
        }
        tokio::select! {
            () = pump.shutdown.first() => {}
            () = tokio::time::sleep(STORE_AGAIN_AFTER) => {}
        }
        Ok(())
    }
}

/// After how long a checkpoint that could not be stored is stored again.
const STORE_AGAIN_AFTER: Duration = Duration::from_secs(1);
