//! `spillway inspect`.

use crate::cut;
use crate::escape;
use crate::plan::engine;
use anyhow::Context as _;
use spillway::component::{Component, ComponentSource, LoadError, Outline};
use spillway::engine::Limits;
use spillway::metadata::Metadata;
use spillway::transform::{TRANSFORM, TransformComponent};

use super::args::InspectArguments;
use super::exit::{CliError, Exit};
use super::output::outln;

pub(crate) async fn inspect(arguments: InspectArguments) -> Result<Exit, CliError> {
    let (engine, limits) = (engine()?, Limits::default());
    let source = arguments.component.map_or(ComponentSource::Embedded, ComponentSource::File);
    let (described, metadata, imports, exports, which) = match Component::load(&engine, &source) {
        Ok(sink) => {
            let which = if sink.is_embedded() { " (built in)" } else { "" };
            let (imports, exports) = (sink.imports().to_vec(), sink.exports().to_vec());
            (sink.describe(&limits).await, sink.metadata().clone(), imports, exports, which)
        }
        Err(LoadError::NotASink(exports)) if exports.iter().any(|name| name == TRANSFORM) => {
            let transform = TransformComponent::load(&engine, &source);
            let transform = transform.map_err(|error| CliError::Usage(error.into()))?;
            let (metadata, imports) = (transform.metadata().clone(), transform.imports().to_vec());
            (transform.describe(&limits).await, metadata, imports, exports, " (a transform)")
        }
        Err(LoadError::NotASink(_)) => {
            let outline = Outline::load(&engine, &source);
            show_outline(&outline.map_err(|error| CliError::Usage(error.into()))?);
            return Ok(Exit::Done);
        }
        Err(error) => return Err(error.into()),
    };
    let description = described.context("the component cannot be described");
    let description = description.map_err(CliError::Failed)?;
    let (name, version) = (escape::line(&description.name), escape::line(&description.version));
    outln!("{name} {version}{which}");
    show(&metadata);
    list("imports", &imports);
    list("exports", &exports);
    outln!("\nconfiguration (JSON Schema)");
    let schema = &description.configuration_schema;
    let pretty = serde_json::from_str::<serde_json::Value>(schema);
    let pretty = pretty.and_then(|schema| serde_json::to_string_pretty(&schema));
    match pretty {
        Ok(pretty) => outln!("{}", escape::json(&pretty)),
        Err(_) => outln!("{}", escape::line(schema)),
    }
    Ok(Exit::Done)
}

/// What is there to see of a component that cannot be asked what it is.
fn show_outline(outline: &Outline) {
    outln!("a component that is neither a sink nor a transform");
    show(outline.metadata());
    list("imports", outline.imports());
    list("exports", outline.exports());
}

/// What the file says of itself, where it says anything.
fn show(metadata: &Metadata) {
    let Metadata { version, description, authors, licenses, source, revision, homepage } = metadata;
    let said = [
        ("version", version),
        ("description", description),
        ("authors", authors),
        ("licenses", licenses),
        ("source", source),
        ("revision", revision),
        ("homepage", homepage),
    ];
    let said: Vec<_> =
        said.iter().filter_map(|(name, text)| Some((name, (*text).as_ref()?))).collect();
    if !said.is_empty() {
        outln!("\nmetadata of the file");
    }
    for (name, text) in said {
        outln!("  {name:<11}  {}", escape::line(text));
    }
}

fn list(title: &str, names: &[String]) {
    outln!("\n{title}");
    if names.is_empty() {
        outln!("  none");
    }
    names.iter().take(NAMES_MAX).for_each(|name| outln!("  {}", cut::said(name)));
    match names.len().saturating_sub(NAMES_MAX) {
        0 => {}
        more => outln!("  and {more} more"),
    }
}

/// A component that is made of many names some dozens.
const NAMES_MAX: usize = 100;
