//! `spillway inspect`.

use crate::plan::engine;
use anyhow::Context as _;
use spillway::component::{Component, ComponentSource, LoadError};
use spillway::transform::{TRANSFORM, TransformComponent};

use super::args::InspectArguments;
use super::exit::{CliError, Exit};
use super::output::outln;

pub(crate) async fn inspect(arguments: InspectArguments) -> Result<Exit, CliError> {
    let engine = engine()?;
    let source = arguments.component.map_or(ComponentSource::Embedded, ComponentSource::File);
    let (described, imports, exports, which) = match Component::load(&engine, &source) {
        Ok(sink) => {
            let which = if sink.is_embedded() { " (built in)" } else { "" };
            (sink.describe().await, sink.imports().to_vec(), sink.exports().to_vec(), which)
        }
        Err(LoadError::NotASink(exports)) if exports.iter().any(|name| name == TRANSFORM) => {
            let transform = TransformComponent::load(&engine, &source);
            let transform = transform.map_err(|error| CliError::Usage(error.into()))?;
            (transform.describe().await, transform.imports().to_vec(), exports, " (a transform)")
        }
        Err(error) => return Err(CliError::Usage(error.into())),
    };
    let description = described.context("the component cannot be described");
    let description = description.map_err(CliError::Failed)?;
    outln!("{} {}{which}", description.name, description.version);
    list("imports", &imports);
    list("exports", &exports);
    outln!("\nconfiguration (JSON Schema)");
    let schema = &description.configuration_schema;
    let pretty = serde_json::from_str::<serde_json::Value>(schema);
    let pretty = pretty.and_then(|schema| serde_json::to_string_pretty(&schema));
    outln!("{}", pretty.as_ref().unwrap_or(schema));
    Ok(Exit::Done)
}

fn list(title: &str, names: &[String]) {
    outln!("\n{title}");
    names.iter().for_each(|name| outln!("  {name}"));
}
