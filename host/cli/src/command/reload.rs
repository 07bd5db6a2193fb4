//! Reads a flow again while it runs, at SIGHUP.

use std::path::PathBuf;

use anyhow::anyhow;
use tracing::{info, warn};

use crate::notify::ServiceManager;
use crate::plan::{Plan, Request, fits, is_kept, read};
use crate::run::Handover;
use crate::shutdown::Shutdown;

use super::exit::CliError;
use super::log::SPILLWAY;

/// Reads a flow again.
pub(crate) struct Reloader {
    flow: PathBuf,
    request: Request,
    manager: ServiceManager,
    shutdown: Shutdown,
    /// How many requests to reload were dealt with.
    seen: u32,
}

impl Reloader {
    /// For the flow of this request. From now on SIGHUP asks for a reload.
    pub(crate) fn new(
        flow: PathBuf,
        request: Request,
        manager: ServiceManager,
        shutdown: Shutdown,
    ) -> Reloader {
        shutdown.reload_on_hang_up();
        Reloader { flow, request: request.for_reload(), manager, shutdown, seen: 0 }
    }

    /// Waits until the flow is to be read again, and is one that can take the place of `plan`. One
    /// that cannot is told, and waited on.
    pub(crate) async fn next(&mut self, plan: &Plan) -> (Plan, Handover) {
        loop {
            self.seen = self.shutdown.reload(self.seen).await;
            let _ = self.manager.reloading();
            let flow = self.flow.display();
            info!(target: SPILLWAY, event = "reloading", "reading {flow} again");
            match self.plan(plan).await {
                Ok(next) => return next,
                Err(error) => {
                    let _ = self.manager.ready();
                    error.report();
                    warn!(
                        target: SPILLWAY, event = "not_reloaded",
                        "{flow} was not reloaded: the run goes on with the flow as it was"
                    );
                }
            }
        }
    }

    /// The flow that was read runs.
    pub(crate) fn is_done(&self, handover: Handover) {
        let _ = self.manager.ready();
        let how = match handover {
            Handover::Resumed => "its open objects go on",
            Handover::Completed => {
                "its sink is configured otherwise: all objects were completed, and new ones begin"
            }
        };
        let flow = self.flow.display();
        info!(target: SPILLWAY, event = "reloaded", "{flow} was read again; {how}");
    }

    async fn plan(&self, before: &Plan) -> Result<(Plan, Handover), CliError> {
        let draft = self.request.parse(&read(&self.flow)?)?;
        let plan = self.request.clone().plan(draft).await?;
        let refuse = |field: &str, why: &str| {
            Err(CliError::Usage(anyhow!("{field} cannot be changed while it runs: {why}")))
        };
        if !plan.source.follows() {
            return refuse("source.follow", "it would come to an end; start it anew");
        }
        let store = |plan: &Plan| plan.checkpoint.as_ref().map(|settings| settings.store.clone());
        match &plan.checkpoint {
            Some(settings) if store(&plan) == store(before) => {
                if !is_kept(settings, &plan, before).await? {
                    return refuse("[sink.config]", "the checkpoint is not where it would be then");
                }
                let handover = match fits(settings, &plan).await? {
                    true => Handover::Resumed,
                    false => Handover::Completed,
                };
                Ok((plan, handover))
            }
            _ => refuse("[checkpoint]", "another one knows nothing of it; start it anew"),
        }
    }
}
