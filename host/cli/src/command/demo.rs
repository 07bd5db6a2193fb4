//! `spillway demo`: the flow this project began with, and a large object, against a server of its
//! own.

use std::path::Path;

use crate::flow::Variables;
use crate::plan::Request;
use crate::run::{Clock, End};
use crate::shutdown::Shutdown;
use crate::source::Input;
use crate::telemetry::Monitor;
use anyhow::Context as _;
use indicatif::HumanBytes;
use spillway_local_s3::{LocalS3, RequestLine, StoredObject};

use super::args::LogFormat;
use super::execute::{Surroundings, execute};
use super::exit::{CliError, Exit};
use super::output::outln;
use super::run::{exit_on, start};
use super::summary::summary;

pub(crate) async fn demo() -> Result<Exit, CliError> {
    let folder = tempfile::tempdir().context("no temporary folder").map_err(CliError::Failed)?;
    let (server, credentials) = start(&folder.path().join("s3"), BUCKET.to_owned()).await?;
    let shutdown = Shutdown::of_process().context("signals cannot be handled");
    let shutdown = shutdown.map_err(CliError::Failed)?;
    exit_on(3, shutdown.clone());
    outln!("An S3 server is listening on {}, in this process.", server.endpoint());
    let flows = [
        ("three events with three keys", SAMPLE.to_owned(), "sample.json"),
        ("12 MiB of events with one key", large(), "large.json"),
    ];
    for (what, events, name) in flows {
        outln!("\nStreaming {what} through the component.");
        let path = folder.path().join(name);
        std::fs::write(&path, events)
            .context("the demo's events cannot be written")
            .map_err(CliError::Failed)?;
        let mut request = Request::named("the demo's flow".to_owned(), Variables::of([]));
        request.talk_to(&server.endpoint(), credentials.clone());
        if let Some(exit) = stream(request, &path, shutdown.clone()).await? {
            return Ok(exit);
        }
    }
    show(&server).map_err(CliError::Failed)?;
    server.shutdown().await;
    Ok(Exit::Done)
}

/// Streams one file; returns how to exit where it did not come to its end.
async fn stream(
    request: Request,
    events: &Path,
    shutdown: Shutdown,
) -> Result<Option<Exit>, CliError> {
    let mut draft = request.parse(FLOW)?;
    if let Some(source) = &mut draft.source {
        source.input = Input::File(events.to_owned());
    }
    let plan = request.plan(draft).await?;
    let clock = Clock::start();
    let (monitor, log) = (Monitor::new(), LogFormat::Text);
    let (shutdown, monitor) = (&shutdown, &monitor);
    let surroundings = Surroundings { shutdown, monitor, log, checkpoint_first: false };
    let executed = execute(plan, surroundings, None).await;
    let (totals, result) = executed?;
    summary(&totals, result.as_ref().ok().copied(), clock.seconds(), false);
    match result {
        Ok(End::Complete | End::NothingToDo) => Ok(None),
        Ok(End::Reloading | End::NotBegun | End::Stopped | End::Aborted | End::GivenUp) => {
            Ok(Some(Exit::Interrupted))
        }
        Err(error) => Err(error),
    }
}

fn show(server: &LocalS3) -> anyhow::Result<()> {
    outln!("\nThe bucket `{BUCKET}` now contains");
    for object in server.objects(BUCKET)? {
        let StoredObject { key, size, .. } = &object;
        let beginning = beginning(&object)?;
        outln!("  {key:<5} {:>10}  {beginning}", HumanBytes(*size).to_string());
    }
    outln!("\nThe component signed these requests:");
    for request in server.requests() {
        outln!("  {}", line(&request));
    }
    outln!("\nNext: {} run examples/s3demo.toml --local out", program());
    Ok(())
}

/// How the person at the terminal started this program: through cargo, which tells its programs so,
/// or as an installed command.
fn program() -> &'static str {
    match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(_) => "cargo run --release --",
        None => "spillway",
    }
}

fn line(request: &RequestLine) -> String {
    let part = request.part_number.map(|number| format!(" {number}")).unwrap_or_default();
    let what = format!("{}{part}", request.operation);
    let key = request.key.as_deref().unwrap_or_default();
    let bytes = request.content_length.unwrap_or_default();
    let bytes = if bytes > 0 { HumanBytes(bytes).to_string() } else { String::new() };
    format!("{} {what:<24} {key:<5} {bytes:>10}", request.status).trim_end().to_owned()
}

/// The first bytes of an object, on one line.
fn beginning(object: &StoredObject) -> anyhow::Result<String> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(&object.path)?.take(SHOWN_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let more = if object.size > SHOWN_BYTES { "…" } else { "" };
    Ok(format!("{text}{more}"))
}

/// Events for one key whose payloads are 12 MiB together.
fn large() -> String {
    let filler = "x".repeat(1_000);
    let mut events = String::new();
    let mut bytes = 0;
    for number in 0.. {
        let payload = format!("{{\"number\":{number},\"filler\":\"{filler}\"}}");
        bytes += payload.len();
        events.push_str(&format!("{{\"key\":\"large\",\"payload\":{payload}}}\n"));
        if bytes >= LARGE_BYTES {
            break;
        }
    }
    events
}

const BUCKET: &str = "tremordemo";
const FLOW: &str = include_str!("../../../../examples/s3demo.toml");
const SAMPLE: &str = include_str!("../../../../examples/sample.json");
const LARGE_BYTES: usize = 12 << 20;
const SHOWN_BYTES: u64 = 60;
