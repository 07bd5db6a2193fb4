//! `spillway run`.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use spillway::contract::Error;
use spillway::credentials::{Credentials, Secret};
use spillway::flow::Draft;
use spillway::interrupts::Interrupts;
use spillway::local::{LocalCredentials, LocalOptions, LocalS3};
use spillway::run::{Clock, End, Kept, RunError, Runner, Totals};
use spillway::sink::SinkError;
use spillway::source::SourceError;
use spillway::telemetry::{Endpoint, Monitor};
use tracing::info;

use super::args::{LogFormat, RunArguments};
use super::exit::{Exit, Stop};
use super::log::{COURSE, SPILLWAY};
use super::plan::{Plan, Request, read};
use super::summary::{self, summary};
use super::take_up::TakenUp;
use super::terminal::Terminal;

pub(crate) async fn run(arguments: RunArguments) -> Result<Exit, Stop> {
    let RunArguments { flow, local, component, json, metrics, log, log_level: _ } = arguments;
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
    let checkpoint = plan.checkpoint.as_ref().map(|checkpoint| checkpoint.path.clone());
    if let Some(server) = &server {
        // The next run asks of objects that this one completed whether they are its own.
        server.keep(checkpoint.is_some());
    }
    let monitor = Monitor::new();
    // It is dropped at the end: until then it serves the last numbers.
    let _endpoint = match metrics {
        Some(address) => Some(endpoint(address, &monitor).await?),
        None => None,
    };
    info!(target: COURSE, event = "started", flow = %flow.display(), "reading {}", flow.display());
    let clock = Clock::start();
    let (totals, result) = execute(plan, interrupts, monitor, log).await?;
    if let Some(server) = server {
        let is_through = matches!(result, Ok(End::Complete | End::NothingToDo));
        server.keep(checkpoint.is_some() && !is_through);
        server.shutdown().await;
    }
    let (end, seconds) = (result.as_ref().ok().copied(), clock.seconds());
    info!(
        target: COURSE,
        event = "ended",
        end = summary::name(end),
        seconds,
        lines = totals.lines,
        read_bytes = totals.input_bytes,
        events = totals.events,
        rejected = totals.rejected,
        filtered = totals.filtered,
        stored_events = totals.stored_events,
        objects = totals.objects,
        object_bytes = totals.object_bytes,
        failed_objects = totals.failed_objects,
        failed_events = totals.failed_events,
        dead_letters = totals.dead_letters,
        "{}",
        summary::sentence(&totals, end, seconds)
    );
    summary(&totals, end, seconds, json);
    match result {
        Ok(End::Complete | End::NothingToDo | End::Stopped) => Ok(Exit::Done),
        Ok(End::Aborted) => Ok(Exit::Interrupted),
        // What is wrong with the input was seen before any of it was taken.
        Err(RunError::Source(error @ SourceError::NoLines { .. })) => {
            Ok(Stop::WrongUse(error.into()).report())
        }
        Err(error) => {
            let stop = Stop::Failed(error.into()).report();
            if let (Some(kept), Some(path)) = (&totals.kept, &checkpoint) {
                say_kept(kept, path);
            }
            Ok(stop)
        }
    }
}

/// After a failure it matters most where things stand.
fn say_kept(kept: &Kept, path: &Path) {
    let (line, path) = (kept.next_line, path.display());
    info!(
        target: SPILLWAY,
        event = "kept",
        line,
        "the next run goes on from line {line}, by the checkpoint {path}"
    );
}

type Executed = (Totals, Result<End, RunError>);

/// Runs a plan.
pub(crate) async fn execute(
    plan: Plan,
    mut interrupts: Interrupts,
    monitor: Monitor,
    log: LogFormat,
) -> Result<Executed, Stop> {
    let Plan { source, map, sink, config, grants, on_failed, checkpoint, .. } = plan;
    let taken_up = match &checkpoint {
        Some(checkpoint) => Some(TakenUp::of(checkpoint, &source, &sink).await?),
        None => None,
    };
    if let Some(taken_up) = &taken_up {
        let nothing_to_do = taken_up.nothing_to_do()?;
        taken_up.say(nothing_to_do.is_some());
        if let Some(unfinished_bytes) = nothing_to_do {
            let kept = Kept { unfinished_bytes, ..taken_up.kept() };
            let totals = Totals { kept: Some(kept), ..Totals::default() };
            return Ok((totals, Ok(End::NothingToDo)));
        }
    }
    let (events, on_rejected) = Plan::events(&source, map, &config, taken_up.as_ref())?;
    let telling = tokio::spawn(tell(interrupts.clone(), taken_up.is_some()));
    let state = taken_up.as_ref().and_then(TakenUp::state);
    let opened = tokio::select! {
        opened = sink.open(&config, state, &grants) => opened,
        // One that goes on asks its store first, which may take long. What it was begins again with
        // the checkpoint that is there, as after a crash.
        () = interrupts.first() => {
            telling.abort();
            let kept = taken_up.as_ref().map(TakenUp::kept);
            return Ok((Totals { kept, ..Totals::default() }, Ok(End::Stopped)));
        }
    };
    let sink = match opened {
        Ok(sink) => sink,
        Err(SinkError::Refused(Error::UnknownState(text))) => {
            return Err(Stop::WrongUse(anyhow!("the checkpoint does not fit: {text}")));
        }
        Err(error) => return Err(Stop::Failed(error.into())),
    };
    let checkpoints = taken_up.map(TakenUp::checkpoints);
    let mut terminal = Terminal::new(monitor.clone(), log);
    let observer = &mut terminal;
    let runner =
        Runner { events, sink, on_rejected, on_failed, checkpoints, interrupts, observer, monitor };
    let executed = runner.run().await;
    telling.abort();
    Ok(executed)
}

async fn endpoint(address: SocketAddr, monitor: &Monitor) -> Result<Endpoint, Stop> {
    let started = Endpoint::start(address, monitor.clone()).await;
    let started = started.with_context(|| {
        format!("--metrics {address}: cannot listen there; expected a free address of this machine")
    });
    let endpoint = started.map_err(Stop::WrongUse)?;
    let url = endpoint.url();
    info!(target: SPILLWAY, event = "metrics", url, "metrics are served at {url}");
    Ok(endpoint)
}

/// Says what becomes of a run at each signal. A store that stalls would make them look ignored.
async fn tell(mut interrupts: Interrupts, are_kept: bool) {
    let (stopping, aborting) = match are_kept {
        true => (
            "stopping: what is open is being kept for the next run; interrupt again to leave without",
            "leaving: what no checkpoint knows is being aborted; interrupt again to leave at once",
        ),
        false => (
            "stopping: what is open is being completed; interrupt again to abort it",
            "aborting what is open; interrupt again to leave at once",
        ),
    };
    interrupts.reached(1).await;
    info!(target: SPILLWAY, event = "stopping", "{stopping}");
    interrupts.reached(2).await;
    info!(target: SPILLWAY, event = "aborting", "{aborting}");
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
