//! `spillway run`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::checkpoint::CheckpointStore;
use crate::notify::ServiceManager;
use crate::plan::{Plan, Request, read};
use crate::run::{Clock, End, Kept, Totals};
use crate::shutdown::Shutdown;
use crate::telemetry::{Endpoint, Monitor};
use anyhow::{Context as _, anyhow};
use spillway::credentials::{Credentials, Secret};
use spillway_local_s3::{LocalCredentials, LocalOptions, LocalS3};
use tracing::{info, warn};

use super::args::RunArguments;
use super::attended::Attendant;
use super::check::{look, prove};
use super::execute::{Surroundings, execute};
use super::exit::{CliError, Exit};
use super::log::{COURSE, SPILLWAY};
use super::output::outln;
use super::reload::Reloader;
use super::summary::{self, summary};

pub(crate) async fn run(arguments: RunArguments) -> Result<Exit, CliError> {
    let RunArguments { flow, local, component, json, check_config, metrics, log, log_level: _ } =
        arguments;
    if check_config {
        return check_config_of(&flow, component).await;
    }
    let shutdown = Shutdown::of_process().context("signals cannot be handled");
    let shutdown = shutdown.map_err(CliError::Failed)?;
    exit_on(3, shutdown.clone());
    let clock = Clock::start();
    let prepared = tokio::select! {
        prepared = prepare(&flow, local.as_deref(), component) => prepared,
        () = shutdown.first() => {
            summary(&Totals::default(), Some(End::NotBegun), clock.seconds(), json);
            return Ok(Exit::Done);
        }
    };
    let (plan, request, server) = prepared?;
    let checkpoint = plan.checkpoint.as_ref().map(|checkpoint| checkpoint.store.clone());
    if let Some(server) = &server {
        // The next run asks of objects that this one completed whether they are its own.
        server.keep(checkpoint.is_some());
    }
    let monitor = Monitor::new();
    // It is dropped at the end: until then it serves the last numbers.
    let _endpoint = match metrics {
        Some(address) => Some(endpoint(address, &monitor)?),
        None => None,
    };
    info!(target: COURSE, event = "started", flow = %flow.display(), "reading {}", flow.display());
    let clock = Clock::start();
    let manager = ServiceManager::of_process();
    let attendant = Attendant::new(manager.clone(), monitor.clone(), shutdown.clone());
    let checkpoint_first = manager.is_there();
    let is_reloaded = plan.source.follows() && plan.source.kafka().is_none();
    let reloader = is_reloaded
        .then(|| Reloader::new(flow.clone(), request, manager.clone(), shutdown.clone()));
    let surroundings =
        Surroundings { shutdown: &shutdown, monitor: &monitor, log, checkpoint_first };
    let run = execute(plan, surroundings, reloader);
    let (totals, result) = attendant.attend(run).await?;
    if let Some(server) = server {
        let is_through = matches!(result, Ok(End::Complete | End::NothingToDo));
        server.keep(checkpoint.is_some() && !is_through);
        let impatient = async {
            shutdown.reached(2).await;
            tokio::time::sleep(SERVER_ENDING_PATIENCE).await;
        };
        tokio::select! {
            () = server.shutdown() => {}
            () = impatient => {}
        }
    }
    let (end, seconds) = (result.as_ref().ok().copied(), clock.seconds());
    let not_stored = totals.not_stored.as_ref().map(|not_stored| not_stored.between);
    info!(
        target: COURSE,
        event = "ended",
        end = summary::name(end),
        seconds,
        lines = totals.lines,
        lines_of_several_events = totals.lines_of_several_events,
        read_bytes = totals.input_bytes,
        events = totals.events,
        rejected = totals.rejected,
        filtered = totals.filtered,
        stored_events = totals.stored_events,
        objects = totals.objects,
        object_bytes = totals.object_bytes,
        failed_objects = totals.failed_objects,
        failed_events = totals.failed_events,
        first_line_not_stored = not_stored.map(|lines| lines.first),
        last_line_not_stored = not_stored.map(|lines| lines.last),
        dead_letters = totals.dead_letters,
        restarts = totals.restarts,
        "{}",
        summary::sentence(&totals, end, seconds)
    );
    summary(&totals, end, seconds, json);
    match result {
        Ok(End::Complete | End::NothingToDo | End::NotBegun | End::Reloading | End::Stopped) => {
            Ok(Exit::Done)
        }
        Ok(End::Aborted) => Ok(Exit::Interrupted),
        Ok(End::GivenUp) => {
            warn!(target: SPILLWAY, event = "left", "{LEFT}");
            Ok(Exit::Interrupted)
        }
        Err(error) => {
            let exit = error.report();
            if let (Exit::Failed, Some(kept), Some(store)) = (exit, &totals.kept, &checkpoint) {
                say_kept(kept, store);
            }
            Ok(exit)
        }
    }
}

