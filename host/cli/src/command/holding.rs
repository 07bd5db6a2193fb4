//! Holds a checkpoint for a run that is about to begin. Where the run is told to stop before it
//! does, others need not wait for the end of the lease.

use std::pin::pin;
use std::time::Duration;

use crate::plan::{Plan, PlanError, Resume};
use crate::shutdown::Shutdown;
use spillway::contract::{Level, Notice};

/// Holds the checkpoint, and returns whether the run may begin: not once it is told to stop.
///
/// # Errors
///
/// Another process has taken the checkpoint over, or the store does not answer.
pub(super) async fn hold(
    resume: &mut Resume,
    plan: &Plan,
    shutdown: &Shutdown,
    say: impl FnOnce(&Notice),
) -> Result<bool, PlanError> {
    if shutdown.count() > 0 {
        return Ok(false);
    }
    let mut late = pin!(late(shutdown));
    let held = tokio::select! {
        biased;
        held = resume.hold(plan) => Some(held),
        () = &mut late => None,
    };
    let released = match held {
        Some(held) if shutdown.count() == 0 => return held.map(|()| true),
        Some(Ok(())) => tokio::select! {
            biased;
            released = resume.let_go(plan) => Some(released),
            () = &mut late => None,
        },
        Some(Err(error)) => Some(Err(error)),
        None => None,
    };
    tell(released, say);
    Ok(false)
}

/// Lets others take over at once what this process holds, and has opened no sink with.
pub(super) async fn let_go(
    resume: &mut Resume,
    plan: &Plan,
    shutdown: &Shutdown,
    say: impl FnOnce(&Notice),
) {
    let released = tokio::select! {
        biased;
        released = resume.let_go(plan) => Some(released),
        () = late(shutdown) => None,
    };
    tell(released, say);
}

/// Tells why a checkpoint was not released.
fn tell(released: Option<Result<bool, PlanError>>, say: impl FnOnce(&Notice)) {
    let why = match released {
        Some(Ok(true)) => return,
        Some(Ok(false)) => "requests of the run before may still be under way".to_owned(),
        Some(Err(error)) => error.to_string(),
        None => "the checkpoint was not released in time".to_owned(),
    };
    let message = format!("{why}; whoever goes on waits for the end of the lease, if there is one");
    say(&Notice { level: Level::Warning, message });
}

/// Waits until a run that is told to stop has had its time.
async fn late(shutdown: &Shutdown) {
    shutdown.first().await;
    tokio::select! {
        () = shutdown.reached(2) => {}
        () = tokio::time::sleep(PATIENCE) => {}
    }
}

/// How long the store may take once the run is told to stop.
const PATIENCE: Duration = Duration::from_secs(10);
