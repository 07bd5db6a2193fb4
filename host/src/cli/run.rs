//! `spillway run`.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use spillway::credentials::{Credentials, Secret};
use spillway::flow::Draft;
use spillway::interrupts::Interrupts;
use spillway::local::{LocalCredentials, LocalOptions, LocalS3};
use spillway::run::{Clock, End, Runner, Totals};

use super::args::RunArguments;
use super::exit::{Exit, Stop};
use super::plan::{Plan, Request, read};
use super::terminal::{self, Terminal, Voice};

pub(crate) async fn run(arguments: RunArguments) -> Result<Exit, Stop> {
    let RunArguments { flow, local, component, json } = arguments;
    let interrupts = Interrupts::of_process().context("signals cannot be handled");
    let interrupts = interrupts.map_err(Stop::Failed)?;
    exit_on_third(interrupts.clone());
    let text = read(&flow)?;
    let mut request = Request::of(&flow, component);
    let server = match &local {
        Some(folder) => Some(serve(&text, folder, &mut request).await?),
        None => None,
    };
    let draft = request.parse(&text)?;
    let plan = request.plan(draft).await?;
    let mut terminal = Terminal::new();
    let clock = Clock::start();
    let executed = execute(plan, interrupts, &mut terminal).await;
    terminal.finish();
    let (totals, result) = executed?;
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
    let Plan { source, map, sink, config, grants, on_failed } = plan;
    let (events, on_rejected) = Plan::events(&source, map, &config)?;
    let opened = sink.open(&config, None, &grants).await;
    let sink = opened.map_err(|error| Stop::Failed(error.into()))?;
    let telling = tokio::spawn(tell(interrupts.clone(), terminal.voice()));
    let runner = Runner { events, sink, on_rejected, on_failed, interrupts, observer: terminal };
    let executed = runner.run().await;
    telling.abort();
    Ok(executed)
}

/// Says what becomes of a run at each signal. A store that stalls would make them look ignored.
async fn tell(mut interrupts: Interrupts, voice: Voice) {
    interrupts.reached(1).await;
    voice.line("stopping: what is open is being completed; interrupt again to abort it");
    interrupts.reached(2).await;
    voice.line("aborting what is open; interrupt again to leave at once");
}

/// Puts a server of this process under the flow: its endpoint and its keys take the place of the
/// flow's.
async fn serve(flow: &str, folder: &Path, request: &mut Request) -> Result<LocalS3, Stop> {
    request.talk_to("http://127.0.0.1:1", credentials());
    let draft = request.parse(flow)?;
    let bucket = bucket(&draft);
    // A flow that is wrong leaves no folder behind.
    request.clone().plan(draft).await?;
    let bucket = bucket.ok_or_else(|| {
        Stop::WrongUse(anyhow!(
            "--local needs the name of a bucket in [sink.config] of {}",
            request.name
        ))
    })?;
    let (server, credentials) = start(folder, bucket).await?;
    request.talk_to(&server.endpoint(), credentials);
    Ok(server)
}

fn bucket(draft: &Draft) -> Option<String> {
    let sink = draft.sink.as_ref()?;
    sink.config.get("bucket")?.as_str().map(str::to_owned)
}

/// A server in this process with one bucket, and the credentials for it.
pub(crate) async fn start(folder: &Path, bucket: String) -> Result<(LocalS3, Credentials), Stop> {
    let credentials = credentials();
    let options = LocalOptions {
        root: folder.to_owned(),
        buckets: vec![bucket],
        credentials: LocalCredentials {
            access_key_id: credentials.access_key_id.clone(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
        },
        address: LocalOptions::LOOPBACK,
    };
    let started = LocalS3::start(options).await;
    let server = started.context("the S3 server of this process did not start");
    let server = server.map_err(Stop::WrongUse)?;
    Ok((server, credentials))
}

/// What the server of this process takes. It is no secret: it is the same everywhere.
fn credentials() -> Credentials {
    Credentials {
        access_key_id: "local".to_owned(),
        secret_access_key: Secret::new(SECRET_ACCESS_KEY),
        session_token: None,
        expires_at: None,
    }
}

const SECRET_ACCESS_KEY: &str = "local-secret";

/// Somebody who asks three times wants the process gone.
pub(crate) fn exit_on_third(mut interrupts: Interrupts) {
    tokio::spawn(async move {
        interrupts.reached(3).await;
        std::process::exit(Exit::Interrupted as i32);
    });
}
