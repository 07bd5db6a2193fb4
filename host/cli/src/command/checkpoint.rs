//! `spillway checkpoint`.

use std::path::{Path, PathBuf};

use crate::checkpoint::{
    self, Checkpoint, CheckpointSettings, CheckpointStore, Identity, Mark, Marked, Untaken,
};
use crate::cut;
use crate::escape;
use crate::lanes;
use crate::plan::{self, PlanError, Request, engine};
use crate::source::Partition;
use anyhow::anyhow;
use indicatif::{HumanBytes, HumanCount};
use serde_json::{Value, json};
use spillway::component::{Component, ComponentSource};
use spillway::contract::{IncompleteUpload, Phase, SavedObject, SavedState};
use spillway::engine::Limits;

use super::args::{CheckpointCommand, ShowArguments};
use super::exit::{CliError, Exit};
use super::output::{self, outln};
use super::position::time;
use super::view::counted;

pub(crate) async fn checkpoint(command: CheckpointCommand) -> Result<Exit, CliError> {
    let CheckpointCommand::Show(arguments) = command;
    let ShowArguments { file, flow, partition, component, json } = arguments;
    let (store, read, sink) = match (file, flow) {
        (_, Some(flow)) => of_flow(&flow, partition, component).await?,
        (file, None) => of_file(file.unwrap_or_default(), component)?,
    };
    let read = read.ok_or_else(|| CliError::Usage(anyhow!("there is no checkpoint {store}")))?;
    let saved = match read.state.is_empty() {
        true => SavedState {
            next_position: 0,
            configuration: Vec::new(),
            objects: Vec::new(),
            to_abort: Vec::new(),
        },
        false => lanes::inspect(&sink, &read.state, &Limits::default()).await.map_err(|error| {
            let Checkpoint { writer, .. } = &read;
            let context = format!(
                "this component cannot read the state that {} {} wrote",
                escape::line(&writer.name),
                escape::line(&writer.version)
            );
            CliError::Usage(anyhow::Error::new(error).context(context))
        })?,
    };
    if json {
        output::document(&as_json(&read, &saved));
    } else {
        lines(&read, &saved).iter().for_each(|line| outln!("{line}"));
    }
    Ok(Exit::Done)
}

/// Where a checkpoint is, what is there, and a component that reads its state.
type Shown = (CheckpointStore, Option<Checkpoint>, Component);

fn of_file(file: PathBuf, component: Option<PathBuf>) -> Result<Shown, CliError> {
    let read = checkpoint::read(&file).map_err(|error| CliError::Usage(error.into()))?;
    let source = component.map_or(ComponentSource::Embedded, ComponentSource::File);
    let sink = Component::load(&engine()?, &source)?;
    Ok((CheckpointStore::File(file), read, sink))
}

async fn of_flow(
    flow: &Path,
    partition: Option<Partition>,
    component: Option<PathBuf>,
) -> Result<Shown, CliError> {
    let request = Request::of(flow, component);
    let mut draft = request.parse(&plan::read(flow)?)?;
    let settings = draft.checkpoint.take();
    let has_partitions = draft.source.as_ref().is_some_and(|source| source.kafka().is_some());
    let destination = request.destination(draft).await?;
    let Some(settings) = settings else {
        return Err(CliError::Usage(anyhow!("{} has no [checkpoint]", flow.display())));
    };
    let CheckpointSettings { store, .. } = match (has_partitions, partition) {
        (true, Some(partition)) => settings.of_partition(&partition),
        (false, None) => settings,
        (true, None) => return Err(CliError::Usage(anyhow!("{EACH}"))),
        (false, Some(_)) => return Err(CliError::Usage(anyhow!("{NO_PARTITIONS}"))),
    };
    let read = store.read(destination.bucket()).await.map_err(PlanError::from)?;
    Ok((store, read, destination.sink))
}

