//! `spillway run`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use spillway::credentials::{Credentials, Secret};
use spillway::flow::{Draft, Variables};
use spillway::interrupts::Interrupts;
use spillway::local::{LocalCredentials, LocalOptions, LocalS3};
use spillway::run::{Clock, End, Runner, Totals};

use super::args::RunArguments;
use super::exit::{Exit, Stop};
use super::plan::{Plan, Request};
use super::terminal::{self, Terminal};

pub(crate) async fn run(arguments: RunArguments) -> Result<Exit, Stop> {
    let RunArguments { flow, local, component, json } = arguments;
    let interrupts = Interrupts::of_process().context("signals cannot be handled");
    let interrupts = interrupts.map_err(Stop::Failed)?;
    exit_on_third(interrupts.clone());
    let mut request = Request::of(&flow, component);
    let server = match &local {
        Some(folder) => Some(serve(&flow, folder, &mut request).await?),
        None => None,
    };
    let draft = request.read(&flow)?;
    let plan = request.plan(draft).await?;
    let mut terminal = Terminal::new();
    let clock = Clock::start();
    let (totals, result) = execute(plan, interrupts, &mut terminal).await?;
    terminal.finish();
    if let Some(server) = server {
        server.shutdown().await;
    }
    let seconds = clock.seconds();
    terminal::summary(&totals, result.as_ref().ok().copied(), seconds, json);
    match result {
        Ok(End::Complete | End::Stopped) => Ok(Exit::Done),
        Ok(End::Aborted) => Ok(Exit::Interrupted),
        Err(error) => Err(Stop::Failed(error.into())),
    }
}

type Executed = (Totals, Result<End, spillway::run::RunError>);

/// Runs a plan.
pub(crate) async fn execute(
    plan: Plan,
    interrupts: Interrupts,
    terminal: &mut Terminal,
) -> Result<Executed, Stop> {
    let Plan { source, map, sink, config, grants } = plan;
    let (events, on_rejected) = Plan::events(&source, map, &config)?;
    let opened = sink.open(&config, None, &grants).await;
    let sink = opened.map_err(|error| Stop::Failed(error.into()))?;
    let runner = Runner { events, sink, on_rejected, interrupts, observer: terminal };
    Ok(runner.run().await)
}

/// Puts a server of this process under the flow: its endpoint and its keys take the place of the
/// flow's.
async fn serve(flow: &Path, folder: &Path, request: &mut Request) -> Result<LocalS3, Stop> {
    request.config.insert("endpoint", "http://127.0.0.1:1".to_owned());
    let draft = request.read(flow)?;
    let bucket = bucket(&draft).ok_or_else(|| {
        Stop::WrongUse(anyhow!(
            "--local needs the name of a bucket in [sink.config] of {}",
            flow.display()
        ))
    })?;
    let (server, credentials) = start(folder, bucket).await?;
    request.config.insert("endpoint", server.endpoint());
    request.credentials = Some(Arc::new(credentials));
    Ok(server)
}

fn bucket(draft: &Draft) -> Option<String> {
    let sink = draft.sink.as_ref()?;
    sink.config.get("bucket")?.as_str().map(str::to_owned)
}

/// A server in this process with one bucket, and the credentials for it.
pub(crate) async fn start(folder: &Path, bucket: String) -> Result<(LocalS3, Credentials), Stop> {
    let (id, secret) = ("local", "local-secret");
    let options = LocalOptions {
        root: folder.to_owned(),
        buckets: vec![bucket],
        credentials: LocalCredentials {
            access_key_id: id.to_owned(),
            secret_access_key: secret.to_owned(),
        },
        address: LocalOptions::LOOPBACK,
    };
    let started = LocalS3::start(options).await;
    let server = started.context("the S3 server of this process did not start");
    let server = server.map_err(Stop::WrongUse)?;
    let credentials = Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new(secret),
        session_token: None,
        expires_at: None,
    };
    Ok((server, credentials))
}

/// Somebody who asks three times wants the process gone.
fn exit_on_third(mut interrupts: Interrupts) {
    tokio::spawn(async move {
        interrupts.reached(3).await;
        std::process::exit(Exit::Interrupted as i32);
    });
}

/// The variables of this process, for a flow that is not a file.
pub(crate) fn no_variables() -> Variables {
    Variables::of([])
}