/// `--check-config`: what can be proven before a service starts, in a line.
async fn check_config_of(flow: &Path, component: Option<PathBuf>) -> Result<Exit, CliError> {
    let (plan, valid) = prove(flow, component).await?;
    look(&plan.destination(), false).await?;
    outln!("{valid}");
    Ok(Exit::Done)
}

/// The plan of a run, and the S3 server of `--local`.
async fn prepare(
    flow: &Path,
    local: Option<&Path>,
    component: Option<PathBuf>,
) -> Result<(Plan, Request, Option<LocalS3>), CliError> {
    let text = read(flow)?;
    let mut request = Request::of(flow, component);
    let server = match local {
        Some(folder) => Some(serve(&text, folder, &mut request).await?),
        None => None,
    };
    let draft = request.parse(&text)?;
    Ok((request.clone().plan(draft).await?, request, server))
}

/// Prints where the next run begins, after a failure.
fn say_kept(kept: &Kept, store: &CheckpointStore) {
    let line = kept.next_line;
    if kept.checkpoints == 0 && kept.resumed_from_line.is_none() {
        return info!(
            target: SPILLWAY,
            event = "kept",
            line,
            "the next run starts at line {line}: no checkpoint {store} was stored"
        );
    }
    info!(
        target: SPILLWAY,
        event = "kept",
        line,
        "the next run resumes from line {line}, from the checkpoint {store}"
    );
}

fn endpoint(address: SocketAddr, monitor: &Monitor) -> Result<Endpoint, CliError> {
    let started = Endpoint::start(address, monitor.clone());
    let started = started.with_context(|| {
        format!("--metrics {address}: cannot listen there; expected a free address of this machine")
    });
    let endpoint = started.map_err(CliError::Usage)?;
    let url = endpoint.url();
    info!(target: SPILLWAY, event = "metrics", url, "metrics are served at {url}");
    Ok(endpoint)
}

/// Puts a server of this process under the flow: its endpoint and its keys take the place of the
/// flow's.
async fn serve(flow: &str, folder: &Path, request: &mut Request) -> Result<LocalS3, CliError> {
    request.find_s3_sink(flow).await?;
    request.talk_to("http://127.0.0.1:1", credentials());
    let draft = request.parse(flow)?;
    let table = request.s3_table();
    let bucket = request.bucket(&draft);
    // A flow that is wrong leaves no folder behind.
    request.clone().plan(draft).await?;
    let bucket = bucket.ok_or_else(|| {
        CliError::Usage(anyhow!(
            "--local needs the name of a bucket in [{table}] of {}",
            request.name
        ))
    })?;
    let (server, credentials) = start(folder, bucket).await?;
    request.talk_to(&server.endpoint(), credentials);
    Ok(server)
}

/// A server in this process with one bucket, and the credentials for it.
pub(crate) async fn start(
    folder: &Path,
    bucket: String,
) -> Result<(LocalS3, Credentials), CliError> {
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
    let server = server.map_err(CliError::Usage)?;
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

/// Somebody who asks so often wants the process gone. One time before, what does not come to its
/// end by itself, as where a disk hangs, gets some seconds.
pub(crate) fn exit_on(times: u32, shutdown: Shutdown) {
    tokio::spawn(async move {
        let hangs = async {
            shutdown.reached(times - 1).await;
            tokio::time::sleep(LEAVING_PATIENCE).await;
        };
        tokio::select! {
            () = shutdown.reached(times) => {}
            () = hangs => warn!(target: SPILLWAY, event = "left", "{HANGS}"),
        }
        std::process::exit(Exit::Interrupted as i32);
    });
}

const LEFT: &str = "the store did not answer in time: incomplete uploads may remain, and objects \
                    that were being completed may be visible; `spillway uploads` lists and aborts \
                    incomplete uploads";
const HANGS: &str = "exiting at once: this machine did not finish an operation, probably on a \
                     disk; incomplete uploads may remain in the store";
const LEAVING_PATIENCE: Duration = Duration::from_secs(5);
/// How long the server of this process may take to end once that is demanded.
const SERVER_ENDING_PATIENCE: Duration = Duration::from_millis(100);
