//! `spillway inspect`.

use crate::plan::engine;
use anyhow::Context as _;
use spillway::component::{Component, ComponentSource};

use super::args::InspectArguments;
use super::exit::{CliError, Exit};
use super::output::outln;

pub(crate) async fn inspect(arguments: InspectArguments) -> Result<Exit, CliError> {
    let engine = engine()?;
    let source = arguments.component.map_or(ComponentSource::Embedded, ComponentSource::File);
    let sink = Component::load(&engine, &source).map_err(|error| CliError::Usage(error.into()))?;
    let description = sink.describe().await;
    let description = description.context("the component cannot be described");
    let description = description.map_err(CliError::Failed)?;
    let which = if sink.is_embedded() { " (built in)" } else { "" };
    outln!("{} {}{which}", description.name, description.version);
    list("imports", sink.imports());
    list("exports", sink.exports());
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