fn lines(read: &Checkpoint, saved: &SavedState) -> Vec<String> {
    let Checkpoint { taken, finished, source, events, objects, object_bytes, .. } = read;
    let Mark { of, lines, offset, begun, .. } = source;
    let (name, version) = (escape::line(&read.writer.name), escape::line(&read.writer.version));
    let local = if read.writer.local { ", with --local" } else { "" };
    let how = if *finished { "finished" } else { "unfinished" };
    let mut shown = vec![
        format!("taken    {}, by {name} {version}{local}", time(*taken)),
        format!("flow     {how}"),
        format!(
            "source   {}: {}{} read, {}",
            match of {
                Marked::File(Identity { path, .. }) => escape::line(path).into_owned(),
                Marked::Files { files, .. } => counted(files.len() as u64, "file"),
                Marked::Partition { topic, partition } => {
                    format!("partition {partition} of {}", escape::line(topic))
                }
            },
            counted(*lines, "line"),
            begun.as_ref().map_or(String::new(), |begun| {
                format!(" and {} of the next", counted(begun.events, "event"))
            }),
            match of {
                Marked::File(Identity { length, .. }) => {
                    format!("{} of {} bytes", HumanCount(*offset), HumanCount(*length))
                }
                Marked::Files { .. } | Marked::Partition { .. } => counted(*offset, "byte"),
            }
        ),
        format!(
            "stored   {} ({}) of {}",
            counted(*objects, "object"),
            HumanBytes(*object_bytes),
            counted(*events, "event")
        ),
        format!("state    {}", HumanBytes(read.state.len() as u64)),
    ];
    if let Some(untaken) = &read.untaken {
        let events = counted(untaken.events(), "event");
        shown.push(format!("untaken  {events} for lanes that are full"));
    }
    let through = read.writer.transforms.iter();
    let through =
        through.map(|t| format!("{} {}", escape::line(&t.name), escape::line(&t.version)));
    let through = through.collect::<Vec<_>>().join(", ");
    if !through.is_empty() {
        shown.insert(1, format!("through  {through}"));
    }
    shown.push(match saved.objects.len() as u64 {
        0 => "no object is open".to_owned(),
        count => format!("\n{} open", counted(count, "object")),
    });
    shown.extend(saved.objects.iter().map(|saved| object(saved, is_by_line(source))));
    if !saved.to_abort.is_empty() {
        shown.push("\nuploads that are no longer needed, and will be aborted".to_owned());
        shown.extend(saved.to_abort.iter().map(|IncompleteUpload { object_key, id, .. }| {
            format!("  {} (upload {})", cut::name(object_key), cut::name(id))
        }));
    }
    shown
}

/// Whether each line that was read took one position, so that positions tell lines.
fn is_by_line(source: &Mark) -> bool {
    source.position == source.lines && source.begun.is_none()
}

fn object(object: &SavedObject, is_by_line: bool) -> String {
    let SavedObject { key, object_key, id, first, last, events, bytes, held_bytes, .. } = object;
    let upload = id.as_ref().map(|id| format!(", upload {}", cut::name(id))).unwrap_or_default();
    let of_key =
        if key == object_key { String::new() } else { format!(" of `{}`", cut::name(key)) };
    format!(
        "  {:<9} {}{of_key}: {}, {} {} to {}, {} ({} of them in the checkpoint){upload}",
        phase(object.phase),
        cut::name(object_key),
        counted(*events, "event"),
        if is_by_line { "lines" } else { "positions" },
        first + u64::from(is_by_line),
        last + u64::from(is_by_line),
        HumanBytes(*bytes),
        HumanBytes(*held_bytes),
    )
}

fn as_json(read: &Checkpoint, saved: &SavedState) -> Value {
    let Checkpoint { taken, finished, source, events, objects, object_bytes, .. } = read;
    let Checkpoint { writer, holder, state, untaken, .. } = read;
    let configuration = saved.configuration.iter();
    let configuration: serde_json::Map<_, _> =
        configuration.map(|(name, value)| (name.clone(), json!(value))).collect();
    let to_abort = saved
        .to_abort
        .iter()
        .map(|upload| json!({"object_key": upload.object_key, "upload_id": upload.id}));
    let under_way = saved.objects.iter().map(|saved| object_json(saved, is_by_line(source)));
    json!({
        "taken": time(*taken),
        "finished": finished,
        "source": source,
        "next_line": source.lines + 1,
        "events": events,
        "stored_objects": objects,
        "stored_object_bytes": object_bytes,
        "component": writer,
        "holder": holder,
        "state_bytes": state.len(),
        "untaken_events": untaken.as_ref().map_or(0, Untaken::events),
        "configuration": configuration,
        "objects": under_way.collect::<Vec<_>>(),
        "to_abort": to_abort.collect::<Vec<_>>(),
    })
}

fn object_json(object: &SavedObject, is_by_line: bool) -> Value {
    let SavedObject { key, object_key, id, first, last, events, bytes, held_bytes, .. } = object;
    json!({
        "key": key,
        "object_key": object_key,
        "phase": phase(object.phase),
        "first_position": first,
        "last_position": last,
        "first_line": is_by_line.then_some(first + 1),
        "last_line": is_by_line.then_some(last + 1),
        "events": events,
        "bytes": bytes,
        "held_bytes": held_bytes,
        "upload_id": id,
    })
}

const EACH: &str = "each partition has a checkpoint of its own; name one: --partition TOPIC/NUMBER";
const NO_PARTITIONS: &str = "--partition is for flows with source.type = \"kafka\"";

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Sealed => "sealed",
        Phase::Committed => "committed",
        Phase::Failed => "failed",
    }
}
