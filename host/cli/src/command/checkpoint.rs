//! `spillway checkpoint`.

use crate::checkpoint::{self, Checkpoint, Identity, Mark, Marked};
use crate::escape;
use crate::plan::engine;
use anyhow::anyhow;
use indicatif::{HumanBytes, HumanCount};
use serde_json::{Value, json};
use spillway::component::{Component, ComponentSource};
use spillway::contract::{IncompleteUpload, Phase, SavedObject, SavedState};

use super::args::{CheckpointCommand, ShowArguments};
use super::exit::{CliError, Exit};
use super::output::{self, outln};
use super::position::time;
use super::view::counted;

pub(crate) async fn checkpoint(command: CheckpointCommand) -> Result<Exit, CliError> {
    let CheckpointCommand::Show(arguments) = command;
    let ShowArguments { file, component, json } = arguments;
    let read = checkpoint::read(&file).map_err(|error| CliError::Usage(error.into()))?;
    let read =
        read.ok_or_else(|| CliError::Usage(anyhow!("there is no checkpoint {}", file.display())))?;
    let engine = engine()?;
    let source = component.map_or(ComponentSource::Embedded, ComponentSource::File);
    let sink = Component::load(&engine, &source).map_err(|error| CliError::Usage(error.into()))?;
    let saved = sink.inspect_state(&read.state).await.map_err(|error| {
        let Checkpoint { writer, .. } = &read;
        let context = format!(
            "this component cannot read the state that {} {} wrote",
            escape::line(&writer.name),
            escape::line(&writer.version)
        );
        CliError::Usage(anyhow::Error::new(error).context(context))
    })?;
    if json {
        output::document(&as_json(&read, &saved));
    } else {
        lines(&read, &saved).iter().for_each(|line| outln!("{line}"));
    }
    Ok(Exit::Done)
}

fn lines(read: &Checkpoint, saved: &SavedState) -> Vec<String> {
    let Checkpoint { taken, finished, source, events, objects, object_bytes, .. } = read;
    let Mark { of, lines, offset, begun, .. } = source;
    let (name, version) = (escape::line(&read.writer.name), escape::line(&read.writer.version));
    let how = if *finished { "finished" } else { "unfinished" };
    let mut shown = vec![
        format!("taken    {}, by {name} {version}", time(*taken)),
        format!("flow     {how}"),
        format!(
            "source   {}: {}{} read, {}",
            match of {
                Marked::File(Identity { path, .. }) => escape::line(path).into_owned(),
                Marked::Files { files } => counted(files.len() as u64, "file"),
            },
            counted(*lines, "line"),
            begun.as_ref().map_or(String::new(), |begun| {
                format!(" and {} of the next", counted(begun.events, "event"))
            }),
            match of {
                Marked::File(Identity { length, .. }) => {
                    format!("{} of {} bytes", HumanCount(*offset), HumanCount(*length))
                }
                Marked::Files { .. } => counted(*offset, "byte"),
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
            format!("  {} (upload {})", escape::line(object_key), escape::line(id))
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
    let upload = id.as_ref().map(|id| format!(", upload {}", escape::line(id))).unwrap_or_default();
    let of_key =
        if key == object_key { String::new() } else { format!(" of `{}`", escape::line(key)) };
    format!(
        "  {:<9} {}{of_key}: {}, {} {} to {}, {} ({} of them in the checkpoint){upload}",
        phase(object.phase),
        escape::line(object_key),
        counted(*events, "event"),
        if is_by_line { "lines" } else { "positions" },
        first + u64::from(is_by_line),
        last + u64::from(is_by_line),
        HumanBytes(*bytes),
        HumanBytes(*held_bytes),
    )
}

fn as_json(read: &Checkpoint, saved: &SavedState) -> Value {
    let Checkpoint { taken, finished, source, events, objects, object_bytes, writer, state } = read;
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
        "state_bytes": state.len(),
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

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Sealed => "sealed",
        Phase::Committed => "committed",
        Phase::Failed => "failed",
    }
}
